# A cron daemon starts three jobs at the same time. One renews a certificate. One fetches a program that updates a list
# of blocked hosts to /tmp and runs it, and the program writes a systemd unit. The third makes a backup, with a
# connection and some CPU time.
export BASH_ENV=/opt/story/act.bash
/usr/lib/systemd/systemd 8 &
sleep 0.5
/usr/sbin/cron
wait
