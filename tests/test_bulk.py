"""Harvests into files: items present throughout are written once, despite interruptions."""

from __future__ import annotations

import asyncio
import builtins
import datetime as dt
import json
import os
import pickle
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypedDict, cast

import httpx
import msgspec
import pyarrow.parquet as pq
import pytest
from attrs import define
from hypothesis import given, settings
from hypothesis import strategies as st

from aiodatagouv import (
    CheckpointError,
    Client,
    DestinationError,
    MaskError,
    Paginator,
    RetryPolicy,
    ServerError,
    bulk,
)

from .clients import client_of
from .harvests import SUFFIXES, Stop, harvest, histories, ids, read, stop_after
from .moving import START, MovingPortal
from .versions import datasets, reuses, unsortable

pytestmark = pytest.mark.usefixtures("version")


@pytest.fixture
def frequencies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give datasets three frequencies; each update of a dataset gives it another one."""
    content = MovingPortal.content

    def with_frequency(portal: MovingPortal, item: int) -> dict[str, Any]:
        updates = portal.updated.get(item, (0, 0))[0]
        return content(portal, item) | {"frequency": "abc"[(item + updates) % 3]}

    monkeypatch.setattr(MovingPortal, "content", with_frequency)


# ---- Exactly-once guarantees


@pytest.mark.parametrize("keys", [None, "frequency"], ids=["file", "folder"])
@pytest.mark.usefixtures("short", "frequencies")
@given(
    size=st.integers(0, 80),
    seed=st.integers(0),
    left=st.integers(0, 60),
    concurrency=st.integers(1, 16),
    stops=st.lists(st.integers(0, 8), max_size=3),
)
@settings(max_examples=histories(30))
def test_a_changing_list_is_harvested_exactly_once_despite_interruptions(
    size: int, seed: int, left: int, concurrency: int, stops: list[int], keys: str | None
) -> None:
    portal = MovingPortal.of(size, seed, left)
    options: dict[str, Any] = {
        "concurrency": concurrency,
        "partition_by": keys,
        "fields": "id,frequency" if keys else None,  # Many columns take long to write.
    }

    async def run(path: Path) -> bulk.Report:
        for pages in stops:
            try:
                return await harvest(portal, path, progress=stop_after(pages), **options)
            except Stop:
                assert not path.exists()
                portal.go_on()
        return await harvest(portal, path, **options)

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "datasets.parquet" if keys else "datasets.jsonl")
        report = asyncio.run(run(path))
        found = ids(path)
        assert {one.name for one in Path(folder).iterdir()} == {
            path.name,
            f"{path.name}.checkpoint",
        }
    assert len(found) == len({*found}) == report.items
    assert portal.throughout <= {*found}
    assert report.complete
    assert report.reason is None


@pytest.mark.parametrize("keys", [None, "frequency"], ids=["file", "folder"])
@pytest.mark.usefixtures("short", "frequencies")
@given(
    size=st.integers(1, 60),
    seed=st.integers(0),
    left=st.integers(0, 60),
    suffix=st.sampled_from([".jsonl", ".jsonl", ".jsonl", ".parquet"]),
)
@settings(max_examples=histories(15))
def test_an_updated_file_equals_a_fresh_harvest(
    size: int, seed: int, left: int, suffix: str, keys: str | None
) -> None:
    suffix = ".parquet" if keys else suffix
    fields = "id,title,frequency" if keys else None  # Many columns take long to write.
    options: dict[str, Any] = {"partition_by": keys, "fields": fields}
    portal = MovingPortal.of(size, seed, left=0, later=size, quiet={*range(0, size, 3)})

    async def run(path: Path, other: Path) -> bulk.Report:
        await harvest(portal, path, **options)
        since = START + dt.timedelta(seconds=portal.clock)
        portal.left = left
        for _ in range(left):
            portal.go_on()
        portal.left = 0
        report = await harvest(portal, path, since=since, **options)
        await harvest(portal, other, **options)
        return report

    with tempfile.TemporaryDirectory() as folder:
        path, other = Path(folder, f"one{suffix}"), Path(folder, f"other{suffix}")
        report = asyncio.run(run(path, other))
        refreshed, harvested = read(path), read(other)
    in_order = sorted(refreshed, key=lambda item: int(item["id"]))
    assert in_order == harvested
    assert report.complete
    assert report.items == len(harvested) == report.total


@pytest.mark.usefixtures("short")
@given(
    size=st.integers(0, 80),
    seed=st.integers(0),
    left=st.integers(0, 60),
    parts=st.integers(1, 6),
)
@settings(max_examples=histories(30))
def test_parts_hold_each_item_that_is_present_throughout_once(
    size: int, seed: int, left: int, parts: int
) -> None:
    portal = MovingPortal.of(size, seed, left)

    async def run(folder: Path) -> list[bulk.Report]:
        async with portal.client() as client:
            found = datasets.list_datasets(client, page_size=5, fields="title,id")
            split = await bulk.partition(found, parts)
            assert len(split) <= parts
            return [
                await bulk.harvest(
                    pickle.loads(pickle.dumps(part)), folder / f"{number}.jsonl", client=client
                )
                for number, part in enumerate(split)
            ]

    with tempfile.TemporaryDirectory() as folder:
        reports = asyncio.run(run(Path(folder)))
        items = [item for path in Path(folder).glob("*.jsonl") for item in read(path)]
    found = [int(item["id"]) for item in items]
    assert len(found) == len({*found})
    assert portal.throughout <= {*found}
    assert all(report.complete for report in reports)
    assert all(item.keys() == {"id", "title"} for item in items)


@pytest.mark.usefixtures("short", "same_start")
@pytest.mark.parametrize("suffix", SUFFIXES)
async def test_an_interrupted_harvest_produces_an_identical_file(
    suffix: str, tmp_path: Path
) -> None:
    whole = tmp_path / f"whole{suffix}"
    await harvest(MovingPortal.of(43, 0, left=0), whole)
    for pages in range(10):
        path = tmp_path / f"{pages}{suffix}"
        try:
            await harvest(MovingPortal.of(43, 0, left=0), path, progress=stop_after(pages))
        except Stop:
            report = await harvest(MovingPortal.of(43, 0, left=0), path)
            assert report.resumed == (pages + 1) // 2 * 2 * 5
            assert report.items == 43
            assert report.pages == 9
        assert path.read_bytes() == whole.read_bytes()


# ---- File contents


@pytest.mark.parametrize("suffix", SUFFIXES)
async def test_a_file_holds_the_items_of_the_portal(
    suffix: str, tmp_path: Path, version: int
) -> None:
    portal, path = MovingPortal.of(250, 0, left=0), tmp_path / f"datasets{suffix}"
    report = await harvest(portal, path, size=100)
    items = read(path)
    assert [item["title"] for item in items] == [f"Jeu {one}, version 0" for one in range(250)]
    resources = items[7]["resources"]
    assert resources[0]["title"] == "é" if version == 1 else resources["total"] == 1
    # For the metadata of a table, the portal is asked for its release.
    requests = 4 + 3 if suffix == ".parquet" else 4
    assert (report.items, report.total, report.pages, report.requests) == (250, 250, 3, requests)
    assert report.complete
    if suffix != ".parquet":
        assert items == [portal.content(one) for one in range(250)]


@pytest.mark.parametrize("suffix", SUFFIXES)
async def test_an_empty_list_produces_a_file_without_items(suffix: str, tmp_path: Path) -> None:
    report = await harvest(MovingPortal.of(0, 0, left=0), tmp_path / f"none{suffix}")
    assert read(tmp_path / f"none{suffix}") == []
    assert bool((tmp_path / f"none{suffix}").read_bytes()) is (suffix != ".jsonl")
    assert report.complete


async def test_fields_added_to_identify_items_are_not_written(tmp_path: Path, version: int) -> None:
    portal = MovingPortal.of(30, 0, left=0)
    inside = {1: "resources{id}", 2: "resources{total}"}[version]
    await harvest(portal, tmp_path / "a.jsonl", fields=f"title,{inside}")
    assert read(tmp_path / "a.jsonl")[0] == {
        "title": "Jeu 0, version 0",
        "resources": [{"id": "r0"}] if version == 1 else {"total": 1},
    }


class InternalDates(TypedDict):
    last_modified_internal: dt.datetime


@define
class Title:
    title: str
    internal: InternalDates
    last_update: dt.datetime | None


@pytest.mark.usefixtures("same_start")
@pytest.mark.parametrize("suffix", SUFFIXES)
async def test_items_are_written_as_the_given_class_declares_them(
    suffix: str, tmp_path: Path
) -> None:
    path = tmp_path / f"titles{suffix}"
    async with MovingPortal.of(12, 0, left=0).client() as client:
        titles = datasets.list_datasets(client, page_size=5).into(Title)
        await bulk.harvest(titles, path)
        first = path.read_bytes()
        await bulk.harvest(datasets.list_datasets(client, page_size=5), path, into=Title)
    assert path.read_bytes() == first
    item = read(path)[11]
    assert item.keys() == {"title", "internal", "last_update"}
    moment = START + dt.timedelta(seconds=11)
    written = moment if suffix == ".parquet" else moment.isoformat().replace("+00:00", "Z")
    assert item["last_update"] == item["internal"]["last_modified_internal"] == written


async def test_a_custom_sink_is_called_from_a_single_thread(tmp_path: Path) -> None:
    class Collector:
        checkpoint = None

        def __init__(self) -> None:
            self.items: list[bytes] = []
            self.calls: list[str] = []
            self.threads: set[int] = set()

        def open(self, state: object) -> None:
            self._note("open")
            assert state is None

        def write(self, items: Sequence[bytes]) -> None:
            self._note("write")
            self.items += items

        def commit(self) -> None:
            self._note("commit")

        def finish(self) -> None:
            self._note("finish")

        def close(self) -> None:
            self._note("close")

        def _note(self, call: str) -> None:
            self.calls.append(call)
            self.threads.add(threading.get_ident())

    sink = Collector()
    async with MovingPortal.of(12, 0, left=0).client() as client:
        await bulk.harvest(datasets.list_datasets(client, page_size=5), sink)
        with pytest.raises(DestinationError, match="only a file can be updated"):
            await bulk.harvest(datasets.list_datasets(client), sink, since="last")
    assert [json.loads(item)["id"] for item in sink.items] == [str(one) for one in range(12)]
    assert sink.calls == ["open", "write", "write", "write", "commit", "finish", "close"]
    assert len(sink.threads) == 1
    assert threading.get_ident() not in sink.threads


@pytest.mark.parametrize("suffix", SUFFIXES)
async def test_invalid_text_and_numbers_are_replaced_in_the_file(
    suffix: str, tmp_path: Path
) -> None:
    body = b"""{"data": [{"id": "1", "title": "half \\ud800 a pair", "last_update": null,
        "extras": {"a": NaN}, "internal": {"created_at_internal": "2026-01-01T00:00:00+00:00",
        "last_modified_internal": "2026-01-01T00:00:00+00:00"}}],
        "page": 1, "page_size": 100, "total": 1, "next_page": null, "previous_page": null}"""
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=body))
    path, titles = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    async with client_of("https://portal.example/", transport=transport) as client:
        found = datasets.list_datasets(client)
        await bulk.harvest(found, path)
        await bulk.harvest(found, path, since="last")
        await bulk.harvest(found.into(Title), titles)
    (item,), (title,) = read(path), read(titles)
    assert item["title"] == title["title"] == "half \ufffd a pair"
    assert item["extras"] in ({"a": None}, '{"a":null}')


class Tagged(msgspec.Struct, tag=True):
    id: str


async def test_a_class_that_does_not_fit_a_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DestinationError, match="Tagged has a tag"):
        await harvest(MovingPortal.of(6, 0, left=0), tmp_path / "a.parquet", into=Tagged)
    assert not [*tmp_path.iterdir()]


# ---- Table columns


async def test_columns_follow_the_model(tmp_path: Path, version: int) -> None:
    await harvest(MovingPortal.of(3, 0, left=0), tmp_path / "a.parquet")
    schema = pq.read_schema(tmp_path / "a.parquet")
    assert str(schema.field("last_update").type) == "timestamp[us, tz=UTC]"
    assert str(schema.field("title").type) == "string"
    resources = schema.field("resources").type
    if version == 1:
        assert str(resources.value_field.type.field("filesize").type) == "int64"
    else:
        assert str(resources) == "struct<href: string, rel: string, total: int64, type: string>"
    assert schema.field("extras").metadata == {b"format": b"json"}
    assert schema.names[-1] == "additional_properties"
    field = {1: "id", 2: "total"}[version]
    fields = f"resources{{{field}}},title"
    await harvest(MovingPortal.of(3, 0, left=0), tmp_path / "b.parquet", fields=fields)
    schema = pq.read_schema(tmp_path / "b.parquet")
    assert schema.names == ["resources", "title", "additional_properties"]
    type_ = {1: "list<element: struct<id: string>>", 2: "struct<total: int64>"}[version]
    assert str(schema.field("resources").type) == type_


ODD_FILES = [
    {"id": "r", "filesize": 2**70, "brand": "new"},
    None,
    {"id": "s", "filesize": "12 Mo"},
    {"id": "t", "filesize": 12.5},
    {"id": "u", "filesize": [12]},
    {"id": "v", "filesize": 12},
]
ODD_LINK = {"href": "x", "total": "12", "type": None, "brand": "new"}


@pytest.mark.parametrize(
    ("version", "resources", "kept"),
    [
        (
            1,
            ODD_FILES,
            {
                "resources.0.filesize": 2.0**70,
                "resources.0.brand": "new",
                "resources.2.filesize": "12 Mo",
                "resources.3.filesize": 12.5,
                "resources.4.filesize": [12],
            },
        ),
        (2, ODD_LINK, {"resources.total": "12", "resources.brand": "new"}),
    ],
    indirect=["version"],
)
async def test_values_that_fit_no_column_are_kept_in_additional_properties(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    version: int,
    resources: object,
    kept: dict[str, object],
) -> None:
    odd = {
        "title": 5,
        "new": {"a": None},
        "last_update": "yesterday",
        "created_at": "5 Dec 2014",
        "resources": resources,
        "deleted": "9999-12-31T23:59:59-05:00",
        "organization": {"name": "é", "badges": [{"kind": 5}]},
        "extras": {"a.b": ["x"]},
        "tags": "velo",
        "archived": None,
    }
    content = MovingPortal.content

    def oddly(portal: MovingPortal, item: int) -> dict[str, Any]:
        return content(portal, item) | odd

    monkeypatch.setattr(MovingPortal, "content", oddly)
    await harvest(MovingPortal.of(1, 0, left=0), tmp_path / "a.parquet")
    (row,) = read(tmp_path / "a.parquet")
    assert json.loads(row["additional_properties"]) == {
        "title": 5,
        "new": {"a": None},
        "last_update": "yesterday",
        **kept,
        "deleted": "9999-12-31T23:59:59-05:00",
        "organization.badges.0.kind": 5,
        "tags": "velo",
    }
    assert row["created_at"] == dt.datetime(2014, 12, 5, tzinfo=dt.UTC)
    assert json.loads(row["extras"]) == {"a.b": ["x"]}
    if version == 1:
        assert row["resources"][0]["id"] == "r"
        assert row["resources"][1] is None
        assert [one["filesize"] for one in row["resources"][2:]] == [None, None, None, 12]
    else:
        assert row["resources"] == {"href": "x", "rel": None, "total": None, "type": None}
    assert row["organization"]["name"] == "é"
    assert row["title"] is None


# ---- Updates


async def test_an_update_fetches_only_changes_since_the_last_complete_harvest(
    tmp_path: Path,
) -> None:
    path, portal = tmp_path / "datasets.jsonl.gz", MovingPortal.of(1200, 0, left=0)
    with pytest.raises(DestinationError, match="there is no file yet"):
        await harvest(portal, path, since="last", strict=True)
    assert not [*tmp_path.iterdir()]
    await harvest(portal, path, size=100)
    today = int((dt.datetime.now(dt.UTC) - START).total_seconds())
    portal.updated = {5: (1, today), 1100: (2, today)}
    portal.shown.remove(7)
    report = await harvest(portal, path, size=100, since="last")
    assert (report.changed, report.removed, report.items) == (2, 1, 1199)
    assert report.pages == 1
    assert report.requests == 3
    assert report.complete
    assert read(path)[5]["title"] == "Jeu 5, version 1"
    assert ids(path) == [one for one in range(1200) if one != 7]
    # A second update, with another page size, fetches the changes of the last minute again.
    before, inode = path.read_bytes(), path.stat().st_ino
    report = await harvest(portal, path, size=300, since="last")
    assert (report.added, report.changed, report.removed, report.missed) == (0, 0, 0, 0)
    assert (report.pages, report.items, report.rows, report.complete) == (1, 1199, 1199, True)
    assert (path.read_bytes(), path.stat().st_ino) == (before, inode)


async def test_new_items_are_appended_in_order_of_creation(tmp_path: Path) -> None:
    path, portal = tmp_path / "datasets.parquet", MovingPortal.of(20, 0, left=0)
    await harvest(portal, path)
    portal.shown += [20, 21, 22]
    portal.updated = {21: (1, 500)}
    report = await harvest(portal, path, since=START + dt.timedelta(seconds=100))
    # Two of the new items have no change date, as they were private before.
    assert (report.added, report.changed, report.missed) == (3, 0, 2)
    assert ids(path) == [*range(23)]


@pytest.mark.parametrize("fields", ["id,title", "title,id,internal,last_update", None])
async def test_an_item_in_another_notation_is_the_same(fields: str | None, tmp_path: Path) -> None:
    # The update asks for dates as well, removes them, and writes such an item without spaces.
    path, portal = tmp_path / "a.jsonl", MovingPortal.of(20, 0, left=0)
    await harvest(portal, path, fields=fields)
    before = path.read_bytes().splitlines()
    report = await harvest(portal, path, fields=fields, since=START)
    assert (report.pages, report.added, report.changed, report.missed) == (1, 0, 0, 0)
    assert path.read_bytes().splitlines() == before
    portal.updated = {2: (1, portal.clock)}
    report = await harvest(portal, path, fields=fields, since=START)
    assert (report.added, report.changed, report.missed) == (0, 1, 0)
    after = path.read_bytes().splitlines()
    assert [one for one in range(20) if after[one] != before[one]] == [2]


@pytest.mark.usefixtures("short")
async def test_the_first_harvest_since_the_last_one_fetches_everything(tmp_path: Path) -> None:
    path, portal = tmp_path / "a.jsonl", MovingPortal.of(60, 0, left=0)
    with pytest.raises(Stop):
        await harvest(portal, path, since="last", progress=stop_after(4))
    report = await harvest(portal, path, since="last")
    assert (report.resumed, report.items, report.complete) == (20, 60, True)

    assert (await harvest(portal, path, since="last", strict=True)).pages < 12
    path.unlink()  # The checkpoint alone is not enough.
    with pytest.raises(DestinationError, match="there is no file yet"):
        await harvest(portal, path, since="last", strict=True)
    assert (await harvest(portal, path, since="last")).pages == 12
    assert ids(path) == [*range(60)]


async def test_a_harvest_that_cannot_be_updated_is_refused_before_sending(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.jsonl"
    await harvest(MovingPortal.of(3, 0, left=0), path, size=100)
    (tmp_path / "b.jsonl").write_text("{}\n")
    sent: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(500)

    transport = httpx.MockTransport(answer)
    async with Client(base_url="https://portal.example/", transport=transport) as client:
        found = datasets.list_datasets(client)
        cases: list[tuple[Paginator[Any, Any], str]] = [
            (datasets.list_datasets(client, fields="title"), "the id must be among"),
            (datasets.list_datasets(client, sort="title"), "but sort is given"),
            (unsortable(client), "cannot sort the list by changes"),
            (datasets.list_datasets(client, tag=["x"]), "parameter tag none there, 'x' here"),
        ]
        for other, words in cases:
            with pytest.raises((DestinationError, CheckpointError), match=words):
                await bulk.harvest(other, path, since="last")
        bare = tmp_path / "b.jsonl"
        with pytest.raises(DestinationError, match="does not know of a complete harvest"):
            await bulk.harvest(found, bare, since="last", strict=True)
        with pytest.raises(DestinationError, match="there is no file yet"):
            await bulk.harvest(found, tmp_path / "new.jsonl", since="last", strict=True)
        with pytest.raises(DestinationError, match=r"b.jsonl, line 1: .*with an id"):
            await bulk.harvest(found, bare, since=dt.date(2026, 1, 1))
    assert not sent
    assert (tmp_path / "b.jsonl").read_text() == "{}\n"


async def test_since_a_date_means_a_day_of_the_portal_and_a_failed_update_changes_nothing(
    tmp_path: Path,
) -> None:
    path, portal = tmp_path / "a.jsonl", MovingPortal.of(30, 0, left=0)
    await harvest(portal, path)
    before = path.read_bytes()
    portal.updated = {1: (1, 24 * 3600), 2: (1, 24 * 3600 - 1)}
    with pytest.raises(Stop):
        await harvest(portal, path, since=dt.date(2026, 1, 2), progress=stop_after(0))
    assert path.read_bytes() == before
    report = await harvest(portal, path, since=dt.date(2026, 1, 2))
    assert report.changed == 1
    assert [item["title"][-1] for item in read(path)[:3]] == ["0", "1", "0"]


# ---- Lists that are not sorted by creation


def page_of(items: list[dict[str, Any]], total: int, *, more: bool = False) -> httpx.Response:
    page = {"data": items, "page": 1, "page_size": 100, "total": total, "previous_page": None}
    return httpx.Response(200, json={**page, "next_page": "next" if more else None})


async def test_an_unsortable_list_is_checked_only_by_its_item_count(
    scripted: Callable[..., Client], tmp_path: Path
) -> None:
    path = tmp_path / "a.jsonl"
    follows = [{"id": str(one), "since": "2026-01-01"} for one in range(3)]
    async with scripted(lambda _: page_of(follows, 3)) as client:
        report = await bulk.harvest(unsortable(client), path)
    assert report.complete
    assert report.reason == (
        "only the number of items can be checked: the portal cannot sort it by creation"
    )
    async with scripted(lambda _: page_of(follows, 5)) as client:
        report = await bulk.harvest(unsortable(client), path)
    assert not report.complete
    assert report.items == 3


async def test_a_portal_that_ignores_the_sort_is_reported(
    scripted: Callable[..., Client], tmp_path: Path
) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        size = int(request.url.params["page_size"])
        number = int(request.url.params["page"])
        all_ = [{"id": str(one), "created_at": f"20{20 - one % 9:02}-01-01"} for one in range(150)]
        here = all_[(number - 1) * size : number * size]
        page = {"data": here, "page": number, "page_size": size, "total": 150}
        more = "next" if number * size < 150 else None
        return httpx.Response(200, json={**page, "next_page": more, "previous_page": None})

    async with scripted(answer) as client:
        report = await bulk.harvest(reuses.list_reuses(client), tmp_path / "a.jsonl")
    assert report.complete  # Judged by the number of items alone.
    assert "is not sorted by date" in str(report.reason)
    assert len(read(tmp_path / "a.jsonl")) == 150


async def test_a_harvest_from_a_given_page_starts_there(tmp_path: Path) -> None:
    async with MovingPortal.of(23, 0, left=0).client() as client:
        found = datasets.list_datasets(client, page=3, page_size=5)
        report = await bulk.harvest(found, tmp_path / "a.jsonl")
    assert ids(tmp_path / "a.jsonl") == [*range(10, 23)]
    assert report.complete
    assert "but page is given" in str(report.reason)


# ---- Reports and errors


async def test_a_report_counts_retries_and_rejections(tmp_path: Path) -> None:
    portal = MovingPortal.of(30, 0, left=0)
    faults: list[object] = [503, "cut", 429]

    async def answer(request: httpx.Request) -> httpx.Response:
        match faults and faults.pop(0):
            case "cut":
                raise httpx.ReadError("reset")
            case int(status) if status:
                return httpx.Response(status, headers={"Retry-After": "0"}, content=b"12345")
        return await portal.answer(request)

    seen: list[int] = []
    retries: list[object] = []
    async with Client(
        base_url="https://portal.example/",
        transport=httpx.MockTransport(answer),
        retry=RetryPolicy(base=0),
        rate=1e6,
        on_response=lambda response: seen.append(len(response.content)),
        on_retry=retries.append,
    ) as client:
        found = datasets.list_datasets(client, page_size=10)
        report = await bulk.harvest(found, tmp_path / "a.jsonl")
    assert (report.pages, report.requests, report.retries, report.rejected) == (3, 3 + 1 + 3, 3, 1)
    assert report.bytes == sum(seen)  # The caller's callbacks are still called.
    assert len(retries) == 3
    assert report.seconds > 0


async def test_progress_reports_count_the_items_so_far(tmp_path: Path) -> None:
    reports: list[bulk.Report] = []
    await harvest(MovingPortal.of(23, 0, left=0), tmp_path / "a.jsonl", progress=reports.append)
    assert [report.items for report in reports] == [5, 10, 15, 20, 23]
    assert {report.total for report in reports} == {23}
    assert not any(report.complete for report in reports)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a.csv", f"its suffix must be one of {', '.join(SUFFIXES)}$"),
        ("nowhere/a.jsonl", "there is no folder"),
        ("folder.jsonl", "is not a file"),
        ("pipe.jsonl", "is not a file"),
        ("\udcff.parquet", "the name of a Parquet file must be UTF-8"),
    ],
)
async def test_an_impossible_destination_is_refused(name: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "folder.jsonl").mkdir()
    os.mkfifo(tmp_path / "pipe.jsonl")
    with pytest.raises(DestinationError, match=words):
        await harvest(MovingPortal.of(3, 0, left=0), tmp_path / name)
    assert {one.name for one in tmp_path.iterdir()} == {"folder.jsonl", "pipe.jsonl"}


async def test_symlinks_and_permissions_are_preserved(tmp_path: Path) -> None:
    file, link = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    file.touch(mode=0o600)
    link.symlink_to(file)
    await harvest(MovingPortal.of(3, 0, left=0), link)
    assert link.is_symlink()
    assert ids(file) == [0, 1, 2]
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("suffix", "package", "extra"),
    [(".jsonl.zst", "backports.zstd", "zstd"), (".parquet", "pyarrow", "parquet")],
)
async def test_a_missing_extra_is_named_in_the_error(
    suffix: str, package: str, extra: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (package, "aiodatagouv.bulk._table.parquet", "aiodatagouv.bulk._table.columns"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.delattr("aiodatagouv.bulk._table.parquet", raising=False)
    monkeypatch.delattr("aiodatagouv.bulk._table.columns", raising=False)
    usual = builtins.__import__

    def missing(name: str, *arguments: Any) -> Any:
        if name.split(".")[0] in (package.split(".")[0], "compression"):
            raise ImportError(name)
        return usual(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(DestinationError, match=rf"{package}: pip install .*\[{extra}\]"):
        await harvest(MovingPortal.of(3, 0, left=0), tmp_path / f"a{suffix}")


async def test_invalid_arguments_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    async with MovingPortal.of(3, 0, left=0).client() as client:
        found = datasets.list_datasets(client)
        page: Any = await found
        with pytest.raises(TypeError, match=r"a list that is not awaited.* was given DatasetPage"):
            await bulk.harvest(page, path)
        with pytest.raises(MaskError, match="did you mean title"):
            await bulk.harvest(found, path, fields="titel")
        with pytest.raises(MaskError, match="are given twice"):
            await bulk.harvest(found, path, fields="title", into=Title)
        with pytest.raises(MaskError, match="are given twice"):
            await bulk.harvest(found.into(Title), path, fields="title")
        with pytest.raises(ValueError, match="concurrency is 0"):
            await bulk.harvest(found, path, concurrency=0)
        with pytest.raises(ValueError, match="page_size is 0"):
            await bulk.harvest(datasets.list_datasets(client, page_size=0), path)
        with pytest.raises(ValueError, match="since is '2026-01-01'"):
            await bulk.harvest(found, path, since=cast("Any", "2026-01-01"))
        with pytest.raises(ValueError, match="strict is about since='last'"):
            await bulk.harvest(found, path, strict=True)
        with pytest.raises(ValueError, match="strict is about since='last'"):
            await bulk.harvest(found, path, since=START, strict=True)
        with pytest.raises(ValueError, match="since updates a file, resume=False replaces it"):
            await bulk.harvest(found, path, since="last", resume=False)
        with pytest.raises(ValueError, match="n is 0"):
            await bulk.partition(found, 0)
        other = unsortable(client)
        with pytest.raises(ValueError, match=f"{other.call.operation.name} cannot be split"):
            await bulk.partition(other, 2)
    assert not [*tmp_path.iterdir()]


@pytest.mark.usefixtures("short")
async def test_a_harvest_resumes_after_a_failure_of_the_portal(tmp_path: Path) -> None:
    portal, path = MovingPortal.of(60, 0, left=0), tmp_path / "a.jsonl"
    left = 9

    async def answer(request: httpx.Request) -> httpx.Response:
        nonlocal left
        left -= 1
        return await portal.answer(request) if left > 0 else httpx.Response(503)

    transport = httpx.MockTransport(answer)
    async with client_of("https://portal.example/", transport=transport) as client:
        found = datasets.list_datasets(client, page_size=5)
        with pytest.raises(ServerError):
            await bulk.harvest(found, path)
    report = await harvest(portal, path)
    assert report.resumed > 0
    assert ids(path) == [*range(60)]
