# A person downloads an editor with a browser, as an AppImage, and starts it. The AppImage mounts its content at a
# hidden place in /tmp and runs the editor from there. The editor connects to look for updates and is busy for some
# seconds.
export BASH_ENV=/opt/story/act.bash
/usr/bin/firefox
chmod +x /root/Downloads/Editor.AppImage
/root/Downloads/Editor.AppImage
