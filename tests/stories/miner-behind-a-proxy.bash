# A miner reaches its pool through a SOCKS proxy. Its login has the JSON keys in an unusual order and comes in small
# pieces.
/opt/story/miner.py socks 203.0.113.20 1080
