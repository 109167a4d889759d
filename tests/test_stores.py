"""Harvests to object stores: as on a disk, but without renames, appends and locks."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import random
import sys
from pathlib import Path
from typing import Any

import httpx
import pyarrow.parquet as pq
import pytest

from aiodatagouv import Client, bulk
from aiodatagouv.bulk import writer
from aiodatagouv.errors import CheckpointError, DestinationError, StoreError

from .harvests import SUFFIXES, Stop, harvest, read, stop, stop_after
from .moving import MovingPortal
from .objects import SCHEME, Objects
from .objects import objects as objects
from .versions import datasets

NAME = "bucket/folder/a"
URL = f"{SCHEME}://{NAME}"

pytestmark = pytest.mark.usefixtures("short")


def portal_of(size: int = 60) -> MovingPortal:
    return MovingPortal.of(size, 0, left=0)


def items_of(url: str, tmp_path: Path) -> list[dict[str, Any]]:
    """Read the items of an object of the simulated store."""
    path = tmp_path / Path(url).name
    path.write_bytes(Objects.objects[url.removeprefix(f"{SCHEME}://")])
    return read(path)


def ids_of(url: str, tmp_path: Path) -> list[int]:
    return [int(item["id"]) for item in items_of(url, tmp_path)]


async def on_disk(portal: MovingPortal, path: Path) -> bytes:
    """Harvest to a file of this machine, and return its bytes."""
    await harvest(portal, path)
    return path.read_bytes()


async def cut_off(url: str, pages: int = 5) -> list[str]:
    """Start a harvest that is aborted after a number of pages; return the notes of its error."""
    with pytest.raises(Stop) as caught:
        await harvest(portal_of(), url, progress=stop_after(pages))
    notes: list[str] = getattr(caught.value, "__notes__", [])
    return notes


# ---- Whole harvests


@pytest.mark.parametrize("suffix", SUFFIXES)
async def test_an_object_is_the_file_that_a_disk_would_have(
    suffix: str, objects: dict[str, bytes], tmp_path: Path
) -> None:
    report = await harvest(portal_of(), f"{URL}{suffix}")
    assert (report.complete, report.items) == (True, 60)
    assert set(objects) == {f"{NAME}{suffix}", f"{NAME}{suffix}.checkpoint"}
    if suffix == ".parquet":
        assert ids_of(f"{URL}{suffix}", tmp_path) == [*range(60)]
    else:
        assert objects[f"{NAME}{suffix}"] == await on_disk(portal_of(), tmp_path / f"b{suffix}")


@pytest.mark.parametrize("suffix", SUFFIXES)
async def test_an_empty_list_is_an_object_without_items(
    suffix: str, objects: dict[str, bytes], tmp_path: Path
) -> None:
    await harvest(portal_of(0), f"{URL}{suffix}")
    assert items_of(f"{URL}{suffix}", tmp_path) == []
    assert set(objects) == {f"{NAME}{suffix}", f"{NAME}{suffix}.checkpoint"}


async def test_a_table_tells_how_it_was_made_also_after_an_interruption_and_an_update(
    objects: dict[str, bytes], tmp_path: Path
) -> None:
    url, path, portal = f"{URL}.parquet", tmp_path / "a.parquet", portal_of()
    portal.release = "17.18.0"

    def facts() -> tuple[dt.datetime, str]:
        path.write_bytes(objects[f"{NAME}.parquet"])
        found = pq.read_schema(path).metadata
        began = dt.datetime.fromisoformat(found[b"aiodatagouv.began"].decode())
        return began, found[b"aiodatagouv.release"].decode()

    before = dt.datetime.now(dt.UTC)
    with pytest.raises(Stop):
        await harvest(portal, url, progress=stop_after(5))
    interrupted = dt.datetime.now(dt.UTC)
    portal.release = "18.0.0"
    assert (await harvest(portal, url)).resumed > 0
    began, release = facts()
    assert before <= began <= interrupted
    assert release == "17.18.0"

    portal.shown.remove(7)
    assert (await harvest(portal, url, since="last")).removed == 1
    began, release = facts()
    assert began > interrupted
    assert release == "18.0.0"


async def test_an_entry_records_only_the_items_since_the_one_before(
    objects: dict[str, bytes],
) -> None:
    await cut_off(f"{URL}.jsonl", pages=10)
    entries = [one for name, one in sorted(objects.items()) if ".entries/" in name]
    records = [json.loads(one) for one in entries]
    assert [len(one["ids"]) for one in records] == [10] * 5
    assert len({len(one) // 100 for one in entries}) == 1  # Their sizes do not grow.


# ---- Failures at each step


@pytest.mark.usefixtures("same_start")
@pytest.mark.parametrize(
    ("suffix", "is_lost"), [(".jsonl.gz", False), (".jsonl.gz", True), (".parquet", False)]
)
async def test_a_machine_that_dies_at_any_change_loses_and_repeats_nothing(
    suffix: str, is_lost: bool, objects: dict[str, bytes], tmp_path: Path
) -> None:
    url = f"{URL}{suffix}"
    await harvest(portal_of(30), url)
    changes = len(Objects.changes)
    whole = objects[f"{NAME}{suffix}"]
    resumed = 0
    for last in range(1, changes + 1):
        objects.clear()
        with Objects.failing(last, is_lost=is_lost), pytest.raises(Stop):
            await harvest(portal_of(30), url)
        assert objects.get(f"{NAME}{suffix}") in (None, whole)
        report = await harvest(portal_of(30), url)
        assert report.complete
        assert report.items == 30
        resumed += report.resumed > 0
        assert objects[f"{NAME}{suffix}"] == whole
        assert ids_of(url, tmp_path) == [*range(30)]
        assert set(objects) == {f"{NAME}{suffix}", f"{NAME}{suffix}.checkpoint"}
    assert resumed > changes // 2


@pytest.mark.usefixtures("same_start")
@pytest.mark.parametrize("suffix", [".jsonl.gz", ".parquet"])
async def test_an_update_that_dies_at_any_change_leaves_the_old_object_or_the_new_one(
    suffix: str, objects: dict[str, bytes], tmp_path: Path
) -> None:
    url, portal = f"{URL}{suffix}", portal_of(20)
    await harvest(portal, url)
    before = {**objects}
    portal.updated = {3: (1, 40_000_000)}
    portal.shown.remove(7)
    Objects.changes.clear()
    report = await harvest(portal, url, since="last")
    changes, after = len(Objects.changes), objects[f"{NAME}{suffix}"]
    assert (report.changed, report.removed) == (1, 1)
    assert items_of(url, tmp_path)[3]["title"] == "Jeu 3, version 1"
    assert ids_of(url, tmp_path) == [one for one in range(20) if one != 7]

    for last in range(1, changes + 1):
        objects.clear()
        objects.update(before)
        with Objects.failing(last), pytest.raises(Stop):
            await harvest(portal, url, since="last")
        assert objects[f"{NAME}{suffix}"] in (before[f"{NAME}{suffix}"], after)
        await harvest(portal, url, since="last")
        assert objects[f"{NAME}{suffix}"] == after
        assert set(objects) == {f"{NAME}{suffix}", f"{NAME}{suffix}.checkpoint"}


@pytest.mark.parametrize("seed", range(12))
async def test_a_history_of_harvests_updates_and_deaths_is_complete(
    seed: int, objects: dict[str, bytes], tmp_path: Path
) -> None:
    chance = random.Random(seed)
    suffix = chance.choice([".jsonl", ".jsonl.gz", ".parquet"])
    url, portal = f"{URL}{suffix}", MovingPortal.of(40, seed, left=30)
    for _ in range(6):
        portal.left, portal.throughout = 8, {*portal.shown}
        since = chance.choice([None, "last"])
        try:
            with Objects.failing(chance.randrange(1, 40), is_lost=chance.random() < 0.5):
                report = await harvest(portal, url, since=since)
        except Stop:
            continue
        found = ids_of(url, tmp_path)
        assert report.complete
        assert len(found) == len({*found}) == report.items
        if not report.resumed:
            assert portal.throughout <= {*found}
    portal.left = 0
    await harvest(portal, url, resume=False)
    assert ids_of(url, tmp_path) == portal.shown
    assert set(objects) == {f"{NAME}{suffix}", f"{NAME}{suffix}.checkpoint"}


@pytest.mark.parametrize("last", [1, 4, 9])
async def test_a_failing_store_is_an_error_that_names_the_url(
    last: int, objects: dict[str, bytes], tmp_path: Path
) -> None:
    url = f"{URL}.jsonl"
    with (
        Objects.failing(last, error=PermissionError),
        pytest.raises(StoreError, match=rf"{url}.*: the store is out of reach"),
    ):
        await harvest(portal_of(), url)
    await harvest(portal_of(), url)
    assert ids_of(url, tmp_path) == [*range(60)]


async def test_an_upload_that_fails_is_not_completed_by_its_finaliser(
    objects: dict[str, bytes],
) -> None:
    url = f"{URL}.jsonl"
    await harvest(portal_of(), url)
    sent = next(n for n, one in enumerate(Objects.changes, 1) if one == f"send {NAME}.jsonl")
    objects.clear()
    with Objects.failing(sent + 1, error=PermissionError), pytest.raises(StoreError):
        await harvest(portal_of(), url)
    assert f"{NAME}.jsonl" not in objects


# ---- Pieces and checkpoints that were changed


@pytest.mark.parametrize("suffix", [".jsonl.gz", ".parquet"])
@pytest.mark.parametrize("damage", ["changed", "removed"])
async def test_pieces_that_are_not_those_of_the_checkpoint_are_refused(
    damage: str, suffix: str, objects: dict[str, bytes]
) -> None:
    url = f"{URL}{suffix}"
    await cut_off(url)
    piece = next(name for name in objects if ".part/" in name)
    if damage == "removed":
        del objects[piece]
    else:
        objects[piece] = objects[piece][:-1] + b"!"
    with pytest.raises(CheckpointError, match="lacks items that its checkpoint covers"):
        await harvest(portal_of(), url)
    assert f"{NAME}{suffix}" not in objects
    assert (await harvest(portal_of(), url, resume=False)).complete


@pytest.mark.parametrize("suffix", [".jsonl.gz", ".parquet"])
async def test_a_piece_that_is_changed_during_the_run_is_not_completed(
    suffix: str, objects: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    seal = writer.Writer._seal

    def changed(self: writer.Writer) -> None:
        piece = next(name for name in objects if ".part/" in name)
        objects[piece] = objects[sorted(name for name in objects if ".part/" in name)[-1]]
        seal(self)

    monkeypatch.setattr(writer.Writer, "_seal", changed)
    with pytest.raises(CheckpointError, match="lacks items that its checkpoint covers"):
        await harvest(portal_of(), f"{URL}{suffix}")
    assert f"{NAME}{suffix}" not in objects


async def test_a_damaged_checkpoint_is_refused(objects: dict[str, bytes]) -> None:
    url = f"{URL}.jsonl"
    await cut_off(url)
    entry = next(name for name in objects if ".entries/" in name)
    objects[entry] = objects[entry].replace(b'"items": 10', b'"items": 11')
    with pytest.raises(CheckpointError, match=r"a.jsonl.checkpoint is damaged"):
        await harvest(portal_of(), url)
    assert f"{NAME}.jsonl" not in objects


@pytest.mark.parametrize("suffix", [".jsonl.gz", ".parquet"])
async def test_an_object_that_was_replaced_is_not_updated(
    suffix: str, objects: dict[str, bytes]
) -> None:
    url = f"{URL}{suffix}"
    await harvest(portal_of(), url)
    whole = objects[f"{NAME}{suffix}"]
    for other in (b"", whole[:-1] + b"!"):
        objects[f"{NAME}{suffix}"] = other
        with pytest.raises(CheckpointError, match="was changed or replaced"):
            await harvest(portal_of(), url, since="last")
        assert objects[f"{NAME}{suffix}"] == other


async def test_objects_of_others_among_the_pieces_are_refused(objects: dict[str, bytes]) -> None:
    objects[f"{NAME}.jsonl.part/notes.txt"] = b"mine"
    with pytest.raises(DestinationError, match=r"part/notes.txt is not what a harvest writes"):
        await harvest(portal_of(), f"{URL}.jsonl")
    assert objects == {f"{NAME}.jsonl.part/notes.txt": b"mine"}


async def test_a_harvest_that_wrote_nothing_leaves_nothing(objects: dict[str, bytes]) -> None:
    assert await cut_off(f"{URL}.jsonl", pages=0) == []
    assert objects == {}


async def test_a_failed_harvest_does_not_forget_the_object_of_another(
    objects: dict[str, bytes],
) -> None:
    await harvest(portal_of(), f"{URL}.jsonl")
    before = dict(objects)
    with pytest.raises(Stop):
        await harvest(portal_of(), f"{URL}.jsonl", fields="id", resume=False, progress=stop)
    assert objects == before


async def test_an_error_tells_that_the_same_call_continues_the_harvest(
    objects: dict[str, bytes],
) -> None:
    assert await cut_off(f"{URL}.jsonl") == [writer.KEPT]
    assert f"{NAME}.jsonl.checkpoint" in objects


# ---- Two harvests at once


async def begun(url: str, pages: int, **options: Any) -> tuple[asyncio.Event, asyncio.Task[Any]]:
    """Start a harvest that waits after some pages until an event is set."""
    go_on, reached = asyncio.Event(), asyncio.Event()
    portal, left = portal_of(), pages

    async def answer(request: httpx.Request) -> httpx.Response:
        nonlocal left
        left -= request.url.path.endswith("/datasets/")
        if left < 0:
            reached.set()
            await go_on.wait()
        return await portal.answer(request)

    async def run() -> bulk.Report:
        async with Client(
            base_url="https://portal.example/", transport=httpx.MockTransport(answer), rate=None
        ) as client:
            found = datasets.list_datasets(client, page_size=5)
            return await bulk.harvest(found, url, concurrency=1, **options)

    task = asyncio.create_task(run())
    await reached.wait()
    return go_on, task


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
@pytest.mark.parametrize("resume", [True, False])
async def test_of_two_harvests_at_once_the_one_that_comes_second_ends_with_an_error(
    resume: bool, suffix: str, objects: dict[str, bytes], tmp_path: Path
) -> None:
    url = f"{URL}{suffix}"
    go_on, first = await begun(url, 6)
    report = await harvest(portal_of(), url, resume=resume)  # It completes the file meanwhile.
    assert report.complete
    assert (report.resumed > 0) == resume
    go_on.set()
    with pytest.raises(CheckpointError, match="another harvest is under way there"):
        await first
    assert ids_of(url, tmp_path) == [*range(60)]
    assert (await harvest(portal_of(), url, since="last")).complete


async def test_of_two_harvests_that_continue_the_same_run_one_goes_on(
    objects: dict[str, bytes], tmp_path: Path
) -> None:
    url = f"{URL}.jsonl"
    await cut_off(url)
    harvests = [await begun(url, 1) for _ in range(2)]
    for go_on, _ in harvests:
        go_on.set()
    results = await asyncio.gather(*(task for _, task in harvests), return_exceptions=True)
    assert sorted(type(one).__name__ for one in results) == ["CheckpointError", "Report"]
    assert ids_of(url, tmp_path) == [*range(60)]


async def test_an_entry_whose_answer_was_lost_is_recognised_as_its_own(
    objects: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = Objects.pipe_file

    def twice(self: Objects, path: str, value: bytes, mode: str = "overwrite", **_: Any) -> None:
        put(self, path, value, mode)
        put(self, path, value, mode)  # As the library of a store does after a timeout.

    monkeypatch.setattr(Objects, "pipe_file", twice)
    await harvest(portal_of(), f"{URL}.jsonl")
    assert ids_of(f"{URL}.jsonl", tmp_path) == [*range(60)]


# ---- Refusals


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://example.org/a.jsonl", r"in a store in which it appears as a whole \(s3://"),
        ("sftp://host/a.jsonl", "in a store in which it appears as a whole"),
        ("memory://a/b.jsonl", "in a store in which it appears as a whole"),
        ("simplecache::s3://bucket/a.jsonl", "in a store in which it appears as a whole"),
        ("file://host/a.jsonl", "in a store in which it appears as a whole"),
        ("s3://bucket/a.csv", r"s3://bucket/a.csv: its suffix must be one of .jsonl"),
        ("s3://bucket/a.jsonl?sig=secret", r"^s3://bucket/a.jsonl: its suffix"),
        ("s3://a.jsonl", "it must be s3://bucket/folder/name"),
        ("s3://key:secret@bucket/a.jsonl", r"destination \(s3://\) has no user or password"),
        ("s3://key:sec/secret@bucket/a.jsonl", r"destination \(s3://\) has no user or password"),
        ("s3://secret@bucket/a.jsonl", r"destination \(s3://\) has no user or password"),
        ("ftp://me:se/secret@host/a.jsonl", "begins with ftp: cannot be a destination"),
        ("simplecache::s3://key:secret@bucket/a.jsonl", "begins with simplecache: cannot"),
        ("https://example.org/a.jsonl?key=secret", "begins with https: cannot"),
        ("abfs://me:secret@account/a.jsonl", r"destination \(abfs://\) has no user or password"),
        ("abfs://me:sec/secret@account/a.jsonl", r"destination \(abfs://\) has no user"),
        ("gs://bucket/a.jsonl", r"gs://bucket/a.jsonl needs the package gcsfs: pip install gcsfs"),
        ("abfs://box@me.dfs.core.windows.net/a.jsonl", "needs the package adlfs"),
    ],
)
async def test_what_cannot_be_a_destination_is_refused_before_any_request(
    url: str, words: str
) -> None:
    with pytest.raises(DestinationError, match=words) as caught:
        await refused(url)
    assert "secret" not in str(caught.value)


async def refused(destination: str, **options: Any) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise AssertionError(f"{request.url} was called")

    async with Client(
        base_url="https://portal.example/", transport=httpx.MockTransport(answer)
    ) as client:
        await bulk.harvest(datasets.list_datasets(client), destination, **options)


async def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(DestinationError, match=r"fsspec: pip install 'aiodatagouv\[fsspec\]'"):
        await refused("s3://bucket/a.jsonl")


async def test_options_of_a_store_need_a_url(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="the destination must be its URL"):
        await refused(str(tmp_path / "a.jsonl"), storage_options={"key": "k"})
    with pytest.raises(TypeError, match="'nonsense'"):
        await refused("s3://bucket/a.jsonl", storage_options={"nonsense": "secret"})


async def test_an_update_of_an_object_that_is_not_there_is_refused(
    objects: dict[str, bytes],
) -> None:
    with pytest.raises(DestinationError, match="there is no file yet to update"):
        await refused(f"{URL}.jsonl", since="last", strict=True)


async def test_the_url_of_a_file_is_a_path(tmp_path: Path) -> None:
    await harvest(portal_of(6), f"file://{tmp_path}/a.jsonl")
    await harvest(portal_of(6), f"local://{tmp_path}/b.jsonl")
    assert len(read(tmp_path / "a.jsonl")) == len(read(tmp_path / "b.jsonl")) == 6
