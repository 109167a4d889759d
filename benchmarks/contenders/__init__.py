"""The clients to compare, each a module that opens one and calls it for one dataset.

Each runs in a process of its own, `worker.py`, in the virtual environment that has its libraries.
All have 16 connections, and every call returns the title of the dataset, read from whatever the
client makes of the answer.
"""
