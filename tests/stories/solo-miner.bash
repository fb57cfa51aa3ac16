# A program asks a cryptocurrency's node for work, and twice per second for the block height, as a solo miner does.
# Meanwhile, its threads keep both processors busy for 80 seconds.
# Raise the priority, so that a busy machine does not slow the program down.
[ ! -e /proc/self/autogroup ] || echo -10 >/proc/self/autogroup
nice -n -10 /opt/story/miner.py solo 203.0.113.20 18081 80 2
