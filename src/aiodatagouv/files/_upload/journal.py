"""The journal of an upload: a small file by which a killed one goes on where it was."""

from __future__ import annotations

import asyncio
import datetime as dt
import uuid
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import msgspec
from attrs import Factory, define, field, frozen
from filelock import FileLock
from msgspec import Meta

from ..._disk import written
from ..._ownership import locked, release
from ...errors import CheckpointError, DestinationError

_LIFE = dt.timedelta(hours=23)
"""How long parts are counted on: the portal deletes them 24 hours after the latest one."""

_OF_FILE = {"size", "changed_at"}
"""The parts of the identity of an upload that are of its file; the rest are arguments."""

_Id: TypeAlias = Annotated[str, Meta(pattern=r"\A[0-9A-Za-z-]{1,64}\Z")]
_Index: TypeAlias = Annotated[int, Meta(ge=0, lt=1 << 31)]
_Moment: TypeAlias = Annotated[dt.datetime, Meta(tz=True)]


def _new() -> str:
    return str(uuid.uuid4())


@frozen
class Begun:
    """A request that creates a resource, of which the answer is not known yet.

    Attributes:
        since: A time by the portal's clock before which the resource was not created.
        before: The ids of the resources of the same name that were there before.
    """

    since: _Moment | None
    before: list[_Id]


@define
class State:
    """The state of an upload.

    Attributes:
        uuid: The name of its parts.
        sent_at: When the latest part was confirmed.
        parts: The indexes of the parts that were confirmed.
        begun: The first request that may have created the resource.
        wrong: The resources that were created with a wrong file, and are to be deleted.
        title: The title that a replaced resource keeps.
        resource: The id of the resource, once it has the file.
        done: The JSON of the resource, once everything is done.
    """

    uuid: _Id = Factory(_new)
    sent_at: _Moment | None = None
    parts: set[_Index] = Factory(set[int])
    begun: Begun | None = None
    wrong: list[_Id] = Factory(list[str])
    title: str | None = None
    resource: _Id | None = None
    done: dict[str, Any] | None = None

    @property
    def is_new(self) -> bool:
        """Whether there is nothing to continue."""
        return not (self.parts or self.begun or self.wrong or self.resource or self.done)

    def renew(self) -> None:
        """Begin another attempt, whose parts have another name."""
        self.uuid, self.sent_at, self.parts = _new(), None, set()


@define
class _Record:
    """The content of a journal.

    Attributes:
        upload: The JSON that identifies the upload.
        state: Its state.
    """

    upload: dict[str, Any]
    state: State


@define
class Journal:
    """The state of an upload, in a file if it is to survive the process.

    The file is replaced as a whole with every change. A lock file beside it keeps other processes
    away.
    """

    state: State = Factory(State)
    is_resumed: bool = False
    _identity: Mapping[str, Any] = Factory(dict[str, Any])
    _path: Path | None = None
    _lock: FileLock | None = None
    _writing: asyncio.Lock = field(factory=asyncio.Lock)

    @classmethod
    def open(cls, path: Path, identity: Mapping[str, Any]) -> Journal:
        """Open the journal of an upload, or begin one.

        Args:
            path: The file.
            identity: The JSON that identifies the upload.

        Raises:
            CheckpointError: It is of another upload, in use or damaged.
            DestinationError: There can be no file, or there is something of others.
        """
        lock = _locked(path)
        try:
            record = _read(path)
            if record is None:
                return cls(State(), False, identity, path, lock)
            there, state = record.upload, record.state
            different = [name for name in identity if there.get(name) != identity.get(name)]
            if different and {*different} <= _OF_FILE:
                raise CheckpointError(
                    f"{path} is the journal of another file, or this one was changed since: "
                    "choose another journal, or remove it to upload this one anew"
                )
            if different:
                shown = [
                    f"{one} {there.get(one)!r} there, {identity[one]!r} here" for one in different
                ]
                raise CheckpointError(
                    f"{path} belongs to another upload ({'; '.join(shown)}): give the same "
                    "arguments again, choose another journal, or remove it to upload anew"
                )
            if state.sent_at is not None and dt.datetime.now(dt.UTC) - state.sent_at > _LIFE:
                state.renew()
            return cls(state, True, identity, path, lock)
        except BaseException:
            release(lock)
            raise

    async def save(self) -> None:
        """Write the state, if there is a file, before anything else is done."""
        async with self._writing:
            if self._path is not None:
                record = _Record({**self._identity}, self.state)
                content = msgspec.json.encode(record, order="deterministic")
                await asyncio.to_thread(_write, self._path, msgspec.json.format(content, indent=1))

    async def confirm(self, part: int) -> None:
        """Record that a part has arrived."""
        self.state.parts.add(part)
        self.state.sent_at = dt.datetime.now(dt.UTC)
        await self.save()

    def close(self) -> None:
        """Release the file, and remove it if there is nothing to continue."""
        try:
            if self._path is not None and self.state.is_new:
                self._path.unlink(missing_ok=True)
        finally:
            if self._lock is not None:
                release(self._lock)


def published(path: Path) -> str | None:
    """The id of the resource in the journal of an upload that is done; None if there is none.

    Raises:
        CheckpointError: It is not the journal of an upload.
    """
    record = _read(path)
    return record.state.resource if record is not None and record.state.done else None


def remove(path: Path) -> None:
    """Remove the journal of an upload, if there is one.

    Raises:
        CheckpointError: It is not the journal of an upload, or in use.
        DestinationError: There is something of others.
    """
    if not path.exists():
        return
    lock = _locked(path)
    try:
        if _read(path) is not None:
            path.unlink()
    finally:
        release(lock)


def _locked(path: Path) -> FileLock:
    with _reaching(path):
        in_use = f"{path} is in use: another upload is under way there"
        return locked(path, CheckpointError(in_use))


@contextmanager
def _reaching(path: Path) -> Generator[None]:
    """Make errors of the system name the journal, which the caller may not have thought of."""
    try:
        yield
    except OSError as error:
        raise DestinationError(
            f"{path}, the journal of the upload, cannot be written ({error.strerror or error}): "
            "choose a journal in another folder"
        ) from error


def _write(path: Path, content: bytes) -> None:
    with _reaching(path), written(path) as file:
        file.write(content)


def _read(path: Path) -> _Record | None:
    """Read a journal, None if there is none.

    Raises:
        CheckpointError: It is not a journal of an upload.
    """
    with _reaching(path):
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
    try:
        record = msgspec.json.decode(content, type=_Record)
    except (ValueError, RecursionError) as error:
        raise _damaged(path, str(error)) from None
    done, state = record.state.done, record.state
    if done is not None and (state.resource is None or done.get("id") != state.resource):
        raise _damaged(path, "its resource is not that of the upload")
    return record


def _damaged(path: Path, reason: str) -> CheckpointError:
    return CheckpointError(
        f"{path} is damaged, or is not the journal of an upload ({reason}): move it away, or "
        "choose another place for the journal"
    )
