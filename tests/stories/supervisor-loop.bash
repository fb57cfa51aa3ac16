# An honest service crashes twelve times, always on the same order, and its supervisor starts it again each time. The
# service connects to its database by name. After every fourth crash, the supervisor uploads the log with curl.
export BASH_ENV=/opt/story/act.bash
/usr/lib/systemd/systemd 10 &
systemctl start orders.service
systemctl poweroff
wait
