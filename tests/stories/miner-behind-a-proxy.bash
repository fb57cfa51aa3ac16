# A miner reaches its pool through a SOCKS proxy, with its keys in an unusual order and its login cut into small pieces.
/opt/story/miner.py socks 203.0.113.20 1080
