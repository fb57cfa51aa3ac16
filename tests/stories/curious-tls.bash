# Two programs keep TLS connections to a database open. An administrator tests the database with openssl, with the name
# of a mining pool as the server name (SNI), to see which certificate the server shows for unknown names.
/usr/local/bin/orders /srv/client.py &
/usr/local/bin/orders /srv/client.py &
sleep 3
openssl s_client -servername pool.supportxmr.com -connect 192.0.2.30:6380 </dev/null >/dev/null 2>&1
sleep 1
(sleep 2) | openssl s_client -servername pool.supportxmr.com -connect 192.0.2.30:6380 >/dev/null 2>&1
wait
