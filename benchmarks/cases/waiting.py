"""Tasks that wait for a connection: their memory, and the time to cancel them.

Run as a program, it measures once, in a new process.
"""

from __future__ import annotations

import asyncio
import gc
import json
import subprocess
import time
from collections.abc import Sequence
from statistics import median

import httpx
from measures import memory
from processes import OURS, importing
from results import Row

from aiodatagouv import Client
from aiodatagouv.api import datasets
from aiodatagouv.models import Dataset

TASKS, ROUNDS = 10_000, 5


class Silent(httpx.AsyncBaseTransport):
    """Never answers."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Wait for ever."""
        await asyncio.Event().wait()
        raise AssertionError("nothing sets the event")


async def waiting() -> tuple[float, float]:
    """Return the bytes of each task, and the seconds in which all are cancelled."""
    async with Client(
        base_url="http://127.0.0.1/", api_key="", rate=None, timeout=None, transport=Silent()
    ) as client:
        # The first call imports modules.
        await cancelled([asyncio.create_task(datasets.get_dataset(client, "one"))])
        gc.collect()
        before = memory("VmRSS")
        tasks = [asyncio.create_task(datasets.get_dataset(client, "one")) for _ in range(TASKS)]
        for _ in range(10):
            await asyncio.sleep(0)
        each = (memory("VmRSS") - before) / TASKS
        return each, await cancelled(tasks)


async def cancelled(tasks: Sequence[asyncio.Task[Dataset]]) -> float:
    """Cancel tasks that wait, and return how many seconds that took."""
    await asyncio.sleep(0.1)
    assert not any(task.done() for task in tasks)
    started = time.perf_counter()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    took = time.perf_counter() - started
    assert all(task.cancelled() for task in tasks)
    return took


def rows() -> list[Row]:
    """Measure, and return the rows."""
    command = [OURS, "-m", "cases.waiting"]
    runs = [
        json.loads(subprocess.check_output(command, env=importing(), text=True))
        for _ in range(ROUNDS)
    ]
    memory, seconds = (median(run[place] for run in runs) for place in (0, 1))
    what = f"{TASKS:,} waiting tasks"
    return [
        Row(f"{what}: memory of each", "", memory / 1000, 5, form="{:.1f} kB"),
        Row(f"{what}: time to cancel all", "", seconds, 0.2, form="{:.2f} s"),
    ]


if __name__ == "__main__":
    print(json.dumps(asyncio.run(waiting())))
