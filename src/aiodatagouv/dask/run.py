"""The harvest by a cluster: its list is split, and the parts are handed out to the workers."""

from __future__ import annotations

import datetime as dt
import hashlib
import math
import os
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Literal

import distributed

from .._checks import check_count
from .._walk.pages import check_concurrency
from ..bulk.lists import Paginate, operation_of
from ..bulk.partition import Part
from ..bulk.public import explained
from ..bulk.report import Report
from ..client import Client
from ..rate import RATE
from ..retry import RETRY, RetryPolicy
from .board import Board, Progress, check_progress, shown
from .driver import Driver
from .folder import Folder
from .worker import Job, Options, Task, harvest_part

_RETRIES = 3
"""Retries of a part that fails. The loss of its worker does not count as a failure."""

_PARTS = 4
"""Parts for each worker: a part that is resumed late delays the end by a fraction only."""


def harvest(
    cluster: distributed.Client,
    paginate: Paginate,
    folder: str | os.PathLike[str],
    *,
    parts: int | None = None,
    workers: int | None = None,
    suffix: str = ".parquet",
    base_url: str | None = None,
    rate: float = RATE,
    retry: RetryPolicy | None = RETRY,
    concurrency: int = 4,
    explode: str | None = None,
    only_public: bool = False,
    resume: bool = True,
    since: dt.date | Literal["last"] | None = None,
    strict: bool = False,
    skip_broken: bool = False,
    partition_by: str | Sequence[str] | None = None,
    progress: Progress = None,
) -> Report:
    """Write all items of a list to files in a folder, with the workers of a Dask cluster.

    The list is split by dates of creation (:func:`aiodatagouv.bulk.partition`), and each part is
    written to a file. Together the files hold every item that exists throughout, exactly once. If a
    worker is lost, another one resumes its part from its checkpoint.

    A harvest that has failed or was stopped goes on with the same call: the folder knows where the
    list was split, the files that are complete are kept after their checksums were verified, and
    the others are resumed. A folder that is complete stays as it is; ``since="last"`` brings it up
    to date. It is complete if it has the manifest ``_harvest.json``, which is written last, and
    only if the report of each part is complete, but for items skipped.

    The function blocks until the harvest ends; in an event loop, run it in ``asyncio.to_thread``.

    Args:
        cluster: The cluster. If an API key is needed, it is in the environment of the workers.
        paginate: Makes the paginator of the list for a client, with ``fields`` or ``into`` if only
            some fields are wanted.
        folder: The folder of the files ``part-00000.parquet``, ...: new, empty, or that of the same
            harvest, on a disk that all workers share.
        parts: The number of parts of a new harvest; four for each worker when None.
        workers: The number of parts in progress, which share the rate equally; as many as the
            cluster has workers when None. For several harvests at once, share out the workers.
        suffix: The format of the files, as for :func:`aiodatagouv.bulk.harvest`.
        base_url: The portal, as for the client of the package that has the list.
        rate: Requests a second, of all workers together.
        retry: The policy for calls that fail; None for no retries.
        concurrency: The most pages of each part in flight at once.
        explode: Write a flat table, with a row for each object of this list in each item, as
            :func:`aiodatagouv.bulk.harvest` does.
        only_public: Whether to leave out what only a key shows: no request is sent with one.
        resume: Whether to go on in the folder; otherwise its files are removed first.
        since: Fetch only the changes since a date, or since the latest complete harvest of each
            part (``"last"``), and update the files, as :func:`aiodatagouv.bulk.harvest` does. The
            changes of the list are read once for all parts. New items belong to the last part.
        strict: Whether ``since="last"`` is an error if the folder is not known to be complete.
        skip_broken: Whether to leave out objects that the portal cannot send, as
            :func:`aiodatagouv.bulk.harvest` does.
        partition_by: What to partition each part by, as :func:`aiodatagouv.bulk.harvest` does. A
            part is then a folder, ``part=00000.parquet``.
        progress: Called with the sum of the reports so far, after each part and, while parts are
            in progress, up to four times a second. True shows a bar on a terminal (extra ``cli``).

    Returns:
        The sum of the reports of all parts; ``seconds`` is the longest duration of a part.

    Raises:
        DestinationError: ``folder`` has files of others, or cannot be updated.
        CheckpointError: The folder is that of another harvest, damaged or in use, or an update of
            it was interrupted, and ``since`` is not given to complete it.
        MaskError: The items cannot be narrowed down to the fields, have no such list to explode, or
            it cannot be combined with a class.
        ValueError: The list cannot be split, a number is not positive, or the parts cannot be
            partitioned so.
        TypeError: ``paginate`` makes no list.
        ModuleNotFoundError: ``progress`` is True, and the package ``rich`` is missing.
        RuntimeError: The cluster has no workers.
        APIError, NetworkError, DecodeError: A call failed. The same call goes on in the folder.
    """
    check_concurrency(concurrency)
    if not 0 < rate < math.inf:
        raise ValueError(f"rate is {rate!r}: it must be a finite number of requests a second > 0")
    if workers is not None:
        check_count("workers", workers)
    if parts is not None:
        check_count("parts", parts)
    if since is not None and not resume:
        raise ValueError("since updates a folder, resume=False replaces it: give one of them")
    check_progress(progress)
    place = Folder(Path(folder).resolve(), suffix, is_partitioned=partition_by is not None)
    place.check()
    listed = operation_of(paginate)
    default = listed.client_class().base_url
    portal = default if base_url is None else Client(base_url=base_url).base_url
    there: Any = cluster.nthreads()  # A coroutine, as far as its type tells.
    if not there:
        raise RuntimeError("the cluster has no workers: start at least one")
    count = workers or len(there)
    name = f"aiodatagouv-{hashlib.sha256(bytes(place.path)).hexdigest()[:16]}"
    options = Options(
        concurrency=concurrency,
        since=since,
        skip_broken=skip_broken,
        explode=explode,
        only_public=only_public,
        partition_by=partition_by,
    )
    job = Job(name, portal, rate / count, retry, options)
    driver = Driver(paginate, place, job, rate, strict)
    with place.locked(), explained(only_public=only_public):
        driver.check()
        if not resume:
            place.clear()
        split = driver.split(_PARTS * count if parts is None else parts)
        split, reading = driver.read_for_all(split)
        with ExitStack() as stack:
            operation = split[0].call.operation
            board = Board.of(split, shown(progress, operation, len(split), stack), reading)
            with _submitted(cluster, job, place, split, count, board) as futures:
                board.gather(futures)
        report = board.report()
        # Nothing has changed if no worker has withdrawn the manifest.
        if (report.complete or report.complete_but_for) and not place.is_complete:
            place.complete(board.files(), split, report)
    return report


@contextmanager
def _submitted(
    cluster: distributed.Client,
    job: Job,
    folder: Folder,
    parts: Sequence[Part],
    count: int,
    board: Board,
) -> Generator[list[distributed.Future[Any]]]:
    """Submit the parts, and tell a board of their progress; cancel them in the end.

    Args:
        cluster: The cluster.
        job: The harvest.
        folder: The folder.
        parts: The parts.
        count: The number of parts in progress.
        board: The board.
    """
    token = os.urandom(4).hex()
    name = parts[0].call.operation.name
    futures: list[distributed.Future[Any]] = []
    with cluster.as_current():
        cluster.subscribe_topic(job.topic, board.tell)
        try:
            for number, part in enumerate(parts):
                key = f"{name}-part-{number:05}-{token}"
                # The parts in progress share the rate equally: so a part waits for one before it,
                # however many workers there are. Meanwhile, no worker is occupied by it.
                before = futures[number - count] if number >= count else None
                task = Task(job, number, part, folder, key)
                futures.append(
                    cluster.submit(
                        harvest_part, task, before, key=key, retries=_RETRIES, pure=False
                    )
                )
            yield futures
        finally:
            for future in futures:
                future.cancel()
            cluster.unsubscribe_topic(job.topic)
