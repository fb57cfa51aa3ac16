# An open Redis server is abused. It starts a shell, which fetches a script from a bare address and pipes it to sh. The
# script hides a miner in /var/tmp, writes a cron job and starts the miner, which logs in to a pool.
redis-server jobs /run/requests
sleep 14
