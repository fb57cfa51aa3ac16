# A program relays the mining of another host. The other host connects to port 3333 of this host, and the program
# connects to a pool.
/usr/local/bin/gateway 3333 203.0.113.20 3333 12
