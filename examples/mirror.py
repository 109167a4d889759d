"""Mirror the lists of a portal in a folder, and log what was created, changed and deleted.

    pip install aiodatagouv
    python examples/mirror.py folder

The first run harvests everything. A later one fetches only the changes since the last, updates the
files, and prints a line of JSON for each difference. A file is replaced as a whole or not at all:
after a failure it is as it was, and the next run goes on. A list that fails does not keep the
others back: it is named at the end, and the exit status is 1. Differences are printed once, so a
run that is killed meanwhile leaves some out. The portal is data.gouv.fr, or that of the environment
variable DATAGOUV_PORTAL.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from aiodatagouv import Client, DataGouvError, Paginator, api, bulk


def lists_of(client: Client) -> dict[str, Paginator[Any, Any]]:
    """Return the lists to mirror, by the names of their files.

    Each needs an order of changes, which for example the list of users lacks.
    """
    return {
        "organizations": api.organizations.list_organizations(client),
        "datasets": api.datasets.list_datasets(client),
        "reuses": api.reuses.list_reuses(client),
    }


async def update(name: str, found: Paginator[Any, Any], path: Path) -> bool:
    """Bring a file up to date, print the differences, and tell whether it is complete."""
    with TemporaryDirectory() as folder:
        before = Path(folder) / path.name
        if path.exists():
            shutil.copyfile(path, before)
        report = await bulk.harvest(found, path, since="last")
        print(f"{name}: {report.items} items, {report.status}", file=sys.stderr)
        is_same = report.since and not report.added + report.changed + report.removed
        if before.exists() and not is_same:
            for difference in bulk.diff(before, path):
                print(json.dumps({"list": name, **difference.to_dict()}))
    return report.complete


async def mirror(folder: Path) -> list[str]:
    """Bring all files up to date, one list after the other; return the lists that are not."""
    folder.mkdir(parents=True, exist_ok=True)
    behind: list[str] = []
    async with Client() as client:
        for name, found in lists_of(client).items():
            try:
                is_complete = await update(name, found, folder / f"{name}.jsonl.gz")
            except (DataGouvError, OSError, ValueError) as error:
                print(f"{name}: {error}", file=sys.stderr)
                is_complete = False
            if not is_complete:
                behind.append(name)
    return behind


def main() -> int:
    """Run the command: 0 if the mirror is complete, 1 if it is not, 2 for wrong arguments."""
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        behind = asyncio.run(mirror(Path(sys.argv[1])))
    except (OSError, ValueError) as error:  # The folder cannot be made, or the portal is no URL.
        print(error, file=sys.stderr)
        return 1
    if behind:
        print(f"not up to date: {', '.join(behind)}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
