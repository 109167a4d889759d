"""A portal whose list moves while it is walked: what comes and goes is left to chance."""

from __future__ import annotations

import asyncio
import datetime as dt
import random
from typing import Any

import httpx
from attrs import define, field

from aiodatagouv import Client, masks

from .clients import client_of

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


@define(slots=False)
class MovingPortal:
    """A list in the order of creation, and what happens to it.

    Attributes:
        shown: Which items the list shows, by their number: they are created in that order.
        created: How many there have been.
        throughout: Which of them the list has shown all the time.
        chance: Decides what happens.
        left: How much more happens.
        only: What may happen.
        longest: How many items a page has at most.
        together: How many items are created at once.
        hidden: What there is besides the items shown.
        updated: How often each item was updated, and when.
        quiet: Items of which an update does not change the date of change, only when it was made.
        clock: How many seconds have passed.
        later: The first item that was created on another day than those before it.
    """

    shown: list[int]
    created: int
    throughout: set[int]
    chance: random.Random
    left: int
    only: str = "create delete hide show update"
    longest: int = 10_000
    together: int = 1
    hidden: list[int] = field(factory=list[int])
    updated: dict[int, tuple[int, int]] = field(factory=dict[int, tuple[int, int]])
    quiet: set[int] = field(factory=set[int])
    clock: int = 10_000
    later: int = 1_000_000

    @classmethod
    def of(cls, size: int, seed: int, left: int, **options: Any) -> MovingPortal:
        """A list of a size, and chance."""
        return cls([*range(size)], size, {*range(size)}, random.Random(seed), left, **options)

    def go_on(self) -> None:
        """Let something happen, or nothing, or a lot."""
        for _ in range(self.chance.choice([0, 0, 1, 1, 2, 5, 9])):
            if self.left:
                self.left -= 1
                self.clock += 1
                getattr(self, f"_{self.chance.choice(self.only.split())}")()

    def _create(self) -> None:
        self.shown.append(self.created)
        self.created += 1

    def _delete(self) -> int | None:
        if not self.shown:
            return None
        # Rather at the start, where everything else is moved.
        gone = self.shown.pop(int(len(self.shown) * self.chance.random() ** 2))
        self.throughout.discard(gone)
        return gone

    def _update(self) -> None:
        if self.shown:
            one = self.chance.choice(self.shown)
            self.updated[one] = (self.updated.get(one, (0, 0))[0] + 1, self.clock)

    def _hide(self) -> None:
        """As by an update after which a filter no longer fits."""
        if (gone := self._delete()) is not None:
            self.hidden.append(gone)

    def _show(self) -> None:
        """As by one after which it fits: in the middle of the list."""
        if self.hidden:
            self.shown.append(self.hidden.pop())
            self.shown.sort()

    def date(self, item: int) -> dt.datetime:
        """When an item was created."""
        seconds = item // self.together + (10_000 if item >= self.later else 0)
        return START + dt.timedelta(seconds=seconds)

    def changed(self, item: int) -> dt.datetime:
        """When an item has changed last, as the list is sorted by it."""
        return self.date(item) if item in self.quiet else self.written(item)

    def written(self, item: int) -> dt.datetime:
        """When an item was created or updated last."""
        seconds = self.updated.get(item, (0, -1))[1]
        return START + dt.timedelta(seconds=seconds) if seconds >= 0 else self.date(item)

    def content(self, item: int) -> dict[str, Any]:
        """An item as JSON, with some of the fields of a dataset."""
        created, written = self.date(item).isoformat(), self.written(item).isoformat()
        return {
            "id": str(item),
            "title": f"Jeu {item}, version {self.updated.get(item, (0, 0))[0]}",
            "internal": {"created_at_internal": created, "last_modified_internal": written},
            "last_update": self.changed(item).isoformat(),
            "resources": [{"id": f"r{item}", "title": "é", "filesize": None}],
        }

    async def page(self, number: int, size: int, sort: str = "created") -> tuple[list[int], int]:
        """The items of a page, and its size; something happens before and after."""
        for _ in range(self.chance.randrange(4)):
            await asyncio.sleep(0)
        self.go_on()
        size = min(size, self.longest)
        by = self.changed if sort.endswith("update") else self.date
        # Those of one date come in any order.
        order = sorted(self.shown, key=lambda one: (by(one), self.chance.random()))
        return order[(number - 1) * size : number * size], size

    async def answer(self, request: httpx.Request) -> httpx.Response:
        """A page of ``GET /datasets/``."""
        query = request.url.params
        number = int(query.get("page", 1))
        items, size = await self.page(
            number, int(query.get("page_size", 20)), query.get("sort", "created")
        )
        if not items and number > 1:
            return httpx.Response(404, json={"message": "past the end"})
        total = self.total()
        text = request.headers.get(masks.HEADER)
        mask = masks.parse(text)["data"] if text else None
        page = {
            "data": [masked(self.content(one), mask) for one in items],
            "page": number,
            "page_size": size,
            "total": total,
            "next_page": "next" if number * size < total else None,
            "previous_page": None,
        }
        await asyncio.sleep(0)
        return httpx.Response(200, json=page)

    def total(self) -> int:
        """How many items the list says that it has."""
        return len(self.shown)

    def client(self, **options: Any) -> Client:
        """A client of it."""
        transport = httpx.MockTransport(self.answer)
        return client_of("https://portal.example/", transport=transport, **options)


def masked(value: Any, mask: masks.Mask | None) -> Any:
    """What a mask leaves of some JSON."""
    if mask is None or "*" in mask:
        return value
    if isinstance(value, list):
        return [masked(one, mask) for one in value]
    return {name: masked(value.get(name), inside) for name, inside in mask.items()}
