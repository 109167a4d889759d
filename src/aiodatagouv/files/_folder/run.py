"""A synchronization under way: files are listed, compared, fetched, recorded and deleted."""

from __future__ import annotations

import asyncio
import datetime as dt
import errno
import os
from contextlib import aclosing
from functools import partial

from attrs import define, evolve, field, frozen

from ..._checks import check_limit, checked
from ...client import Client
from ...errors import DataGouvError, DestinationError, NetworkError
from ...types import OnProgress
from .._download.checksums import Expected
from .._download.fetch import fetch
from .._download.threads import in_thread
from .._download.wanted import Download, Wanted
from .hosts import HostQueues, HostWatch
from .listing import Listing
from .local import has, remove, tidy
from .manifest import Arriving, Manifest, Record, State, is_inside
from .names import candidates
from .plan import Listed, Plan, plan_for
from .report import Outcome, Receiver, Report, Status, Tally

_FATAL = frozenset(
    getattr(errno, name)
    for name in ("ENOSPC", "EDQUOT", "EROFS", "EIO", "EMFILE", "ENFILE", "ENOMEM")
    if hasattr(errno, name)
)
"""The errors of the system that every other file would meet as well."""

_EXPECTED = (DataGouvError, OSError, UnicodeError)
"""The errors of one file, which do not concern the others."""


@frozen
class Options:
    """The conditions that are the same for all files: see :func:`.folder.sync`."""

    max_size: int | None = field(validator=checked(check_limit))
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
class Run:
    """A synchronization under way."""

    client: Client
    manifest: Manifest
    listing: Listing
    options: Options
    queues: HostQueues[_Job]
    requests: HostWatch
    tally: Tally

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
                        if one.resource is not None:
                            self.tally.list()
                        self.tally.add(one)
                    else:
                        self.tally.list()
                        await self._plan(one)
                        await asyncio.sleep(0)  # A list at hand must not hold up the downloads.
        finally:
            await self.queues.close()

    async def _plan(self, listed: Listed) -> None:
        """Decide about a file; queue it if there is anything to do."""
        try:
            record, state = await self._known(listed.id)
            if record is None:
                job = _Job(listed, *await self._place(listed))
            else:
                plan = plan_for(listed, record, state, keep_altered=self.options.keep_altered)
                job = _Job(listed, record, plan)
            if job.plan.action == "leave":
                await self._leave(job)
        except _EXPECTED as error:
            self._check(error)
            known = self.manifest.records.get(listed.id)
            return self._end(listed, known, "failed", _reason(error))
        match job.plan.action:
            case "leave":
                self._end(listed, job.record, "unchanged")
            case "keep":
                self._end(listed, job.record, "kept", job.plan.reason)
            case "refuse":
                self._end(listed, job.record, "failed", job.plan.reason)
            case _ if (reason := self.requests.aside.get(listed.host)) is not None:
                self._end(listed, job.record, "failed", reason)
            case _:
                await self.queues.put(listed.host, job)

    async def _known(self, resource: str) -> tuple[Record | None, State]:
        """The file of an earlier run, and its state now; None if there is none."""
        manifest = self.manifest
        record = manifest.records.get(resource)
        if record is None:
            return None, "missing"
        state, path = record.state(manifest.folder), manifest.folder / record.path
        new = record.arriving if state == "altered" else None
        if new is not None and await in_thread(partial(has, path, new.checksum)):
            # The run that fetched it was interrupted before it could tell.
            record = self._recorded(record, new)
            await manifest.put(record)
            return record, "intact"
        if state != "missing" and record.at is None:
            # Somebody else has made a file of that name meanwhile.
            if record.pending and state != "foreign":
                await in_thread(partial(tidy, path))
            await manifest.drop(record)
            return None, "missing"
        return record, state

    async def _leave(self, job: _Job) -> None:
        """Record that a file is up to date."""
        if job.record.pending:
            await in_thread(partial(tidy, self.manifest.folder / job.record.path))
        record = evolve(job.record, portal=job.listed.signs, pending=False, arriving=None)
        if record != job.record:
            await self.manifest.put(record, is_urgent=False)

    async def _place(self, listed: Listed) -> tuple[Record, Plan]:
        """Choose the path of a new file."""
        manifest = self.manifest
        folder = ""
        if listed.folder:
            folder = f"{manifest.folder_for(listed.dataset or '', listed.folder)}/"
        path, plan = "", Plan("fetch")
        for name in candidates(listed.name, listed.id):
            path, plan = folder + name, Plan("fetch")
            if not is_inside(path):
                raise DestinationError(f"{path!r} leads out of the folder")
            if os.path.lexists(manifest.folder / path):
                # It is nobody's, or has another spelling of a name that is taken.
                if not await self._is_same(path, listed.expected):
                    continue
                plan = Plan("compare")
            if manifest.claim(path):
                break
        new = Record(path=path, resource=listed.id, dataset=listed.dataset, source=listed.source)
        return new, plan

    async def _is_same(self, path: str, expected: Expected) -> bool:
        """Whether a file of somebody else is the one that is expected."""
        checksum, file = expected.checksum, self.manifest.folder / path
        if checksum is None:
            return False
        try:
            return await in_thread(lambda: has(file, checksum, expected.size))
        except PermissionError:  # Then it is not to be known, and not to be replaced either.
            return False

    async def _work(self) -> None:
        while (work := await self.queues.take()) is not None:
            host, job = work
            try:
                await self._do(job, host)
            finally:
                await self.queues.done(host)

    async def _do(self, job: _Job, host: str) -> None:
        """Compare or fetch a file."""
        listed, record = job.listed, job.record
        if (reason := self.requests.aside.get(host)) is not None:
            return self._end(listed, record, "failed", reason)
        receiver = Receiver(self.tally)
        try:
            status = await self._bring(job, receiver)
        except _EXPECTED as error:
            self._check(error)
            # The file is as it was, or as an interrupted run has left it.
            is_there = os.path.lexists(self.manifest.folder / record.path)
            latest = self.manifest.records.get(listed.id, record)
            latest = evolve(latest, pending=record.pending and is_there)
            await self.manifest.put(latest, is_urgent=False)
            if isinstance(error, NetworkError) and not receiver.received:
                await self._put_aside(self.requests.count(error))
            return self._end(listed, record, "failed", _reason(error), receiver.received)
        reason = job.plan.reason if status == "downloaded" else None
        return self._end(listed, record, status, reason, receiver.received)

    async def _bring(self, job: _Job, receive: OnProgress) -> Status:
        """Compare or fetch a file, and record it."""
        listed, record, manifest = job.listed, job.record, self.manifest
        path = manifest.folder / record.path
        checksum = listed.expected.checksum if job.plan.action == "compare" else None
        size = listed.expected.size
        if checksum is not None and await in_thread(lambda: has(path, checksum, size)):
            await in_thread(partial(tidy, path))
            same = Arriving(
                checksum=checksum,
                portal=listed.signs,
                etag=record.etag,
                last_modified=record.last_modified,
            )
            record = evolve(record, found=record.found or record.at is None)
            await manifest.put(self._recorded(record, same))
            return "unchanged"
        if path.parent != manifest.folder:
            path.parent.mkdir(exist_ok=True)
            if path.parent.is_symlink():
                raise OSError(errno.ELOOP, "a symbolic link is at the place of its folder")
        is_there = os.path.lexists(path)
        if is_there and record.at is None:
            raise DestinationError(f"{path.name} was made by somebody else meanwhile")
        record = evolve(record, found=record.found and is_there)
        await manifest.put(evolve(record, pending=True), is_urgent=False)
        new: Arriving | None = None

        async def announce(done: Download) -> None:
            # Without it, the file could not be told from somebody else's after a kill.
            nonlocal new
            new = Arriving(
                checksum=done.digest,
                portal=listed.signs,
                etag=done.etag,
                last_modified=done.last_modified,
            )
            await manifest.put(evolve(record, pending=True, arriving=new))

        asks = job.plan.action == "ask"
        await fetch(
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
                before=announce,
            ),
            admit=self.requests,
        )
        if new is not None:
            await manifest.put(self._recorded(record, new))
            return "downloaded"
        record = evolve(record, portal=listed.signs, pending=False, arriving=None)
        await manifest.put(record, is_urgent=False)
        return "unchanged"

    def _recorded(self, record: Record, new: Arriving) -> Record:
        """The record of a file as it is now."""
        found = (self.manifest.folder / record.path).lstat()
        return evolve(
            record,
            portal=new.portal,
            size=found.st_size,
            mtime=found.st_mtime_ns,
            checksum=new.checksum,
            etag=new.etag,
            last_modified=new.last_modified,
            at=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            pending=False,
            arriving=None,
        )

    async def _put_aside(self, host: str | None) -> None:
        """End the files that wait for a host which is asked for no more."""
        if host is None:
            return
        for job in await self.queues.drop(host):
            self._end(job.listed, job.record, "failed", self.requests.aside[host])

    def _check(self, error: Exception) -> None:
        """Raise an error that every other file would meet as well."""
        if self.manifest.error is not None or (
            isinstance(error, OSError) and error.errno in _FATAL
        ):
            raise error

    def _end(
        self,
        listed: Listed,
        record: Record | None,
        status: Status,
        reason: str | None = None,
        size: int = 0,
    ) -> None:
        self.tally.add(
            Outcome(
                resource=listed.id,
                dataset=listed.dataset if record is None else record.dataset,
                path=None if record is None else record.path,
                status=status,
                bytes=size,
                reason=reason,
                url=listed.address,
            )
        )

    async def _delete(self) -> None:
        """Delete the files that the source has no more."""
        for record in [*self.manifest.records.values()]:
            if not self.listing.is_gone(record.source, record.resource):
                continue
            try:
                status, reason = await self._delete_one(record.resource)
            except _EXPECTED as error:
                self._check(error)
                status, reason = "failed", _reason(error)
            if status is None:
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

    async def _delete_one(self, resource: str) -> tuple[Status | None, str | None]:
        """Delete a file; return the outcome, and the reason for another one than that."""
        record, state = await self._known(resource)
        if record is None:
            return None, None
        if state in ("altered", "foreign"):
            return "kept", "its resource is gone, but it was changed here"
        if record.found and state != "missing":
            return "kept", "its resource is gone, but it was there before it was synchronized"
        folder = self.manifest.folder
        await in_thread(partial(remove, folder / record.path, folder))
        await self.manifest.drop(record)
        return (None if record.at is None else "deleted"), None


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
