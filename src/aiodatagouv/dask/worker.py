"""The work on a worker: a part is harvested, and its progress is told to the driver."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import distributed
from attrs import asdict, field, frozen

from .. import bulk
from .._ownership import locked, release
from ..bulk._journal.checkpoint import compare
from ..bulk._journal.finished import Finished
from ..bulk._journal.storage import checkpoint_of
from ..bulk.partition import Part
from ..bulk.report import Report, next_since
from ..client import Client
from ..errors import CheckpointError
from ..rate import Rate
from ..retry import RetryPolicy
from .folder import Folder

TICK = 0.5
"""Seconds between two reports on the progress of a part."""

_PATIENCE = 60.0
"""Seconds for another worker to leave a part, when it was given to this one."""


@frozen(kw_only=True)
class Options:
    """The arguments of :func:`aiodatagouv.bulk.harvest` that workers pass on."""

    concurrency: int
    since: dt.date | Literal["last"] | None
    skip_broken: bool
    explode: str | None
    only_public: bool
    partition_by: str | Sequence[str] | None

    def query(self) -> dict[str, Any]:
        """Those that decide what is in the files."""
        return {"explode": self.explode, "only_public": self.only_public}


@frozen
class Job:
    """A harvest, as the workers know it. The key is not in it: they have it in their environment.

    Attributes:
        topic: The topic of its events.
        base_url: The portal.
        rate: Requests a second for each part in progress.
        retry: The policy for calls that fail.
        options: The options of the harvest of a part.
    """

    topic: str
    base_url: str
    rate: float
    retry: RetryPolicy | None
    options: Options

    def client(self) -> Client:
        """The client for a part."""
        return self.client_at(self.rate)

    def client_at(self, rate: float) -> Client:
        """The client for requests a second, without a key if only what is public is wanted."""
        # Without bursts: those of several clients at once would exceed the rate.
        steady = Rate(rate, burst=1)
        key = "" if self.options.only_public else None
        return Client(base_url=self.base_url, api_key=key, rate=steady, retry=self.retry)


@frozen
class Task:
    """A part to be harvested.

    Attributes:
        job: The harvest.
        number: The number of the part.
        part: The part.
        folder: The folder of its file.
        key: The key of the task.
    """

    job: Job
    number: int
    part: Part
    folder: Folder
    key: str

    def event(self, report: Report) -> dict[str, Any]:
        """The event that tells of the progress."""
        return {"part": self.number, "report": report.to_dict()}


async def harvest_part(task: Task, before: object) -> Finished:
    """Harvest a part, unless it is complete already.

    Args:
        task: The part.
        before: The result of another part, which is complete before this one begins.

    Raises:
        CheckpointError: The file or the checkpoint of the part is not as a harvest has left it.
    """
    path = task.folder.part(task.number)
    await _wait_for_others(path)
    client = task.job.client()
    if (done := await asyncio.to_thread(_done, task, path, client)) is not None:
        return done
    # The worker may have sent a request for its latest part just now.
    await asyncio.sleep(1 / task.job.rate)
    await asyncio.to_thread(task.folder.withdraw)
    async with client:
        await _Watched(task, distributed.get_worker()).run(client, path)
    done = await asyncio.to_thread(Finished.at, path)
    assert done is not None
    return done


async def _wait_for_others(path: Path) -> None:
    """Wait until no other worker is at work on a part.

    One that was thought to be lost, or whose driver was killed, stops when it notices.

    Raises:
        CheckpointError: It does not stop.
    """
    checkpoint = checkpoint_of(path)
    error = CheckpointError(f"{checkpoint} is in use: another harvest is under way there")
    release(await asyncio.to_thread(locked, checkpoint, error, _PATIENCE))


def _done(task: Task, path: Path, client: Client) -> Finished | None:
    """The file of a part, if it is complete and nothing is left to do for it.

    Raises:
        CheckpointError: It was changed, or harvested with a key while there is none now.
    """
    changes = task.part.changes
    if task.job.options.since is not None and changes is None:
        return None
    try:
        done = Finished.at(path)
    except CheckpointError:
        task.folder.withdraw()
        raise
    if done is None or not (done.report.complete or done.report.complete_but_for):
        return None
    compare(path, {"key": done.query["key"]}, {"key": bool(client._key)})
    # Another worker may have updated the part, and been lost before it could report so.
    return done if changes is None or done.latest == next_since(changes.began, None) else None


@frozen
class _Watched:
    """A harvest of a part that tells of its progress, and ends when nobody wants it any more."""

    task: Task
    worker: distributed.Worker
    _reports: list[Report] = field(factory=list[Report])

    async def run(self, client: Client, path: Path) -> Report:
        """Harvest the part."""
        work = asyncio.ensure_future(
            bulk.harvest(
                self.task.part,
                path,
                client=client,
                progress=self._reports.append,
                **asdict(self.task.job.options, recurse=False),
            )
        )
        try:
            while not work.done():
                await asyncio.wait([work], timeout=TICK)
                self._tell()
                if not self._is_wanted():
                    work.cancel()
                    await asyncio.wait([work])
        finally:
            work.cancel()
        if work.cancelled():
            raise RuntimeError("the harvest was stopped: nobody waits for this part any more")
        return work.result()

    def _tell(self) -> None:
        """Log the latest report as an event."""
        if self._reports:
            self.worker.log_event(self.task.job.topic, self.task.event(self._reports[-1]))
            self._reports.clear()

    def _is_wanted(self) -> bool:
        """Whether the driver still waits for the part."""
        known = self.worker.state.tasks.get(self.task.key)
        return known is not None and known.state == "executing"
