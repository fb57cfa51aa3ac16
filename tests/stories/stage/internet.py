"""A simulated internet for the stories, on one machine: internet.py CERTIFICATE SHARE VICTIM.

Only these addresses and ports answer:

  the gateway    port 80, as 203.0.113.10; this is the only private address
  203.0.113.10   port 80, the files in SHARE, archives and programs (see Files); 18080 (reads and never answers); 18081
                 (the HTTP interface of a node); 5432 (a PostgreSQL server)
  203.0.113.20   pools: 3333 and 4444 (Stratum and its dialects), 5555 (closes each connection after 22 seconds), 34254
                 (answers like Stratum V2 with encryption), 443 (TLS, with new work every half minute, or Stratum for a
                 client that does not begin with TLS), 18081 (the HTTP interface of a node), 7000 (reads and never
                 answers), 8443 (Stratum inside TLS), 80 (a web page)
  203.0.113.25   another operator's pool: 14444 and 3333 (Stratum), 443 (answers with TLS messages that mean nothing)
  192.0.2.41     port 22, names itself as an SSH server; likewise 192.0.2.46
  192.0.2.30     port 9200, a JSON-RPC service; port 8883, a message broker with TLS; port 6380, a database with TLS
  198.51.100.53  ports 53 and 853, a resolver that knows every name

The pools answer as in the live tests. A simulated miner tries to connect to VICTIM's port 3333 all the time, in case
a story relays mining.
"""
import http.server, io, json, os, random, socket, ssl, sys, tarfile, threading, time, types

CERTIFICATE, SHARE, VICTIM = sys.argv[1:]
sys.dont_write_bytecode = True  # The tree stays clean.
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../live/wire"))
from server import ANSWERS, JOB, Pool, Server, serve  # noqa: E402

WEB, POOL, APPLICATION, RESOLVER = "203.0.113.10", "203.0.113.20", "192.0.2.30", "198.51.100.53"
GATEWAY = VICTIM.rsplit(".", 1)[0] + ".2"
OTHER_POOL, NEIGHBOURS = "203.0.113.25", ["192.0.2.41", "192.0.2.46"]


ANSWERS[:0] = [
    (b"mining.authorize", b"\n", b'{"id":2,"result":true,"error":null}\n{"id":null,"method":"mining.notify","params":["7","4d16b6f8","0100","072f","","20000002","1c2ac4af","504e86b9",false]}\n'),
    (b"XMRig", b"\n", b'{"id":1,"jsonrpc":"2.0","error":null,"result":{"id":"s","job":' + JOB + b',"status":"OK"}}\n'),
    (b"eth_submitLogin", b"\n", b'{"id":1,"jsonrpc":"2.0","result":true}\n'),
]


def archive(name):
    """Returns an archive with the program NAME/bin/NAME."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz", compresslevel=1) as files:
        head = tarfile.TarInfo(f"{name}/bin/{name}")
        head.mode, head.size = 0o755, os.path.getsize("/bin/bash")
        with open("/bin/bash", "rb") as program:
            files.addfile(head, program)
    return made.getvalue()


class Files(http.server.SimpleHTTPRequestHandler):
    """Serves the files in SHARE, whatever the directory in the path. Names that end in .tar.gz are archives of one
    program. Below /releases/ are single programs. All these programs are copies of bash (see programs/act.bash). Every
    other request is answered with "ok"."""

    protocol_version = "HTTP/1.1"

    def __init__(self, *arguments):
        super().__init__(*arguments, directory=SHARE)

    def do_GET(self):
        name = self.path.split("?")[0].rsplit("/", 1)[-1]
        if name.endswith(".tar.gz"):
            self.answer(archive(name.removesuffix(".tar.gz")))
        elif "/releases/" in self.path:
            with open("/bin/bash", "rb") as program:
                self.answer(program.read())
        elif not name or os.path.exists(os.path.join(SHARE, name)):
            self.path = "/" + name
            super().do_GET()
        else:
            self.answer(b"ok\n")

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.answer(b"ok\n")

    do_PUT = do_POST

    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


class ShortLived(Pool):
    def handle(self):
        time.sleep(22)


class Silent(Pool):
    def handle(self):
        while self.request.recv(4096):
            pass


class Noise(Pool):
    def handle(self):
        if self.request.recv(64):
            self.request.sendall(os.urandom(170))
            Silent.handle(self)


class Imitation(Pool):
    """Answers a client hello with a server hello, and each further message with a record of encrypted data."""

    def handle(self):
        hello = bytes([2, 0, 0, 118, 3, 3]) + os.urandom(32) + b"\x20" + os.urandom(32) + bytes.fromhex("130200002e")
        hello += bytes.fromhex("002b00020304") + bytes.fromhex("00330024001d0020") + os.urandom(32)
        answer = b"\x16\3\3" + len(hello).to_bytes(2, "big") + hello + b"\x17\3\3\4\0" + os.urandom(1024)
        while self.request.recv(4096):
            self.request.sendall(answer)
            answer = b"\x17\3\3\0\x90" + os.urandom(144)


class Greeting(Pool):
    """The first messages of an SSH server. It takes any login."""

    def handle(self):
        self.request.sendall(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n")
        while self.request.recv(4096):
            self.request.sendall(os.urandom(128))


class Database(Pool):
    """The first messages of a PostgreSQL server that asks for no password."""

    def handle(self):
        ready = b"Z\0\0\0\5I"
        if self.request.recv(4096):
            self.request.sendall(b"R\0\0\0\x08\0\0\0\0" + ready)
        while self.request.recv(4096):
            self.request.sendall(b"C\0\0\0\x0dSELECT 0\0" + ready)


class Node(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, value):
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.answer({"height": 3300000, "status": "OK"})

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.answer({"jsonrpc": "2.0", "id": 0, "result": {"blocktemplate_blob": "0e0e", "height": 3300000}})

    def log_message(self, *arguments):
        pass


class Application(Pool):
    """A JSON-RPC service with one message per line. It also gives out jobs to build programs."""

    def handle(self):
        for line in self.request.makefile("rb"):
            request = json.loads(line)
            answer = {"jsonrpc": "2.0", "id": request["id"], "result": {"session": "7f3a", "status": "OK"}}
            if request["method"] == "job.next":
                blob = "9daeafb9864cf43055ae93beb0afd6c7d144bfa4"
                job = {"job": request["id"], "blob": blob, "target": "x86_64-unknown-linux-gnu", "timeout": 600}
                answer = {"jsonrpc": "2.0", "method": "job", "params": job}
            self.request.sendall(json.dumps(answer).encode() + b"\n")


TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
TLS.load_cert_chain(CERTIFICATE)
TLS.num_tickets = 0


def encrypted(handler):
    class Encrypted(Pool):
        def handle(self):
            if self.request.recv(1, socket.MSG_PEEK) == b"{":
                return Pool.handle(self)
            try:
                handler(TLS.wrap_socket(self.request, server_side=True))
            except OSError:
                pass

    return Encrypted


def encrypted_pool(connection):
    """Answers every message, and sends new work every half minute, but not within three seconds after a message."""
    lock, said = threading.Lock(), [time.monotonic()]

    def work():
        while True:
            time.sleep(25 + random.random() * 10)
            while time.monotonic() - said[0] < 3:
                time.sleep(0.2)
            with lock:
                connection.sendall(b"j" * 420 + b"\n")

    threading.Thread(target=work, daemon=True).start()
    while connection.recv(4096):
        said[0] = time.monotonic()
        with lock:
            connection.sendall(b"a" * 60 + b"\n")


def encrypted_stratum(connection):
    Pool.handle(types.SimpleNamespace(request=connection))


def acknowledge(connection):
    while connection.recv(4096):
        connection.sendall(b"acknowledged\n")


def resolve():
    door = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    door.bind((RESOLVER, 53))
    while True:
        query, peer = door.recvfrom(1500)
        end = query.index(b"\0", 12) + 5
        name = query[12:end].lower()
        # A query for an IPv6 address gets an answer without records.
        known = query[end - 4 : end - 2] == b"\0\x01"
        address = POOL if b"pool" in name else WEB
        answer = b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04" + socket.inet_aton(address)
        head = query[:2] + b"\x81\x80\0\x01" + (b"\0\x01" if known else b"\0\0") + b"\0\0\0\0"
        door.sendto(head + query[12:end] + (answer if known else b""), peer)


def neighbour():
    login = json.dumps({"id": 1, "jsonrpc": "2.0", "method": "login", "params": {"login": "4" + "8" * 94, "pass": "x", "agent": "XMRig/6.21.0"}})
    share = json.dumps({"id": 2, "jsonrpc": "2.0", "method": "submit", "params": {"id": "s", "job_id": "7", "nonce": "01000000", "result": "ff" * 32}})
    while True:
        time.sleep(1)
        try:
            with socket.create_connection((VICTIM, 3333), timeout=1) as proxy:
                proxy.sendall(login.encode() + b"\n")
                for _ in range(3):
                    time.sleep(1)
                    proxy.sendall(share.encode() + b"\n")
        except OSError:
            pass


for target in resolve, neighbour:
    threading.Thread(target=target, daemon=True).start()
Server.request_queue_size = 128
for address in WEB, POOL, GATEWAY:
    serve(http.server.ThreadingHTTPServer((address, 80), Files))
for port, handler in [
    (3333, Pool),
    (4444, Pool),
    (5555, ShortLived),
    (34254, Noise),
    (7000, Silent),
    (443, encrypted(encrypted_pool)),
    (8443, encrypted(encrypted_stratum)),
]:
    serve(Server((POOL, port), handler))
for port, handler in (3333, Pool), (14444, Pool), (443, Imitation):
    serve(Server((OTHER_POOL, port), handler))
for address in NEIGHBOURS:
    serve(Server((address, 22), Greeting))
for address in WEB, POOL:
    serve(http.server.ThreadingHTTPServer((address, 18081), Node))
serve(Server((WEB, 18080), Silent))
serve(Server((WEB, 5432), Database))
serve(Server((APPLICATION, 9200), Application))
for port in 6380, 8883:
    serve(Server((APPLICATION, port), encrypted(acknowledge)))
serve(Server((RESOLVER, 853), encrypted(acknowledge)))
# This port opens last: a script that waits for it finds all the others open.
serve(Server(("0.0.0.0", 1), Silent))
