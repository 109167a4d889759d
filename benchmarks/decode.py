"""What decoding a page costs, as a multiple of parsing its JSON: `python benchmarks/decode.py`.

The page is the first one of a portal's list of datasets, 100 of them, taken from the portal at
PORTAL_URL; the Makefile's `bench` starts one.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import time
from collections.abc import Callable

import msgspec

from aiodatagouv import Client
from aiodatagouv.api import datasets
from aiodatagouv.models import DatasetPage

ROUNDS = 30


async def page() -> bytes:
    """The JSON of 100 datasets."""
    async with Client(base_url=os.environ["PORTAL_URL"]) as client:
        answer = await datasets.list_datasets(client, page_size=100)
    return json.dumps(answer.to_dict()).encode()


def median(work: Callable[[], object]) -> float:
    """The median time of some work, in milliseconds."""
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        work()
        times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times)


def main() -> None:
    """Print a line for each step."""
    content = asyncio.run(page())
    data = msgspec.json.decode(content)
    decoded = DatasetPage.from_dict(data)
    parse = median(lambda: msgspec.json.decode(content))
    print(f"{len(content):,} bytes, {len(decoded.data)} datasets; medians of {ROUNDS}")
    steps: dict[str, Callable[[], object]] = {
        "msgspec.json.decode": lambda: msgspec.json.decode(content),
        "json.loads": lambda: json.loads(content),
        "from_dict": lambda: DatasetPage.from_dict(data),
        "to_dict": decoded.to_dict,
    }
    for name, work in steps.items():
        took = median(work)
        print(f"{name:20} {took:7.2f} ms {took / parse:6.2f} x the parse")


if __name__ == "__main__":
    main()
