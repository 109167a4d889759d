"""The types of the columns of the catalogue's exports, and the conversion of their cells."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Literal, TypeAlias

import msgspec

Kind: TypeAlias = Literal["text", "flag", "integer", "number", "day", "moment", "list", "json"]
"""The type of a column's values, which is also that of its column in a Parquet file."""

_COLUMNS: Mapping[Kind, str] = {
    "flag": "dataset.private featured",
    "integer": "downloads filesize main_resources_count members_count resources_count size total",
    "number": "availability quality_score",
    "day": "temporal_coverage.end temporal_coverage.start",
    "moment": "closed created created_at harvest.created_at harvest.issued_at harvest.last_update"
    " harvest.modified_at last_modified metadata_modified_at modified",
    "list": "badges participants resources_formats tags",
    "json": "config extras spatial.geom",
}
"""The columns whose type is the same in all exports; those of no kind are text.

The names of ``spatial.zones`` may contain the commas that separate them: they stay text.
"""

_SINCE = ("archived", "dataset.archived")
"""The columns that have a date, or ``False`` for none."""

_OF_EXPORT: Mapping[str, Mapping[str, Kind]] = {
    "dataservices": {"datasets": "list"},
    "reuses": {"datasets": "list"},
    "tags": {"datasets": "integer", "reuses": "integer"},
}
"""The columns whose type differs between exports."""

_INTEGER = re.compile(r"-?[0-9]{1,19}")
_INT64 = range(-(2**63), 2**63)
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?")

_METRIC, _BY_MONTHS = "metric.", "_by_months"
"""The start of the columns that count something, and the end of those that have a series."""

Cell: TypeAlias = Callable[[str], Any]
"""Converts the text of a cell that is not empty."""


def kind_of(export: str, column: str) -> Kind:
    """The type of a column of an export; text if it is not known."""
    own = _OF_EXPORT.get(export, {})
    if column in own:
        return own[column]
    if column in _SINCE:
        return "moment"
    if column.startswith(_METRIC) and not column.endswith(_BY_MONTHS):
        return "integer"
    return _KINDS.get(column, "text")


class CellError(ValueError):
    """A cell has no value of its column's type."""

    def __init__(self, column: str, kind: Kind, text: str) -> None:
        super().__init__(column, kind, text)
        self.column = column
        self.kind = kind
        self.text = text


class Cells:
    """Converts the cells of an export's rows.

    Args:
        export: The name of the export.
        names: The names of its columns.
        columns: The columns wanted, all when None.

    Attributes:
        kinds: The columns wanted, and the type of each.

    Raises:
        ValueError: There is no such column.
    """

    def __init__(self, export: str, names: Sequence[str], columns: Sequence[str] | None) -> None:
        missing = [name for name in columns or () if name not in names]
        if missing:
            near = get_close_matches(missing[0], names, n=1)
            hint = f": did you mean {near[0]!r}?" if near else ""
            del names, near  # A traceback shows the local variables.
            raise ValueError(f"the export {export} has no column {missing[0]!r:.80}{hint}")
        wanted = dict.fromkeys(names if columns is None else columns)
        self.kinds: dict[str, Kind] = {name: kind_of(export, name) for name in wanted}
        self._readers = {
            name: (names.index(name), _reader(name, kind)) for name, kind in self.kinds.items()
        }

    def row(self, row: Sequence[str]) -> dict[str, Any]:
        """Convert a row: an empty list for an empty cell of a list, None for any other.

        Raises:
            CellError: A cell has no value of its column's type.
        """
        cells: dict[str, Any] = {}
        for name, (index, read) in self._readers.items():
            text = row[index]
            try:
                cells[name] = read(text) if text else [] if self.kinds[name] == "list" else None
            except ValueError:
                raise CellError(name, self.kinds[name], text) from None
        return cells

    def texts(self, row: Sequence[str]) -> list[str]:
        """The cells of the columns wanted, as they are."""
        return [row[index] for index, _ in self._readers.values()]


def _reader(name: str, kind: Kind) -> Cell:
    return _since if name in _SINCE else _READERS[kind]


def _flag(text: str) -> bool:
    if text not in ("True", "False"):
        raise ValueError
    return text == "True"


def _moment(text: str) -> dt.datetime:
    moment = dt.datetime.fromisoformat(text)
    # The portal's dates are in UTC, and older releases do not say so.
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


def _integer(text: str) -> int:
    if not _INTEGER.fullmatch(text) or int(text) not in _INT64:
        raise ValueError
    return int(text)


def _number(text: str) -> float:
    if not _NUMBER.fullmatch(text):
        raise ValueError
    return float(text)


def _json(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise ValueError from error


def _since(text: str) -> dt.datetime | None:
    return None if text == "False" else _moment(text)


def _day(text: str) -> dt.date:
    return _moment(text).date()


_READERS: Mapping[Kind, Cell] = {
    "text": str,
    "flag": _flag,
    "integer": _integer,
    "number": _number,
    "day": _day,
    "moment": _moment,
    "list": lambda text: text.split(","),
    "json": _json,
}

_KINDS: Mapping[str, Kind] = {
    column: kind for kind, columns in _COLUMNS.items() for column in columns.split()
}
