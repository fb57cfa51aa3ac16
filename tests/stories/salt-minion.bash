# The agent of a configuration management system (a Salt minion) keeps a connection to its master. It writes a cron job,
# a systemd unit and a profile, fetches a program, runs a script from /tmp and restarts the service.
export BASH_ENV=/opt/story/act.bash
/usr/lib/systemd/systemd 8 &
/usr/bin/salt-minion
wait
