# what: gzip held to 30 % by cpulimit, which stops and continues it
# packages: cpulimit
need cpulimit gzip
(head -c 2000M /dev/urandom | gzip -9 > /dev/null) 2>/dev/null &
sleep 0.3
gzip=$(pgrep -n -x gzip)
for_a_while cpulimit -q -l 30 -p "$gzip" > /dev/null || true
kill -CONT "$gzip"; kill "$gzip" || true
