"""The clients to compare, each a module that opens one and calls it for one dataset.

Each runs in a process of its own, `worker.py`, in the virtual environment that has its libraries.
All have 16 connections. Every call returns the title of the dataset, read from whatever the client
makes of the answer; the two clients whose names say so leave the JSON alone, as the least that a
call can cost.
"""
