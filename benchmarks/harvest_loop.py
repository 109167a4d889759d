"""A simple script that takes one page after the other: `harvest_loop.py URL FILE PAGES`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import httpx
from measures import measured

PAGE_SIZE = 20


def harvest(url: str, path: Path, pages: int) -> int:
    """Write the datasets of the first pages to a file, and return their number."""
    items = 0
    with httpx.Client(base_url=url) as client, path.open("w", encoding="utf-8") as file:
        for page in range(1, pages + 1):
            query = {"page": page, "page_size": PAGE_SIZE}
            answer = client.get("datasets/", params=query).raise_for_status()
            for item in answer.json()["data"]:
                print(json.dumps(item, ensure_ascii=False), file=file)
                items += 1
    return items


if __name__ == "__main__":
    url, file, number = sys.argv[1:]
    print(measured(lambda: harvest(url, Path(file), int(number))))
