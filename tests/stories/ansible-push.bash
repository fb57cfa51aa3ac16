# Ansible on another host sets up this host over SSH. Each module arrives as a Python program in a temporary directory
# with a dot, is made executable and runs. The modules fetch a program and write a systemd unit, a cron job and an SSH
# key. The program then runs as a service and connects out.
export BASH_ENV=/opt/story/act.bash
/usr/lib/systemd/systemd 10 &
/usr/sbin/sshd
wait
