"""How far a harvest is: a journal beside its destination, which outlives any kill."""

from __future__ import annotations

import datetime as dt
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, Literal

from attrs import Factory, asdict, define, frozen

from ..errors import CheckpointError, DestinationError
from ..files import part_of, replace, sync, written
from .report import Report
from .sinks import checkpoint_of

Query = Mapping[str, Any]
"""What is harvested, as JSON: two harvests that have it in common can be continued."""


@frozen
class Entry:
    """One line of the journal: what is on disk.

    Attributes:
        page: The last page of the list that is.
        state: What the destination needs to continue after it.
        ids: Those of the items that were added.
        report: What the harvest has come to.
        is_last: Whether that is all.
    """

    page: int
    state: Any
    ids: list[str]
    report: dict[str, Any]
    is_last: bool = False


@define
class Journal:
    """The checkpoint of a harvest. Its first line is what is harvested, each further one an entry.

    An entry is appended once what it covers is on disk. A line that a kill has cut off does not
    count. When all is there, only the first line and the last word are left. Both the beginning and
    the end replace the file, so that it is never without its first line.

    Attributes:
        path: The file.
        query: What is harvested.
        began: When that began.
        latest: When the latest complete harvest of it began, if there was one.
        since: From when on changes are wanted, None if everything is.
        entries: What is on disk, of a run that was cut off.
    """

    path: Path
    query: Query
    began: dt.datetime
    latest: dt.datetime | None
    since: dt.datetime | None
    _file: BinaryIO
    entries: list[Entry] = Factory(list)

    @classmethod
    def open(
        cls, path: Path, query: Query, *, resume: bool, since: dt.date | Literal["last"] | None
    ) -> Journal:
        """Open a checkpoint, or begin one.

        Args:
            path: The file.
            query: What is harvested.
            resume: Whether to continue a run that was cut off.
            since: From when on changes are wanted, if the destination is to be brought up to date.

        Raises:
            CheckpointError: It is of another harvest, or in use.
            DestinationError: Nobody knows when the latest complete harvest began.
        """
        is_new = not path.exists()
        file = _locked(path)
        try:
            head, body = _read(file, path)
            is_cut_off = bool(body) and "done" not in body[-1] and head["since"] is None
            if head and since is not None:
                # How long its pages are does not matter to what is merged.
                _compare(path, head["query"], {**query, "page_size": head["query"]["page_size"]})
            elif resume and is_cut_off:
                _compare(path, head["query"], query)
            is_same = head and {**head["query"], "page_size": 0} == {**query, "page_size": 0}
            latest = _latest(head, body) if is_same else None
            if resume and is_cut_off and since is None:
                entries = [Entry(**line) for line in body]
                began = dt.datetime.fromisoformat(head["began"])
                return cls(path, query, began, latest, None, file, entries)
            if since == "last" and latest is None:
                raise DestinationError(
                    f"{path} does not know of a complete harvest of this: give a date instead of "
                    "'last', or harvest all"
                )
            known = latest if since == "last" else _start(since)
            journal = cls(path, query, dt.datetime.now(dt.UTC), latest, known, file)
            journal._file = _begun(path, _line(journal._head()))
        except BaseException:
            if is_new:
                path.unlink(missing_ok=True)
            file.close()
            raise
        file.close()
        return journal

    @property
    def has_gap(self) -> bool:
        """Whether something may have changed that is too old to be asked for."""
        return self.since is not None and (self.latest is None or self.since > self.latest)

    def add(self, entry: Entry) -> None:
        """Note what is on disk now."""
        self._append(asdict(entry))

    def end(self, report: dict[str, Any], skew: float) -> None:
        """Note that the harvest has its final name.

        Args:
            report: What it has come to.
            skew: How many seconds the portal's clock is ahead.
        """
        # What changes go by is the portal's clock, and what is a minute late may not be seen yet.
        self.began += dt.timedelta(seconds=min(skew, 0) - 60)
        with written(self.path) as file:
            file.write(_line(self._head()) + _line({"done": report}))

    def close(self, *, is_empty: bool = False) -> None:
        """End, whether the harvest is done or not.

        Args:
            is_empty: Whether nothing was noted that a later run could need.
        """
        if is_empty and self.latest is None:
            self.path.unlink(missing_ok=True)
        self._file.close()

    def _head(self) -> dict[str, Any]:
        return {
            "query": self.query,
            "began": self.began.isoformat(),
            "latest": None if self.latest is None else self.latest.isoformat(),
            "since": None if self.since is None else self.since.isoformat(),
        }

    def _append(self, content: Mapping[str, Any]) -> None:
        self._file.write(_line(content))
        sync(self._file)


def finished(destination: Path) -> Report | None:
    """What the harvest has come to that a file is whole by, None if there is none."""
    path = checkpoint_of(destination)
    if not (path.exists() and destination.exists()):
        return None
    with path.open("rb") as file:
        lines = [json.loads(line) for line in file]
    return Report(**lines[-1]["done"]) if "done" in lines[-1] else None


def _line(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=False).encode() + b"\n"


def _read(file: BinaryIO, path: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The first line of a journal and the others; it is cut off after the last whole one."""
    file.seek(0)
    content = file.read()
    whole = content[: content.rfind(b"\n") + 1]
    if not content:
        return {}, []
    try:
        head, *body = [json.loads(line) for line in whole.splitlines()]
        head["query"]["page_size"]
        _latest(head, [])
        dt.datetime.fromisoformat(head["began"])
        for line in body:
            Report(**(line["done"] if "done" in line else Entry(**line).report))
    except (ValueError, LookupError, TypeError) as error:
        raise CheckpointError(
            f"{path} is no checkpoint of a harvest ({error!r}): move it away, or remove it"
        ) from None
    file.truncate(len(whole))
    return head, body


def _compare(path: Path, there: Query, here: Query) -> None:
    """Refuse to continue another harvest."""
    different = [
        f"{name} {_shown(there.get(name))} there, {_shown(here.get(name))} here"
        for name in dict.fromkeys([*there, *here])
        if there.get(name) != here.get(name)
    ]
    if different:
        raise CheckpointError(
            f"{path} is of another harvest ({'; '.join(different)}): say the same again, choose "
            "another destination, or harvest all anew, without resuming"
        )


def _shown(value: object) -> str:
    if value is None:
        return "none"
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else repr(value)


def _locked(path: Path) -> BinaryIO:
    """Open a checkpoint, or make one, and keep other processes from it."""
    while True:
        file = path.open("a+b")
        try:
            _lock(file, path)
            # Who had it locked may have replaced it meanwhile.
            if path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat()):
                return file
        except BaseException:
            file.close()
            raise
        file.close()


def _begun(path: Path, head: bytes) -> BinaryIO:
    """Replace a checkpoint by one with nothing but its first line, which is locked like it."""
    part = part_of(path)
    file = part.open("w+b")
    try:
        _lock(file, path)
        file.write(head)
        sync(file)
        replace(part, path)
    except BaseException:
        file.close()
        raise
    return file


def _lock(file: BinaryIO, path: Path) -> None:
    """Refuse to write what another process writes."""
    if sys.platform == "win32":
        raise DestinationError(f"{path}: files can only be harvested into on POSIX systems")
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise CheckpointError(f"{path} is in use: another harvest is under way there") from None


def _latest(head: dict[str, Any], body: list[dict[str, Any]]) -> dt.datetime | None:
    """When the latest harvest began after which nothing older is missing."""
    latest, since = _moment(head["latest"]), _moment(head["since"])
    is_complete = bool(body) and body[-1].get("done", {}).get("complete", False)
    if not is_complete or (since is not None and (latest is None or since > latest)):
        return latest
    return _moment(head["began"])


def _moment(text: str | None) -> dt.datetime | None:
    return None if text is None else dt.datetime.fromisoformat(text)


def _start(date: dt.date | None) -> dt.datetime | None:
    """When a day begins; a time without a zone is that of the portal, which is UTC."""
    if date is None or (isinstance(date, dt.datetime) and date.tzinfo):
        return date
    if isinstance(date, dt.datetime):
        return date.replace(tzinfo=dt.UTC)
    return dt.datetime.combine(date, dt.time(tzinfo=dt.UTC))
