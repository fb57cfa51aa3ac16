# what: logins by ssh, and rsync through it
# packages: openssh-server openssh-client rsync
need ssh ssh-keygen rsync
[[ -x /usr/sbin/sshd ]] || not_run "sshd is not installed"
mkdir -p /run/sshd
ssh-keygen -q -t ed25519 -N '' -f host
ssh-keygen -q -t ed25519 -N '' -f key
cp key.pub authorized
chmod go-w . ..
$SERVER /usr/sbin/sshd -D -f /dev/null -p 2222 -h "$WORK/host" -o "AuthorizedKeysFile=$WORK/authorized" -o StrictModes=no -o "PidFile=$WORK/pid" -o PermitRootLogin=yes -o UsePAM=no 2> log &
listens 2222
options="-p 2222 -i $WORK/key -o StrictHostKeyChecking=no -o UserKnownHostsFile=$WORK/known -o LogLevel=ERROR"
mkdir -p source
for n in $(seq 50); do head -c 200K /dev/urandom > "source/$n"; done
again sh -c "ssh $options root@$SERVER_IP 'uptime; ls /' >/dev/null && rm -rf copy && rsync -a -e 'ssh $options' source/ root@$SERVER_IP:$WORK/copy/ && sleep 0.5"
