"""The base of generated models of pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from .._decoding.place import Place, unreadable
from ..types import UNSET, JsonObject
from .view import View


class PageView(View, init=False):
    """A page of a list: its items are ``data``.

    Attributes:
        page: The number of this page, from 1.
        page_size: The most items that a page has.
        total: The number of items of all pages.
        next_page: The URL of the page after this one, None on the last.
        previous_page: The URL of the page before this one, None on the first.
    """

    page: int
    page_size: int
    total: int
    next_page: str | None
    previous_page: str | None

    @classmethod
    def _read(cls, value: Any, place: Place) -> Self:
        """View a page; its numbers and its list of objects are checked at once.

        Older releases send some lists without pages: such a list is the only page.

        Raises:
            DecodeError: It is not a page.
        """
        # A mask selects the fields of a page; applied to the items of such a list, it leaves none.
        page: Any = _only_page(value) if type(value) is list and {} not in value else value
        self = super()._read(page, place)
        for name in ("page", "page_size", "total"):
            if type(number := page.get(name, UNSET)) is not int:
                raise unreadable((place, name), "a whole number", number)
        data = page.get("data", UNSET)
        if type(data) is not list:
            raise unreadable((place, "data"), "a list", data)
        for index, item in enumerate(data):
            if type(item) is not dict:
                raise unreadable(((place, "data"), index), "an object", item)
        return self

    def _with_items(self, indexes: Sequence[int]) -> Self:
        """The page with only the items of some indexes."""
        items = [self._json["data"][index] for index in indexes]
        return self._read({**self._json, "data": items}, self._place)


def _only_page(items: list[Any]) -> JsonObject:
    size = len(items)
    numbers = {"page": 1, "page_size": max(size, 1), "total": size}
    return {"data": items, **numbers, "next_page": None, "previous_page": None}
