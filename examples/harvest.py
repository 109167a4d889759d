"""Harvest the datasets of a portal into a file of JSON Lines.

    python examples/harvest.py datasets.jsonl [https://www.data.gouv.fr/api/1/]

The portal is the one named on the command line, or else by PORTAL_URL.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from aiodatagouv import PRODUCTION, Client, DataGouvError
from aiodatagouv.api import datasets

CONSOLE = Console(stderr=True)


async def harvest(base_url: str, path: Path) -> bool:
    """Write every dataset of a portal, then say what was done.

    Returns:
        Whether as many came as the portal says that it has.
    """
    started = time.perf_counter()
    pages = total = 0
    seen: set[str] = set()
    titles: list[str] = []
    columns = (TextColumn("datasets"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    part = part_of(path)
    with Progress(*columns, console=CONSOLE) as progress, part.open("w", encoding="utf-8") as file:
        bar = progress.add_task("datasets", total=None)
        async with Client(base_url=base_url) as client:
            async for page in datasets.list_datasets(client).pages(concurrency=2):
                for dataset in page.data:
                    # What is published meanwhile moves the others to pages yet to come.
                    if dataset.id in seen:
                        continue
                    seen.add(str(dataset.id))
                    print(json.dumps(dataset.to_dict(), ensure_ascii=False), file=file)
                titles += [str(dataset.title) for dataset in page.data[: 3 - len(titles)]]
                pages, total = pages + 1, page.total
                progress.update(bar, completed=len(seen), total=total)
    part.replace(path)
    seconds = time.perf_counter() - started
    print(f"{len(seen)} of {total} datasets, {pages} pages, {seconds:.1f} s")
    print(f"{path.stat().st_size:,} bytes in {path}")
    for title in titles:
        print(f"  {title}")
    return len(seen) == total


def part_of(path: Path) -> Path:
    """Where a file is written until it is whole."""
    return path.with_name(f"{path.name}.part")


def main() -> int:
    """Run the command: 0 when all came, 1 when something went wrong, 2 when called wrongly."""
    if len(sys.argv) not in (2, 3):
        print(__doc__, file=sys.stderr)
        return 2
    base_url = sys.argv[2] if len(sys.argv) == 3 else os.environ.get("PORTAL_URL", PRODUCTION)
    path = Path(sys.argv[1])
    try:
        complete = asyncio.run(harvest(base_url, path))
    except (DataGouvError, OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        part_of(path).unlink(missing_ok=True)
    if not complete:
        print("the portal has another number of datasets", file=sys.stderr)
    return 0 if complete else 1


if __name__ == "__main__":
    sys.exit(main())
