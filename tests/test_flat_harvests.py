"""Flat tables: a row for each object of a list in each item, once, and none that is old or lost."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import pickle
import tempfile
from itertools import groupby
from pathlib import Path
from typing import Any

import httpx
import pyarrow.parquet as pq
import pytest
from attrs import define
from hypothesis import given, settings
from hypothesis import strategies as st

from aiodatagouv import CheckpointError, DecodeError, DestinationError, MaskError, api, bulk
from aiodatagouv.bulk._journal.storage import checkpoint_of

from . import versions
from .clients import client_of
from .harvests import SUFFIXES, Stop, harvest, histories, read, stop_after
from .moving import START, MovingPortal, badges_of, resources_of
from .versions import datasets

pytestmark = pytest.mark.usefixtures("version", "short")

EXPLODE = {1: "resources", 2: "badges"}
"""The list that the tests make rows of; in the second version, resources are a link."""


def ragged(size: int, seed: int, left: int, **options: Any) -> MovingPortal:
    return MovingPortal.of(size, seed, left, is_ragged=True, **options)


async def flat(portal: MovingPortal, path: Path, **options: Any) -> bulk.Report:
    """Harvest a flat table of a portal, with the titles of the datasets."""
    options = {"fields": "title", "explode": EXPLODE[portal.version], **options}
    return await harvest(portal, path, **options)


def plain(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row without the columns that are null."""
    return {name: value for name, value in row.items() if value is not None}


def items_of(rows: list[dict[str, Any]]) -> list[int]:
    """Check that the rows of each item are together, and of one moment; return the items."""
    items: list[int] = []
    for key, group in groupby(rows, key=lambda row: str(row["dataset_id"])):
        here = [plain(row) for row in group]
        updates = int(here[0]["dataset_title"].rpartition(" ")[2])
        objects = (resources_of if versions.current == 1 else badges_of)(int(key), updates)
        own = {"dataset_id": key, "dataset_title": f"Jeu {key}, version {updates}"}
        assert here == [own | one for one in objects]
        items.append(int(key))
    assert len(items) == len({*items})
    return items


# ---- Exactly-once guarantees


@given(
    size=st.integers(0, 60),
    seed=st.integers(0),
    left=st.integers(0, 60),
    concurrency=st.integers(1, 16),
    stops=st.lists(st.integers(0, 8), max_size=3),
    suffix=st.sampled_from([".jsonl", ".jsonl", ".jsonl.gz", ".parquet"]),
)
@settings(max_examples=histories(12))
def test_a_changing_list_is_flattened_exactly_once_despite_interruptions(
    size: int, seed: int, left: int, concurrency: int, stops: list[int], suffix: str
) -> None:
    portal = ragged(size, seed, left)

    async def run(path: Path) -> bulk.Report:
        for pages in stops:
            try:
                return await flat(portal, path, concurrency=concurrency, progress=stop_after(pages))
            except Stop:
                assert not path.exists()
                portal.go_on()
        return await flat(portal, path, concurrency=concurrency)

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"rows{suffix}")
        report = asyncio.run(run(path))
        rows = read(path)
    found = {*items_of(rows)}
    # Items that were never updated have rows or not; the others may have had none.
    steady = {one for one in portal.throughout if one not in portal.updated and one % 4}
    assert steady <= found
    assert (report.rows, report.complete, report.reason) == (len(rows), True, None)
    assert report.items >= len(portal.throughout)


@given(
    size=st.integers(1, 50),
    seed=st.integers(0),
    left=st.integers(0, 60),
    suffix=st.sampled_from([".jsonl", ".jsonl", ".parquet"]),
)
@settings(max_examples=histories(12))
def test_an_updated_flat_table_equals_a_fresh_one(
    size: int, seed: int, left: int, suffix: str
) -> None:
    portal = ragged(size, seed, left=0, later=size, quiet={*range(0, size, 3)})

    async def run(path: Path, other: Path) -> tuple[list[Any], bulk.Report, bulk.Report]:
        await flat(portal, path)
        before, since = read(path), START + dt.timedelta(seconds=portal.clock)
        portal.left = left
        for _ in range(left):
            portal.go_on()
        portal.left = 0
        report = await flat(portal, path, since=since)
        await flat(portal, other)
        return before, report, await flat(portal, path, since=since)

    with tempfile.TemporaryDirectory() as folder:
        path, other = Path(folder, f"one{suffix}"), Path(folder, f"other{suffix}")
        before, report, again = asyncio.run(run(path, other))
        rows, fresh = read(path), read(other)
    assert sorted(rows, key=lambda row: int(row["dataset_id"])) == fresh
    assert {*items_of(rows)} == {*items_of(fresh)}
    assert (report.complete, report.items, report.rows) == (True, len(portal.shown), len(rows))
    # The counts are those of the items whose rows differ.
    old, new = by_item(before), by_item(rows)
    assert report.removed == len(old.keys() - {str(one) for one in portal.shown})
    both = {key for key in {*old} | {*new} if key not in old or key not in new}
    differ = both | {key for key in old.keys() & new.keys() if old[key] != new[key]}
    assert report.added + report.changed + report.removed == len(differ)
    assert report.missed <= report.added + report.changed
    counts = (again.added, again.changed, again.removed, again.missed)
    assert (counts, again.items) == ((0, 0, 0, 0), report.items)


def by_item(rows: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    return {key: [*group] for key, group in groupby(rows, key=lambda row: str(row["dataset_id"]))}


@given(
    size=st.integers(0, 60),
    seed=st.integers(0),
    left=st.integers(0, 60),
    parts=st.integers(1, 6),
)
@settings(max_examples=histories(12))
def test_flat_tables_of_parts_have_the_rows_of_each_item_once(
    size: int, seed: int, left: int, parts: int
) -> None:
    portal = ragged(size, seed, left)

    async def run(folder: Path) -> list[bulk.Report]:
        async with portal.client() as client:
            listed = datasets.list_datasets(client, page_size=5, fields="title")
            return [
                await bulk.harvest(
                    pickle.loads(pickle.dumps(part)),
                    folder / f"{number}.jsonl",
                    client=client,
                    explode=EXPLODE[portal.version],
                )
                for number, part in enumerate(await bulk.partition(listed, parts))
            ]

    with tempfile.TemporaryDirectory() as folder:
        reports = asyncio.run(run(Path(folder)))
        rows = [row for path in sorted(Path(folder).glob("*.jsonl")) for row in read(path)]
    found = {*items_of(rows)}
    steady = {one for one in portal.throughout if one not in portal.updated and one % 4}
    assert steady <= found
    assert all(report.complete for report in reports)
    assert sum(report.rows for report in reports) == len(rows)


@pytest.mark.usefixtures("same_start")
@pytest.mark.parametrize("suffix", SUFFIXES)
async def test_an_interrupted_flat_table_is_continued_to_an_identical_file(
    suffix: str, tmp_path: Path
) -> None:
    whole = tmp_path / f"whole{suffix}"
    await flat(ragged(43, 0, left=0), whole)
    for pages in range(0, 9, 2):
        path = tmp_path / f"{pages}{suffix}"
        with pytest.raises(Stop):
            await flat(ragged(43, 0, left=0), path, progress=stop_after(pages))
        report = await flat(ragged(43, 0, left=0), path)
        assert path.read_bytes() == whole.read_bytes()
        assert (report.items, report.rows) == (43, len(read(whole)))
        # The items without rows are known, whichever run has read them.
        report = await flat(ragged(43, 0, left=0), path, since="last")
        assert (report.pages, report.items, report.missed) == (1, 43, 0)


# ---- Updates


async def test_an_update_does_not_fetch_items_without_rows_again(tmp_path: Path) -> None:
    path, portal = tmp_path / "a.jsonl", ragged(40, 0, left=0)
    await flat(portal, path)
    before = path.read_bytes()
    report = await flat(portal, path, since="last", strict=True)
    # One page of changes, of which there are none, and two of ids.
    assert (report.pages, report.requests, report.items, report.rows) == (1, 3, 40, 60)
    assert path.read_bytes() == before

    # Without the checkpoint, they have to be looked at once, and are not changes.
    checkpoint_of(path).unlink()
    since = START + dt.timedelta(days=100)
    report = await flat(portal, path, since=since)
    assert report.pages > 1
    assert (report.added, report.changed, report.missed, report.items) == (0, 0, 0, 40)
    report = await flat(portal, path, since=since)
    assert (report.pages, report.items, report.rows) == (1, 40, 60)


async def test_all_rows_of_a_changed_item_are_replaced_together(tmp_path: Path) -> None:
    path, portal = tmp_path / "a.parquet", ragged(12, 0, left=0)
    await flat(portal, path)
    portal.clock += 1
    # From one row to none, from three rows to two, from none to one; and a new item without any.
    portal.updated = {1: (3, portal.clock), 3: (3, portal.clock), 4: (1, portal.clock)}
    portal.shown = [*(one for one in portal.shown if one not in (8, 9)), 12]
    report = await flat(portal, path, since=START + dt.timedelta(seconds=5000))
    # One of the two that are gone had no rows.
    assert (report.added, report.changed, report.removed, report.items) == (0, 3, 1, 11)
    assert items_of(read(path)) == [2, 3, 4, 5, 6, 7, 10, 11]
    assert (await flat(portal, path, since=dt.date(2026, 1, 1))).removed == 0


async def test_a_file_with_the_rows_of_an_item_apart_is_not_updated(tmp_path: Path) -> None:
    path, portal = tmp_path / "a.jsonl", ragged(4, 0, left=0)
    await flat(portal, path)
    first, *others = path.read_text().splitlines(keepends=True)
    path.write_text("".join([*others, others[0], first, others[0]]))
    with pytest.raises(bulk.DestinationError, match="the rows of 2 are not together"):
        await flat(portal, path, since=dt.date(2026, 1, 1))


@pytest.mark.parametrize("version", [1], indirect=True)
async def test_only_a_flat_table_with_the_rows_of_an_item_in_one_folder_is_updated(
    tmp_path: Path,
) -> None:
    path, portal = tmp_path / "a.parquet", MovingPortal.of(20, 0, left=0, is_ragged=True)
    options: dict[str, Any] = {
        "explode": "resources",
        "fields": "title,resources{title,format}",
    }
    for by in ("format", ["dataset_title", "title"]):
        with pytest.raises(DestinationError, match="the rows of an item are in several folders"):
            await harvest(portal, path, partition_by=by, since="last", **options)
    assert not [*tmp_path.iterdir()]
    await harvest(portal, path, partition_by="dataset_title", since="last", **options)
    portal.updated = dict.fromkeys(range(5), (1, portal.clock))
    report = await harvest(portal, path, partition_by="dataset_title", since=START, **options)
    assert report.complete
    assert {row["dataset_id"] for row in read(path)} == {
        str(one) for one in range(20) if (one + (one < 5)) % 4
    }


async def test_a_flat_table_and_one_of_items_are_different_harvests(tmp_path: Path) -> None:
    path, portal = tmp_path / "a.jsonl", ragged(60, 0, left=0)
    with pytest.raises(Stop):
        await flat(portal, path, progress=stop_after(4))
    with pytest.raises(CheckpointError, match=r"explode '(resources|badges)' there, none here"):
        await harvest(portal, path, fields="title")


# ---- Columns


async def test_fields_choose_the_columns_of_the_item_and_of_its_objects(
    tmp_path: Path, version: int
) -> None:
    portal, path, name = ragged(3, 0, left=0), tmp_path / "a.jsonl", EXPLODE[version]
    field = {1: "id", 2: "kind"}[version]
    await flat(portal, path, fields=None)
    assert read(path)[0].keys() == {"dataset_id", field} | ({"title"} if version == 1 else set())
    await flat(portal, path, fields=f"{name}{{{field}}},internal{{created_at_internal}}")
    assert read(path)[0] == {
        "dataset_id": "1",
        "dataset_internal": {"created_at_internal": "2026-01-01T00:00:01+00:00"},
        field: {1: "1-0", 2: "1-0-v0"}[version],
    }

    whole = tmp_path / "whole.parquet"
    await harvest(portal, whole, fields=name)
    names = [one.name for one in pq.read_schema(whole).field(name).type.value_type]
    columns = {"id": "string", "last_update": "timestamp[us, tz=UTC]", "title": "string"}
    for fields, own in [(None, ["id"]), ("title,last_update", [*columns])]:
        await flat(portal, tmp_path / "a.parquet", fields=fields)
        schema = pq.read_schema(tmp_path / "a.parquet")
        prefixed = [f"dataset_{one}" for one in own]
        assert schema.names == [*prefixed, *names, "additional_properties"]
        assert [str(one.type) for one in schema][: len(own)] == [columns[one] for one in own]


@pytest.mark.parametrize("version", [1], indirect=True)
async def test_a_list_in_an_object_is_flattened_by_its_path(tmp_path: Path) -> None:
    badges: list[dict[str, Any]] = [{"kind": "certified"}, {"kind": "new", "since": 5}]
    organization = {"id": "o", "name": "é", "badges": badges}
    items: list[dict[str, Any]] = [
        {"id": "a", "organization": organization},
        {"id": "b", "organization": None},
    ]

    def answer(_: httpx.Request) -> httpx.Response:
        created = {"internal": {"created_at_internal": "2026-01-01T00:00:00+00:00"}}
        page = {"data": [created | item for item in items], "page": 1, "page_size": 100}
        return httpx.Response(
            200, json={**page, "total": 2, "next_page": None, "previous_page": None}
        )

    path = tmp_path / "a.jsonl"
    async with client_of("https://portal.example/", transport=httpx.MockTransport(answer)) as one:
        listed = api.datasets.list_datasets(one, fields="organization{name}")
        report = await bulk.harvest(listed, path, explode="organization.badges")
        own: dict[str, Any] = {"dataset_id": "a", "dataset_organization": {"id": "o", "name": "é"}}
        assert read(path) == [own | badge for badge in badges]
        assert (report.items, report.rows) == (2, 2)
        await bulk.harvest(listed, tmp_path / "a.parquet", explode="organization.badges")
    schema = pq.read_schema(tmp_path / "a.parquet")
    assert schema.names == ["dataset_id", "dataset_organization", "kind", "additional_properties"]
    assert str(schema.field("dataset_organization").type) == "struct<name: string>"
    first, second = read(tmp_path / "a.parquet")
    # Unknown fields are kept, and so is what the portal sends although it was not asked for.
    assert json.loads(first["additional_properties"]) == {"dataset_organization.id": "o"}
    assert json.loads(second["additional_properties"])["since"] == 5


# ---- Refusals


@define
class Title:
    title: str


@pytest.mark.parametrize("version", [1], indirect=True)
@pytest.mark.parametrize(
    ("explode", "options", "words"),
    [
        ("resource", {}, "resource is not a field of Dataset: did you mean resources"),
        ("organization.badge", {}, "did you mean organization.badges"),
        ("title", {}, "title is text, not a list of objects; the lists of Dataset: access_aud"),
        ("tags", {}, "tags is a list, not a list of objects"),
        ("extras.x", {}, "extras is an object: a path leads through objects only"),
        ("resources.checksum", {}, "resources is a list: a path leads through objects only"),
        (["resources"], {}, "give the name of one list"),
        ("resources", {"into": Title}, "explode takes fields instead of a class"),
        ("resources", {"fields": "titel"}, "did you mean title"),
    ],
)
async def test_what_cannot_be_flattened_is_refused_before_any_request(
    explode: Any, options: dict[str, Any], words: str, tmp_path: Path
) -> None:
    sent: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(500)

    transport = httpx.MockTransport(answer)
    async with client_of("https://portal.example/", transport=transport) as client:
        listed = api.datasets.list_datasets(client)
        with pytest.raises(MaskError, match=words):
            await bulk.harvest(listed, tmp_path / "a.jsonl", explode=explode, **options)
        link = api.v2.datasets.list_datasets(client)
        with pytest.raises(MaskError, match="resources is a link to a list of its own"):
            await bulk.harvest(link, tmp_path / "a.jsonl", explode="resources")
    assert not sent
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("version", [1], indirect=True)
@pytest.mark.parametrize(
    ("resources", "words"),
    [
        ([{"id": "r"}, 5], r"expected an object at \$.resources\[1\] \(id 7\), got 5"),
        ([None], r"expected an object at \$.resources\[0\]"),
        ({"rel": "x"}, r"expected a list of objects at \$.resources \(id 7\)"),
        (
            [{"dataset_id": "x"}],
            r"the name of a column of the item at \$.resources\[0\].dataset_id",
        ),
    ],
)
async def test_objects_that_are_none_are_an_error(
    resources: Any, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    portal, path = ragged(12, 0, left=0), tmp_path / "a.jsonl"

    def content(item: int) -> dict[str, Any]:
        wrong = {"resources": resources} if item == 7 else {}
        return MovingPortal.content(portal, item) | wrong

    monkeypatch.setattr(portal, "content", content)
    with pytest.raises(DecodeError, match=words):
        await flat(portal, path)
    assert not path.exists()
