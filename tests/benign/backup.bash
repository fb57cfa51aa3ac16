# what: what a nightly job does: tar, gzip, rotate
# packages: busybox-static
mkdir -p data backups
head -c 30M /dev/urandom | base64 > data/one
cp -r /usr/share/doc/base-files data/
if command -v busybox >/dev/null && busybox --list | grep -qx crond; then
  mkdir -p crontabs
  echo "* * * * * tar -czf $WORK/backups/cron.tgz -C $WORK data" > crontabs/root
  busybox crond -f -c "$WORK/crontabs" 2>/dev/null &
fi
again sh -c 'tar -czf backups/new.tgz data && mv backups/new.tgz backups/$(date +%s).tgz && ls -t backups | tail -n +4 | sed s,^,backups/, | xargs -r rm'
