# what: a JSON-RPC service with a method called login, and its client
# packages: python3
cat > service.py <<'P'
import json, socketserver, sys
class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            request = json.loads(line)
            answer = {"jsonrpc": "2.0", "id": request["id"], "result": {"status": "OK", "method": request["method"]}}
            self.wfile.write(json.dumps(answer).encode() + b"\n")
socketserver.ThreadingTCPServer.allow_reuse_address = True
socketserver.ThreadingTCPServer((sys.argv[1], 8700), Handler).serve_forever()
P
$SERVER /usr/bin/python3 service.py "$SERVER_IP" &
listens 8700
for_a_while /usr/bin/python3 - "$SERVER_IP" <<'P'
import json, socket, sys, time
while True:
    peer = socket.create_connection((sys.argv[1], 8700))
    answers = peer.makefile()
    def call(number, method, **params):
        peer.sendall(json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}).encode() + b"\n")
        return json.loads(answers.readline())
    call(1, "login", user="alice", token="a3f1")
    for number in range(2, 40):
        call(number, "job.status", job=number)
        time.sleep(0.1)
    peer.close()
P
