"""The least that a harvest can cost: a script that fetches, parses and writes the same pages.

`python harvest_floor.py URL FILE CONCURRENCY`. It repeats nothing, checks nothing, and starts anew
when it is interrupted.
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from pathlib import Path
from typing import Any, BinaryIO

import aiohttp
import orjson
from measures import measured

PAGE_SIZE = 100


async def harvest(url: str, path: Path, concurrency: int) -> int:
    """Write all datasets of a portal to a file as JSON Lines, and return their number."""
    async with aiohttp.ClientSession() as session:

        async def page(number: int) -> dict[str, Any]:
            query = {"sort": "created", "page": str(number), "page_size": str(PAGE_SIZE)}
            async with session.get(f"{url}datasets/", params=query) as answer:
                parsed: dict[str, Any] = orjson.loads(await answer.read())
                return parsed

        with path.open("wb") as file:
            first = await page(1)
            items, last = write(file, first), -(-first["total"] // PAGE_SIZE)
            ahead = deque[asyncio.Task[dict[str, Any]]]()
            for number in range(2, last + 1):
                ahead.append(asyncio.create_task(page(number)))
                if len(ahead) == concurrency:
                    items += write(file, await ahead.popleft())
            for task in ahead:
                items += write(file, await task)
    return items


def write(file: BinaryIO, page: dict[str, Any]) -> int:
    """Write the items of a page, and return their number."""
    for item in page["data"]:
        file.write(orjson.dumps(item) + b"\n")
    return len(page["data"])


if __name__ == "__main__":
    url, file, number = sys.argv[1:]
    print(measured(lambda: asyncio.run(harvest(url, Path(file), int(number)))))
