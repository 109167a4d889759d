"""Standard input as an asynchronous source of bytes."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncGenerator
from threading import Thread

import click

_PIECE = 1 << 18
"""The most bytes that are read at once."""


def descriptor() -> int:
    """The file descriptor of stdin.

    Raises:
        UsageError: It is closed.
    """
    if sys.stdin is None:
        raise click.UsageError("stdin is closed.")
    return sys.stdin.fileno()


async def pieces(file: int) -> AsyncGenerator[bytes]:
    """Read a file descriptor to its end.

    It is read by a thread that does not keep the program from ending: a read of a terminal or of a
    pipe, unlike the task that waits for it, cannot be cancelled.
    """
    loop = asyncio.get_running_loop()
    read: asyncio.Queue[bytes | OSError] = asyncio.Queue(maxsize=2)

    def copy() -> None:
        while True:
            piece: bytes | OSError
            try:
                piece = os.read(file, _PIECE)
            except OSError as error:
                piece = error
            try:
                asyncio.run_coroutine_threadsafe(read.put(piece), loop).result()
            except RuntimeError:  # The event loop is closed.
                return
            if not piece or isinstance(piece, OSError):
                return

    Thread(target=copy, daemon=True).start()
    while piece := await read.get():
        if isinstance(piece, OSError):
            raise piece
        yield piece
