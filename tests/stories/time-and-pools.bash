# A time service asks the servers of pool.ntp.org for the time. A program keeps a pool of connections to its database,
# whose name contains the word "pool". Nobody mines.
/usr/sbin/chronyd &
/usr/local/bin/ledger
wait
