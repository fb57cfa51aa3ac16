"""Sends given bytes over a TCP connection. The command line is that of tests/simulators/client.c, without io_uring."""
import os, socket, sys, time

print(os.getpid(), flush=True)
way, address, port, *pieces = sys.argv[1:]
connection = socket.create_connection((address, int(port)), timeout=5)
connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
peer = connection.getpeername()


def say(data):
    parts = [data[: len(data) // 2], data[len(data) // 2 :]]
    ways = {
        "write": lambda: os.write(connection.fileno(), data),
        "send": lambda: connection.send(data),
        "sendto": lambda: connection.sendto(data, peer),
        "sendmsg": lambda: connection.sendmsg(parts),
        "writev": lambda: os.writev(connection.fileno(), parts),
    }
    assert ways[way]() == len(data)


for piece in pieces:
    if piece == "+":
        time.sleep(0.04)
    elif piece == ".":
        assert connection.recv(8192), "the peer hung up"
    else:
        say(bytes.fromhex(piece))
