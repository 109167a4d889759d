"""The checkpoint of a harvest: a journal beside its destination, which survives any kill."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

from attrs import Factory, asdict, define, frozen

from ...errors import CheckpointError, DestinationError
from ..report import Report, next_since
from .place import Seal
from .records import decoded, encoded
from .storage import Storage

Identity = Mapping[str, Any]
"""The JSON that identifies a harvest: one can be continued by another with the same identity."""


@frozen
class Entry:
    """A line of the journal: the state of the destination.

    Attributes:
        page: The last page of the list that was written.
        state: The state from which the sink continues.
        ids: The ids of the items written since the entry before.
        report: The report of the harvest so far.
        is_last: Whether everything was written.
        seal: The identity of the finished file, once it is ready for its final name.
        began: When the harvest began by the portal's clock, if that is known.
        empty: The ids among these of the items without a row.
    """

    page: int
    state: Any
    ids: list[str]
    report: dict[str, Any]
    is_last: bool = False
    seal: Seal | None = None
    began: dt.datetime | None = None
    empty: list[str] = Factory(list)

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Entry:
        """The entry of a record of the journal."""
        values: dict[str, Any] = dict(record)
        values["seal"] = Seal(**values["seal"]) if values["seal"] else None
        values["began"] = _moment(values["began"])
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """The record of the journal."""
        return {**asdict(self), "began": _text(self.began)}


@define
class Journal:
    """The checkpoint of a harvest. The first line is its identity, each further one an entry.

    An entry is appended once the items that it covers are safe. A line that a kill has cut off
    does not count; one that was changed is an error. A finished journal keeps only the first line
    and the report. The beginning and the end replace all lines, so that it never lacks its first
    one.

    Attributes:
        storage: The place of its lines.
        identity: The identity of the harvest.
        began: When the harvest began.
        latest: When its latest complete harvest began, if there was one.
        since: The date since which changes are wanted; None for everything.
        entries: The entries of a run that was interrupted.
        seals: The identities that the destination may have, if earlier runs have recorded any.
        stale: The ids of the items that the latest complete harvest has skipped: the destination
            may have an older version of them.
        empty: The ids of the items that have no row in the destination, a flat table.
    """

    storage: Storage
    identity: Identity
    began: dt.datetime
    latest: dt.datetime | None
    since: dt.datetime | None
    entries: list[Entry] = Factory(list)
    _sum: str = ""
    _before: bytes = b""
    seals: list[Seal] = Factory(list)
    stale: list[str] = Factory(list)
    empty: list[str] = Factory(list)

    @classmethod
    def open(
        cls,
        storage: Storage,
        identity: Identity,
        *,
        resume: bool,
        since: dt.date | Literal["last"] | None,
        must_know: bool = True,
        claim: Callable[[bool], object] | None = None,
    ) -> Journal:
        """Open a journal, or begin one.

        Args:
            storage: The place of its lines.
            identity: The identity of the harvest.
            resume: Whether to continue a run that was interrupted.
            since: The date since which changes are wanted, to update the destination.
            must_know: Whether it is an error if ``since`` is "last" and the start of the latest
                complete harvest is unknown; otherwise everything is wanted.
            claim: Called before anything is written, with whether an interrupted run has recorded
                that there are temporary files. Raises an error if they cannot be used.

        Raises:
            CheckpointError: The journal belongs to another harvest, is damaged, or is in use.
            DestinationError: The start of the latest complete harvest is unknown, or there are
                files of others at the place of the journal or of the temporary files.
        """
        storage.lock()
        try:
            content = storage.read()
            head, body, checksum = parsed(storage, content)
            is_interrupted = bool(body) and "done" not in body[-1] and head["since"] is None
            if head and since is not None:
                # The page size does not matter to an update.
                compare(storage, sized(head["query"]), sized(identity))
            is_same = bool(head) and sized(head["query"]) == sized(identity)
            latest = latest_of(head, body) if is_same else None
            if since == "last" and latest is None and not must_know:
                since = None
            if resume and is_interrupted and since is None:
                compare(storage, head["query"], identity)
            stale = _stale(head, body) if is_same else []
            empty = head.get("empty", []) if is_same else []
            if claim is not None:
                claim(bool(head) and head["has_part"])
            storage.clean()
            if resume and is_interrupted and since is None:
                began = dt.datetime.fromisoformat(head["began"])
                entries = [Entry.of(line) for line in body]
                journal = cls(storage, identity, began, latest, None, entries, checksum)
                journal.stale, journal.empty = stale, empty
            else:
                if since == "last" and latest is None:
                    raise DestinationError(
                        f"{storage} does not know of a complete harvest of this list: give a date "
                        "instead of 'last', or harvest all"
                    )
                known = latest if since == "last" else None if since is None else start_of(since)
                now = dt.datetime.now(dt.UTC)
                seals = _seals(head, body) if is_same else []
                journal = cls(storage, identity, now, latest, known, seals=seals)
                journal.stale, journal.empty = stale, empty
                journal._write([journal._head()])
        except BaseException:
            storage.close()
            raise
        journal._before = _without_run(content, head, body)
        return journal

    @property
    def has_gap(self) -> bool:
        """Whether there may be changes before :attr:`since` that no harvest has fetched."""
        return self.since is not None and (self.latest is None or self.since > self.latest)

    def check_destination(self, holds: Callable[[Seal], bool]) -> Seal | None:
        """Check before an update that the destination is as the latest harvest has left it.

        If it is not, a date may suit it, but how it was made is unknown: there may be a gap.

        Args:
            holds: Whether the destination has an identity.

        Returns:
            Its identity, if an earlier harvest has recorded it.

        Raises:
            CheckpointError: It is not, and is to be updated since that harvest.
        """
        found = next(filter(holds, self.seals), None)
        if self.seals and found is None:
            if self.since == self.latest:
                raise changed(self.storage.destination)
            self.latest = None
        return found

    def add(self, entry: Entry) -> None:
        """Append an entry."""
        line, self._sum = encoded([entry.to_dict()], self._sum)
        self.storage.append(line)

    def finish(
        self,
        report: dict[str, Any],
        began: dt.datetime | None,
        seal: Seal | None,
        empty: list[str],
    ) -> None:
        """Record that the destination has its final name.

        Args:
            report: The report of the harvest.
            began: When the harvest began by the portal's clock, if that is known.
            seal: The identity of the destination, if it is a file.
            empty: The ids of the items that have no row in it.
        """
        self.empty = empty
        self.began = next_since(self.began, began)
        self.seals.clear()
        self.stale.clear()
        done = {"done": report, "seal": None if seal is None else asdict(seal)}
        self._write([self._head(has_part=False), done])

    def close(self, *, is_useless: bool = False) -> None:
        """Close the journal, and let other harvests in.

        Args:
            is_useless: Whether nothing was recorded that a later run could use. The destination is
                as it was, and so is what the journal has said of it, for whichever harvest.
        """
        try:
            if is_useless and self._before:
                self.storage.replace(self._before)
            elif is_useless:
                self.storage.remove()
        finally:
            self.storage.close()

    def _write(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Replace all lines."""
        lines, self._sum = encoded(records)
        self.storage.replace(lines)

    def _head(self, *, has_part: bool = True) -> dict[str, Any]:
        return {
            "query": self.identity,
            "began": self.began.isoformat(),
            "latest": _text(self.latest),
            "since": _text(self.since),
            "has_part": has_part,
            "seals": [asdict(seal) for seal in self.seals],
            "stale": self.stale,
            "empty": self.empty,
        }


def changed(destination: object) -> CheckpointError:
    """The error for a file that has other contents than its checkpoint says."""
    return CheckpointError(
        f"{destination} is not the file that its checkpoint describes: it was changed or replaced "
        "afterwards; harvest all anew, without resuming"
    )


def read(storage: Storage) -> tuple[dict[str, Any], list[dict[str, Any]], str]:
    """Read a journal.

    Returns:
        Its first line, the others, and the checksum of the last one.

    Raises:
        CheckpointError: It is damaged, or not a journal.
        DestinationError: There is something else in its place.
    """
    return parsed(storage, storage.read())


def parsed(storage: Storage, content: bytes) -> tuple[dict[str, Any], list[dict[str, Any]], str]:
    """Parse the lines of a journal; see :func:`read`."""
    if not content:
        return {}, [], ""
    try:
        (head, *body), checksum = decoded(content)
        head["query"]["page_size"]
        head["has_part"]
        _seals(head, body)
        _stale(head, body)
        latest_of(head, [])
        dt.datetime.fromisoformat(head["began"])
        for line in body:
            Report(**(line["done"] if "done" in line else Entry.of(line).report))
    except (ValueError, LookupError, TypeError) as error:
        raise CheckpointError(
            f"{storage} is damaged, or is not the checkpoint of a harvest ({error}): move it and "
            "the .part beside it away, or remove them, and harvest all anew"
        ) from None
    return head, body, checksum


def _without_run(content: bytes, head: dict[str, Any], body: list[dict[str, Any]]) -> bytes:
    """The lines of a journal without an interrupted run; none if it says nothing else."""
    if body and "done" in body[-1]:
        return content
    seals = _seals(head, body) if head else []
    latest = latest_of(head, body) if head else None
    if not seals and latest is None:
        return b""
    record = {
        **head,
        "latest": _text(latest),
        "has_part": False,
        "seals": [asdict(seal) for seal in seals],
    }
    return encoded([record])[0]


def _seals(head: dict[str, Any], body: list[dict[str, Any]]) -> list[Seal]:
    """The identities that the destination may have."""
    return [Seal(**one) for one in [*head["seals"], *(line["seal"] for line in body)] if one]


def _stale(head: dict[str, Any], body: list[dict[str, Any]]) -> list[str]:
    """The ids of items of which the destination may have an older version."""
    skipped = body[-1].get("done", {}).get("skipped", []) if body else []
    return [*head.get("stale", []), *(one["id"] for one in skipped if one["id"])]


def sized(identity: Identity) -> Identity:
    """An identity whatever its page size."""
    return {**identity, "page_size": 0}


def compare(place: object, there: Identity, here: Identity) -> None:
    """Refuse to continue the harvest of a checkpoint by another one."""
    different = [
        f"{name} {_shown(there.get(name))} there, {_shown(here.get(name))} here"
        for name in dict.fromkeys([*there, *here])
        if there.get(name) != here.get(name)
    ]
    if different:
        raise CheckpointError(
            f"{place} belongs to another harvest ({'; '.join(different)}): give the same "
            "arguments again, choose another destination, or harvest all anew, without resuming"
        )


def _shown(value: object) -> str:
    if value is None:
        return "none"
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else repr(value)


def latest_of(head: dict[str, Any], body: list[dict[str, Any]]) -> dt.datetime | None:
    """When the latest harvest began before which no change is missing."""
    latest, since = _moment(head["latest"]), _moment(head["since"])
    done = body[-1].get("done", {}) if body else {}
    # Items that were skipped are fetched later, whenever they were changed.
    is_complete = done.get("complete") or done.get("complete_but_for")
    if not is_complete or (since is not None and (latest is None or since > latest)):
        return latest
    return _moment(head["began"])


def _moment(text: str | None) -> dt.datetime | None:
    return None if text is None else dt.datetime.fromisoformat(text)


def _text(moment: dt.datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def start_of(date: dt.date) -> dt.datetime:
    """The start of a day; a time without a zone is in UTC, as the portal's are."""
    if isinstance(date, dt.datetime):
        return date if date.tzinfo else date.replace(tzinfo=dt.UTC)
    return dt.datetime.combine(date, dt.time(tzinfo=dt.UTC))
