# A program asks a cryptocurrency's node for work, and twice per second for the block height, as a solo miner does.
/opt/story/miner.py solo 203.0.113.20 18081 18
