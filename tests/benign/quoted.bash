# what: mail, git and HTTP that carry the words of miners to another host
# packages: python3 curl git
need curl git
cat > service.py <<'P'
import http.server, socketserver, sys, threading
class Mail(socketserver.StreamRequestHandler):
    def handle(self):
        say = lambda line: self.wfile.write(line + b"\r\n")
        say(b"220 mail")
        while line := self.rfile.readline():
            if line.startswith(b"DATA"):
                say(b"354 go on")
                while self.rfile.readline() not in (b".\r\n", b""):
                    pass
            say(b"250 ok")
class Web(http.server.SimpleHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
    do_PUT = do_POST
socketserver.ThreadingTCPServer.allow_reuse_address = True
mail = socketserver.ThreadingTCPServer((sys.argv[1], 25), Mail)
threading.Thread(target=mail.serve_forever).start()
http.server.ThreadingHTTPServer((sys.argv[1], 9200), Web).serve_forever()
P
cat > mail.py <<'P'
import smtplib, sys
words = '{"id":1,"method":"mining.subscribe","params":["x/1"]}'
with smtplib.SMTP(sys.argv[1]) as mail:
    for _ in range(5):
        mail.sendmail("a@example.org", ["b@example.org"], f"Subject: stratum+tcp\r\n\r\n{words}\r\n")
P
words='{"id":1,"method":"login","params":{"login":"a","pass":"x","agent":"XMRig/6.21.0","algo":["rx/0"]}}'
printf '%s' "$words" > words.json
git init -q repositories/stratum; cd repositories/stratum
git config user.email a@example.org; git config user.name a; git config commit.gpgsign false
cp ../../words.json mining.subscribe; git add -A; git commit -qm "$words"
cd ../..
$SERVER /usr/bin/python3 service.py "$SERVER_IP" > log 2>&1 &
$SERVER git daemon --base-path="$WORK/repositories" --export-all --listen="$SERVER_IP" --reuseaddr >> log 2>&1 &
listens 25; listens 9200; listens 9418
again sh -c "/usr/bin/python3 mail.py $SERVER_IP
  curl -sf -H 'Content-Type: application/json' -d @words.json http://$SERVER_IP:9200/log
  curl -sf -T words.json http://$SERVER_IP:9200/log/1
  rm -rf clone && git -c safe.directory='*' clone -q git://$SERVER_IP/stratum clone
  sleep 0.2"
