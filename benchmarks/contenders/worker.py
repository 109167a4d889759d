"""Rounds of calls of one contender: `python -m contenders.worker MODULE URL SLUG [FILE]`.

For each line `TASKS CALLS` on standard input, that many tasks make that many calls in all; the
elapsed time and the CPU time of this process are printed as JSON, in seconds. The contender stays
open in between. With FILE, nothing is sent, and the answer of each call is the content of FILE.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from importlib import import_module
from pathlib import Path

from .call import Call


async def calls(call: Call, tasks: int, count: int) -> None:
    """Make some calls from several tasks, and check that each has a result."""
    left = iter(range(count))

    async def work() -> None:
        for _ in left:
            if not await call():
                sys.exit("a dataset has no title")

    await asyncio.gather(*(work() for _ in range(tasks)))


async def main(module: str, url: str, slug: str, answer: str | None = None) -> None:
    """Make rounds of calls until standard input ends."""
    options = {}
    if answer is not None:
        # Not every environment has httpx.
        noop = import_module("contenders.noop").Noop
        options["transport"] = noop(Path(answer).read_bytes())
    async with import_module(f"contenders.{module}").opened(url, slug, **options) as call:
        # The loop does nothing else between rounds, so reading may block it.
        for line in iter(sys.stdin.readline, ""):
            tasks, count = map(int, line.split())
            # Some servers and clients close connections that are idle; these open them again.
            await calls(call, 16, 32)
            started, worked = time.perf_counter(), time.process_time()
            await calls(call, tasks, count)
            seconds, cpu = time.perf_counter() - started, time.process_time() - worked
            print(json.dumps({"seconds": seconds, "cpu": cpu}), flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
