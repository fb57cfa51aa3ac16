# An administrator runs a script in /tmp. It calls apt-get, restic, ansible, pip, npm and podman one after the other.
# Some of them connect, some run scripts of their own in /tmp, and some write systemd units or a cron job.
export BASH_ENV=/opt/story/act.bash
/usr/sbin/sshd
exit 0
