"""A synchronization under way: files are listed, compared, fetched, recorded and deleted."""

from __future__ import annotations

import asyncio
import datetime as dt
import errno
import os
from collections import Counter
from contextlib import aclosing
from functools import partial
from pathlib import Path

from attrs import define, evolve, field, frozen

from ...client import Client
from ...errors import DataGouvError, NetworkError
from ...types import OnProgress, Progress
from .._download.checksums import USUAL, Checksum, Expected, new_hash
from .._download.fetch import fetch
from .._download.part import Part, Source
from .._download.threads import in_thread
from .._download.wanted import Download, Wanted
from .hosts import HostLimit, HostQueues
from .listing import Listing
from .manifest import Manifest, Record
from .names import candidates
from .plan import Listed, Plan, plan_for
from .report import Outcome, Report, Status, Tally

IN_A_ROW = 3
"""The files of a host in a row without any answer, after which it is asked for no more of them."""

_FATAL = frozenset(
    getattr(errno, name)
    for name in ("ENOSPC", "EDQUOT", "EROFS", "EIO", "EMFILE", "ENFILE", "ENOMEM")
    if hasattr(errno, name)
)
"""The errors of the system that every other file would meet as well."""


@frozen
class Options:
    """The conditions that are the same for all files: see :func:`.folder.sync`."""

    max_size: int | None
    allow_private: bool
    keep_altered: bool


@frozen
class _Job:
    """A file that is to be compared or fetched.

    Attributes:
        listed: The file as the source has it.
        record: The file as it was there, or a new record with the path.
        plan: The next step.
    """

    listed: Listed
    record: Record
    plan: Plan


@define
class _Receiver:
    """Counts the bytes of a file that are received, but not those that were there already.

    Attributes:
        tally: The tally of all files.
        received: The bytes that were received.
    """

    tally: Tally
    received: int = 0
    _done: int | None = None

    def __call__(self, progress: Progress) -> None:
        """Count those of a step of the download, of which the first is before any were received."""
        if self._done is not None and progress.done != self._done:
            # There are fewer if the download has begun again.
            new = progress.done - self._done if progress.done > self._done else progress.done
            self.received += new
            self.tally.receive(new)
        self._done = progress.done


@define
class Run:
    """A synchronization under way.

    Attributes:
        silent: The files in a row of each host that got no answer.
        aside: The hosts that are asked for no more files, and why.
    """

    client: Client
    manifest: Manifest
    listing: Listing
    options: Options
    queues: HostQueues[_Job]
    requests: HostLimit
    tally: Tally
    silent: Counter[str] = field(factory=Counter[str])
    aside: dict[str, str] = field(factory=dict[str, str])

    async def run(self, concurrency: int, *, delete: bool) -> Report:
        """List the source, fetch what has changed, and delete what is gone."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._list())
                for _ in range(concurrency):
                    group.create_task(self._work())
        except BaseExceptionGroup as errors:
            error = _first(errors)
        else:
            if delete and self.listing.problem is None:
                await self._delete()
            return self.tally.finish(self.listing.problem)
        raise error

    async def _list(self) -> None:
        try:
            async with aclosing(self.listing.files()) as files:
                async for one in files:
                    if isinstance(one, Outcome):
                        self.tally.add(one)
                    else:
                        self.tally.list()
                        await self._plan(one)
                        await asyncio.sleep(0)  # A list at hand must not hold up the downloads.
        finally:
            await self.queues.close()

    async def _plan(self, listed: Listed) -> None:
        """Decide about a file; queue it if there is anything to do."""
        record = self.manifest.records.get(listed.id)
        state = "missing" if record is None else record.state(self.manifest.folder)
        if record is not None and record.is_name and state != "missing":
            # Somebody else has made a file of that name meanwhile.
            await self.manifest.drop(record)
            record = None
        if record is None:
            job = _Job(listed, *await self._place(listed))
        else:
            plan = plan_for(listed, record, state, keep_altered=self.options.keep_altered)
            job = _Job(listed, record, plan)
        if job.plan.action == "leave":
            if job.record.pending:
                await in_thread(partial(_tidy, self.manifest.folder / job.record.path))
            record = evolve(job.record, portal=listed.signs, pending=False)
            if record != job.record:
                await self.manifest.put(record, is_urgent=False)
            self._end(job, "unchanged")
        elif job.plan.action == "keep":
            self._end(job, "kept", job.plan.reason)
        elif job.plan.action == "refuse":
            self._end(job, "failed", job.plan.reason)
        elif listed.host in self.aside:
            self._end(job, "failed", self.aside[listed.host])
        else:
            await self.queues.put(listed.host, job)

    async def _place(self, listed: Listed) -> tuple[Record, Plan]:
        """Choose the path of a new file."""
        manifest = self.manifest
        folder = ""
        if listed.folder and listed.dataset:
            folder = f"{manifest.folder_for(listed.dataset, listed.folder)}/"
        path, plan = "", Plan("fetch")
        for name in candidates(listed.name, listed.id):
            path, plan = folder + name, Plan("fetch")
            if os.path.lexists(manifest.folder / path):
                # It is nobody's, or has another spelling of a name that is taken.
                checksum = listed.expected.checksum
                if checksum is None or not await self._has(path, checksum, listed.expected):
                    continue
                plan = Plan("compare")
            if manifest.claim(path):
                break
        source = self.listing.identity
        return Record(path=path, resource=listed.id, dataset=listed.dataset, source=source), plan

    async def _work(self) -> None:
        while (work := await self.queues.take()) is not None:
            host, job = work
            try:
                await self._do(job, host)
            finally:
                await self.queues.done(host)

    async def _do(self, job: _Job, host: str) -> None:
        """Compare or fetch a file."""
        if host in self.aside:
            return self._end(job, "failed", self.aside[host])
        receiver = _Receiver(self.tally)
        try:
            status = await self._bring(job, receiver)
        except (DataGouvError, OSError) as error:
            if self.manifest.error is not None or (
                isinstance(error, OSError) and error.errno in _FATAL
            ):
                raise
            # The file is as it was, or as an interrupted run has left it.
            is_there = job.record.state(self.manifest.folder) != "missing"
            record = evolve(job.record, pending=job.record.pending and is_there)
            await self.manifest.put(record, is_urgent=False)
            await self._count(host, error, has_answered=receiver.received > 0)
            return self._end(job, "failed", _reason(error), receiver.received)
        self.silent[host] = 0
        reason = job.plan.reason if status == "downloaded" else None
        return self._end(job, status, reason, receiver.received)

    async def _bring(self, job: _Job, receive: OnProgress) -> Status:
        """Compare or fetch a file, and record it."""
        listed, record, manifest = job.listed, job.record, self.manifest
        path = manifest.folder / record.path
        checksum = listed.expected.checksum if job.plan.action == "compare" else None
        if checksum and await self._has(record.path, checksum, listed.expected):
            await in_thread(partial(_tidy, path))
            await manifest.put(self._recorded(job, checksum, record.etag, record.last_modified))
            return "unchanged"
        if path.parent != manifest.folder:
            path.parent.mkdir(exist_ok=True)
            if path.parent.is_symlink():
                raise OSError(errno.ELOOP, "a symbolic link is at the place of its folder")
        # A file without a record would be taken for somebody else's.
        await manifest.put(evolve(record, pending=True), is_urgent=record.at is None)
        asks = job.plan.action == "ask"
        done = await fetch(
            self.client,
            listed.signs.url,
            path,
            Wanted(
                listed.expected,
                etag=record.etag if asks else None,
                last_modified=record.last_modified if asks else None,
                max_size=self.options.max_size,
                allow_private=self.options.allow_private,
                progress=receive,
            ),
            admit=self.requests,
        )
        if isinstance(done, Download):
            await manifest.put(self._recorded(job, done.digest, done.etag, done.last_modified))
            return "downloaded"
        record = evolve(record, portal=listed.signs, pending=False)
        await manifest.put(record, is_urgent=False)
        return "unchanged"

    def _recorded(
        self, job: _Job, checksum: Checksum, etag: str | None, last_modified: str | None
    ) -> Record:
        """The record of a file as it is now."""
        found = (self.manifest.folder / job.record.path).lstat()
        return evolve(
            job.record,
            portal=job.listed.signs,
            size=found.st_size,
            mtime=found.st_mtime_ns,
            checksum=checksum,
            etag=etag,
            last_modified=last_modified,
            at=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            pending=False,
        )

    async def _has(self, path: str, checksum: Checksum, expected: Expected) -> bool:
        """Whether a file is there, and has a checksum."""
        file = self.manifest.folder / path
        if file.is_symlink() or not file.is_file():
            return False
        if expected.size not in (None, file.stat().st_size):
            return False
        return await in_thread(lambda: _checksum(file, checksum.type)) == checksum

    async def _count(self, host: str, error: Exception, *, has_answered: bool) -> None:
        """Put a host aside if it never answers."""
        if has_answered or not isinstance(error, NetworkError):
            self.silent[host] = 0
            return
        self.silent[host] += 1
        if self.silent[host] >= IN_A_ROW and host not in self.aside:
            self.aside[host] = f"{host} was put aside, as it does not answer: {_reason(error)}"
            for job in await self.queues.drop(host):
                self._end(job, "failed", self.aside[host])

    def _end(self, job: _Job, status: Status, reason: str | None = None, size: int = 0) -> None:
        self.tally.add(
            Outcome(
                resource=job.record.resource,
                dataset=job.record.dataset,
                path=job.record.path,
                status=status,
                bytes=size,
                reason=reason,
                url=job.listed.address,
            )
        )

    async def _delete(self) -> None:
        """Delete the files that the source has no more."""
        for record in [*self.manifest.records.values()]:
            if record.source != self.listing.identity or self.listing.has(record.resource):
                continue
            status, reason = await self._delete_one(record)
            if record.is_name and status == "deleted":
                continue  # There was no file.
            self.tally.add(
                Outcome(
                    resource=record.resource,
                    dataset=record.dataset,
                    path=record.path,
                    status=status,
                    reason=reason,
                )
            )

    async def _delete_one(self, record: Record) -> tuple[Status, str | None]:
        """Delete a file; return the outcome, and the reason for another one than that."""
        folder = self.manifest.folder
        state = record.state(folder)
        if record.is_name and state != "missing":
            await self.manifest.drop(record)
            return "deleted", None
        if state == "foreign" or (state == "altered" and not record.pending):
            return "kept", "its resource is gone, but it was changed here"
        try:
            await in_thread(partial(_remove, folder / record.path, folder))
        except (DataGouvError, OSError) as error:
            return "failed", _reason(error)
        await self.manifest.drop(record)
        return "deleted", None


def _remove(path: Path, folder: Path) -> None:
    """Remove a file, what is left of a download of it, and its folder if that is empty then."""
    if not path.parent.is_dir():
        return
    path.unlink(missing_ok=True)
    _tidy(path)
    if path.parent != folder and not any(path.parent.iterdir()):
        path.parent.rmdir()


def _tidy(path: Path) -> None:
    """Remove what is left of an interrupted download."""
    part = Part.open(path, Source.of("", USUAL))
    try:
        part.discard()
    finally:
        part.close()


def _checksum(path: Path, type: str) -> Checksum:
    """Compute the checksum of a file."""
    sofar = new_hash(type)
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            sofar.update(chunk)
    return Checksum(type, sofar.hexdigest())


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error)


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first error of a group."""
    error: BaseException = errors
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
