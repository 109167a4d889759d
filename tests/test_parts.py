"""Updates of the parts of a list: together, their files equal a fresh harvest of the list."""

from __future__ import annotations

import asyncio
import datetime as dt
import tempfile
from pathlib import Path
from typing import Any

import httpx
import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from aiodatagouv import DestinationError, bulk
from aiodatagouv.bulk._journal.finished import Finished
from aiodatagouv.bulk._journal.storage import CHECKPOINTS
from aiodatagouv.bulk._update.recording import record

from .harvests import SUFFIXES, Stop, harvest, histories, read, stop_after
from .moving import START, MovingPortal
from .versions import datasets

pytestmark = pytest.mark.usefixtures("version")


async def refresh(
    portal: MovingPortal, folder: Path, parts: list[bulk.Part], suffix: str, **options: Any
) -> list[bulk.Report]:
    """Harvest the parts of a list into files of a folder."""
    async with portal.client() as client:
        return [
            await bulk.harvest(part, folder / f"{number}{suffix}", client=client, **options)
            for number, part in enumerate(parts)
        ]


async def split(portal: MovingPortal, parts: int) -> list[bulk.Part]:
    async with portal.client() as client:
        return await bulk.partition(datasets.list_datasets(client, page_size=5), parts)


def items_of(folder: Path, suffix: str) -> list[dict[str, Any]]:
    items = [item for path in folder.glob(f"*{suffix}") for item in read(path)]
    return sorted(items, key=lambda item: int(item["id"]))


@pytest.mark.usefixtures("short")
@given(
    size=st.integers(1, 60),
    seed=st.integers(0),
    left=st.integers(0, 60),
    parts=st.integers(1, 5),
    suffix=st.sampled_from([".jsonl", ".jsonl", ".jsonl", ".parquet"]),
    is_once=st.booleans(),
)
@settings(max_examples=histories(30))
def test_updated_parts_equal_a_fresh_harvest(
    size: int, seed: int, left: int, parts: int, suffix: str, *, is_once: bool
) -> None:
    portal = MovingPortal.of(size, seed, left=0, later=size, quiet={*range(0, size, 3)})

    async def run(folder: Path, whole: Path) -> list[bulk.Report]:
        found = await split(portal, parts)
        await refresh(portal, folder, found, suffix)
        since = START + dt.timedelta(seconds=portal.clock)
        portal.left = left
        for _ in range(left):
            portal.go_on()
        portal.left = 0
        if is_once:
            async with portal.client() as client:
                changes, _ = await record(
                    datasets.list_datasets(client, page_size=5),
                    since,
                    folder / "changes",
                    total=size,
                    skip_broken=False,
                )
            found = [evolve(part, changes=changes) for part in found]
        reports = await refresh(portal, folder, found, suffix, since=since)
        await harvest(portal, whole)
        return reports

    with tempfile.TemporaryDirectory() as folder:
        place, whole = Path(folder, "parts"), Path(folder, f"whole{suffix}")
        place.mkdir()
        reports = asyncio.run(run(place, whole))
        refreshed, harvested = items_of(place, suffix), read(whole)
    assert refreshed == harvested
    assert all(report.complete for report in reports)
    assert sum(report.items for report in reports) == len(harvested)
    assert sum(report.total or 0 for report in reports) == len(harvested)


async def test_changes_after_they_were_read_for_all_parts_come_with_the_next_update(
    tmp_path: Path,
) -> None:
    portal = MovingPortal.of(60, 0, left=0)
    parts = await split(portal, 3)
    await refresh(portal, tmp_path, parts, ".jsonl")
    portal.updated = {30: (1, 10_001)}
    async with portal.client() as client:
        found = datasets.list_datasets(client, page_size=5)
        changes, _ = await record(found, START, tmp_path / "a", total=60, skip_broken=False)
        portal.updated = {30: (2, 10_002)}
        since = START + dt.timedelta(seconds=10_000)
        once = [evolve(part, changes=changes) for part in parts]
        await refresh(portal, tmp_path, once, ".jsonl", since=since)
    done = Finished.at(tmp_path / "1.jsonl")
    assert done is not None
    assert done.latest is None or done.latest < changes.began
    await refresh(portal, tmp_path, parts, ".jsonl", since=since)
    assert items_of(tmp_path, ".jsonl")[30]["title"] == "Jeu 30, version 2"


async def test_the_changes_of_a_list_are_read_once_for_all_parts(tmp_path: Path) -> None:
    portal = MovingPortal.of(600, 0, left=0)
    parts = await split(portal, 20)
    await refresh(portal, tmp_path, parts, ".jsonl")
    portal.updated = {one: (1, 10_000 + one) for one in range(0, 600, 4)}
    since = START + dt.timedelta(seconds=10_000)
    each = await refresh(portal, tmp_path, parts, ".jsonl", since=since)
    portal.updated = {one: (2, 10_000 + one) for one in range(0, 600, 4)}
    async with portal.client() as client:
        found = datasets.list_datasets(client, page_size=5)
        changes, reading = await record(found, since, tmp_path / "a", total=600, skip_broken=False)
    once = [evolve(part, changes=changes) for part in parts]
    shared = await refresh(portal, tmp_path, once, ".jsonl", since=since)
    assert [one.changed for one in shared] == [one.changed for one in each]
    assert sum(one.changed for one in shared) == 150
    # A page of ids for each part, and two or three pages of changes: for all of them, or for each.
    assert (sum(one.requests for one in shared), reading.requests) == (20, 2)
    assert sum(one.requests for one in each) == 80


@pytest.mark.parametrize("suffix", SUFFIXES)
async def test_checkpoints_are_kept_in_a_folder_for_them_if_there_is_one(
    suffix: str, tmp_path: Path
) -> None:
    aside = tmp_path / CHECKPOINTS
    aside.mkdir()
    path, portal = tmp_path / f"a{suffix}", MovingPortal.of(60, 0, left=0)
    with pytest.raises(Stop):
        await harvest(portal, path, progress=stop_after(11))
    assert {one.name for one in aside.iterdir()} == {f"a{suffix}.part", f"a{suffix}.checkpoint"}
    assert (await harvest(portal, path)).resumed == 50
    assert [*tmp_path.glob("a*")] == [path]
    portal.updated = {3: (1, 10_001)}
    since = START + dt.timedelta(seconds=10_000)
    assert (await harvest(portal, path, since=since)).changed == 1
    path.write_bytes(b"mine")
    with pytest.raises(bulk.CheckpointError, match=f"^{path} is not the file"):
        Finished.at(path)


async def test_the_parts_of_a_public_list_are_split_without_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    portal = MovingPortal.of(60, 0, left=0)
    answer = portal.answer

    async def answer_by_key(request: httpx.Request) -> httpx.Response:
        """Show the first half to the owner of the key only."""
        portal.shown = [*range(0 if "x-api-key" in request.headers else 30, 60)]
        return await answer(request)

    monkeypatch.setattr(portal, "answer", answer_by_key)
    async with portal.client(api_key="secret") as client:
        found = datasets.list_datasets(client, page_size=5)
        assert [part.end for part in await bulk.partition(found, 3)] == [20, 40, 60]
        public = await bulk.partition(found, 3, only_public=True)
        reports = [
            await bulk.harvest(part, tmp_path / f"{n}.jsonl", client=client, only_public=True)
            for n, part in enumerate(public)
        ]
    assert [(one.items, one.total, one.complete) for one in reports] == [(10, 10, True)] * 3


async def test_a_part_without_a_file_cannot_be_updated(tmp_path: Path) -> None:
    portal = MovingPortal.of(20, 0, left=0)
    with pytest.raises(DestinationError, match="there is no file yet to update"):
        await refresh(portal, tmp_path, await split(portal, 2), ".jsonl", since=dt.date(2026, 1, 1))


@pytest.mark.parametrize("fields", ["id,title", "id,internal{last_modified_internal}"])
async def test_an_updated_part_has_the_fields_wanted_only(fields: str, tmp_path: Path) -> None:
    portal = MovingPortal.of(20, 0, left=0)
    async with portal.client() as client:
        found = datasets.list_datasets(client, page_size=5, fields=fields)
        parts = await bulk.partition(found, 2)
    await refresh(portal, tmp_path, parts, ".jsonl")
    before = items_of(tmp_path, ".jsonl")
    reports = await refresh(portal, tmp_path, parts, ".jsonl", since=START)
    assert [one.changed for one in reports] == [0, 0]
    portal.updated = {0: (1, portal.clock), 19: (1, portal.clock)}
    reports = await refresh(portal, tmp_path, parts, ".jsonl", since=START)
    assert [one.changed for one in reports] == [1, 1]
    items = items_of(tmp_path, ".jsonl")
    assert [one for one in range(20) if items[one] != before[one]] == [0, 19]
    assert [item.keys() for item in items] == [item.keys() for item in before]
