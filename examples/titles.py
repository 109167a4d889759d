"""Keep a table of the titles of all datasets about transport, for instance from a cron job.

    python examples/titles.py titles.parquet

The first run harvests them all, the following ones what has changed since. One that was killed is
continued by the next. The portal is data.gouv.fr, or the one named by DATAGOUV_PORTAL.
"""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import datetime
from pathlib import Path

from attrs import define

from aiodatagouv import PRODUCTION, Client, DataGouvError, api, bulk


@define
class Producer:
    """Who publishes a dataset."""

    name: str


@define
class Title:
    """What the table has of a dataset: a column for each of these."""

    id: str
    title: str
    last_update: datetime | None
    organization: Producer | None


async def harvest(path: Path) -> bulk.Report:
    """Bring the table up to date."""
    async with Client(base_url=os.environ.get("DATAGOUV_PORTAL", PRODUCTION)) as client:
        return await bulk.harvest(
            client,
            api.datasets.list_datasets(client, tag=["transport"]).into(Title),
            path,
            since="last" if path.with_name(f"{path.name}.checkpoint").exists() else None,
            progress=lambda report: print(f"{report.pages} pages", file=sys.stderr),
        )


def main() -> int:
    """Run the command: 0 when all is there, 1 when something went wrong, 2 when called wrongly."""
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        report = asyncio.run(harvest(Path(sys.argv[1])))
    except (DataGouvError, OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{report.items} titles, {report.changed} of them changed, in {report.seconds:.1f} s")
    return 0 if report.complete else 1


if __name__ == "__main__":
    sys.exit(main())
