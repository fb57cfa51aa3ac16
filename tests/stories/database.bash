# A PostgreSQL server is started. Twelve clients connect over TCP, one after the other, and run a query.
PATH=$(echo /usr/lib/postgresql/*/bin):$PATH
cd /srv/database
setpriv --reuid=65534 --regid=65534 --clear-groups postgres -D /srv/database/main -c listen_addresses=127.0.0.1 \
    -c unix_socket_directories= 2>/dev/null &
server=$!
sleep 2
for client in $(seq 12); do
    psql -q -h 127.0.0.1 -U app -d postgres -c 'select count(*) from pg_class;' >/dev/null
done
kill -INT "$server"
wait "$server"
