#!/usr/bin/python3
"""Relays TCP connections from a port to another host: relay.py PORT ADDRESS PORT SECONDS."""
import socket, sys, threading, time

port, address, other, seconds = sys.argv[1:]


def carry(source, sink):
    try:
        while data := source.recv(8192):
            sink.sendall(data)
    except OSError:
        pass  # One of the two peers closed the connection.


def clients():
    door = socket.create_server(("0.0.0.0", int(port)))
    while True:
        client, _ = door.accept()
        pool = socket.create_connection((address, int(other)))
        threading.Thread(target=carry, args=(client, pool), daemon=True).start()
        threading.Thread(target=carry, args=(pool, client), daemon=True).start()


threading.Thread(target=clients, daemon=True).start()
time.sleep(float(seconds))
