# An administrator logs in from another host, fetches the last file of a project, builds the project on both processors
# and calls "make install". This installs the program, writes a systemd unit and starts the service, which connects out.
export BASH_ENV=/opt/story/act.bash
/usr/lib/systemd/systemd 50 &
/usr/sbin/sshd jobs /run/session
systemctl poweroff
wait
