"""Keep a table of the titles of all datasets about transport up to date, for example by cron.

    pip install 'aiodatagouv[parquet]'
    python examples/titles.py titles.parquet

The first run harvests all of them, later runs only the changes. An interrupted run is continued or
repeated by the next. The portal is data.gouv.fr, or that of the environment variable
DATAGOUV_PORTAL.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import datetime
from pathlib import Path

from attrs import define

from aiodatagouv import Client, DataGouvError, api, bulk


@define
class Producer:
    """The publisher of a dataset."""

    name: str


@define
class Title:
    """A row of the table, with one column per field."""

    id: str
    title: str
    last_update: datetime | None
    organization: Producer | None


async def harvest(path: Path) -> bulk.Report:
    """Bring the table up to date."""
    async with Client() as client:
        return await bulk.harvest(
            api.datasets.list_datasets(client, tag=["transport"]).into(Title),
            path,
            since="last",
            progress=lambda report: print(f"{report.pages} pages", file=sys.stderr),
        )


def main() -> int:
    """Run the command: 0 if the table is complete, 1 after a failure, 2 for wrong arguments."""
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
