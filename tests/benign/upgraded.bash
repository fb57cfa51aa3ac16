# what: a daemon whose program was replaced under it, and which goes on computing and talking
# packages: python3
$SERVER /usr/bin/python3 -m http.server 8080 >/dev/null 2>&1 &
listens 8080
cp "$(readlink -f /usr/bin/python3)" served
for_a_while ./served - "$SERVER_IP" <<'P' &
import hashlib, sys, urllib.request
while True:
    for _ in range(200000):
        hashlib.sha256(b"x").digest()
    urllib.request.urlopen(f"http://{sys.argv[1]}:8080/").read()
P
sleep 1
rm served
wait %2 || true
((SECONDS >= deadline - 1))
