"""Publish the files of a folder as the resources of a dataset, for example every night by cron.

    DATAGOUV_API_KEY=... python examples/publish.py a-slug-or-id folder

A file replaces the one of the resource with its name as the title; others become new resources. A
file that is the same on the portal is not sent. An interrupted run is continued by the next, by the
journals in the folder. The portal is data.gouv.fr, or that of the environment variable
DATAGOUV_PORTAL.
"""

from __future__ import annotations

import asyncio
import hashlib
import sys
from pathlib import Path

from aiodatagouv import Client, DataGouvError, api, files
from aiodatagouv.models import Resource

JOURNAL = ".upload"
"""The suffix of the journal beside a file."""


def is_same(path: Path, resource: Resource) -> bool:
    """Whether a resource has the content of a file."""
    checksum = resource.checksum
    if checksum is None or checksum.type != "sha1":
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha1").hexdigest() == checksum.value


async def publish(dataset: str, folder: Path) -> int:
    """Publish what is new or changed, and return the number of files that were sent."""
    number = 0
    async with Client() as client:
        found = await api.datasets.get_dataset(client, dataset)
        there = {one.title: one for one in found.resources}
        for path in sorted(folder.iterdir()):
            if path.suffix == JOURNAL or not path.is_file():
                continue
            journal = path.with_name(path.name + JOURNAL)
            before = there.get(path.name)
            if before is None or not is_same(path, before):
                await files.upload(
                    client, found, path, resource=before, title=path.name, journal=journal
                )
                print(path.name)
                number += 1
            journal.unlink(missing_ok=True)
    return number


def main() -> int:
    """Run the command: 0 if every file is published, 1 after a failure, 2 for wrong arguments."""
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        number = asyncio.run(publish(sys.argv[1], Path(sys.argv[2])))
    except (DataGouvError, OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{number} files sent")
    return 0


if __name__ == "__main__":
    sys.exit(main())
