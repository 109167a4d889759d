"""The command line in this process, in one of its own, and on a terminal."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import httpx

from aiodatagouv import bulk

from ..servers import OK

Handler = Callable[[httpx.Request], httpx.Response]

COMMAND = [sys.executable, "-m", "aiodatagouv"]

HARVESTED = bulk.Report(operation="list_datasets", items=3, total=3, pages=1, requests=2, bytes=900)

VELOS = {"id": "1", "slug": "velos", "title": "Vélos"}

REUSE = {
    "title": "Carte",
    "description": "Des pistes.",
    "type": "visualization",
    "url": "https://x",
}


class Result(NamedTuple):
    status: int
    out: str
    err: str


Run = Callable[..., Result]


def lines(result: Result) -> list[Any]:
    return [json.loads(line) for line in result.out.splitlines()]


def page(*items: object, **more: object) -> dict[str, object]:
    ends = {"next_page": None, "previous_page": None}
    return {"data": [*items], "page": 1, "page_size": 100, "total": len(items), **ends, **more}


def serving(*items: object) -> bytes:
    """Return the HTTP answer of a server whose list has one page."""
    content = json.dumps(page(*items)).encode()
    return OK + b"Content-Length: %d\r\n\r\n" % len(content) + content


class Process(NamedTuple):
    status: int
    out: bytes
    err: bytes


async def run_process(
    *arguments: str, stdout: int = subprocess.PIPE, **environment: str
) -> Process:
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        *arguments,
        stdout=stdout,
        stderr=subprocess.PIPE,
        env={**os.environ, **environment},
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return Process(process.returncode, out or b"", err)


def on_terminal(*arguments: str, **environment: str) -> Process:
    """Run the command on a terminal, and return stdout and stderr combined."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "80", **environment},
    )
    os.close(theirs)
    shown = b""
    # Linux raises an error once the other end is closed.
    with contextlib.suppress(OSError):
        while more := os.read(ours, 1 << 16):
            shown += more
    os.close(ours)
    return Process(process.wait(), shown, b"")
