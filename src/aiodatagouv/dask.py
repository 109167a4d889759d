"""Harvests by a cluster of machines: each part of a list by a worker, all under one rate.

>>> from distributed import Client as Cluster
>>> from aiodatagouv import api, dask
>>>
>>> with Cluster("tcp://scheduler:8786") as cluster:
...     dask.harvest(cluster, api.datasets.list_datasets, "/shared/datasets", rate=5)
"""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import evolve

from . import bulk
from .bulk.checkpoint import finished
from .client import PRODUCTION, Client
from .errors import DestinationError
from .options import RATE, RETRY
from .rate import Rate

try:
    import distributed
except ModuleNotFoundError as error:
    text = "aiodatagouv.dask needs distributed: pip install 'aiodatagouv[dask]'"
    raise ModuleNotFoundError(text, name=error.name) from None

if TYPE_CHECKING:
    from .bulk import Part, Report
    from .pagination import Paginator
    from .retry import RetryPolicy

_RETRIES = 3
"""How often a part is begun again that has failed. One whose worker is lost always is."""


class _OneClient(distributed.WorkerPlugin):
    """Gives each worker a client of its own, with its share of the rate.

    The key is that of each worker's environment: none is sent to it.
    """

    def __init__(self, name: str, base_url: str, rate: float, retry: RetryPolicy | None) -> None:
        self.name = name
        # No requests at once: the shares of all together would be more than the rate.
        evenly = Rate(rate, burst=1)
        self._options: dict[str, Any] = {"base_url": base_url, "rate": evenly, "retry": retry}
        self.client: Client

    async def setup(self, worker: distributed.Worker) -> None:
        self.client = await Client(**self._options).__aenter__()

    async def teardown(self, worker: distributed.Worker) -> None:
        await self.client.__aexit__(None, None, None)


def harvest(
    cluster: distributed.Client,
    paginate: Callable[[Client], Paginator[Any, Any]],
    folder: str | os.PathLike[str],
    *,
    parts: int | None = None,
    base_url: str = PRODUCTION,
    rate: float = RATE,
    retry: RetryPolicy | None = RETRY,
    concurrency: int = 4,
    progress: Callable[[Report], object] | None = None,
) -> Report:
    """Write all items of a list to Parquet files, by the workers of a Dask cluster.

    The list is split by dates of creation (:func:`aiodatagouv.bulk.partition`), and each part is a
    file: together they have everything that is there throughout, exactly once. When a worker is
    lost, another one continues its part, from the checkpoint if it can see it.

    This waits until all is done; within an event loop, call it by ``asyncio.to_thread``.

    Args:
        cluster: The cluster. Its workers have a key in their environment if one is needed.
        paginate: Makes the list of a client; ``fields`` and ``into`` are said there.
        folder: Where the files ``part-00000.parquet``, ... go: new or empty, on a disk that all
            workers share.
        parts: How many parts to make; four for each worker when None.
        base_url: The root of the portal's API.
        rate: Requests a second that all workers together make at most.
        retry: When a call that failed is made again.
        concurrency: How many pages each part may have under way at once.
        progress: Is called after each part with what all have come to.

    Returns:
        What all parts have come to.

    Raises:
        DestinationError: The folder is not empty. Nothing was sent, as with a ``ValueError`` of
            the numbers.
        ValueError: The list cannot be split, or a number is not positive.
        RuntimeError: The cluster has no worker.
        APIError, NetworkError, DecodeError: The portal fails. What has come is in the folder, but
            is not continued: a harvest of a cluster begins anew, in another folder.
    """
    if concurrency < 1:
        raise ValueError(f"concurrency is {concurrency}: at least 1 page must be under way")
    if not 0 < rate < math.inf:
        raise ValueError(f"rate is {rate!r}: it must be requests a second above 0")
    folder = Path(folder).resolve()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DestinationError(f"{folder} is not empty: choose another folder, or empty it")
    workers = len(cluster.scheduler_info(n_workers=-1)["workers"])
    if not workers:
        raise RuntimeError("the cluster has no worker")
    wanted = 4 * workers if parts is None else parts
    split = asyncio.run(_split(paginate, wanted, base_url, rate, retry))
    folder.mkdir(parents=True, exist_ok=True)
    name = f"aiodatagouv-{os.urandom(8).hex()}"
    with cluster.as_current():
        # As many parts are under way as the rate is shared by, whichever workers come and go.
        places = distributed.Semaphore(workers, name=name)
        cluster.register_plugin(_OneClient(name, base_url, rate / workers, retry))
        try:
            futures = [
                cluster.submit(
                    _harvest,
                    part,
                    str(folder / f"part-{number:05}.parquet"),
                    places,
                    concurrency,
                    retries=_RETRIES,
                    pure=False,
                )
                for number, part in enumerate(split)
            ]
            report = _gather(futures, progress)
        finally:
            cluster.unregister_worker_plugin(name)
            places.close()
    for checkpoint in folder.glob("*.checkpoint"):
        checkpoint.unlink()
    return report


async def _split(
    paginate: Callable[[Client], Paginator[Any, Any]],
    parts: int,
    base_url: str,
    rate: float,
    retry: RetryPolicy | None,
) -> list[Part]:
    async with Client(base_url=base_url, rate=rate, retry=retry) as client:
        return await bulk.partition(paginate(client), parts)


async def _harvest(
    part: Part, path: str, places: distributed.Semaphore, concurrency: int
) -> Report:
    """Harvest a part, on a worker."""
    plugin: Any = distributed.get_worker().plugins[places.name]
    # The worker that had done it was lost before anybody was told.
    if (done := finished(Path(path))) is not None:
        return done
    async with places:
        return await bulk.harvest(plugin.client, part, path, concurrency=concurrency)


def _gather(
    futures: list[distributed.Future[Any]], progress: Callable[[Report], object] | None
) -> Report:
    reports: list[Report] = []
    try:
        for future, report in distributed.as_completed(futures, with_results=True):
            # What a lost worker had is done again, unless nobody wants it any more.
            future.release()
            reports.append(report)
            if progress is not None:
                progress(_sum(reports, len(futures)))
    except BaseException:
        for future in futures:
            future.cancel()
        raise
    return _sum(reports, len(futures))


def _sum(reports: list[Report], parts: int) -> Report:
    """What some of the parts have come to."""
    first, *others = reports
    total = first
    for one in others:
        total = evolve(
            total,
            items=total.items + one.items,
            total=(total.total or 0) + (one.total or 0),
            pages=total.pages + one.pages,
            requests=total.requests + one.requests,
            retries=total.retries + one.retries,
            rejected=total.rejected + one.rejected,
            bytes=total.bytes + one.bytes,
            seconds=max(total.seconds, one.seconds),
            complete=total.complete and one.complete,
            reason=total.reason or one.reason,
            resumed=total.resumed + one.resumed,
            missed=total.missed + one.missed,
        )
    return evolve(total, complete=total.complete and len(reports) == parts)
