# A sensor keeps up a TLS connection to a broker for more than five minutes: it names the host, and reports each eight seconds.
python3 /root/sensor.py
