# An editor on another host logs in over SSH and sets up its server on this host. It fetches an archive to /tmp, tries
# the server there, moves it below ~/.vscode-server and starts it. The server connects out, fetches a language server
# and starts two of them, which are busy.
export BASH_ENV=/opt/story/act.bash
/usr/sbin/sshd
