# A scheduler starts five programs that earlier intruders left. Then a web server runs a fetched script. The script freezes
# a security agent by its process id, ends the five programs, and starts a miner, which logs in to a pool.
/opt/falco/falco 60 >/dev/null 2>&1 &
agent=$!
echo "$agent" >/run/falco.pid
/usr/sbin/crond jobs /run/due
setpriv --reuid=0 --regid=0 --clear-groups php-fpm8.2 jobs /run/requests
sleep 11
kill -9 "$agent"
