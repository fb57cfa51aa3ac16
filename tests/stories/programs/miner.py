#!/usr/bin/python3
"""Sends the messages of miners and mines nothing: miner.py DIALECT ADDRESS PORT [SECONDS [THREADS]].

Each of the THREADS keeps one processor busy with checksums of zeros.
"""
import json, os, random, socket, ssl, sys, threading, time, zlib

WALLET = "48edfHu7V9Z84YzzMa6fUueoELZ9ZRXq9VetWzYGzKt52XU5xvqgzYnDK9URnRoJMk1j8nLwEVsaSWJ4fhdUyZijBGUicoD"
dialect, address, port = sys.argv[1:4]
seconds = float(sys.argv[4]) if len(sys.argv) > 4 else 1
threads = int(sys.argv[5]) if len(sys.argv) > 5 else 0
peer = socket.create_connection((address, int(port)))
peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def say(**message):
    peer.sendall(json.dumps(message).encode() + b"\n")
    return peer.recv(8192)


def http(method, path, body=""):
    head = f"{method} {path} HTTP/1.1\r\nHost: {address}:{port}\r\nContent-Length: {len(body)}\r\n\r\n"
    peer.sendall((head + body).encode())
    return peer.recv(8192)


def work():
    block = bytes(1 << 20)
    while True:
        zlib.crc32(block)


for thread in range(threads):
    threading.Thread(target=work, daemon=True).start()
if dialect == "stratum":
    say(id=1, method="mining.subscribe", params=["cpuminer/2.5.1"])
    say(id=2, method="mining.authorize", params=["user.worker", "x"])
    say(id=3, method="mining.submit", params=["user.worker", "7", "00000000", "5f5e1000", "b2957c02"])
elif dialect == "ethereum":
    say(id=1, worker="rig1", method="eth_submitLogin", params=["0x52908400098527886E0F7030069857D2E4169EE7", "x"])
    say(id=2, worker="rig1", method="eth_submitWork", params=["0x0000000000000001", "0x" + "ab" * 32, "0x" + "cd" * 32])
elif dialect == "monero":
    say(id=1, jsonrpc="2.0", method="login", params={"login": WALLET, "pass": "x", "agent": "XMRig/6.21.0", "algo": ["rx/0"]})
    say(id=2, jsonrpc="2.0", method="submit", params={"id": "s", "job_id": "7", "nonce": "01000000", "result": "ff" * 32})
elif dialect == "socks":
    # Through a SOCKS proxy, with the keys in an unusual order, in pieces.
    peer.sendall(b"\x05\x01\0")
    peer.recv(2)
    peer.sendall(b"\x05\x01\0\x03\x0cpool.example\x23\x28")
    peer.recv(10)
    text = json.dumps({"method": "login", "params": {"agent": "x/1", "pass": "x", "login": WALLET}, "id": 1}) + "\n"
    for start in range(0, len(text), 60):
        peer.sendall(text[start : start + 60].encode())
        time.sleep(0.02)
    peer.recv(8192)
elif dialect == "idle":
    pass
elif dialect == "v2":
    peer.sendall(os.urandom(64))
    peer.recv(8192)
elif dialect == "solo":
    http("POST", "/json_rpc", json.dumps({"jsonrpc": "2.0", "id": 0, "method": "getblocktemplate", "params": {"wallet_address": WALLET, "reserve_size": 8}}))
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        http("GET", "/getheight")
        time.sleep(0.5)
elif dialect == "tls":
    # Without a server name (SNI), with the socket options of XMRig. Shares of about one size follow at random times.
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (socket.TCP_KEEPIDLE, 60), (socket.TCP_KEEPINTVL, 1), (socket.TCP_KEEPCNT, 10):
        peer.setsockopt(socket.IPPROTO_TCP, option, value)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    peer = context.wrap_socket(peer)
    peer.settimeout(0.2)
    until = time.monotonic() + seconds
    peer.sendall(b"l" * 500)
    while time.monotonic() < until:
        pause = time.monotonic() + min(60, 4 + random.expovariate(1 / 12))
        while time.monotonic() < pause:
            try:
                peer.recv(8192)
            except TimeoutError:
                pass
        peer.sendall(b"s" * (220 + random.randrange(3)))
else:
    sys.exit("unknown dialect: " + dialect)
if dialect not in ("solo", "tls"):
    time.sleep(seconds)
