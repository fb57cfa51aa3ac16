# A program connects to a host. The test puts the program's hash and the host's address on a user's list.
/root/collector infect 203.0.113.20:443 /root/state 100
