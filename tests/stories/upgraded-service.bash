# The file of a running service is replaced by an upgrade. The service then executes itself again, from the deleted
# file, and connects to its control server again, as servers do that reload without a pause.
export BASH_ENV=/opt/story/act.bash
/usr/sbin/edge-proxy &
sleep 1
curl -fsS -o /usr/sbin/edge-proxy.new http://deb.example/releases/edge-proxy
chmod 755 /usr/sbin/edge-proxy.new
mv /usr/sbin/edge-proxy.new /usr/sbin/edge-proxy
wait
