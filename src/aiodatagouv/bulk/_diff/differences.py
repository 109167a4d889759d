"""The differences between two harvests: the rows that were added, changed, or are gone.

The memory is that of two digests a row, not of the rows. The old harvest is read first, and of each
row its key and its digest are kept. Then the new one is read: a row with the same digest is the
same; one whose digest differs is put aside in a temporary file. At last the old harvest is read
again, and its rows are compared with those put aside.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal, cast

import msgspec
from attrs import define, field, frozen

from ...errors import HarvestFileError
from ...types import JsonObject
from .._lines.lines import item_of
from ..destination import is_url, path_of
from .compare import Values, differences, text_of
from .keys import key_of
from .rows import Harvested, Row

_SAME: Final = -1
_ADDED: Final = -2

_DIGEST = 16
"""Bytes of a digest: two rows have the same one by chance once in 10**19 rows."""


@frozen
class Difference:
    """A row that differs between two harvests.

    Attributes:
        change: Whether only the new harvest has it, or only the old one, or both with differences.
        key: The columns that identify it, with their values.
        row: The row that was added or is gone; None if it was changed.
        fields: The values that were changed, by their paths, such as ``resources[2].title``.
    """

    change: Literal["added", "changed", "gone"]
    key: Mapping[str, Any]
    row: JsonObject | None = None
    fields: Mapping[str, Values] = field(factory=dict[str, Values])

    def to_dict(self, *, brief: bool = False) -> JsonObject:
        """The difference as JSON; if brief, without a row that was added or is gone."""
        json: JsonObject = {"change": self.change, "key": dict(self.key)}
        if self.change == "changed":
            json["fields"] = {path: values.to_dict() for path, values in self.fields.items()}
        elif not brief:
            json["row"] = self.row
        return json


@define
class Summary:
    """The number of differences.

    Attributes:
        added: Rows that only the new harvest has.
        changed: Rows that both have, with other values.
        gone: Rows that only the old harvest has.
        same: Rows that are the same in both.
        fields: The number of rows in which a field was changed, by its path without the indexes of
            lists, such as ``resources[].title``.
    """

    added: int = 0
    changed: int = 0
    gone: int = 0
    same: int = 0
    fields: Counter[str] = field(factory=Counter[str])

    @property
    def differ(self) -> bool:
        """Whether there are any differences."""
        return bool(self.added or self.changed or self.gone)


@define
class Differences:
    """The differences between two harvests, which are found while they are iterated over.

    Those that were added come first, in the order of the new harvest; then those that were changed
    or are gone, in the order of the old one.

    Attributes:
        old: The old harvest.
        new: The new one.
        key: The columns that identify a row; None to find out.
        summary: Their number, complete after the last one.
    """

    old: Harvested
    new: Harvested
    key: tuple[str, ...] | None
    summary: Summary = field(factory=Summary)

    def __iter__(self) -> Iterator[Difference]:
        self.summary = Summary()
        key = self.key or key_of(self.old, self.new)
        if key is None:  # There are no rows.
            return
        with tempfile.TemporaryFile() as aside:
            comparison = _Comparison(self, _Keys(key), aside)
            comparison.remember()
            yield from comparison.added()
            yield from comparison.others()


def diff(
    old: str | os.PathLike[str],
    new: str | os.PathLike[str],
    *,
    key: str | Sequence[str] | None = None,
) -> Differences:
    """Compare two harvests of a list.

    >>> differences = bulk.diff("yesterday.jsonl.gz", "today.jsonl.gz")
    >>> for one in differences:
    ...     print(one.change, one.key["id"], *one.fields)
    >>> differences.summary.added

    Each is a file in any format of a harvest, or a folder of such files, of which those that begin
    with ``_`` or ``.`` are ignored. The order of the rows does not matter. Values are compared as
    JSON: 1 and 1.0 are equal, null and a missing value are not.

    Args:
        old: The path of the old harvest.
        new: The path of the new one.
        key: The columns that identify a row: ``"dataset_id,id"`` or a list. By default it is
            ``id``, and in a harvest with ``explode`` the id of the item as well, such as
            ``dataset_id``. Whether it is one is read from the manifest of the folder, the metadata
            of the table or the checkpoint of the file; without any, the names of columns tell.

    Raises:
        FileNotFoundError: There is no file.
        ValueError: A file has no suffix of a harvest, ``key`` is empty, or a harvest is in a store;
            or one is a table and the other one JSON Lines: their values are not alike.
        HarvestFileError: A harvest is damaged, incomplete or none; a row has no key, or another
            row has the same. Most of these errors are raised by the iteration.
    """
    several = [one.strip() for one in key.split(",")] if isinstance(key, str) else key
    columns = None if several is None else (*several,)
    if columns is not None and not (columns and all(columns)):
        raise ValueError(f"key is {key!r}: it must be the names of columns")
    before, now = Harvested.at(_path(old)), Harvested.at(_path(new))
    if before.format != now.format:
        raise ValueError(
            f"{before.path} is {before.format}, {now.path} is {now.format}: a table has other "
            "values, such as dates and null for what is missing: compare two of one format"
        )
    return Differences(before, now, columns)


def _path(harvest: str | os.PathLike[str]) -> Path:
    """The path of a harvest on disk.

    Raises:
        ValueError: It is in a store.
    """
    text = os.fspath(harvest)
    if is_url(text):
        raise ValueError(
            f"a harvest at {text.partition(':')[0]}:// cannot be compared where it is: copy it to "
            "this machine, and compare the copy"
        )
    return Path(path_of(text))


class _Keys:
    """Reads the columns that identify a row, and no others.

    Args:
        columns: Their names.
    """

    def __init__(self, columns: Sequence[str]) -> None:
        names = {f"column{number}": column for number, column in enumerate(columns)}
        struct = msgspec.defstruct("Row", [(name, Any) for name in names], rename=names)
        self._columns = columns
        self._decode = msgspec.json.Decoder(struct).decode
        self._hint = f"; rows are identified by {', '.join(columns)}: choose other columns as key"

    def read(self, row: Row) -> tuple[Any, ...]:
        """The values of the columns of a row.

        Raises:
            HarvestFileError: It lacks one of them.
        """
        try:
            return msgspec.structs.astuple(row.read(self._decode))
        except HarvestFileError as error:
            if isinstance(error.__cause__, msgspec.ValidationError):
                raise row.wrong(f"{error.__cause__}{self._hint}") from None
            raise

    def named(self, values: Sequence[Any]) -> dict[str, Any]:
        """The columns with their values."""
        return dict(zip(self._columns, values, strict=True))

    def repeated(self, row: Row, values: Sequence[Any]) -> Exception:
        """The error for a row with the key of another one."""
        shown = ", ".join(f"{name} {value!r}" for name, value in self.named(values).items())
        return row.wrong(f"it is not the first row with {shown:.200}{self._hint}")


class _Comparison:
    """The three readings of a comparison.

    Args:
        found: What is compared, and the summary.
        keys: Reads the keys.
        aside: A temporary file for new rows that may have changed.
    """

    def __init__(self, found: Differences, keys: _Keys, aside: BinaryIO) -> None:
        self._old, self._new, self._summary = found.old, found.new, found.summary
        self._keys, self._aside = keys, aside
        self._states: dict[bytes, bytes | int] = {}
        """The digest of each key -> the digest of the old row; once the new row was read, where it
        was put aside, or `_SAME` or `_ADDED`."""

    def remember(self) -> None:
        """Read the old harvest."""
        for row in self._old.rows():
            values = self._keys.read(row)
            key = _digest(msgspec.json.encode(values))
            if key in self._states:
                raise self._keys.repeated(row, values)
            self._states[key] = _digest(row.content)

    def added(self) -> Iterator[Difference]:
        """Read the new harvest, and iterate over the rows that only it has."""
        states = self._states
        for row in self._new.rows():
            values = self._keys.read(row)
            key = _digest(msgspec.json.encode(values))
            state = states.get(key)
            if isinstance(state, int):
                raise self._keys.repeated(row, values)
            if state is None:
                states[key] = _ADDED
                self._summary.added += 1
                yield Difference("added", self._keys.named(values), row.read(_decode))
            elif state == _digest(row.content):
                states[key] = _SAME
                self._summary.same += 1
            else:
                row.read(_decode)  # Raises an error that names the row.
                states[key] = self._aside.tell()
                self._aside.write(row.content + b"\n")

    def others(self) -> Iterator[Difference]:
        """Read the old harvest again, and iterate over its rows that were changed or are gone."""
        for row in self._old.rows():
            values = self._keys.read(row)
            state = self._states.get(_digest(msgspec.json.encode(values)), _ADDED)
            if state == _ADDED:
                raise row.wrong("the harvest was replaced while it was compared: compare it again")
            if state == _SAME:
                continue
            named, old = self._keys.named(values), row.read(_decode)
            if not isinstance(state, int):
                self._summary.gone += 1
                yield Difference("gone", named, old)
            elif fields := dict(differences(old, self._changed(state))):
                self._summary.changed += 1
                self._summary.fields.update({text_of(one, with_indexes=False) for one in fields})
                texts = {text_of(one): values for one, values in fields.items()}
                yield Difference("changed", named, fields=texts)
            else:
                self._summary.same += 1

    def _changed(self, place: int) -> JsonObject:
        """A new row that was put aside."""
        self._aside.seek(place)
        return _decode(self._aside.readline())


_decode_object = msgspec.json.Decoder(dict[str, Any]).decode


def _decode(content: bytes) -> JsonObject:
    """Decode a row; a number that is too large for a float becomes null, as in a table."""
    try:
        return _decode_object(content)
    except msgspec.ValidationError:
        row: Any = item_of(content)
        if not isinstance(row, dict):
            raise
        return cast("JsonObject", row)


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=_DIGEST).digest()
