# A person logs in from another host, fetches data, sorts it, installs a cron job, looks for "stratum+tcp" in files,
# makes a backup.
/usr/sbin/sshd jobs /run/session
