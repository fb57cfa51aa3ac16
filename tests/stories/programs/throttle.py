#!/usr/bin/python3
"""Stops and continues a process four times per second, as load-limiting tools do: throttle.py PID SECONDS."""
import os, signal, sys, time

pid, until = int(sys.argv[1]), time.monotonic() + float(sys.argv[2])
while time.monotonic() < until:
    os.kill(pid, signal.SIGSTOP)
    time.sleep(0.1)
    os.kill(pid, signal.SIGCONT)
    time.sleep(0.15)
