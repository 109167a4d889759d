"""Harvests past objects that the portal cannot send: the others once, those left out named."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiodatagouv import bulk

from .harvests import Stop, harvest, ids, stop_after
from .moving import MovingPortal

breakage = st.dictionaries(
    st.integers(0, 79), st.sampled_from(["title", "title", "internal", "id"]), max_size=6
)


@pytest.mark.usefixtures("short")
@given(
    size=st.integers(0, 80),
    seed=st.integers(0),
    left=st.integers(0, 60),
    broken=breakage,
    page_size=st.integers(1, 12),
    concurrency=st.integers(1, 16),
    stops=st.lists(st.integers(0, 8), max_size=3),
)
@settings(max_examples=300)
def test_everything_else_is_harvested_once_and_broken_items_are_named(
    size: int,
    seed: int,
    left: int,
    broken: dict[int, str],
    page_size: int,
    concurrency: int,
    stops: list[int],
) -> None:
    portal = MovingPortal.of(size, seed, left, broken=broken)

    async def run(path: Path) -> bulk.Report:
        for pages in stops:
            try:
                return await harvest(
                    portal,
                    path,
                    page_size,
                    concurrency=concurrency,
                    progress=stop_after(pages),
                    skip_broken=True,
                )
            except Stop:
                portal.go_on()
        return await harvest(portal, path, page_size, concurrency=concurrency, skip_broken=True)

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "datasets.jsonl")
        report = asyncio.run(run(path))
        found = ids(path)
    print(report)
    assert len(found) == len({*found}) == report.items
    assert portal.throughout - broken.keys() <= {*found}
    named = [int(one.id) for one in report.skipped if one.id]
    assert len(named) == len({*named})
    nameable = {one for one, field in broken.items() if field != "id"}
    assert portal.throughout & nameable <= {*named} <= nameable
    nameless = len(report.skipped) - len(named)
    assert len(portal.throughout & broken.keys() - nameable) <= nameless <= len(broken.keys() - nameable)
    assert report.complete is not bool(report.skipped)
    assert report.complete_but_for == len(report.skipped)
