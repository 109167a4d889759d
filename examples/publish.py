"""Publish a folder as a dataset with files, for example every night by cron.

    pip install aiodatagouv
    export DATAGOUV_API_KEY=...
    python examples/publish.py "Stops of Nantes" folder --description "The stops of all lines."

The first run creates the dataset; later runs find it by its title among your own, or those of the
organization that `--organization an-id` names. A file replaces the one of the resource with its
name as the title; others become new resources. A file that is the same on the portal is not sent,
so a run without changes sends nothing. An interrupted run is continued by the next, by the journals
in the folder. Hidden files and links are left out. The portal is data.gouv.fr, or that of the
environment variable DATAGOUV_PORTAL: try it with DATAGOUV_PORTAL=demo and a key of
demo.data.gouv.fr.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import sys
from pathlib import Path

from aiodatagouv import UNSET, Client, DataGouvError, api, files
from aiodatagouv.models import Dataset, DatasetWrite, Resource

JOURNAL = ".aiodatagouv-upload"
"""The suffix of the journal beside a file: no other program makes such files."""


async def find(client: Client, title: str, organization: str | None) -> Dataset | None:
    """Find the dataset of a title, also if it is a draft."""
    if organization is None:
        found = await api.me.list_my_datasets(client)
    else:
        listed = api.datasets.list_datasets(client, organization=organization)
        found = [one async for one in listed.items(stable=True)]
    return next((one for one in found if one.title == title and one.deleted is None), None)


async def create(client: Client, options: argparse.Namespace) -> Dataset:
    """Create the dataset."""
    body = DatasetWrite(
        title=options.title,
        description=options.description,
        frequency="unknown",
        organization=options.organization or UNSET,
    )
    dataset = await api.datasets.create_dataset(client, body=body)
    print(f"created {dataset.page}")
    return dataset


def is_for_publication(path: Path) -> bool:
    """Whether a path is a file of the dataset: a hidden file may have a password in it."""
    is_hidden = path.name.startswith(".") or path.suffix == JOURNAL
    return path.is_file() and not path.is_symlink() and not is_hidden


def is_same(path: Path, resource: Resource) -> bool:
    """Whether a resource has the content of a file."""
    checksum = resource.checksum
    if checksum is None or checksum.type != "sha1":
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha1").hexdigest() == checksum.value


def show(progress: files.Progress) -> None:
    """Print the progress of an upload."""
    print(f"{progress.name}: {progress.done:,} of {progress.total or 0:,} bytes", file=sys.stderr)


async def publish(options: argparse.Namespace) -> int:
    """Publish what is new or changed, and return the number of files that were sent."""
    number = 0
    paths = [one for one in sorted(options.folder.iterdir()) if is_for_publication(one)]
    async with Client() as client:
        dataset = await find(client, options.title, options.organization)
        if dataset is None:
            dataset = await create(client, options)
        there = {one.title: one for one in dataset.resources}
        for path in paths:
            journal = path.with_name(path.name + JOURNAL)
            before = there.get(path.name)
            if before is None or not is_same(path, before):
                await files.upload(
                    client,
                    dataset,
                    path,
                    resource=before,
                    title=path.name,
                    journal=journal,
                    progress=show,
                )
                print(f"sent {path.name}")
                number += 1
            journal.unlink(missing_ok=True)
    return number


def main() -> int:
    """Run the command: 0 if every file is published, 1 after a failure, 2 for wrong arguments."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("title", help="the title of the dataset, by which later runs find it")
    parser.add_argument("folder", type=Path, help="the folder with the files")
    parser.add_argument("--description", required=True, help="the description of a new dataset")
    parser.add_argument("--organization", help="the id of the organization that publishes it")
    try:
        number = asyncio.run(publish(parser.parse_args()))
    except (DataGouvError, OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{number} files sent")
    return 0


if __name__ == "__main__":
    sys.exit(main())
