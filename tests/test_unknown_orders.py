"""Lists of older releases, which refuse a sort order or sort by another date.

The answers are those of udata 9.2.4 (``GET /dataservices/?sort=created``) and 10.4.3 (``GET
/datasets/?sort=last_update``).
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
from attrs import define, field
from hypothesis import given, settings
from hypothesis import strategies as st

from aiodatagouv import BadRequestError, OrderError, bulk
from aiodatagouv.cli.progress import summary
from aiodatagouv.dask.board import summed
from aiodatagouv.errors import UnknownOrderError
from aiodatagouv.models import Dataset, DatasetPage

from .harvests import SUFFIXES, Stop, harvest, ids, read, stop_after
from .moving import START, MovingPortal
from .versions import datasets, named

pytestmark = pytest.mark.usefixtures("version")


T = TypeVar("T")


@define(slots=False)
class OldPortal(MovingPortal):
    """A portal that refuses some sort orders.

    Attributes:
        unknown: The sort orders that it refuses.
        by_written: Whether `last_update` sorts by the date of the last write.
        is_upside_down: Whether it ignores every sort order, and lists the newest item first.
        sources: The change date of some items, in seconds, as their source says it.
        asked: The sort order of each request of a page.
    """

    unknown: frozenset[str] = frozenset()
    by_written: bool = False
    is_upside_down: bool = False
    sources: dict[int, int] = field(factory=dict[int, int])
    asked: list[str | None] = field(factory=list[str | None])

    def changed(self, item: int) -> dt.datetime:
        if item in self.sources:
            return START + dt.timedelta(seconds=self.sources[item])
        return super().changed(item)

    def date_of(self, sort: str) -> Callable[[int], dt.datetime]:
        if self.is_upside_down:
            return lambda item: dt.datetime.max.replace(tzinfo=dt.UTC) - (self.date(item) - START)
        if self.by_written and sort == "last_update":
            return self.written
        return super().date_of(sort)

    async def answer(self, request: httpx.Request) -> httpx.Response:
        if not request.url.path.endswith("/datasets/"):
            return await super().answer(request)
        sort = request.url.params.get("sort")
        self.asked.append(sort)
        if sort not in self.unknown:
            return await super().answer(request)
        problem = (
            "The field (and direction) on which sorting apply The value "
            f"'{sort}' is not a valid choice for 'sort'."
        )
        answer = {"errors": {"sort": problem}, "message": "Input payload validation failed"}
        return httpx.Response(400, json=answer)


def old_portal(size: int, **options: Any) -> OldPortal:
    """Create a portal that does not know the order of creation, and does not change."""
    return OldPortal.of(size, 0, left=0, unknown=frozenset({"created"}), **options)


REASON = (
    "only the number of items can be checked: the list cannot be sorted by 'created', which this"
    " portal does not know"
)


# ---- The order of creation is refused


@pytest.mark.parametrize("skip_broken", [False, True])
async def test_a_harvest_reads_the_list_in_its_own_order_and_says_so(
    skip_broken: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "aiodatagouv")
    portal, path = old_portal(43), tmp_path / "a.jsonl"
    report = await harvest(portal, path, skip_broken=skip_broken)
    assert ids(path) == [*range(43)]
    assert portal.asked == ["created"] + 9 * [None]
    assert report.complete
    assert (report.unknown_order, report.reason) == ("created", REASON)
    assert summary(report, None).endswith(f": complete ({REASON})")
    assert [record.message for record in caplog.records] == [
        f"{named('list_datasets')}: the list cannot be sorted by 'created', which this portal does"
        " not know:"
        " it is read in the portal's own order"
    ]


async def test_a_broken_object_of_such_a_list_is_skipped(tmp_path: Path) -> None:
    portal = old_portal(43, broken={7: "title"})
    report = await harvest(portal, tmp_path / "a.jsonl", skip_broken=True)
    assert ids(tmp_path / "a.jsonl") == [one for one in range(43) if one != 7]
    assert report.status == "complete but for 1"
    assert [one.id for one in report.skipped] == ["7"]


async def test_items_missed_in_such_a_list_are_told_by_their_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    portal, left = old_portal(43), iter([*range(43)])

    def shrink(report: bulk.Report) -> None:
        # The item behind a page moves to it whenever the first one is deleted.
        if report.pages < 4:
            portal.shown.remove(next(left))

    # Page by page: a page that is fetched ahead may be older or newer than the deletion.
    report = await harvest(portal, tmp_path / "a.jsonl", progress=shrink, concurrency=1)
    assert (report.items, report.total, report.complete) == (40, 40, True)
    portal.shown = [*range(43)]
    monkeypatch.setattr(portal, "total", lambda: 50)
    report = await harvest(portal, tmp_path / "a.jsonl")
    assert (report.items, report.total, report.complete) == (43, 50, False)


@pytest.mark.usefixtures("short", "same_start")
@pytest.mark.parametrize("suffix", SUFFIXES)
async def test_an_interrupted_harvest_of_such_a_list_produces_an_identical_file(
    suffix: str, tmp_path: Path
) -> None:
    whole = tmp_path / f"whole{suffix}"
    await harvest(old_portal(43), whole)
    for pages in range(9):
        path = tmp_path / f"{pages}{suffix}"
        with pytest.raises(Stop):
            await harvest(old_portal(43), path, progress=stop_after(pages))
        again = old_portal(43)
        report = await harvest(again, path)
        written = (pages + 1) // 2 * 2
        assert (report.resumed, report.items, report.pages) == (5 * written, 43, 9)
        assert again.asked == ["created"] + (9 - written) * [None]
        assert (report.complete, report.unknown_order) == (True, "created")
        assert path.read_bytes() == whole.read_bytes()


@pytest.mark.usefixtures("short")
async def test_a_long_harvest_of_such_a_list_is_resumed(tmp_path: Path) -> None:
    # More pages than a walk reads without a new item.
    path, portal = tmp_path / "a.jsonl", old_portal(250)
    with pytest.raises(Stop):
        await harvest(portal, path, size=1, progress=stop_after(240))
    report = await harvest(portal, path, size=1)
    assert report.complete
    assert ids(path) == [*range(250)]


@pytest.mark.usefixtures("short")
async def test_such_a_list_may_have_shrunk_when_its_harvest_is_resumed(tmp_path: Path) -> None:
    path, portal = tmp_path / "a.jsonl", old_portal(43)
    with pytest.raises(Stop):
        await harvest(portal, path, progress=stop_after(5))
    del portal.shown[20:]
    report = await harvest(portal, path)
    assert (report.resumed, report.items, report.complete) == (30, 30, False)
    assert ids(path) == [*range(30)]


@pytest.mark.usefixtures("short")
async def test_a_second_harvest_of_such_a_list_replaces_the_file(tmp_path: Path) -> None:
    path, portal = tmp_path / "a.jsonl", old_portal(12)
    await harvest(portal, path)
    portal.shown.remove(3)
    report = await harvest(portal, path)
    assert report.complete
    assert (report.resumed, ids(path)) == (0, [one for one in range(12) if one != 3])


@pytest.mark.usefixtures("short")
@given(size=st.integers(30, 80), seed=st.integers(0), left=st.integers(0, 60))
@settings(max_examples=40)
def test_after_an_upgrade_of_the_portal_nothing_is_missed(size: int, seed: int, left: int) -> None:
    portal = OldPortal.of(size, seed, left, unknown=frozenset({"created"}))

    async def run(path: Path) -> bulk.Report:
        with pytest.raises(Stop):
            await harvest(portal, path, progress=stop_after(3))
        portal.unknown = frozenset()
        return await harvest(portal, path)

    with tempfile.TemporaryDirectory() as folder:
        report = asyncio.run(run(Path(folder, "a.jsonl")))
        found = ids(Path(folder, "a.jsonl"))
    assert len(found) == len({*found})
    assert portal.throughout <= {*found}
    assert (report.complete, report.reason, report.unknown_order) == (True, None, None)


@pytest.mark.usefixtures("short")
async def test_pages_in_order_of_creation_are_not_continued_by_others(tmp_path: Path) -> None:
    path, portal = tmp_path / "a.jsonl", old_portal(43)
    portal.unknown = frozenset()
    with pytest.raises(Stop):
        await harvest(portal, path, progress=stop_after(5))
    portal.unknown = frozenset({"created"})  # It was downgraded.
    for _ in range(2):
        with pytest.raises(UnknownOrderError, match="cannot be sorted by 'created'"):
            await harvest(portal, path)
    report = await harvest(portal, path, resume=False)
    assert (report.resumed, report.complete) == (0, True)
    assert ids(path) == [*range(43)]


async def test_an_order_that_is_refused_in_the_middle_ends_the_harvest(tmp_path: Path) -> None:
    portal = OldPortal.of(43, 0, left=0)

    def downgrade(report: bulk.Report) -> None:
        portal.unknown = frozenset({"created"})

    with pytest.raises(UnknownOrderError):
        await harvest(portal, tmp_path / "a.jsonl", progress=downgrade)
    assert None not in portal.asked


async def test_a_stable_iteration_yields_all_and_ends_with_an_error() -> None:
    items, pages = list[Dataset](), list[DatasetPage]()

    async def collect(source: AsyncIterator[T], into: list[T]) -> None:
        async for one in source:
            into.append(one)

    async with old_portal(43).client() as client:
        found = datasets.list_datasets(client, page_size=5)
        with pytest.raises(OrderError, match=r"sorted by 'created'.*: items may be missing"):
            await collect(found.items(stable=True, concurrency=3), items)
        with pytest.raises(OrderError):
            await collect(found.pages(stable=True), pages)
    assert [one.id for one in items] == [str(one) for one in range(43)]
    assert [len(page.data) for page in pages] == [*(8 * [5]), 3]


async def test_an_order_of_the_user_is_refused_as_the_portal_refuses_it(tmp_path: Path) -> None:
    portal = old_portal(43)
    async with portal.client() as client:
        found = datasets.list_datasets(client, sort="created")
        with pytest.raises(BadRequestError, match="not a valid choice for 'sort'"):
            await bulk.harvest(found, tmp_path / "a.jsonl", skip_broken=True)
        with pytest.raises(BadRequestError, match="not a valid choice for 'sort'"):
            await anext(found.items())
    assert {*portal.asked} == {"created"}
    assert not [*tmp_path.iterdir()]


async def test_another_400_is_not_about_the_order(
    scripted: Callable[..., Any], tmp_path: Path
) -> None:
    asked = list[str | None]()

    def refuse(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.params.get("sort"))
        return httpx.Response(400, json={"errors": {"organization": "not an ObjectId"}})

    async with scripted(refuse) as client:
        found = datasets.list_datasets(client, organization="a-slug")
        with pytest.raises(BadRequestError, match="organization"):
            await bulk.harvest(found, tmp_path / "a.jsonl")
    assert asked == ["created"]


@pytest.mark.parametrize("is_upside_down", [False, True])
async def test_a_list_without_the_order_is_one_part(is_upside_down: bool, tmp_path: Path) -> None:
    portal = old_portal(43, is_upside_down=is_upside_down)
    portal.unknown = frozenset() if is_upside_down else portal.unknown
    async with portal.client() as client:
        (part,) = await bulk.partition(datasets.list_datasets(client, page_size=5), 4)
        assert (part.is_whole, part.start, part.end) == (True, 0, 43)
        portal.shown.append(43)
        portal.created += 1
        report = await bulk.harvest(part, tmp_path / "a.jsonl", client=client)
    assert sorted(ids(tmp_path / "a.jsonl")) == [*range(44)]
    assert (report.items, report.total, report.complete) == (44, 44, True)
    assert report.unknown_order == (None if is_upside_down else "created")
    assert summed([report]).unknown_order == report.unknown_order


async def test_a_part_between_dates_needs_the_order(tmp_path: Path) -> None:
    portal = old_portal(43)
    portal.unknown = frozenset()
    async with portal.client() as client:
        first, *_ = await bulk.partition(datasets.list_datasets(client, page_size=5), 4)
        portal.unknown = frozenset({"created"})
        with pytest.raises(UnknownOrderError):
            await bulk.harvest(first, tmp_path / "a.jsonl", client=client)


# ---- Updates


@pytest.mark.usefixtures("short")
@given(
    size=st.integers(20, 60),
    seed=st.integers(0),
    left=st.integers(0, 60),
    kind=st.sampled_from(["refuses", "sorts by the last write"]),
)
@settings(max_examples=60)
def test_an_updated_file_equals_a_fresh_harvest(size: int, seed: int, left: int, kind: str) -> None:
    portal = OldPortal.of(size, seed, left=0, later=size, quiet={*range(0, size, 3)})
    if kind == "refuses":
        portal.unknown = frozenset({"last_update"})
    portal.by_written = kind != "refuses"

    async def run(path: Path, other: Path) -> bulk.Report:
        await harvest(portal, path)
        since = START + dt.timedelta(seconds=portal.clock)
        portal.left = left
        for _ in range(left):
            portal.go_on()
        portal.left = 0
        report = await harvest(portal, path, since=since)
        await harvest(portal, other)
        return report

    with tempfile.TemporaryDirectory() as folder:
        path, other = Path(folder, "one.jsonl"), Path(folder, "other.jsonl")
        report = asyncio.run(run(path, other))
        refreshed, harvested = read(path), read(other)
    assert sorted(refreshed, key=lambda item: int(item["id"])) == harvested
    assert report.complete
    assert report.unknown_order == ("last_update" if kind == "refuses" else None)


async def test_an_update_without_the_order_of_changes_says_how_they_were_found(
    tmp_path: Path,
) -> None:
    portal, path = old_portal(300), tmp_path / "a.jsonl"
    portal.unknown = frozenset({"last_update"})
    await harvest(portal, path)
    portal.updated = {5: (1, 20_000), 280: (1, 20_000)}
    report = await harvest(portal, path, since=START + dt.timedelta(seconds=10_000))
    assert (report.changed, report.missed, report.complete) == (2, 2, True)
    assert report.reason == (
        "changes were found by their dates alone: the list cannot be sorted by 'last_update',"
        " which this portal does not know"
    )
    assert portal.asked.count("last_update") == 1
    assert {item["title"][-1] for item in read(path)} == {"0", "1"}
    report = await harvest(portal, path, since=START + dt.timedelta(seconds=30_000))
    assert (report.pages, report.total, report.items) == (0, 300, 300)


async def test_a_change_that_only_the_source_dates_is_found_in_a_list_sorted_by_the_last_write(
    tmp_path: Path,
) -> None:
    portal, path = OldPortal.of(300, 0, left=0), tmp_path / "a.jsonl"
    portal.by_written = True
    await harvest(portal, path, size=100)
    portal.sources = {7: 20_000}
    report = await harvest(portal, path, since=START + dt.timedelta(seconds=10_000))
    assert (report.changed, report.complete) == (1, True)
    assert read(path)[7]["last_update"] == portal.changed(7).isoformat()


async def test_a_list_sorted_by_the_last_write_is_read_only_as_far_as_it_has_changed(
    tmp_path: Path,
) -> None:
    portal, path = OldPortal.of(3000, 0, left=0), tmp_path / "a.jsonl"
    portal.by_written, portal.quiet = True, {*range(0, 3000, 2)}
    await harvest(portal, path, size=100)
    portal.updated = {one: (1, 20_000 + one) for one in range(0, 3000, 600)}
    report = await harvest(portal, path, size=100, since=START + dt.timedelta(seconds=10_000))
    assert (report.changed, report.missed, report.complete, report.reason) == (5, 0, True, None)
    assert report.requests == 2 + 4  # Of each order, and all ids in stretches.
    assert [item["title"][-1] for item in read(path)[:2]] == ["1", "0"]


@pytest.mark.parametrize("is_upside_down", [False, True])
async def test_a_list_without_the_order_of_creation_is_not_updated(
    is_upside_down: bool, tmp_path: Path
) -> None:
    portal, path = old_portal(43, is_upside_down=is_upside_down), tmp_path / "a.jsonl"
    portal.unknown = frozenset() if is_upside_down else portal.unknown
    await harvest(portal, path)
    before = path.read_bytes()
    with pytest.raises(OrderError, match=r"sorted by .*: harvest all anew, without since$"):
        await harvest(portal, path, since="last")
    assert path.read_bytes() == before
    await harvest(portal, path)
    assert path.read_bytes() == before
