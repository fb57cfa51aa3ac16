# A person logs in from another host, looks around, fetches a tool into the home directory, runs it and logs out.
/usr/sbin/sshd jobs /run/session
