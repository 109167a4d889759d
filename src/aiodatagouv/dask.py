"""Harvests by a Dask cluster: its workers share the parts of a list, and one rate limit.

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
from typing import Any

from attrs import evolve

from . import bulk
from ._call.options import RATE, RETRY
from ._walk.pages import check_concurrency
from .bulk.checkpoint import finished
from .bulk.partition import Part
from .bulk.report import Report
from .client import Client
from .errors import DestinationError
from .pagination import Paginator
from .rate import Rate
from .retry import RetryPolicy

try:
    import distributed
except ModuleNotFoundError as error:
    text = "aiodatagouv.dask needs distributed: pip install 'aiodatagouv[dask]'"
    raise ModuleNotFoundError(text, name=error.name) from None

_RETRIES = 3
"""Retries of a part that fails. The loss of its worker does not count as a failure."""


_NOT_SUMMED = {
    "operation",
    "seconds",
    "complete",
    "complete_but_for",
    "reason",
    "skipped",
    "unknown_order",
    "since",
}


class _WorkerClient(distributed.WorkerPlugin):
    """The client of a worker, with the worker's share of the rate.

    The API key comes from the worker's environment: it is not sent over the network.
    """

    def __init__(self, name: str, base_url: str, rate: float, retry: RetryPolicy | None) -> None:
        self.name = name
        # Without bursts: those of several workers at once would exceed the rate.
        share = Rate(rate, burst=1)
        self._options: dict[str, Any] = {"base_url": base_url, "rate": share, "retry": retry}
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
    base_url: str | None = None,
    rate: float = RATE,
    retry: RetryPolicy | None = RETRY,
    concurrency: int = 4,
    skip_broken: bool = False,
    progress: Callable[[Report], object] | None = None,
) -> Report:
    """Write all items of a list to Parquet files, with the workers of a Dask cluster.

    The list is split by dates of creation (:func:`aiodatagouv.bulk.partition`), and each part is
    written to a file. Together the files hold every item that exists throughout, exactly once. If a
    worker is lost, another one resumes its part from the checkpoint in the folder.

    The function blocks until the harvest ends; in an event loop, run it in ``asyncio.to_thread``.

    Args:
        cluster: The cluster. If an API key is needed, it is in the environment of the workers.
        paginate: Makes the paginator of the list for a client, with ``fields`` or ``into`` if only
            some fields are wanted.
        folder: The folder of the files ``part-00000.parquet``, ...: new or empty, on a disk that
            all workers share.
        parts: The number of parts; four for each worker when None.
        base_url: The portal, as for the client of the package that has the list.
        rate: Requests a second, of all workers together.
        retry: The policy for calls that fail; None for no retries.
        concurrency: The most pages of each part in flight at once.
        skip_broken: Whether to leave out objects that the portal cannot send, as
            :func:`aiodatagouv.bulk.harvest` does.
        progress: Called after each part with the sum of the reports so far.

    Returns:
        The sum of the reports of all parts; ``seconds`` is the longest duration of a part.

    Raises:
        DestinationError: ``folder`` is not an empty folder.
        ValueError: The list cannot be split, or a number is not positive.
        RuntimeError: The cluster has no workers.
        APIError, NetworkError, DecodeError: A call failed. The files written stay in the folder,
            but cannot be resumed: start again with another folder.
    """
    check_concurrency(concurrency)
    if not 0 < rate < math.inf:
        raise ValueError(f"rate is {rate!r}: it must be a finite number of requests a second > 0")
    folder = Path(folder).resolve()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DestinationError(f"{folder} is not an empty folder: empty it, or choose another one")
    portal = _portal(paginate) if base_url is None else Client(base_url=base_url).base_url
    workers = len(cluster.scheduler_info(n_workers=-1)["workers"])
    if not workers:
        raise RuntimeError("the cluster has no workers: start at least one")
    wanted = 4 * workers if parts is None else parts
    split = asyncio.run(_split(paginate, wanted, portal, rate, retry))
    folder.mkdir(parents=True, exist_ok=True)
    name = f"aiodatagouv-{os.urandom(8).hex()}"
    with cluster.as_current():
        # The parts in progress share the rate equally, even if workers join or leave.
        slots = distributed.Semaphore(workers, name=name)
        cluster.register_plugin(_WorkerClient(name, portal, rate / workers, retry))
        try:
            futures = [
                cluster.submit(
                    _harvest,
                    part,
                    str(folder / f"part-{number:05}.parquet"),
                    slots,
                    concurrency,
                    skip_broken,
                    retries=_RETRIES,
                    pure=False,
                )
                for number, part in enumerate(split)
            ]
            report = _gather(futures, progress)
        finally:
            cluster.unregister_worker_plugin(name)
            slots.close()
    for checkpoint in folder.glob("*.checkpoint"):
        checkpoint.unlink()
    return report


def _portal(paginate: Callable[[Client], Paginator[Any, Any]]) -> str:
    """The portal that the package of a list calls by default."""
    operation = paginate(Client(base_url="production", api_key="")).call.operation
    portal: str = operation.client_class().base_url
    return portal


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
    part: Part, path: str, slots: distributed.Semaphore, concurrency: int, skip_broken: bool
) -> Report:
    """Harvest a part, on a worker."""
    plugin: Any = distributed.get_worker().plugins[slots.name]
    # Another worker may have completed the part, and been lost before it could report so.
    if (done := finished(Path(path))) is not None:
        return done
    async with slots:
        return await bulk.harvest(
            part, path, client=plugin.client, concurrency=concurrency, skip_broken=skip_broken
        )


def _gather(
    futures: list[distributed.Future[Any]], progress: Callable[[Report], object] | None
) -> Report:
    """Collect the reports of all parts, and return their sum; cancel the parts if one fails."""
    reports: list[Report] = []
    try:
        for future, report in distributed.as_completed(futures, with_results=True):
            # Dask would compute the result again if its worker were lost later.
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
    """Add up the reports of the parts that are done, out of all parts."""
    first = reports[0]
    counts = first.to_dict().keys() - _NOT_SUMMED
    sums: dict[str, Any] = {key: sum(getattr(one, key) or 0 for one in reports) for key in counts}
    skipped = [item for one in reports for item in one.skipped]
    is_complete = len(reports) == parts and all(
        one.complete or one.complete_but_for for one in reports
    )
    return evolve(
        first,
        **sums,
        seconds=max(one.seconds for one in reports),
        complete=is_complete and not skipped,
        complete_but_for=len(skipped) if is_complete else 0,
        skipped=skipped,
        reason=next((one.reason for one in reports if one.reason), None),
    )
