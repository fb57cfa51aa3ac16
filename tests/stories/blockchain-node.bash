# A cryptocurrency's node talks to three other nodes and verifies blocks. A monitoring program asks the node for its
# state twice per second. Nothing mines.
/usr/local/bin/monerod &
sleep 1
/usr/local/bin/node-exporter
wait
