"""The keys of a page: its numbers, and the ids and dates of its items, decoded without the rest.

A walk needs no more. To parse whole items takes several times as long, so it is only done for pages
that the strict reading refuses: it takes more than JSON, and its errors have a path.
"""

from __future__ import annotations

import datetime as dt
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import reduce
from typing import Any, Generic, TypeVar, cast

import msgspec
from attrs import evolve, frozen

from .._decoding.dates import read_datetime
from .._decoding.json import parse
from .._decoding.place import Origin
from .._views.page import PageView
from ..errors import DecodeError
from ..types import JsonObject
from .broken import NEVER
from .pages import Batch
from .visibility import Mark, marks_of

_MOST = 10**9
"""More items than any list has."""

T = TypeVar("T")


class _Page(msgspec.Struct, Generic[T], gc=False):
    data: list[T]
    page: int
    page_size: int
    total: int
    next_page: Any = None


@frozen
class Keys:
    """The keys of a page.

    Attributes:
        page: The page to a walk, without its items.
        dates: The dates of its items, by their dotted paths.
    """

    page: Batch[None]
    dates: dict[str, list[dt.datetime]]

    def batch(self, items: T, path: str | None) -> Batch[T]:
        """The page with its items decoded, and with their dates at a path, if any."""
        page, dates = self.page, self.dates[path] if path else []
        size, marks = page.size, page.marks
        return Batch(items, page.ids, page.total, size, page.has_more, dates, marks=marks)


class KeyReader:
    """Reads the keys of pages.

    Args:
        paths: The dotted paths of the dates that are wanted.
        marking: The fields by which the items are marked, if they are.
    """

    def __init__(self, *paths: str, marking: Mapping[str, Mark] | None = None) -> None:
        self._paths = [*dict.fromkeys(paths)]
        self._marking = marking or {}
        item = _item_of([path.split(".") for path in self._paths], self._marking)
        page = cast("type[_Page[Any]]", cast("Any", _Page)[item])
        self._decoder = msgspec.json.Decoder(page)

    def read(self, operation: str, content: bytes) -> Keys:
        """Read the keys of a page.

        Raises:
            DecodeError: It is not a page, or an item has no date at one of the paths.
        """
        keys = self.read_strictly(operation, content)
        if keys is not None:
            return keys
        page = read_page(operation, content)
        dates = {path: dates_of(operation, page.page, path) for path in self._paths}
        marks = [marks_of(one, self._marking) for one in page.page if self._marking]
        batch = Batch(None, page.ids, page.total, page.size, page.has_more, marks=marks)
        return Keys(batch, dates)

    def read_strictly(self, operation: str, content: bytes) -> Keys | None:
        """Read the keys of a page; None if :meth:`read` has to look at all of it.

        Raises:
            DecodeError: A number of the page makes no sense, or a date is not one.
        """
        try:
            page = self._decoder.decode(content)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return None
        numbers = {name: getattr(page, name) for name in ("total", "page_size", "next_page")}
        batch = batch_of(operation, None, numbers, [item.id for item in page.data])
        dates = {
            path: _dates(operation, page.data, path, operator.attrgetter(path))
            for path in self._paths
        }
        fields = self._marking.items()
        marks = [
            tuple(mark for name, mark in fields if getattr(item, name))
            for item in page.data
            if fields
        ]
        return Keys(evolve(batch, marks=marks), dates)


def _item_of(paths: Iterable[Sequence[str]], others: Iterable[str] = ()) -> type[msgspec.Struct]:
    """A class of objects that have a date, or null, at each path, and may have other fields."""
    below: dict[str, list[Sequence[str]]] = {}
    for name, *rest in paths:
        below.setdefault(name, []).extend([rest] if rest else [])
    dates = [(name, _item_of(rest) if rest else str | None) for name, rest in below.items()]
    optional = [(name, Any, None) for name in ("id", *others) if name not in below]
    return msgspec.defstruct("Item", [*dates, *optional], gc=False)


def read_page(operation: str, content: bytes) -> Batch[list[dict[str, Any]]]:
    """Decode a page as plain JSON.

    Raises:
        DecodeError: It is not a page.
    """
    page = PageView._read(parse(operation, content), Origin(operation)).to_dict()
    return batch_of(operation, page["data"], page, [item.get("id") for item in page["data"]])


def batch_of(operation: str, page: T, envelope: JsonObject, ids: Sequence[object]) -> Batch[T]:
    """Describe a page to a walk.

    Args:
        operation: The operation's name, for errors.
        page: The decoded page.
        envelope: Its JSON; the items do not matter.
        ids: The ids of its items; other values than text do not identify an item.

    Raises:
        DecodeError: A number of the page makes no sense.
    """
    for name, least in (("total", 0), ("page_size", 1)):
        if not least <= envelope[name] < _MOST:
            found = f"{envelope[name]!r:.80}"
            expected = "a number of items"
            raise DecodeError(found, operation=operation, path=f"$.{name}", expected=expected)
    return Batch(
        page,
        [key if isinstance(key, str) else None for key in ids],
        total=envelope["total"],
        size=envelope["page_size"],
        has_more=bool(envelope.get("next_page")),
    )


def dates_of(operation: str, items: Sequence[Any], path: str) -> list[dt.datetime]:
    """The dates of items at a dotted path.

    Raises:
        DecodeError: An item has no date there.
    """
    names = path.split(".")
    return _dates(operation, items, path, lambda item: reduce(operator.getitem, names, item))


def _dates(
    operation: str, items: Sequence[Any], path: str, get: Callable[[Any], Any]
) -> list[dt.datetime]:
    try:
        return [_moment(get(item)) for item in items]
    except (LookupError, TypeError, ValueError) as error:
        raise DecodeError(
            repr(error), operation=operation, path="$.data", expected=f"{path} of every item"
        ) from error


def _moment(text: str | None) -> dt.datetime:
    if text is None:
        return NEVER
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        moment = read_datetime(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
