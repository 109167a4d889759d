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
import select
import signal
import sys
from importlib import import_module
from pathlib import Path

from aiodatagouv import Client, bulk
from aiodatagouv.api import datasets

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
    import_module("aiodatagouv.bulk.parquet")  # So that no process has to load it.
    chance = random.Random(path.name)
    kills, wholes, resumed = 0, 0, 0
    while kills < KILLS or not wholes:
        process = in_a_process(url, path)
        ends = os.pidfd_open(process)
        select.select([ends], [], [], chance.uniform(0, LONGEST) if kills < KILLS else None)
        signal.pidfd_send_signal(ends, signal.SIGKILL)  # Nothing, if it has come to its end.
        os.close(ends)
        _, status = os.waitpid(process, 0)
        if os.WIFSIGNALED(status):
            kills += 1
            continue
        if status:
            sys.exit(f"a harvest ended with status {os.waitstatus_to_exitcode(status)}")
        last = json.loads(path.with_name(f"{path.name}.checkpoint").read_text().splitlines()[1])
        resumed += last["done"]["resumed"] > 0
        path.rename(path.with_name(f"{wholes}-{path.name}"))
        wholes += 1
    print(json.dumps({"kills": kills, "wholes": wholes, "resumed": resumed}))


if __name__ == "__main__":
    main()
