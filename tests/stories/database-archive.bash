# A PostgreSQL server sends its log of changes to another host, as its archive. For each file it starts a shell with a
# health check and curl. A client writes to the database meanwhile.
PATH=$(echo /usr/lib/postgresql/*/bin):$PATH
cd /srv/database
setpriv --reuid=65534 --regid=65534 --clear-groups postgres -D /srv/database/main -c listen_addresses=127.0.0.1 \
    -c unix_socket_directories= 2>/dev/null &
server=$!
sleep 2
for day in 1 2 3 4; do
    psql -q -h 127.0.0.1 -U app -d postgres -c 'create table if not exists t (n int)' \
        -c 'insert into t select generate_series(1, 2000)' -c 'select pg_switch_wal()' >/dev/null
    sleep 1.5
done
kill -INT "$server"
wait "$server"
