"""The journal of an upload: a small file by which a killed one goes on where it was."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from attrs import Factory, asdict, define, field, frozen
from filelock import FileLock

from ..._disk import written
from ..._ownership import locked, release
from ...errors import CheckpointError

_LIFE = dt.timedelta(hours=23)
"""How long parts are counted on: the portal deletes them 24 hours after the latest one."""


def _new() -> str:
    return str(uuid.uuid4())


@frozen
class Begun:
    """A request that creates a resource, of which the answer is not known yet.

    Attributes:
        since: A time by the portal's clock before which the resource was not created.
        before: The ids of the resources with the same file that were there before.
    """

    since: dt.datetime | None
    before: list[str]


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

    uuid: str = Factory(_new)
    sent_at: dt.datetime | None = None
    parts: set[int] = Factory(set[int])
    begun: Begun | None = None
    wrong: list[str] = Factory(list[str])
    title: str | None = None
    resource: str | None = None
    done: dict[str, Any] | None = None

    @property
    def is_new(self) -> bool:
        """Whether there is nothing to continue."""
        return not (self.parts or self.begun or self.wrong or self.resource or self.done)

    def renew(self) -> None:
        """Begin another attempt, whose parts have another name."""
        self.uuid, self.sent_at, self.parts = _new(), None, set()

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Self:
        """The state of a record."""
        values = dict(record)
        values["parts"] = {int(one) for one in values["parts"]}
        values["sent_at"] = _moment(values["sent_at"])
        if values["begun"] is not None:
            since = _moment(values["begun"]["since"])
            values["begun"] = Begun(since, [str(one) for one in values["begun"]["before"]])
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """The record of the state."""
        values = asdict(self)
        values["parts"] = sorted(self.parts)
        values["sent_at"] = _text(self.sent_at)
        if values["begun"] is not None:
            values["begun"]["since"] = _text(values["begun"]["since"])
        return values


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
        """
        lock = locked(path, CheckpointError(f"{path} is in use: another upload is under way there"))
        try:
            record = _read(path)
            if record is None:
                return cls(State(), False, identity, path, lock)
            there = record["upload"]
            different = [
                f"{name} {there.get(name)!r} there, {identity.get(name)!r} here"
                for name in identity
                if there.get(name) != identity.get(name)
            ]
            if different:
                raise CheckpointError(
                    f"{path} belongs to another upload ({'; '.join(different)}): give the same "
                    "arguments again, choose another journal, or remove it to upload anew"
                )
            state = State.of(record["state"])
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
                record = {"upload": self._identity, "state": self.state.to_dict()}
                content = json.dumps(record, indent=1).encode()
                await asyncio.to_thread(_write, self._path, content)

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


def _write(path: Path, content: bytes) -> None:
    with written(path) as file:
        file.write(content)


def _read(path: Path) -> dict[str, Any] | None:
    """Read a journal, None if there is none.

    Raises:
        CheckpointError: It is not a journal of an upload.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    try:
        record: dict[str, Any] = json.loads(content)
        dict(record["upload"])
        State.of(record["state"])
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise CheckpointError(
            f"{path} is damaged, or is not the journal of an upload ({type(error).__name__}): "
            "choose another journal, or remove it to upload anew"
        ) from None
    return record


def _moment(text: str | None) -> dt.datetime | None:
    return None if text is None else dt.datetime.fromisoformat(text)


def _text(moment: dt.datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
