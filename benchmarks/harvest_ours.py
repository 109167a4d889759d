"""A harvest with this library: `harvest_ours.py URL FILE CONCURRENCY`."""

from __future__ import annotations

import asyncio
import math
import sys
from pathlib import Path

from measures import measured

from aiodatagouv import Client, bulk
from aiodatagouv.api import datasets


async def harvest(url: str, path: Path, concurrency: int) -> int:
    """Harvest all datasets of a portal into a file, and return their number."""
    async with Client(base_url=url, api_key="", rate=math.inf) as client:
        listed = datasets.list_datasets(client)
        report = await bulk.harvest(listed, path, concurrency=concurrency)
    if not report.complete or report.items != report.total:
        sys.exit(f"incomplete harvest: {report}")
    return report.items


if __name__ == "__main__":
    url, file, number = sys.argv[1:]
    print(measured(lambda: asyncio.run(harvest(url, Path(file), int(number)))))
