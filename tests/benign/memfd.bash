# what: programs that run themselves from memory, as container runtimes and sandboxes do, and call out
# packages: python3
$SERVER /usr/bin/python3 -m http.server 8080 >/dev/null 2>&1 &
listens 8080
cat > again.py <<'P'
import os, sys, subprocess
file = os.memfd_create("agent", 0)
with open(sys.argv[1], "rb") as source:
    os.write(file, source.read())
subprocess.run([f"/proc/self/fd/{file}"] + sys.argv[2:], pass_fds=[file], stdout=subprocess.DEVNULL)
P
need curl
again sh -c "/usr/bin/python3 again.py $(command -v curl) -s http://$SERVER_IP:8080/; sleep 0.5"
