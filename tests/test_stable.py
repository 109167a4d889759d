"""Stable walks over changing lists: items present throughout are yielded exactly once."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import aclosing
from itertools import pairwise
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from aiodatagouv import NotFoundError, OrderError
from aiodatagouv._walk import stable
from aiodatagouv._walk.pages import Batch
from aiodatagouv._walk.stable import StableWalk

from .moving import MovingPortal


async def page_of(portal: MovingPortal, number: int, size: int) -> Batch[list[int]]:
    """Return a page as a walk receives it."""
    items, size = await portal.page(number, size)
    total = len(portal.shown)
    if not items and number > 1:
        raise NotFoundError("past the end")
    page = Batch(
        items,
        [str(one) for one in items],
        total=total,
        size=size,
        has_more=number * size < total,
        dates=[portal.date(one) for one in items],
    )
    await asyncio.sleep(0)
    return page


def stable_walk(
    portal: MovingPortal, page_size: int, low: int | None = None, high: int | None = None
) -> StableWalk[list[int]]:
    """Make a walk over the items of a portal, or over those from ``low`` to before ``high``."""

    async def fetch(number: int, size: int | None) -> Batch[list[int]]:
        return await page_of(portal, number, size or page_size)

    def start(work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        return asyncio.create_task(work)

    return StableWalk(
        "list_things",
        start,
        fetch,
        fetch,
        low=None if low is None else portal.date(low),
        high=None if high is None else portal.date(high),
    )


async def yielded(walk: StableWalk[list[int]], **options: Any) -> list[int]:
    """Return the items that a stable walk yields."""
    return [batch.page[place] async for batch, new in walk.batches(**options) for place in new]


@pytest.fixture
def _short_stretches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten stretches, so that some tens of items already make a long list."""
    monkeypatch.setattr(stable, "STRETCH", 28)
    monkeypatch.setattr(stable, "WINDOW", 3)


histories = st.builds(
    MovingPortal.of,
    size=st.integers(0, 150),
    seed=st.integers(0),
    left=st.integers(0, 80),
    longest=st.sampled_from([1000, 1000, 24]),
    together=st.sampled_from([1, 1, 2, 4]),
)


@pytest.mark.usefixtures("_short_stretches")
@given(portal=histories, page_size=st.integers(1, 9), concurrency=st.integers(1, 16))
@settings(max_examples=1000)
def test_items_present_throughout_are_yielded_exactly_once(
    portal: MovingPortal, page_size: int, concurrency: int
) -> None:
    found = asyncio.run(yielded(stable_walk(portal, page_size), concurrency=concurrency))
    assert len(found) == len({*found})
    assert portal.throughout <= {*found}


@pytest.mark.usefixtures("_short_stretches")
@given(
    portal=histories,
    page_size=st.integers(1, 9),
    concurrency=st.integers(1, 16),
    cuts=st.lists(st.integers(0, 60), min_size=1, max_size=4),
    place=st.integers(0, 80),
)
@settings(max_examples=300)
def test_parts_between_dates_are_disjoint_and_cover_items_present_throughout(
    portal: MovingPortal, page_size: int, concurrency: int, cuts: list[int], place: int
) -> None:
    async def run() -> list[list[int]]:
        return [
            await yielded(
                stable_walk(portal, page_size, low, high),
                concurrency=concurrency,
                # The recorded position of a part may be outdated.
                first=place // page_size + 1,
                end=place,
            )
            for low, high in pairwise([None, *sorted(cuts), None])
        ]

    found = [one for part in asyncio.run(run()) for one in part]
    assert len(found) == len({*found})
    assert portal.throughout <= {*found}


@pytest.mark.usefixtures("_short_stretches")
@given(portal=histories, page_size=st.integers(1, 9), stop=st.integers(0, 8), seed=st.integers(0))
@settings(max_examples=300)
def test_a_walk_continues_after_the_pages_of_an_interrupted_one(
    portal: MovingPortal, page_size: int, stop: int, seed: int
) -> None:
    async def run() -> list[int]:
        found = list[int]()
        walk = stable_walk(portal, page_size)
        async with aclosing(walk.batches(concurrency=3)) as batches:
            page = 1
            while page <= stop and (one := await anext(batches, None)):
                found += [one[0].page[place] for place in one[1]]
                page += 1
        for _ in range(seed % 5):
            portal.go_on()  # The list changes during the interruption.
        again = stable_walk(portal, page_size)
        again.seen = walk.seen
        return found + await yielded(again, first=page, concurrency=3)

    found = asyncio.run(run())
    assert len(found) == len({*found})
    assert portal.throughout <= {*found}


@pytest.mark.usefixtures("_short_stretches")
@given(size=st.integers(10, 60), seed=st.integers(0), concurrency=st.integers(1, 16))
def test_a_growing_list_is_yielded_in_order(size: int, seed: int, concurrency: int) -> None:
    portal = MovingPortal.of(size, seed, left=30, only="create")
    found = asyncio.run(yielded(stable_walk(portal, 5), concurrency=concurrency))
    assert found[:size] == [*range(size)]
    assert found == sorted(found)


def test_ids_are_read_in_long_pages_and_missed_items_in_short_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    portal = MovingPortal.of(2500, 0, left=0)
    asked = list[tuple[int, int]]()
    page = portal.page

    async def page_meanwhile(number: int, size: int) -> tuple[list[int], int]:
        asked.append((number, size))
        if (number, size) == (2, 100):
            portal.shown.remove(50)  # The first item of the next page moves to this one.
        return await page(number, size)

    monkeypatch.setattr(MovingPortal, "page", lambda _, number, size: page_meanwhile(number, size))
    found = asyncio.run(yielded(stable_walk(portal, 100)))
    assert {*found} == {*range(2500)}
    ids = [size for _, size in asked if size > 100]
    assert len(ids) == 3
    assert max(ids) <= stable.STRETCH
    (window,) = [size for _, size in asked if size < 100]
    assert window < stable.WINDOW


def test_an_unsorted_list_is_detected() -> None:
    portal = MovingPortal.of(300, 0, left=0)

    async def upside_down(number: int, size: int | None) -> Batch[list[int]]:
        page = await page_of(portal, number, size or 100)
        return evolve(page, dates=page.dates[::-1])

    walk = evolve(stable_walk(portal, 100), fetch_ids=upside_down)
    with pytest.raises(OrderError, match="list_things: the list is not sorted by date"):
        asyncio.run(yielded(walk))


def test_more_items_of_one_date_than_fit_a_page_are_detected() -> None:
    portal = MovingPortal.of(3000, 0, left=0, longest=500, together=2000)
    with pytest.raises(OrderError, match="or has more than 500 items dated 2026-01-01"):
        asyncio.run(yielded(stable_walk(portal, 100)))


@pytest.mark.usefixtures("_short_stretches")
def test_many_items_of_one_date_are_read_at_once() -> None:
    portal = MovingPortal.of(90, 0, left=0, together=40)
    assert {*asyncio.run(yielded(stable_walk(portal, 10)))} == {*range(90)}
