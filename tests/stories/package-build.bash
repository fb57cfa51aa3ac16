# A person builds a Debian package and installs it with dpkg. The package has a systemd unit and a cron job. Its script
# after the installation fetches a data file and writes a profile for shells.
cd /root/build/sampler-1.0
dpkg-buildpackage -b -us -uc -d >/dev/null 2>&1
dpkg -i /root/build/sampler_1.0_*.deb >/dev/null 2>&1
