# what: redis-server on another host, under redis-benchmark
# packages: redis-server redis-tools
need redis-server redis-benchmark
$SERVER redis-server --port 6379 --bind "$SERVER_IP" --save '' --protected-mode no > log &
listens 6379
again redis-benchmark -q -h "$SERVER_IP" -n 200000 -c 50 -t set,get,lpush > /dev/null
