# A sensor keeps a TLS connection to a broker open for more than five minutes. It sends the server name (SNI) and a
# report every eight seconds.
python3 /root/sensor.py
