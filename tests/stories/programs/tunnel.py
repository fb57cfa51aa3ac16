#!/usr/bin/python3
"""Carries TCP connections from a local port to another host inside TLS: tunnel.py PORT ADDRESS PORT SECONDS."""
import socket, ssl, sys, threading, time

port, address, other, seconds = sys.argv[1:]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE


def carry(source, sink):
    try:
        while data := source.recv(8192):
            sink.sendall(data)
    except OSError:
        pass  # One of the two peers closed the connection.


def clients():
    door = socket.create_server(("127.0.0.1", int(port)))
    while True:
        client, _ = door.accept()
        pool = context.wrap_socket(socket.create_connection((address, int(other))))
        threading.Thread(target=carry, args=(client, pool), daemon=True).start()
        threading.Thread(target=carry, args=(pool, client), daemon=True).start()


threading.Thread(target=clients, daemon=True).start()
time.sleep(float(seconds))
