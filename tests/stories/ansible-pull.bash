# A cron job starts ansible-pull. It asks a git server for changes (the server does not answer well, and the last state
# is applied again) and runs the modules of the playbook. The modules fetch a program and write a systemd unit, a cron
# job and an SSH key. The program runs as a service and connects out.
export BASH_ENV=/opt/story/act.bash
/usr/lib/systemd/systemd 10 &
/usr/sbin/cron
wait
