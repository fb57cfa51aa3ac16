"""Decides about approval requests as a file says, and signs each response.

Usage: approver.py ADDRESS_FILE SECRET_FILE DECISION_FILE
"""

import hashlib
import hmac
import http.server
import json
import os
import sys

ADDRESS, SECRET, DECISION = sys.argv[1:]
HEADER = "X-Minerwatch-Signature"


def tag(kind, body):
    with open(SECRET, "rb") as file:
        secret = file.read().strip()
    return "v1=" + hmac.new(secret, kind + b"\n" + body, hashlib.sha256).hexdigest()


class Approver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if not hmac.compare_digest(self.headers[HEADER], tag(b"request", body)):
            self.send_error(401)
            return
        request = json.loads(body)
        with open(DECISION) as file:
            decision = file.read().strip()
        response = json.dumps({"id": request["id"], "decision": decision, "by": "alice"}).encode()
        self.send_response(200)
        self.send_header(HEADER, tag(b"response", response))
        self.send_header("Content-Length", str(len(response)))
        self.end_headers()
        self.wfile.write(response)

    def log_message(self, *_):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Approver)
with open(ADDRESS + ".new", "w") as file:
    file.write("http://127.0.0.1:%d/" % server.server_port)
os.rename(ADDRESS + ".new", ADDRESS)
server.serve_forever()
