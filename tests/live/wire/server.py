"""A pool for every mining protocol on port 9000, an Alephium node on port 10973, a SOCKS 5 proxy on port 1080, an HTTP
CONNECT proxy on port 3128."""
import socket, socketserver, struct, threading

BLOB = b"0e0ea5b3" * 19
JOB = b'{"blob":"' + BLOB + b'","job_id":"7","target":"b88d0600","algo":"rx/0","height":3}'
JOB_LINE = b'{"jsonrpc":"2.0","method":"job","params":' + JOB + b"}\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"%x\r\n%s\r\n" % (len(JOB_LINE), JOB_LINE)
UPGRADED = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
ANSWERS = [
    # A token in the request, the end of a complete request, and the answer.
    (b"Transfer-Encoding: chunked", b"}\n\r\n", CHUNKED),
    (b"wallet-less", b"\n", b'{"id":1,"jsonrpc":"2.0","error":null,"result":{"id":"s","job":' + JOB + b"}}\n"),
    (b'"login"', b"\n", b'{"id":1,"jsonrpc":"2.0","error":null,"result":{"id":"s","status":"OK"}}\n'),
    (b"jobs, please", b"\n", JOB_LINE),
    (b"frames, please", b"}", struct.pack(">BBH", 0x81, 126, len(JOB_LINE)) + JOB_LINE),
    (b"Upgrade: websocket", b"\r\n\r\n", UPGRADED),
    (b"mining.subscribe", b"\n", b'{"id":1,"result":[[],"f0",4],"error":null}\n'),
    (b"POST ", b"}", b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{\"result\":1}"),
    (b"GET ", b"\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
    (b"\xff\0\0\0\0\0\0\0\x01\x7f", b"", b"\xff\0\0\0\0\0\0\0\x01\x7f\x03\0NULL" + bytes(48)),
    (b"NOISE" * 8, b"", bytes(range(170))),
]


class Pool(socketserver.BaseRequestHandler):
    def handle(self):
        said = b""
        while True:
            more = self.request.recv(8192)
            if not more:
                return
            said += more
            for token, end, answer in ANSWERS:
                if token in said and said.endswith(end):
                    self.request.sendall(answer)
                    said = b""
                    break
            else:
                # Every other complete message gets an answer, too.
                if said.endswith((b"\n", b"\0")) and not said.startswith(b"POST "):
                    self.request.sendall(b"250 ok\r\n")
                    said = b""


class Alephium(socketserver.BaseRequestHandler):
    def handle(self):
        # Sixteen jobs, each with its chain, a header and two numbers.
        job = struct.pack(">III", 0, 1, 302) + bytes(302) + struct.pack(">II", 8, 0) + bytes(40)
        jobs = struct.pack(">BBI", 1, 0, 16) + job * 16
        self.request.sendall(struct.pack(">I", len(jobs)) + jobs)


def exactly(connection, count):
    return connection.recv(count, socket.MSG_WAITALL)


def carry(one, other):
    def one_way(source, sink):
        while data := source.recv(8192):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)

    threading.Thread(target=one_way, args=(one, other), daemon=True).start()
    one_way(other, one)


class Socks(socketserver.BaseRequestHandler):
    def handle(self):
        _, methods = exactly(self.request, 2)
        exactly(self.request, methods)
        self.request.sendall(b"\x05\0")
        _, _, _, kind = exactly(self.request, 4)
        length = exactly(self.request, 1)[0] if kind == 3 else {1: 4, 4: 16}[kind]
        exactly(self.request, length)
        (port,) = struct.unpack(">H", exactly(self.request, 2))
        # Every name leads to the pool on this host.
        pool = socket.create_connection(("127.0.0.1", port))
        self.request.sendall(b"\x05\0\0\x01\x7f\0\0\x01\x23\x28")
        carry(self.request, pool)


class Connect(socketserver.BaseRequestHandler):
    def handle(self):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += self.request.recv(1)
        pool = socket.create_connection(("127.0.0.1", int(head.split()[1].rsplit(b":", 1)[1])))
        self.request.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        carry(self.request, pool)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64


class ServerV6(Server):
    address_family = socket.AF_INET6

    def server_bind(self):
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        super().server_bind()


def serve(server):
    threading.Thread(target=server.serve_forever).start()


serve(Server(("0.0.0.0", 1080), Socks))
serve(Server(("0.0.0.0", 10973), Alephium))
serve(Server(("0.0.0.0", 3128), Connect))
serve(ServerV6(("::", 9000), Pool))
serve(Server(("0.0.0.0", 9000), Pool))
