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

ROUNDS = 100


async def page() -> bytes:
    """The JSON of 100 datasets."""
    async with Client(base_url=os.environ["PORTAL_URL"]) as client:
        answer = await datasets.list_datasets(client, page_size=100)
    return json.dumps(answer.to_dict()).encode()


def milliseconds(work: Callable[[], object]) -> float:
    """How long some work takes."""
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000


def main() -> None:
    """Print a line for each step."""
    content = asyncio.run(page())
    data = msgspec.json.decode(content)
    decoded = DatasetPage.from_dict(data)
    steps: dict[str, Callable[[], object]] = {
        "msgspec.json.decode": lambda: msgspec.json.decode(content),
        "json.loads": lambda: json.loads(content),
        "from_dict": lambda: DatasetPage.from_dict(data),
        "to_dict": decoded.to_dict,
    }
    # The machine's speed drifts: every step is held against the parse of its own round.
    rounds = [{name: milliseconds(work) for name, work in steps.items()} for _ in range(ROUNDS)]
    print(f"{len(content):,} bytes, {len(decoded.data)} datasets; medians of {ROUNDS} rounds")
    for name in steps:
        took = statistics.median(one[name] for one in rounds)
        ratio = statistics.median(one[name] / one["msgspec.json.decode"] for one in rounds)
        print(f"{name:20} {took:7.2f} ms {ratio:6.2f} x the parse")


if __name__ == "__main__":
    main()
