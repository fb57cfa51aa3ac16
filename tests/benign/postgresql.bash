# what: PostgreSQL with huge pages, under pgbench
# packages: postgresql postgresql-contrib
bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | tail -1)
[[ -n $bin && -x $bin/pgbench ]] || not_run "no PostgreSQL below /usr/lib/postgresql"
id postgres >/dev/null 2>&1 || not_run "there is no user postgres"
chown postgres .
as() { setpriv --reuid postgres --regid postgres --clear-groups "$@"; }
pages=$(cat /proc/sys/vm/nr_hugepages)
echo 80 > /proc/sys/vm/nr_hugepages || true
trap 'as "$bin/pg_ctl" -D "$WORK/db" -m immediate stop >/dev/null; echo "$pages" > /proc/sys/vm/nr_hugepages' EXIT
as "$bin/initdb" -D db >/dev/null
as "$bin/pg_ctl" -D db -w -l log -o "-c huge_pages=try -c shared_buffers=128MB -c unix_socket_directories=$WORK" start >/dev/null
as "$bin/createdb" -h "$WORK" bench
as "$bin/pgbench" -h "$WORK" -i -q bench 2>/dev/null
as "$bin/pgbench" -h "$WORK" -c 8 -j 2 -T "$LENGTH" bench >/dev/null 2>&1
