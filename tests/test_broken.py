"""Harvests past objects that the portal cannot send: the others once, those left out named."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypedDict

import httpx
import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from aiodatagouv import BadRequestError, Client, RetryPolicy, ServerError, bulk
from aiodatagouv._walk.broken import MOST, blocks

from .clients import client_of
from .harvests import SUFFIXES, Stop, harvest, histories, ids, read, stop, stop_after
from .moving import START, MovingPortal
from .versions import datasets, unsortable

pytestmark = pytest.mark.usefixtures("version")


breakage = st.builds(
    lambda nameable, nameless: nameable | dict.fromkeys(nameless, "id"),
    st.dictionaries(
        st.integers(0, 79), st.sampled_from(["title", "title", "internal"]), max_size=6
    ),
    st.sets(st.integers(0, 79), max_size=4),
)
"""Items, and the field of each that cannot be sent: any, the date of creation, or even the id."""


def check_names(report: bulk.Report, portal: MovingPortal) -> None:
    """Check that a report names the broken items of a portal, each once, and no others."""
    named = [int(one.id) for one in report.skipped if one.id]
    assert len(named) == len({*named})
    nameable = {one for one, field in portal.broken.items() if field != "id"}
    assert portal.throughout & nameable <= {*named} <= nameable
    nameless = portal.broken.keys() - nameable
    count = len(report.skipped) - len(named)
    assert len(portal.throughout & nameless) <= count <= len(nameless)


# ---- Exactly-once guarantees


@pytest.mark.usefixtures("short")
@given(
    size=st.integers(30, 80),
    seed=st.integers(0),
    left=st.integers(0, 30),
    broken=breakage,
    page_size=st.integers(1, 12),
    concurrency=st.integers(1, 16),
    stops=st.lists(st.integers(0, 8), max_size=3),
)
@settings(max_examples=histories(40))  # Of each version.
def test_all_other_items_of_a_changing_list_are_written_once_and_broken_ones_are_named(
    size: int,
    seed: int,
    left: int,
    broken: dict[int, str],
    page_size: int,
    concurrency: int,
    stops: list[int],
) -> None:
    portal = MovingPortal.of(size, seed, left, broken=broken)
    options: dict[str, Any] = {"concurrency": concurrency, "skip_broken": True}

    async def run(path: Path) -> bulk.Report:
        for pages in stops:
            try:
                return await harvest(portal, path, page_size, progress=stop_after(pages), **options)
            except Stop:
                portal.go_on()
        return await harvest(portal, path, page_size, **options)

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "datasets.jsonl")
        report = asyncio.run(run(path))
        found = ids(path)
    assert len(found) == len({*found}) == report.items
    assert portal.throughout - broken.keys() <= {*found}
    assert not broken.keys() & {*found}
    check_names(report, portal)
    assert report.complete is not bool(report.skipped)
    assert report.complete_but_for == len(report.skipped)


@pytest.mark.usefixtures("short")
@given(
    size=st.integers(30, 80),
    seed=st.integers(0),
    broken=breakage,
    parts=st.integers(1, 6),
    page_size=st.integers(4, 12),
)
@settings(max_examples=histories(20))  # Of each version.
def test_a_broken_item_is_named_by_one_part_of_a_list(
    size: int, seed: int, broken: dict[int, str], parts: int, page_size: int
) -> None:
    portal = MovingPortal.of(size, seed, left=0)

    async def run(folder: Path) -> list[bulk.Report]:
        async with portal.client() as client:
            found = datasets.list_datasets(client, page_size=page_size)
            split = await bulk.partition(found, parts)
            portal.broken = broken
            return [
                await bulk.harvest(
                    part, folder / f"{number}.jsonl", client=client, skip_broken=True
                )
                for number, part in enumerate(split)
            ]

    with tempfile.TemporaryDirectory() as folder:
        reports = asyncio.run(run(Path(folder)))
        found = [int(item["id"]) for path in Path(folder).glob("*.jsonl") for item in read(path)]
    assert sorted(found) == [one for one in range(size) if one not in broken]
    skipped = tuple(one for report in reports for one in report.skipped)
    check_names(evolve(reports[0], skipped=skipped), portal)


@pytest.mark.usefixtures("short", "same_start")
@pytest.mark.parametrize("suffix", SUFFIXES)
async def test_an_interrupted_harvest_produces_an_identical_file_and_names_the_same_items(
    suffix: str, tmp_path: Path
) -> None:
    broken = {7: "title", 8: "internal", 21: "id", 42: "title"}
    whole = tmp_path / f"whole{suffix}"
    portal = MovingPortal.of(43, 0, left=0, broken=broken)
    once = await harvest(portal, whole, skip_broken=True)
    assert [item["id"] for item in read(whole)] == [
        str(one) for one in range(43) if one not in broken
    ]
    for pages in range(10):
        path = tmp_path / f"{pages}{suffix}"
        try:
            await harvest(portal, path, skip_broken=True, progress=stop_after(pages))
        except Stop:
            report = await harvest(portal, path, skip_broken=True)
            assert report.skipped == once.skipped
            assert report.status == once.status == "complete but for 4"
        assert path.read_bytes() == whole.read_bytes()


@pytest.mark.usefixtures("short")
async def test_a_portal_that_limits_the_page_size_is_narrowed_down_by_its_own_pages(
    tmp_path: Path,
) -> None:
    portal = MovingPortal.of(60, 0, left=0, longest=11, broken={0: "title", 35: "internal"})
    report = await harvest(portal, tmp_path / "a.jsonl", size=25, skip_broken=True)
    assert ids(tmp_path / "a.jsonl") == [one for one in range(60) if one not in portal.broken]
    assert [one.id for one in report.skipped] == ["0", "35"]


# ---- The report


async def test_a_report_names_the_place_the_id_and_the_ids_around(tmp_path: Path) -> None:
    portal = MovingPortal.of(250, 0, left=0, broken={137: "title"})
    report = await harvest(portal, tmp_path / "a.jsonl", size=100, skip_broken=True)
    assert report.skipped == (bulk.Skipped(offset=137, id="137", before="136", after="138"),)
    assert (report.items, report.total, report.complete) == (249, 250, False)
    assert report.status == "complete but for 1"
    assert report.reason == "the portal cannot send 137 at offset 137, after 136, before 138"
    record = json.loads(json.dumps(report.to_dict()))
    assert record["skipped"] == [{"offset": 137, "id": "137", "before": "136", "after": "138"}]
    assert bulk.Report(**record) == report


async def test_an_item_without_a_known_id_is_named_by_its_neighbours(tmp_path: Path) -> None:
    portal = MovingPortal.of(250, 0, left=0, broken={0: "id", 100: "id", 101: "id", 249: "id"})
    report = await harvest(portal, tmp_path / "a.jsonl", size=100, skip_broken=True)
    assert report.skipped == (
        bulk.Skipped(offset=0, after="1"),
        bulk.Skipped(offset=100, before="99", after="102"),
        bulk.Skipped(offset=101, before="99", after="102"),
        bulk.Skipped(offset=249, before="248"),
    )
    assert str(report.reason).endswith("at offset 101, after 99, before 102; and 1 more")


@pytest.mark.parametrize("place", range(0, 100, 9))
async def test_one_broken_item_costs_about_20_requests(place: int, tmp_path: Path) -> None:
    whole = MovingPortal.of(300, 0, left=0)
    usual = await harvest(whole, tmp_path / "a.jsonl", size=100)
    portal = MovingPortal.of(300, 0, left=0, broken={100 + place: "title"})
    report = await harvest(portal, tmp_path / "b.jsonl", size=100, skip_broken=True)
    # At most 20 to find it, and 6 to ask for it again at the end.
    assert 15 <= report.requests - usual.requests <= 26


async def test_progress_reports_name_the_items_skipped_so_far(tmp_path: Path) -> None:
    portal = MovingPortal.of(23, 0, left=0, broken={4: "title", 12: "title"})
    reports: list[bulk.Report] = []
    await harvest(portal, tmp_path / "a.jsonl", progress=reports.append, skip_broken=True)
    assert [len(one.skipped) for one in reports] == [1, 1, 2, 2, 2]
    assert reports[0].skipped == (bulk.Skipped(offset=4, id="4", before="3", after="5"),)
    assert {one.status for one in reports} == {"incomplete"}


async def test_an_item_whose_broken_field_is_not_wanted_is_written(tmp_path: Path) -> None:
    portal = MovingPortal.of(30, 0, left=0, broken={5: "internal", 9: "title", 12: "id"})
    path = tmp_path / "a.jsonl"
    report = await harvest(portal, path, size=10, fields="id,last_update", skip_broken=True)
    # Its date is not wanted either: only the check that nothing is missed has to do without it.
    assert ids(path) == [one for one in range(30) if one != 12]
    assert report.skipped == (bulk.Skipped(offset=12, before="11", after="13"),)


class Title(TypedDict):
    title: str


async def test_items_are_skipped_when_others_are_decoded_into_a_class(tmp_path: Path) -> None:
    portal = MovingPortal.of(30, 0, left=0, broken={5: "title"})
    path = tmp_path / "a.jsonl"
    report = await harvest(portal, path, size=10, into=Title, skip_broken=True)
    assert [one.id for one in report.skipped] == ["5"]
    assert read(path) == [{"title": f"Jeu {one}, version 0"} for one in range(30) if one != 5]


# ---- When nothing is skipped


@pytest.mark.usefixtures("short")
async def test_by_default_a_broken_item_is_an_error_and_the_harvest_can_go_on_without_it(
    tmp_path: Path,
) -> None:
    path, portal = tmp_path / "a.jsonl", MovingPortal.of(60, 0, left=0, broken={47: "title"})
    with pytest.raises(ServerError):
        await harvest(portal, path)
    report = await harvest(portal, path, skip_broken=True)
    assert report.resumed == 40
    assert report.status == "complete but for 1"
    assert ids(path) == [one for one in range(60) if one != 47]


@pytest.mark.usefixtures("short")
async def test_a_harvest_that_goes_on_without_skipping_does_not_keep_what_was_skipped(
    tmp_path: Path,
) -> None:
    path, portal = tmp_path / "a.jsonl", MovingPortal.of(60, 0, left=0, broken={7: "title"})
    with pytest.raises(Stop):
        await harvest(portal, path, progress=stop_after(6), skip_broken=True)
    with pytest.raises(ServerError):
        await harvest(portal, path)
    portal.broken.clear()
    report = await harvest(portal, path)
    assert report.complete
    assert (report.skipped, report.reason) == ((), None)
    assert sorted(ids(path)) == [*range(60)]


@pytest.mark.parametrize("status", [502, 503, 504, 404, 429])
async def test_other_statuses_are_not_due_to_an_item(status: int, tmp_path: Path) -> None:
    sent: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(status)

    transport = httpx.MockTransport(answer)
    async with client_of("https://portal.example/", transport=transport) as client:
        with pytest.raises(Exception, match=str(status)):
            await bulk.harvest(
                datasets.list_datasets(client), tmp_path / "a.jsonl", skip_broken=True
            )
    assert len(sent) == 1


@pytest.mark.parametrize("page_size", [1, 2, 10, 11, 100])
@pytest.mark.parametrize("status", [400, 500])
async def test_a_portal_that_always_fails_is_an_error_after_few_requests(
    status: int, page_size: int, tmp_path: Path
) -> None:
    sent: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(status)

    transport = httpx.MockTransport(answer)
    async with client_of("https://portal.example/", transport=transport) as client:
        found = datasets.list_datasets(client, page_size=page_size)
        with pytest.raises((ServerError, BadRequestError)):
            await bulk.harvest(found, tmp_path / "a.jsonl", skip_broken=True)
    assert len(sent) <= 2 if status == 400 else len(sent) < 90
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("page_size", [1, 5, 30])
async def test_a_list_of_which_every_item_is_broken_is_an_error(
    page_size: int, tmp_path: Path
) -> None:
    portal = MovingPortal.of(60, 0, left=0, broken=dict.fromkeys(range(60), "title"))
    with pytest.raises(ServerError):
        await harvest(portal, tmp_path / "a.jsonl", page_size, skip_broken=True)


@pytest.mark.parametrize("page_size", [1, 7, 100])
async def test_a_page_cannot_be_narrowed_down_if_the_portal_ignores_its_size(
    page_size: int, tmp_path: Path
) -> None:
    portal = MovingPortal.of(60, 0, left=0, broken={5: "title"})

    async def answer(request: httpx.Request) -> httpx.Response:
        url = request.url.copy_set_param("page_size", "20")
        return await portal.answer(httpx.Request("GET", url, headers=request.headers))

    transport = httpx.MockTransport(answer)
    async with client_of("https://portal.example/", transport=transport) as client:
        found = datasets.list_datasets(client, page_size=page_size)
        with pytest.raises(ServerError):
            await bulk.harvest(found, tmp_path / "a.jsonl", skip_broken=True)


async def test_more_broken_items_in_a_page_than_the_limit_are_an_error(tmp_path: Path) -> None:
    portal = MovingPortal.of(100, 0, left=0, broken=dict.fromkeys(range(0, 2 * MOST, 2), "title"))
    report = await harvest(portal, tmp_path / "a.jsonl", 50, skip_broken=True)
    assert report.status == f"complete but for {MOST}"
    portal.broken[49] = "title"
    with pytest.raises(ServerError):
        await harvest(portal, tmp_path / "b.jsonl", 50, skip_broken=True)


# ---- Retries


async def test_only_the_page_is_retried_by_the_policy_after_a_500(tmp_path: Path) -> None:
    portal = MovingPortal.of(40, 0, left=0, broken={5: "title"})
    limited = [True]

    async def answer(request: httpx.Request) -> httpx.Response:
        if request.url.params["page_size"] == "4" and limited:
            limited.pop()  # While the page is narrowed down, others are retried as ever.
            return httpx.Response(429, headers={"Retry-After": "0"})
        return await portal.answer(request)

    retries: list[Any] = []
    async with client_of(
        "https://portal.example/",
        transport=httpx.MockTransport(answer),
        retry=RetryPolicy(base=0, attempts=8),
        on_retry=retries.append,
    ) as client:
        found = datasets.list_datasets(client, page_size=20)
        report = await bulk.harvest(found, tmp_path / "a.jsonl", skip_broken=True)
    assert [one.error.status for one in retries] == [500] * 7 + [429]
    assert report.retries == 8
    assert report.status == "complete but for 1"


async def test_an_item_that_fails_only_for_a_while_is_fetched_at_the_end(tmp_path: Path) -> None:
    portal = MovingPortal.of(40, 0, left=0, broken={5: "title"})

    def mend(report: bulk.Report) -> None:
        portal.broken.clear()

    path = tmp_path / "a.jsonl"
    report = await harvest(portal, path, 20, progress=mend, skip_broken=True)
    assert report.complete
    assert (report.missed, report.skipped, report.status) == (1, (), "complete")
    assert ids(path) == [*range(5), *range(6, 40), 5]


# ---- Lists that are not sorted by creation


@pytest.mark.usefixtures("short")
@given(
    size=st.integers(30, 80),
    broken=breakage,
    page_size=st.integers(1, 12),
    pages=st.integers(0, 12),
)
@settings(max_examples=histories(30))
def test_an_unsorted_list_is_complete_but_for_the_items_skipped_if_the_count_is_right(
    size: int, broken: dict[int, str], page_size: int, pages: int
) -> None:
    portal = MovingPortal.of(size, 0, left=0, broken=broken)

    async def run(path: Path) -> bulk.Report:
        async with portal.client() as client:
            found = datasets.list_datasets(client, page_size=page_size, sort="created")
            try:
                return await bulk.harvest(found, path, skip_broken=True, progress=stop_after(pages))
            except Stop:
                return await bulk.harvest(found, path, skip_broken=True)

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.jsonl")
        report = asyncio.run(run(path))
        assert ids(path) == [one for one in range(size) if one not in broken]
    check_names(report, portal)
    for one in report.skipped:
        known = [key for key in range(size) if broken.get(key) != "id"]
        assert one.before in (None, *(str(key) for key in known if key < one.offset))
        assert one.after in (None, *(str(key) for key in known if key > one.offset))
    assert report.complete is not bool(report.skipped)
    assert report.complete_but_for == len(report.skipped)
    assert str(report.reason).startswith("only the number of items can be checked: it needs")


async def test_an_unsorted_list_with_another_number_of_items_is_incomplete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    portal = MovingPortal.of(30, 0, left=0, broken={5: "title"})
    monkeypatch.setattr(MovingPortal, "total", lambda self: len(self.shown) + 1)
    async with portal.client() as client:
        found = datasets.list_datasets(client, page_size=10, sort="created")
        report = await bulk.harvest(found, tmp_path / "a.jsonl", skip_broken=True)
    assert (report.complete, report.complete_but_for, report.status) == (False, 0, "incomplete")
    assert [one.id for one in report.skipped] == ["5"]


async def test_items_without_ids_are_counted(
    scripted: Callable[..., Client], tmp_path: Path
) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        size, number = (int(request.url.params[name]) for name in ("page_size", "page"))
        here = [*range(25)][(number - 1) * size : number * size]
        if 13 in here:
            return httpx.Response(500)
        page = {"data": [{"kind": one} for one in here], "page": number, "page_size": size}
        more = "next" if number * size < 25 else None
        return httpx.Response(
            200, json={**page, "total": 25, "next_page": more, "previous_page": None}
        )

    async with scripted(answer) as client:
        found = unsortable(client, page_size=10)
        report = await bulk.harvest(found, tmp_path / "a.jsonl", skip_broken=True)
    assert report.skipped == (bulk.Skipped(offset=13),)
    assert report.status == "complete but for 1"
    kinds = [item["kind"] for item in read(tmp_path / "a.jsonl")]
    assert kinds == [one for one in range(25) if one != 13]


# ---- Updates


@pytest.mark.usefixtures("short")
@given(
    size=st.integers(30, 60),
    seed=st.integers(0),
    left=st.integers(0, 30),
    broken=breakage,
    suffix=st.sampled_from([".jsonl", ".jsonl", ".parquet"]),
)
@settings(max_examples=histories(20))
def test_an_update_keeps_the_older_version_of_a_broken_item_and_a_later_one_replaces_it(
    size: int, seed: int, left: int, broken: dict[int, str], suffix: str
) -> None:
    portal = MovingPortal.of(size, seed, left=0, later=size, quiet={*range(0, size, 3)})

    async def run(path: Path) -> None:
        await harvest(portal, path)
        before = {item["id"]: item["title"] for item in read(path)}
        portal.left = left
        for _ in range(left):
            portal.go_on()
        portal.left = 0
        portal.broken = {one: field for one, field in broken.items() if one in portal.shown}
        portal.throughout = {*portal.shown}
        since = START + dt.timedelta(seconds=10_000)
        report = await harvest(portal, path, since=since, skip_broken=True)
        titles = {item["id"]: item["title"] for item in read(path)}
        for one in portal.shown:
            if one not in portal.broken:
                assert titles.pop(str(one)) == portal.content(one)["title"]
            elif portal.broken[one] != "id":
                assert titles.pop(str(one), None) == before.get(str(one))
        assert not titles  # An item without a known id seems to be deleted.
        assert {one.id for one in report.skipped} <= {None, *map(str, portal.broken)}
        assert report.complete_but_for == len(report.skipped)
        portal.broken = {}
        # The next update starts later than all changes, but asks for what the last one skipped.
        report = await harvest(portal, path, since="last")
        assert report.complete
        titles = {item["id"]: item["title"] for item in read(path)}
        assert titles == {str(one): portal.content(one)["title"] for one in portal.shown}

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(Path(folder, f"one{suffix}")))


async def test_items_that_are_not_in_the_file_are_not_counted_as_private(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, portal = tmp_path / "a.jsonl", MovingPortal.of(30, 0, left=0)
    content = portal.content
    monkeypatch.setattr(portal, "content", lambda one: content(one) | {"private": one % 5 == 0})
    portal.broken = {10: "title"}
    for since in (None, "last", "last"):
        async with portal.client(api_key="secret-key") as client:
            found = datasets.list_datasets(client, page_size=5, fields="id,title")
            report = await bulk.harvest(found, path, since=since, skip_broken=True)
        assert (report.items, report.private, report.complete_but_for) == (29, 5, 1)


async def test_an_update_that_fails_does_not_forget_what_the_last_one_has_skipped(
    tmp_path: Path,
) -> None:
    path, portal = tmp_path / "a.jsonl", MovingPortal.of(30, 0, left=0)
    await harvest(portal, path)
    since = START + dt.timedelta(seconds=10_000)
    portal.updated, portal.broken = {5: (1, 10_001)}, {5: "title"}
    report = await harvest(portal, path, since=since, skip_broken=True)
    assert [one.id for one in report.skipped] == ["5"]
    assert read(path)[5]["title"] == "Jeu 5, version 0"
    portal.broken.clear()
    portal.shown.append(30)
    with pytest.raises(Stop):
        await harvest(portal, path, since="last", progress=stop)
    report = await harvest(portal, path, since="last")
    assert report.complete
    assert read(path)[5]["title"] == "Jeu 5, version 1"
    # Nothing is left to ask for.
    report = await harvest(portal, path, since="last")
    assert (report.changed, report.missed) == (0, 0)


# ---- Blocks


@given(start=st.integers(0, 10_000), length=st.integers(0, 2_000))
def test_any_stretch_of_a_list_consists_of_few_pages(start: int, length: int) -> None:
    found = [*blocks(start, start + length)]
    places = [place for one in found for place in range(one.offset, one.end)]
    assert places == [*range(start, start + length)]
    for block in found:
        assert (block.number - 1) * block.size == block.offset
    assert len(found) <= 2 * length.bit_length()
