"""Harvests that are killed at random moments, again and again, until 50 kills have struck.

    python -m tests.killed URL DESTINATION

Each is a process of its own, made of this one, which has all modules loaded already. A harvest
that was killed is continued by the next process; whenever one comes to its end, its file is set
aside and the next begins anew.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import random
import signal
import sys
import time
from pathlib import Path

import pyarrow.parquet  # noqa: F401  # So that no process has to load it.

from aiodatagouv import Client, bulk
from aiodatagouv.api import datasets
from aiodatagouv.bulk import parquet  # noqa: F401  # Likewise.

KILLS = 50
LONGEST = 0.4
"""Seconds at most after which a harvest is killed."""

FIELDS = "id,title,last_update,tags,resources{id,title,filesize}"


async def harvest(url: str, path: Path) -> bulk.Report:
    """Harvest all datasets of a portal."""
    async with Client(base_url=url, api_key="", rate=math.inf) as client:
        found = datasets.list_datasets(client, fields=FIELDS)
        return await bulk.harvest(client, found, path, concurrency=4)


def in_a_process(url: str, path: Path) -> int:
    """Start a harvest in a process of its own."""
    if process := os.fork():
        return process
    status = 1
    try:
        report = asyncio.run(harvest(url, path))
        status = 0 if report.complete else 3
    finally:
        os._exit(status)


def main() -> None:
    url, path = sys.argv[1], Path(sys.argv[2])
    chance = random.Random(path.name)
    kills, wholes, resumed = 0, 0, 0
    while kills < KILLS or not wholes:
        process = in_a_process(url, path)
        end = time.monotonic() + (chance.uniform(0, LONGEST) if kills < KILLS else math.inf)
        while not (done := os.waitpid(process, os.WNOHANG))[0] and time.monotonic() < end:
            time.sleep(0.002)
        if not done[0]:
            os.kill(process, signal.SIGKILL)
            done = os.waitpid(process, 0)
        if os.WIFSIGNALED(done[1]):
            kills += 1
            continue
        if done[1]:
            sys.exit(f"a harvest ended with status {os.waitstatus_to_exitcode(done[1])}")
        last = json.loads(path.with_name(f"{path.name}.checkpoint").read_text().splitlines()[1])
        resumed += last["done"]["resumed"] > 0
        path.rename(path.with_name(f"{wholes}-{path.name}"))
        wholes += 1
    print(json.dumps({"kills": kills, "wholes": wholes, "resumed": resumed}))


if __name__ == "__main__":
    main()
