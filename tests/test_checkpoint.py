"""Checkpoints: the state that an interrupted harvest leaves, and resuming from it."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from attrs import field, make_class

from aiodatagouv import BadRequestError, CheckpointError, Client, DestinationError, bulk
from aiodatagouv._walk import listing
from aiodatagouv.bulk import writer
from aiodatagouv.bulk._journal.checkpoint import Entry, Journal
from aiodatagouv.bulk._journal.records import decoded, encoded
from aiodatagouv.bulk._lines.jsonlines import JsonLines
from aiodatagouv.bulk._table.parquet import Parquet

from . import versions
from .harvests import SUFFIXES, Stop, cut_off, harvest, ids, read, stop, stop_after
from .moving import START, MovingPortal
from .versions import datasets, named

pytestmark = pytest.mark.usefixtures("version")


@pytest.mark.usefixtures("short")
async def test_a_checkpoint_of_another_harvest_is_refused_with_the_difference(
    tmp_path: Path,
) -> None:
    path = tmp_path / "datasets.jsonl"
    await cut_off(path)
    before = (tmp_path / "datasets.jsonl.checkpoint").read_bytes()
    async with MovingPortal.of(60, 0, left=0).client() as client:
        other = datasets.list_datasets(client, page_size=5, tag=["velo"], fields="id")
        with pytest.raises(CheckpointError) as caught:
            await bulk.harvest(other, path)
    assert "parameter tag none there, 'velo' here" in str(caught.value)
    assert "fields none there, 'id' here" in str(caught.value)
    assert (tmp_path / "datasets.jsonl.checkpoint").read_bytes() == before
    async with MovingPortal.of(60, 0, left=0).client(api_key="secret-key") as client:
        with pytest.raises(CheckpointError, match="key no there, yes here"):
            await bulk.harvest(datasets.list_datasets(client, page_size=5), path)
    async with MovingPortal.of(60, 0, left=0).client() as client:
        other = datasets.list_datasets(client, fields="title")
        await bulk.harvest(other, path, resume=False)
    assert read(path)[0] == {"title": "Jeu 0, version 0"}


@pytest.mark.usefixtures("short")
async def test_a_checkpoint_names_the_api_that_has_the_list(tmp_path: Path, version: int) -> None:
    """The root of the API, by which checkpoints of older versions of this package are found."""
    await cut_off(tmp_path / "datasets.jsonl")
    (head, *_) = (tmp_path / "datasets.jsonl.checkpoint").read_bytes().splitlines()
    assert json.loads(head)["query"]["portal"] == f"https://portal.example/api/{version}/"


@pytest.mark.usefixtures("short")
async def test_a_harvest_with_a_header_does_not_continue_one_without(tmp_path: Path) -> None:
    path = tmp_path / "datasets.jsonl"
    header = "X-Get-Datasets-Full-Objects"
    await cut_off(path)
    async with MovingPortal.of(60, 0, left=0).client() as client:
        full = datasets.list_datasets(client, page_size=5, full_objects=True)
        with pytest.raises(CheckpointError, match=f"headers none there, '{header}' here"):
            await bulk.harvest(full, path)
        with pytest.raises(Stop):
            await bulk.harvest(full, path, resume=False, progress=stop_after(4))
        with pytest.raises(CheckpointError, match=f"headers '{header}' there, none here"):
            await bulk.harvest(datasets.list_datasets(client, page_size=5), path)
        assert (await bulk.harvest(full, path)).resumed == 20
        assert ids(path) == [*range(60)]
        with pytest.raises(CheckpointError, match=f"headers '{header}' there, none here"):
            await bulk.harvest(datasets.list_datasets(client), path, since="last")


@pytest.mark.usefixtures("short")
async def test_a_harvest_does_not_continue_that_of_the_other_version(
    tmp_path: Path, version: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, this = tmp_path / "datasets.jsonl", named("list_datasets")
    await cut_off(path)
    before = (tmp_path / "datasets.jsonl.checkpoint").read_bytes()
    monkeypatch.setattr(versions, "current", 3 - version)
    with pytest.raises(CheckpointError) as caught:
        await harvest(MovingPortal.of(60, 0, left=0), path)
    assert f"operation '{this}' there, '{named('list_datasets')}' here" in str(caught.value)
    assert f"api/{version}/' there, " in str(caught.value)
    assert (tmp_path / "datasets.jsonl.checkpoint").read_bytes() == before
    monkeypatch.setattr(versions, "current", version)
    assert (await harvest(MovingPortal.of(60, 0, left=0), path)).resumed == 20


@pytest.mark.usefixtures("short")
async def test_a_truncated_checkpoint_line_is_ignored(tmp_path: Path) -> None:
    path, journal = tmp_path / "datasets.jsonl", tmp_path / "datasets.jsonl.checkpoint"
    await cut_off(path)
    whole = journal.read_bytes()
    for cut in (1, 20, len(whole.splitlines()[-1]) + 1):
        journal.write_bytes(whole[:-cut])
        await cut_off(path, pages=3)  # The next entry begins a new line.
        report = await harvest(MovingPortal.of(60, 0, left=0), path)
        assert report.resumed == 30  # Ten recorded before, and twenty more.
        assert ids(path) == [*range(60)]
        await cut_off(path)


@pytest.mark.usefixtures("short")
async def test_a_checkpoint_that_a_kill_has_left_half_written_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "datasets.jsonl"
    await cut_off(path)
    half = tmp_path / "datasets.jsonl.checkpoint.0123456789abcdef.part"
    half.write_bytes(b'{"que')
    of_others = tmp_path / "notes.0123456789abcdef.part"
    of_others.write_bytes(b"notes")
    await harvest(MovingPortal.of(60, 0, left=0), path)
    assert ids(path) == [*range(60)]
    assert not half.exists()
    assert of_others.exists()


@pytest.mark.usefixtures("short")
async def test_data_beyond_the_checkpoint_is_discarded(tmp_path: Path) -> None:
    path, part = tmp_path / "datasets.jsonl", tmp_path / "datasets.jsonl.part"
    await cut_off(path, pages=2)
    with part.open("ab") as file:
        file.write(b'{"id": "half' * 1000)
    await harvest(MovingPortal.of(12, 0, left=0), path)
    assert ids(path) == [*range(12)]


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
async def test_missing_data_that_the_checkpoint_covers_is_an_error(
    suffix: str, tmp_path: Path
) -> None:
    path = tmp_path / f"datasets{suffix}"
    await cut_off(path)
    part = tmp_path / f"datasets{suffix}.part"
    if suffix == ".parquet":
        (part / "000001").unlink()
    else:
        part.write_bytes(part.read_bytes()[:100])
    with pytest.raises(CheckpointError, match="lacks items that its checkpoint covers"):
        await harvest(MovingPortal.of(60, 0, left=0), path)
    await harvest(MovingPortal.of(60, 0, left=0), path, resume=False)
    assert ids(path) == [*range(60)]


HEAD: dict[str, Any] = {
    "query": {"page_size": 5},
    "began": "2026-01-01",
    "latest": None,
    "since": None,
    "has_part": False,
    "seals": [],
}


async def test_an_unrelated_file_is_not_used_as_a_checkpoint(tmp_path: Path) -> None:
    other = tmp_path / "datasets.jsonl.checkpoint"
    head = '{"query": {}, "began": "2026-01-01", "latest": null, "since": null}\n'
    wrong = ["My notes", "My notes\n", "{}\n", "[]\n", head]
    others: list[list[dict[str, Any]]] = [
        [{}],
        [{"query": {}}],
        [HEAD | {"began": "x"}],
        [HEAD, {}],
    ]
    wrong += [encoded(records)[0].decode() for records in others]
    for text in wrong:
        other.write_text(text)
        with pytest.raises(CheckpointError, match="is not the checkpoint of a harvest"):
            await harvest(MovingPortal.of(6, 0, left=0), tmp_path / "datasets.jsonl")
        assert other.read_text() == text


async def test_two_harvests_cannot_write_the_same_file(tmp_path: Path) -> None:
    path = tmp_path / "datasets.jsonl"
    async with MovingPortal.of(60, 0, left=0).client() as client:
        found = datasets.list_datasets(client, page_size=5)
        reports: list[bulk.Report] = []
        first = asyncio.create_task(bulk.harvest(found, path, progress=reports.append))
        while not reports:
            await asyncio.sleep(0)
        with pytest.raises(CheckpointError, match="another harvest is under way"):
            await bulk.harvest(found, path)
        assert (tmp_path / "datasets.jsonl.checkpoint").exists()
        assert (await first).items == 60
    assert ids(path) == [*range(60)]


@pytest.mark.usefixtures("short", "same_start")
@pytest.mark.parametrize("suffix", SUFFIXES)
async def test_a_kill_during_the_final_rename_is_recovered(
    suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"datasets{suffix}"
    sink = Parquet if suffix == ".parquet" else JsonLines
    await harvest(MovingPortal.of(43, 0, left=0), path)
    whole = path.read_bytes()
    path.unlink()

    for method in ["finish", "record_end"]:  # Before and after the final rename.
        with monkeypatch.context() as patch:
            patch.setattr(writer.Writer if method == "record_end" else sink, method, stop)
            with pytest.raises(Stop):
                await harvest(MovingPortal.of(43, 0, left=0), path)
        assert path.exists() == (method == "record_end")
        if method == "record_end" and suffix == ".parquet":
            (tmp_path / "datasets.parquet.part").mkdir()  # Its removal was interrupted.
        silent = MovingPortal.of(0, 0, left=0)  # No item needs to be fetched again.
        report = await harvest(silent, path)
        assert path.read_bytes() == whole
        assert report.items == 43
        assert report.complete
        names = {one.name for one in tmp_path.iterdir()}
        assert names == {path.name, f"{path.name}.checkpoint"}
        path.unlink()


async def test_a_cancelled_harvest_can_be_resumed(tmp_path: Path) -> None:
    path = tmp_path / "datasets.jsonl"
    async with MovingPortal.of(300, 0, left=0).client() as client:
        found = datasets.list_datasets(client, page_size=5)
        reports: list[bulk.Report] = []
        task = asyncio.create_task(bulk.harvest(found, path, progress=reports.append))
        while len(reports) < 25:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        report = await bulk.harvest(found, path)
    assert report.resumed == 100
    assert ids(path) == [*range(300)]


async def test_closing_the_client_ends_a_harvest_with_an_error(tmp_path: Path) -> None:
    path = tmp_path / "datasets.jsonl"
    reports: list[bulk.Report] = []
    async with MovingPortal.of(300, 0, left=0).client() as client:
        found = datasets.list_datasets(client, page_size=5)
        task = asyncio.create_task(bulk.harvest(found, path, progress=reports.append))
        while len(reports) < 5:
            await asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="Client"):
        await task
    assert not path.exists()


async def test_a_write_in_progress_does_not_block_the_event_loop_on_cancellation() -> None:
    may_go_on = threading.Event()

    class Slow:
        checkpoint = None
        written = 0
        is_closed = False

        def open(self, state: object) -> None: ...

        def write(self, items: Sequence[bytes]) -> None:
            self.written += 1
            may_go_on.wait()

        def commit(self) -> None: ...

        def finish(self) -> None: ...

        def close(self) -> None:
            self.is_closed = True

    sink = Slow()
    async with MovingPortal.of(30, 0, left=0).client() as client:
        found = datasets.list_datasets(client, page_size=5)
        task = asyncio.create_task(bulk.harvest(found, sink))
        while not sink.written:
            await asyncio.sleep(0)
        task.cancel()
        for _ in range(100):
            await asyncio.sleep(0)  # The event loop keeps running.
        task.cancel()
        await asyncio.sleep(0)
        assert not task.done()
        may_go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert sink.is_closed
    assert sink.written == 1


async def test_a_commit_in_progress_on_cancellation_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "datasets.jsonl"
    is_noting, may_go_on = threading.Event(), threading.Event()
    add = Journal.add

    def slowly(journal: Journal, entry: Entry) -> None:
        add(journal, entry)
        is_noting.set()
        may_go_on.wait()

    monkeypatch.setattr(Journal, "add", slowly)
    async with MovingPortal.of(100, 0, left=0).client() as client:
        found = datasets.list_datasets(client, page_size=5)
        task = asyncio.create_task(bulk.harvest(found, path))
        while not is_noting.is_set():
            await asyncio.sleep(0)
        task.cancel()
        for _ in range(10):
            await asyncio.sleep(0)
        may_go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        report = await bulk.harvest(found, path)
    assert report.resumed == 50
    assert ids(path) == [*range(100)]


async def test_a_full_disk_raises_the_os_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("aiodatagouv.bulk._table.pieces.sync", full)
    with pytest.raises(OSError, match="No space left"):
        await harvest(MovingPortal.of(30, 0, left=0), tmp_path / "a.parquet")


@pytest.mark.usefixtures("short")
async def test_a_harvest_refused_at_its_first_request_leaves_no_files(
    tmp_path: Path, scripted: Callable[..., Client]
) -> None:
    path = tmp_path / "a.jsonl"
    async with scripted(lambda _: httpx.Response(400)) as client:
        with pytest.raises(BadRequestError):
            await bulk.harvest(datasets.list_datasets(client, tag=["x"]), path)
    assert not [*tmp_path.iterdir()]
    report = await harvest(MovingPortal.of(12, 0, left=0), path)
    assert report.complete


@pytest.mark.usefixtures("short")
async def test_a_table_is_not_resumed_with_other_columns(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    before = make_class("Row", {"id": field(type=str), "title": field(type=str)})
    after = make_class("Row", {"id": field(type=str), "title": field(type=object)})
    after.__annotations__["title"] = Any
    with pytest.raises(Stop):
        await harvest(MovingPortal.of(60, 0, left=0), path, into=before, progress=stop_after(4))
    with pytest.raises(CheckpointError, match="has other columns than this harvest"):
        await harvest(MovingPortal.of(60, 0, left=0), path, into=after)


# ---- Lists sorted by the caller


async def harvest_by_title(path: Path, pages: int) -> bulk.Report:
    """Harvest datasets sorted by title, and stop after a number of pages."""
    async with MovingPortal.of(100, 0, left=0).client() as client:
        found = datasets.list_datasets(client, page_size=10, sort="title")
        return await bulk.harvest(found, path, progress=stop_after(pages))


@pytest.mark.usefixtures("short")
async def test_a_list_not_sorted_by_creation_is_resumed_too(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    for pages in (5, 2):
        with pytest.raises(Stop):
            await harvest_by_title(path, pages)
    report = await harvest_by_title(path, 10)
    assert report.complete
    assert report.resumed == 80
    assert ids(path) == [*range(100)]


@pytest.mark.usefixtures("short")
async def test_a_list_interrupted_after_its_last_page_is_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.jsonl"

    with monkeypatch.context() as patch:
        patch.setattr(writer.Writer, "finish", stop)
        with pytest.raises(Stop):
            await harvest_by_title(path, 10)
    report = await harvest_by_title(path, 10)  # The page after the last one is a 404.
    assert report.complete
    assert report.resumed == 100


# ---- The latest complete harvest


async def test_an_update_that_leaves_a_gap_does_not_count_as_the_latest_harvest(
    tmp_path: Path,
) -> None:
    path, portal = tmp_path / "a.jsonl", MovingPortal.of(30, 0, left=0)
    await harvest(portal, path)
    now, checkpoint = dt.datetime.now(dt.UTC), tmp_path / "a.jsonl.checkpoint"
    (head, done), _ = decoded(checkpoint.read_bytes())
    head["began"] = (now - dt.timedelta(days=10)).isoformat()
    checkpoint.write_bytes(encoded([head, done])[0])
    portal.updated = {3: (1, int((now - dt.timedelta(days=5) - START).total_seconds()))}
    report = await harvest(portal, path, since=now - dt.timedelta(days=1))
    assert report.changed == 0
    assert "changes before" in str(report.reason)
    report = await harvest(portal, path, since="last")
    assert report.changed == 1
    assert report.reason is None
    assert read(path)[3]["title"] == "Jeu 3, version 1"


async def test_an_incomplete_harvest_does_not_count_as_the_latest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.jsonl"
    with monkeypatch.context() as patch:
        patch.setattr(listing, "_instability", lambda *_, **__: "for a test")
        patch.setattr(MovingPortal, "total", lambda _: 7)
        report = await harvest(MovingPortal.of(6, 0, left=0), path)
        assert not report.complete
    with pytest.raises(DestinationError, match="does not know of a complete harvest"):
        await harvest(MovingPortal.of(6, 0, left=0), path, since="last", strict=True)


async def test_a_harvest_of_another_query_does_not_count_as_the_latest(tmp_path: Path) -> None:
    path, portal = tmp_path / "a.jsonl", MovingPortal.of(6, 0, left=0)
    async with portal.client() as client:
        await bulk.harvest(datasets.list_datasets(client, tag=["x"]), path)
    with pytest.raises(CheckpointError, match="parameter tag 'x' there, none here"):
        await harvest(portal, path, since="last", strict=True)


@pytest.mark.parametrize("kind", ["finished", "update", "rename"])
async def test_a_failed_harvest_does_not_forget_the_file_of_another(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, portal = tmp_path / "a.jsonl", MovingPortal.of(6, 0, left=0)
    checkpoint = tmp_path / "a.jsonl.checkpoint"
    await harvest(portal, path)
    before = checkpoint.read_bytes()
    # Updates that were killed: at their start, and before the checkpoint says that they ended.
    with monkeypatch.context() as patch:
        patch.setattr(Journal, "close", lambda journal, **_: journal.storage.close())
        if kind == "update":
            patch.setattr(writer.Writer, "run", stop)
        else:
            patch.setattr(writer.Writer, "record_end", stop)
        if kind != "finished":
            portal.shown.remove(3)
            with pytest.raises(Stop):
                await harvest(portal, path, since="last")
    with pytest.raises(Stop):
        await harvest(portal, path, fields="id,title", resume=False, progress=stop)
    assert (checkpoint.read_bytes() == before) is (kind == "finished")
    report = await harvest(portal, path, since="last", strict=True)
    assert (report.complete, report.removed) == (True, kind == "update")
    assert {one.name for one in tmp_path.iterdir()} == {"a.jsonl", "a.jsonl.checkpoint"}


async def test_a_killed_update_does_not_count_as_a_full_harvest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, portal = tmp_path / "a.jsonl", MovingPortal.of(30, 0, left=0)
    await harvest(portal, path)

    methods: list[tuple[object, str]] = [(JsonLines, "finish"), (writer.Writer, "record_end")]
    for version, method in enumerate(methods, start=1):
        portal.shown.pop()
        with monkeypatch.context() as patch:
            patch.setattr(*method, stop)
            with pytest.raises(Stop):
                await harvest(portal, path, since="last")
        portal.updated = {3: (version, 5)}  # The change has an old date.
        report = await harvest(portal, path)
        assert (report.since, report.pages) == (None, 6)
        assert read(path)[3]["title"] == f"Jeu 3, version {version}"


async def test_a_kill_at_the_start_preserves_the_record_of_the_latest_harvest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, portal = tmp_path / "a.jsonl", MovingPortal.of(6, 0, left=0)
    await harvest(portal, path)
    before = (tmp_path / "a.jsonl.checkpoint").read_bytes()

    with monkeypatch.context() as patch:
        patch.setattr("aiodatagouv._disk.replace", stop)
        with pytest.raises(Stop):
            await harvest(portal, path)
    assert (tmp_path / "a.jsonl.checkpoint").read_bytes() == before
    assert (await harvest(portal, path, since="last")).complete
