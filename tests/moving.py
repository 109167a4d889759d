"""A simulated portal whose list of datasets changes at random while a client pages through it."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import random
from collections.abc import Callable
from typing import Any, Self

import httpx
from attrs import define, field

from aiodatagouv import Client
from aiodatagouv._fields import mask as masks
from aiodatagouv.types import Mask

from . import versions
from .clients import client_of

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


@define(slots=False)
class MovingPortal:
    """A list of datasets that is changed at random. Items are numbered in order of creation.

    Attributes:
        shown: The visible items.
        created: The number of items created so far.
        throughout: The items that have been visible all the time.
        chance: The random number generator.
        left: The number of changes still to be made.
        only: The kinds of changes to make.
        longest: The largest page size that the portal accepts.
        together: The number of consecutive items that have the same creation date.
        hidden: The items that exist but are not visible.
        updated: The number of updates of each item, and the time of the last one.
        quiet: The items whose updates do not change the date that the list is sorted by.
        clock: The current time, in seconds.
        later: The first item of a second group, which is created 10,000 seconds later.
        is_ragged: Whether items have none to three resources and badges, which each update changes;
            all have one resource otherwise.
        broken: Items of which a field cannot be sent, and the field: pages that have it are a 500.
        version: The version of the API.
        requests: The number of requests that were answered, if it is served over HTTP.
        release: The release of udata.
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
    is_ragged: bool = False
    broken: dict[int, str] = field(factory=dict[int, str])
    version: int = field(factory=lambda: versions.current)
    requests: int = 0
    release: str = "17.18.0"

    @classmethod
    def of(cls, size: int, seed: int, left: int, **options: Any) -> Self:
        """Create a list of a given size, with a seed for the random changes."""
        return cls([*range(size)], size, {*range(size)}, random.Random(seed), left, **options)

    def go_on(self) -> None:
        """Make a random number of changes, which may be none."""
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
        # Mostly near the start, where a deletion moves most of the other items.
        gone = self.shown.pop(int(len(self.shown) * self.chance.random() ** 2))
        self.throughout.discard(gone)
        return gone

    def _update(self) -> None:
        if self.shown:
            one = self.chance.choice(self.shown)
            self.updated[one] = (self.updated.get(one, (0, 0))[0] + 1, self.clock)

    def _hide(self) -> None:
        """Hide an item, as if an update no longer matched a filter."""
        if (gone := self._delete()) is not None:
            self.hidden.append(gone)

    def _show(self) -> None:
        """Show a hidden item again at its place in the list, as if it matched the filter again."""
        if self.hidden:
            self.shown.append(self.hidden.pop())
            self.shown.sort()

    def date(self, item: int) -> dt.datetime:
        """Return the creation date of an item."""
        seconds = item // self.together + (10_000 if item >= self.later else 0)
        return START + dt.timedelta(seconds=seconds)

    def changed(self, item: int) -> dt.datetime:
        """Return the change date of an item that the list is sorted by."""
        return self.date(item) if item in self.quiet else self.written(item)

    def written(self, item: int) -> dt.datetime:
        """Return the date of the last update of an item, or of its creation."""
        seconds = self.updated.get(item, (0, -1))[1]
        return START + dt.timedelta(seconds=seconds) if seconds >= 0 else self.date(item)

    def date_of(self, sort: str) -> Callable[[int], dt.datetime]:
        """Return the function of the date that a sort order sorts by."""
        return self.changed if sort.endswith("update") else self.date

    def content(self, item: int) -> dict[str, Any]:
        """Return an item as JSON, with some of the fields of a dataset."""
        created, written = self.date(item).isoformat(), self.written(item).isoformat()
        updates = self.updated.get(item, (0, 0))[0]
        return {
            "id": str(item),
            "title": f"Jeu {item}, version {updates}",
            "internal": {"created_at_internal": created, "last_modified_internal": written},
            "last_update": self.changed(item).isoformat(),
            "resources": self._resources(item),
            **({"badges": badges_of(item, updates)} if self.is_ragged else {}),
        }

    def _resources(self, item: int) -> Any:
        """The resources of an item: in the second version, a link to their list."""
        if self.version == 1 and self.is_ragged:
            return resources_of(item, self.updated.get(item, (0, 0))[0])
        if self.version == 1:
            return [{"id": f"r{item}", "title": "é", "filesize": None}]
        href = f"https://portal.example/api/2/datasets/{item}/resources/?page=1&page_size=50"
        return {"rel": "subsection", "href": href, "type": "GET", "total": 1}

    async def page(self, number: int, size: int, sort: str = "created") -> tuple[list[int], int]:
        """Make random changes, then return the items of a page and its size."""
        for _ in range(self.chance.randrange(4)):
            await asyncio.sleep(0)
        self.go_on()
        size = min(size, self.longest)
        by = self.date_of(sort)
        # Items with the same date have a random order.
        order = sorted(self.shown, key=lambda one: (by(one), self.chance.random()))
        return order[(number - 1) * size : number * size], size

    async def answer(self, request: httpx.Request) -> httpx.Response:
        """Respond to ``GET /datasets/``, and say which release of udata the portal runs."""
        if request.url.path == "/api/1/site/":
            return httpx.Response(200, json={"version": self.release})
        if request.url.path.endswith("/swagger.json"):
            return httpx.Response(404)
        assert request.url.path == f"/api/{self.version}/datasets/"
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
        if any(
            one in self.broken and (mask is None or {"*", self.broken[one]} & mask.keys())
            for one in items
        ):
            return httpx.Response(500, json={"message": "Internal Server Error"})
        page = {
            "data": [masked(self.content(one), mask) for one in items],
            "page": number,
            "page_size": size,
            "total": total,
            "next_page": "next" if number * size < total else None,
            "previous_page": None,
        }
        await asyncio.sleep(0)
        return json_of(page)

    def total(self) -> int:
        """Return the total that the list reports."""
        return len(self.shown)

    def client(self, **options: Any) -> Client:
        """Create a client of this portal."""
        transport = httpx.MockTransport(self.answer)
        return client_of("https://portal.example/", transport=transport, **options)


def resources_of(item: int, updates: int) -> list[dict[str, Any]]:
    """Return the resources of an item of a ragged portal after some updates."""
    return [{"id": f"{item}-{n}", "title": f"v{updates}"} for n in range((item + updates) % 4)]


def badges_of(item: int, updates: int) -> list[dict[str, Any]]:
    """Return the badges of an item of a ragged portal after some updates."""
    return [{"kind": f"{item}-{n}-v{updates}"} for n in range((item + updates) % 4)]


def json_of(value: Any) -> httpx.Response:
    """Return a response as udata writes it: with spaces, and a line break at the end."""
    headers = {"Content-Type": "application/json"}
    return httpx.Response(200, content=f"{json.dumps(value)}\n", headers=headers)


def masked(value: Any, mask: Mask | None) -> Any:
    """Apply a mask to a JSON value."""
    if mask is None or "*" in mask:
        return value
    if isinstance(value, list):
        return [masked(one, mask) for one in value]
    return {name: masked(value.get(name), inside) for name, inside in mask.items()}
