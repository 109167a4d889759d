"""The sizes of pages of datasets of API v1 and v2, side by side: `make bench-versions`.

Each page has the same 60 datasets of the portal at DATAGOUV_PORTAL, which the Makefile starts.
"""

from __future__ import annotations

import asyncio
import gzip
from typing import Any

import httpx

from aiodatagouv import Client, Paginator
from aiodatagouv.api import datasets, v2

DATASETS = 60
FIVE = ["id", "title", "last_update", "license", "organization.name"]


async def main() -> None:
    """Ask for each page, and print a table in Markdown."""
    bodies: list[bytes] = []

    def keep(response: httpx.Response) -> None:
        bodies.append(response.content)

    async with Client(rate=None, on_response=keep) as client:
        first, second = datasets.list_datasets, v2.datasets.list_datasets
        pages: dict[str, Paginator[Any, Any]] = {
            "v1": first(client, page_size=DATASETS),
            "v1, `full_objects`": first(client, page_size=DATASETS, full_objects=True),
            "v1, five fields": first(client, page_size=DATASETS, fields=FIVE),
            "v2": second(client, page_size=DATASETS),
            "v2, `full_objects`": second(client, page_size=DATASETS, full_objects=True),
            "v2, five fields": second(client, page_size=DATASETS, fields=FIVE),
        }
        for page in pages.values():
            assert len((await page).data) == DATASETS
    print(f"| {DATASETS} datasets | bytes | of v1 | with gzip |\n|---|---|---|---|")
    for name, body in zip(pages, bodies, strict=True):
        share, packed = len(body) / len(bodies[0]), len(gzip.compress(body))
        print(f"| {name} | {len(body):,} | {share:.0%} | {packed:,} |")


if __name__ == "__main__":
    asyncio.run(main())
