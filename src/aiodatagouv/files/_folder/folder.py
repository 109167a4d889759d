"""Folders of files: the resources of a source are fetched, and those that are gone deleted."""

from __future__ import annotations

import os
from collections.abc import AsyncIterable, Iterable
from pathlib import Path

from ...client import Client
from .._download.threads import in_thread
from .._download.wanted import MAX_SIZE
from .hosts import Brief, HostLimit, HostQueues, HostWatch
from .listing import AnyResource, Listing, Source, resources_only
from .manifest import Manifest
from .report import OnReport, Report, Tally
from .run import Options, Run

WAITING = 10_000
"""The most files that wait for their hosts; a list is read on when there are fewer."""


async def download_all(
    client: Client,
    resources: AsyncIterable[AnyResource] | Iterable[AnyResource],
    folder: str | os.PathLike[str],
    *,
    concurrency: int = 8,
    per_host: int = 2,
    max_size: int | None = MAX_SIZE,
    allow_private: bool = False,
    keep_altered: bool = False,
    verify: bool = True,
    progress: OnReport | None = None,
) -> Report:
    """Fetch the files of resources into a folder.

    >>> report = await files.download_all(client, dataset.resources, "folder")

    It is :func:`sync` without deletions: what is there already is fetched again only if it has
    changed.

    Args:
        client: The client of the portal.
        resources: The resources, as any list of them or as a paginator.
        folder: The folder, which is made if there is none.
        concurrency: The most files in flight at once.
        per_host: The most of them from one host.
        max_size: The most bytes that a file may have; None for no limit.
        allow_private: Whether hosts may have addresses that are not of the internet.
        keep_altered: Whether a file is left alone that was changed here.
        verify: Whether files must have the checksum and the size that the portal has for them.
        progress: Called with the report so far, as :func:`sync` does.

    Raises:
        APIError, NetworkError, DecodeError: The list cannot be read.
        CheckpointError, DestinationError, OSError, ValueError, TypeError: See :func:`sync`.
    """
    resources_only(resources)
    return await sync(
        client,
        resources,
        folder,
        concurrency=concurrency,
        per_host=per_host,
        max_size=max_size,
        allow_private=allow_private,
        keep_altered=keep_altered,
        verify=verify,
        progress=progress,
    )


async def sync(
    client: Client,
    source: Source,
    folder: str | os.PathLike[str],
    *,
    delete: bool = False,
    concurrency: int = 8,
    per_host: int = 2,
    max_size: int | None = MAX_SIZE,
    allow_private: bool = False,
    keep_altered: bool = False,
    verify: bool = True,
    progress: OnReport | None = None,
) -> Report:
    """Make a folder have the files of a source, by fetching those that have changed.

    >>> report = await files.sync(client, "a-dataset", "folder")
    >>> report.complete
    True

    A file is not fetched again if the portal has the checksum that it has, or if the portal stores
    or crawls it and nothing has changed there (its address, size, dates). Of other files the host
    is asked, which answers without the file if it is the same (``ETag``, ``Last-Modified``). A file
    that was removed or changed here is fetched again, and replaces what is there.

    The manifest, ``<folder>.manifest.jsonl``, has one line for each file. It keeps the name of a
    file from run to run, and remembers what was fetched: after an error, an interrupt or a kill,
    the same call does what is left. Files that it does not know are never replaced or deleted: one
    that has a name which is wanted is taken over if it has the checksum of the portal, and
    otherwise the new file gets another name.

    A file that fails does not stop the others. A host of which three files in a row got no answer
    is asked for no more of them in this run; the report says so.

    Args:
        client: The client of the portal.
        source: A dataset, its id or its slug; or a list of several ids or slugs; or a paginator or
            other list of datasets or resources. Each of several datasets has a folder of its own.
        folder: The folder, which is made if there is none.
        delete: Whether to delete files that this source had in an earlier run and has no more, once
            it was listed as a whole. One that was changed here, or that was there before it was
            synchronized, is kept. What is known again from run to run is a dataset, or a paginator
            with its filters: of a list of datasets, only files of those that it still has are
            deleted; a list of resources cannot have this. A run without a key deletes no file that
            a run with a key has listed.
        concurrency: The most files in flight at once.
        per_host: The most of them from one host.
        max_size: The most bytes that a file may have; None for no limit.
        allow_private: Whether hosts may have addresses that are not of the internet.
        keep_altered: Whether a file is left alone that was changed here, instead of replaced.
        verify: Whether files must have the checksum and the size that the portal has for them. Some
            publishers replace a file of their host, and leave its old checksum on the portal.
        progress: Called with the report so far, whenever a file has ended or bytes were received.

    Returns:
        The outcome of each file. If listing the source fails after its first file, the files listed
        are fetched, and the report is not complete.

    Raises:
        APIError, NetworkError, DecodeError: The source cannot be listed.
        CheckpointError: The manifest is damaged, or another run writes to the folder.
        DestinationError: The folder is a file.
        OSError: The disk is full or fails, or the manifest cannot be written.
        ValueError: A number is not positive, or ``delete`` is given for a list of resources.
        TypeError: The source is neither a dataset nor a list of datasets or resources.
        RuntimeError: The client is closed, or was opened in another event loop.
    """
    for name, number in (("concurrency", concurrency), ("per_host", per_host)):
        if number < 1:
            raise ValueError(f"{name} is {number}: it must be at least 1")
    manifest = await in_thread(lambda: Manifest.open(Path(folder)))
    has_failed = True
    try:
        options = Options(max_size, allow_private, keep_altered)
        run = Run(
            client.with_options(retry=Brief.of(client._options.retry)),
            manifest,
            Listing(client, source, is_named=delete, verify=verify),
            options,
            HostQueues(per_host, WAITING),
            HostWatch(HostLimit(per_host)),
            Tally(progress),
        )
        report = await run.run(concurrency, delete=delete)
        has_failed = False
        return report
    finally:
        await in_thread(lambda: manifest.close(undo=has_failed))
