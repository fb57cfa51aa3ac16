# Sets up a simulated host for one story and runs the story on it: enter.bash STAGE NAME. Start this script in a new
# mount namespace. The story sees the real host's files through an overlay. Whatever the story writes is kept in memory
# and discarded when the story ends. STAGE/programs contains the files for /opt/story.
set -eu
stage=$1 name=$2
mount --make-rprivate /
mkdir "$stage/$name"
mount -t tmpfs none "$stage/$name"
cd "$stage/$name"
mkdir upper work root
mount -t overlay overlay -o "lowerdir=/,upperdir=$PWD/upper,workdir=$PWD/work" root
mount -t proc proc root/proc
mount --rbind /sys root/sys
# These directories are empty in every story, whatever they contain on the real host.
for directory in tmp var/tmp run root; do
    mount -t tmpfs -o mode=1777 none "root/$directory"
done
chmod 700 root/root
mkdir -p root/opt/story
cp -r "$stage/programs/." root/opt/story/
chmod -R 755 root/opt/story
mount -t tmpfs -o mode=755 none root/dev
mkdir root/dev/shm root/dev/pts
mount -t tmpfs -o mode=1777 none root/dev/shm
mount --bind /dev/pts root/dev/pts
for device in "null 1 3" "zero 1 5" "full 1 7" "random 1 8" "urandom 1 9" "tty 5 0"; do
    read -r path major minor <<<"$device"
    mknod -m 666 "root/dev/$path" c "$major" "$minor"
done
ln -s /proc/self/fd root/dev/fd
ln -s /proc/self/fd/0 root/dev/stdin
ln -s /proc/self/fd/1 root/dev/stdout
ln -s /proc/self/fd/2 root/dev/stderr
cat >root/etc/resolv.conf <<'END'
nameserver 198.51.100.53
END
cat >root/etc/hosts <<'END'
127.0.0.1 localhost
END
cd root
mkdir -p before
pivot_root . before
umount --lazy /before
rmdir /before
cd /root
clean="env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8"
if [ -e "/opt/story/$name.prepare" ]; then
    $clean bash -e "/opt/story/$name.prepare"
fi
exec $clean setsid bash "/opt/story/$name.bash"
