"""Benchmark of pages of datasets of API v1 and v2, side by side: `make bench-versions`.

Each page has the same 60 datasets of the portal at DATAGOUV_PORTAL, which the Makefile starts. Bytes
are exact; times are medians of interleaved rounds, as ratios to the whole page of API v1. The time of
the server is that of its Python code, without the database.
"""

from __future__ import annotations

import asyncio
import gzip
import os
import statistics
import time
from typing import Any

import httpx
from attrs import define, field

from aiodatagouv import Client, Paginator
from aiodatagouv.api import datasets, v2

DATASETS = 60
ROUNDS = 15
NAMED = ["id", "title", "last_update", "license", "organization.name"]


@define
class Case:
    """A page: how it is asked for, its size, and the seconds until it is decoded, in each round."""

    name: str
    list: Paginator[Any, Any]
    size: int = 0
    packed: int = 0
    seconds: list[float] = field(factory=list[float])


async def main() -> None:
    """Measure, and print a table in Markdown."""
    bodies: list[bytes] = []

    def keep(response: httpx.Response) -> None:
        bodies.append(response.content)

    async with Client(rate=None, on_response=keep) as client:
        first, second = datasets.list_datasets, v2.datasets.list_datasets
        cases = [
            Case("v1", first(client, page_size=DATASETS)),
            Case("v1, `full_objects`", first(client, page_size=DATASETS, full_objects=True)),
            Case("v2", second(client, page_size=DATASETS)),
            Case("v2, `full_objects`", second(client, page_size=DATASETS, full_objects=True)),
            Case("v1, five fields", first(client, page_size=DATASETS, fields=NAMED)),
            Case("v2, five fields", second(client, page_size=DATASETS, fields=NAMED)),
        ]
        for _ in range(ROUNDS):
            for case in cases:
                started = time.perf_counter()
                page = await case.list
                case.seconds.append(time.perf_counter() - started)
                assert len(page.data) == DATASETS
                case.size, case.packed = len(bodies[-1]), len(gzip.compress(bodies[-1]))
                bodies.clear()
    base = statistics.median(cases[0].seconds)
    print(f"{DATASETS} datasets of {os.environ['DATAGOUV_PORTAL']}")
    print("| page | bytes | gzip | time |\n|---|---|---|---|")
    for case in cases:
        ratio = statistics.median(case.seconds) / base
        print(f"| {case.name} | {case.size:,} | {case.packed:,} | {ratio:.2f} |")


if __name__ == "__main__":
    asyncio.run(main())
