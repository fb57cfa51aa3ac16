# A person logs in and pipes a vendor's installer from the web into a shell. The installer fetches an archive, unpacks
# it to /opt, writes a systemd unit and starts the service. The service connects to its vendor and reports.
export BASH_ENV=/opt/story/act.bash
/usr/lib/systemd/systemd 6 &
/usr/sbin/sshd
wait
