#!/usr/bin/python3
"""Stands in for an SSH client: ssh [-o OPTION]... USER@ADDRESS COMMAND. It runs nothing on the other host."""
import os, socket, sys

target = next(word for word in sys.argv[1:] if "@" in word)
peer = socket.create_connection((target.split("@")[1], 22))
peer.recv(4096)
peer.sendall(b"SSH-2.0-OpenSSH_9.2p1\r\n")
for length in 1500, 80, 120, 200:
    peer.recv(4096)
    peer.sendall(os.urandom(length))
peer.recv(4096)
