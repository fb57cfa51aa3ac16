# A program passes a neighbour's mining on: the neighbour connects to port 3333 of this host, the program to a pool.
/usr/local/bin/gateway 3333 203.0.113.20 3333 12
