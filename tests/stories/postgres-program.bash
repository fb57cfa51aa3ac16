# Somebody logs in to a PostgreSQL server with a guessed password and runs COPY FROM PROGRAM. The server starts a shell,
# which decodes a script. The script fetches a miner into /tmp and starts it as the server's user. The miner logs in to
# a pool.
PATH=$(echo /usr/lib/postgresql/*/bin):$PATH
cd /srv/database
setpriv --reuid=65534 --regid=65534 --clear-groups postgres -D /srv/database/main -c listen_addresses=127.0.0.1 \
    -c unix_socket_directories= 2>/dev/null &
server=$!
sleep 2
psql -q -h 127.0.0.1 -U app -d postgres -f /srv/database/commands >/dev/null
sleep 12
kill -INT "$server"
wait "$server"
