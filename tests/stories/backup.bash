# A cron daemon starts a backup each night: data is packed, checked and copied to another host, and old backups are
# deleted. A script has set up the job.
echo '15 3 * * * root /usr/local/sbin/backup' >/etc/cron.d/backup
cat >/usr/local/sbin/backup <<'END'
#!/bin/sh
set -e
tar -czf /var/backups/new.tar.gz -C /srv data
sha256sum /var/backups/new.tar.gz >/var/backups/new.sha256
tar -tzf /var/backups/new.tar.gz >/dev/null
curl -s -T /var/backups/new.tar.gz http://203.0.113.10/backup || true
find /var/backups -name '*.gz' -mtime +14 -delete
END
chmod +x /usr/local/sbin/backup
/usr/sbin/cron jobs /run/due
