#!/usr/bin/python3
"""Runs a program from memory under another name: memory-only.py PROGRAM NAME ARGUMENT..."""
import os, sys

program, *arguments = sys.argv[1:]
memory = os.memfd_create("x", 0)
os.write(memory, open(program, "rb").read())
os.execv(f"/proc/self/fd/{memory}", arguments)
