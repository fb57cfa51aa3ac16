# A scheduler, just started, keeps a TLS connection to its database open and plans its jobs, which keeps one processor
# busy for 70 seconds. Meanwhile it starts a job that fetches a file and writes a cron job.
# Raise the priority, so that a busy machine does not slow the program down.
[ ! -e /proc/self/autogroup ] || echo -15 >/proc/self/autogroup
nice -n -15 /opt/scheduler/scheduler
