"""Harvests use and complete only what they wrote: foreign, replaced and damaged files."""

from __future__ import annotations

import datetime as dt
import os
import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from aiodatagouv import BadRequestError, CheckpointError, Client, DestinationError, bulk
from aiodatagouv.api import datasets
from aiodatagouv.bulk import writer
from aiodatagouv.bulk._journal.finished import Finished
from aiodatagouv.bulk._journal.place import Seal
from aiodatagouv.bulk._journal.storage import checkpoint_of
from aiodatagouv.bulk._lines.jsonlines import JsonLines
from aiodatagouv.bulk._table.parquet import Parquet

from .harvests import SUFFIXES, Stop, cut_off, harvest, ids, stop, stop_after
from .moving import MovingPortal

pytestmark = pytest.mark.usefixtures("short")


def portal(size: int = 60) -> MovingPortal:
    return MovingPortal.of(size, 0, left=0)


def tree(folder: Path) -> dict[str, bytes]:
    """Return the content of all files below a folder, without locks."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def make(path: Path, kind: str) -> None:
    """Make something of somebody else's."""
    other = path.with_name("other")
    match kind:
        case "file":
            path.write_bytes(b"mine")
        case "folder":
            path.mkdir()
            (path / "000000").write_bytes(b"mine")
        case "link to a file":
            other.write_bytes(b"mine")
            path.symlink_to(other)
        case "link to a folder":
            other.mkdir()
            (other / "000000").write_bytes(b"mine")
            path.symlink_to(other)
        case "link to nothing":
            path.symlink_to(other)
        case _:
            os.mkfifo(path)


KINDS = ["file", "folder", "link to a file", "link to a folder", "link to nothing", "pipe"]


# ---- Temporary files of others


@pytest.mark.parametrize("options", [{}, {"resume": False}])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
async def test_a_temporary_file_of_somebody_else_is_refused(
    suffix: str, kind: str, options: dict[str, Any], tmp_path: Path
) -> None:
    path, part = tmp_path / f"a{suffix}", tmp_path / f"a{suffix}.part"
    make(part, kind)
    before = tree(tmp_path)
    for _ in range(2):  # The first refusal does not make the file one of the harvest.
        with pytest.raises(DestinationError, match=rf"a{suffix}\.part.*move it away"):
            await harvest(portal(), path, **options)
    assert tree(tmp_path) == before
    assert os.path.lexists(part)
    assert not checkpoint_of(path).exists()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
async def test_a_temporary_file_replaced_by_another_one_is_refused(
    suffix: str, kind: str, tmp_path: Path
) -> None:
    path, part = tmp_path / f"a{suffix}", tmp_path / f"a{suffix}.part"
    await cut_off(path)
    part.rename(tmp_path / "moved")
    make(part, kind)
    before = tree(tmp_path)
    with pytest.raises((DestinationError, CheckpointError)):
        await harvest(portal(), path)
    assert tree(tmp_path) == before


async def test_items_changed_in_a_temporary_file_are_noticed(tmp_path: Path) -> None:
    path, part = tmp_path / "a.jsonl", tmp_path / "a.jsonl.part"
    await cut_off(path)
    part.write_bytes(part.read_bytes().replace(b"Jeu 3", b"Jeu 8"))
    with pytest.raises(CheckpointError, match="lacks items"):
        await harvest(portal(), path)
    await harvest(portal(), path, resume=False)
    assert ids(path) == [*range(60)]


@pytest.mark.parametrize("suffix", SUFFIXES)
async def test_every_changed_byte_of_a_temporary_file_is_noticed(
    suffix: str, tmp_path: Path
) -> None:
    chance, path, before = random.Random(0), tmp_path / f"a{suffix}", tmp_path / "before"
    await cut_off(path, pages=7)
    shutil.copytree(tmp_path, before, ignore=shutil.ignore_patterns("*.lock"))
    parts = [name for name in tree(before) if not name.endswith(".checkpoint")]
    for _ in range(30):
        shutil.rmtree(here := tmp_path / "here", ignore_errors=True)
        shutil.copytree(before, here)
        part = here / chance.choice(parts)
        content = bytearray(part.read_bytes())
        place = chance.randrange(len(content))
        match chance.choice(["changed", "removed", "added"]):
            case "changed":
                content[place] ^= 1 << chance.randrange(8)
            case "removed":
                del content[place]
            case _:
                content.insert(place, content[place] ^ 1)
        part.write_bytes(content)
        with pytest.raises(CheckpointError, match="lacks items"):
            await harvest(portal(), here / f"a{suffix}")
    assert (await harvest(portal(), before / f"a{suffix}")).complete


async def test_a_piece_of_a_table_that_is_damaged_during_the_harvest_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, seal = tmp_path / "a.parquet", Parquet.seal

    def damaged(sink: Parquet) -> Seal:
        piece = tmp_path / "a.parquet.part" / "000001"
        content = piece.read_bytes()
        piece.write_bytes(content.replace(b"Jeu", b"Jeo", 1))
        assert piece.read_bytes() != content
        return seal(sink)

    monkeypatch.setattr(Parquet, "seal", damaged)
    with pytest.raises(CheckpointError, match="lacks items"):
        await harvest(portal(), path)
    assert not path.exists()


async def test_files_of_others_in_the_temporary_folder_are_kept(tmp_path: Path) -> None:
    path, mine = tmp_path / "a.parquet", tmp_path / "a.parquet.part" / "notes"
    await cut_off(path)
    mine.write_bytes(b"mine")
    for resume in (True, False):
        with pytest.raises(DestinationError, match=r"notes.*not one of its files"):
            await harvest(portal(), path, resume=resume)
    assert mine.read_bytes() == b"mine"
    mine.unlink()
    assert (await harvest(portal(), path)).complete


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
async def test_a_finished_harvest_knows_no_temporary_files(suffix: str, tmp_path: Path) -> None:
    path, part = tmp_path / f"a{suffix}", tmp_path / f"a{suffix}.part"
    await harvest(portal(), path)
    make(part, "folder" if suffix == ".parquet" else "file")
    before = tree(tmp_path)
    for since in (None, "last"):
        with pytest.raises(DestinationError, match="no checkpoint knows it"):
            await harvest(portal(), path, since=since)
    assert tree(tmp_path) == before


async def test_a_harvest_that_failed_at_its_start_knows_no_temporary_files(
    tmp_path: Path, scripted: Callable[..., Client]
) -> None:
    path, part = tmp_path / "a.jsonl", tmp_path / "a.jsonl.part"
    await harvest(portal(), path)
    async with scripted(lambda _: httpx.Response(400)) as client:
        with pytest.raises(BadRequestError):
            await bulk.harvest(datasets.list_datasets(client, page_size=5), path)
    part.write_bytes(b"mine")
    with pytest.raises(DestinationError, match="no checkpoint knows it"):
        await harvest(portal(), path)
    assert part.read_bytes() == b"mine"


async def test_the_temporary_file_of_a_killed_update_is_used_or_removed(
    tmp_path: Path, scripted: Callable[..., Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, killed = tmp_path / "a.jsonl", tmp_path / "killed" / "a.jsonl"
    await harvest(portal(), path)

    def kill(_: object) -> None:
        shutil.copytree(tmp_path, killed.parent, ignore=shutil.ignore_patterns("*.lock"))
        raise Stop

    with monkeypatch.context() as patch:
        patch.setattr(JsonLines, "seal", kill)
        with pytest.raises(Stop):
            await harvest(portal(61), path, since="last")
    assert "a.jsonl.part" in tree(killed.parent)
    async with scripted(lambda _: httpx.Response(400)) as client:
        with pytest.raises(BadRequestError):
            await bulk.harvest(datasets.list_datasets(client, page_size=5), killed, since="last")
    assert tree(killed.parent).keys() == {"a.jsonl", "a.jsonl.checkpoint"}
    assert (await harvest(portal(), killed, since="last")).complete


@pytest.mark.parametrize("name", ["checkpoint", "checkpoint.lock"])
@pytest.mark.parametrize("exists", [True, False])
async def test_a_link_in_place_of_the_checkpoint_is_refused(
    name: str, exists: bool, tmp_path: Path
) -> None:
    path, link = tmp_path / "a.jsonl", tmp_path / f"a.jsonl.{name}"
    make(link, "link to a file" if exists else "link to nothing")
    before = tree(tmp_path)
    with pytest.raises(DestinationError, match=f"{name} is "):
        await harvest(portal(), path)
    assert tree(tmp_path) == before
    assert link.is_symlink()


# ---- Files that this harvest did not write


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("method", ["finish", "record_end"])
async def test_a_lost_file_is_not_mistaken_for_the_older_one(
    method: str, suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"a{suffix}"
    await harvest(portal(20), path)
    older = path.read_bytes()
    sink = Parquet if suffix == ".parquet" else JsonLines
    with monkeypatch.context() as patch:  # Before and after the final rename.
        patch.setattr(sink if method == "finish" else writer.Writer, method, stop)
        with pytest.raises(Stop):
            await harvest(portal(43), path)
    part = tmp_path / f"a{suffix}.part"
    if part.exists():
        part.rename(tmp_path / "moved")
    path.write_bytes(older)
    with pytest.raises(CheckpointError, match=r"a\S+ is not the file .* harvest all anew"):
        await harvest(portal(43), path)
    assert path.read_bytes() == older
    report = await harvest(portal(43), path, resume=False)
    assert report.complete
    assert ids(path) == [*range(43)]


@pytest.mark.parametrize("suffix", SUFFIXES)
async def test_an_update_of_a_replaced_file_is_refused(suffix: str, tmp_path: Path) -> None:
    path, other = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    await harvest(portal(), path)
    await harvest(portal(20), other)
    whole, older = path.read_bytes(), other.read_bytes()
    path.write_bytes(older)
    for _ in range(2):
        with pytest.raises(CheckpointError, match="is not the file that its checkpoint describes"):
            await harvest(portal(), path, since="last")
        assert path.read_bytes() == older
    path.write_bytes(whole)
    assert (await harvest(portal(), path, since="last")).reason is None
    path.write_bytes(older)
    report = await harvest(portal(), path, since=dt.date(2026, 1, 1))
    assert "changes before" in str(report.reason)
    assert ids(path) == [*range(60)]


@pytest.mark.parametrize("suffix", SUFFIXES)
async def test_an_update_of_a_file_that_cannot_be_read_is_refused(
    suffix: str, tmp_path: Path
) -> None:
    path = tmp_path / f"a{suffix}"
    await harvest(portal(), path)
    whole = path.read_bytes()
    for low, high in [(0, 8), (len(whole) // 2, len(whole)), (10, len(whole) - 10)]:
        damaged = whole[:low] + bytes(byte ^ 0xAA for byte in whole[low:high]) + whole[high:]
        path.write_bytes(damaged)
        with pytest.raises(DestinationError, match=re.escape(str(path))) as caught:
            await harvest(portal(), path, since=dt.date(2026, 1, 1))
        assert len(str(caught.value).splitlines()) == 1
        assert path.read_bytes() == damaged


@pytest.mark.parametrize("since", [None, "last"])
async def test_an_update_knows_the_file_of_a_run_that_was_killed_after_the_rename(
    since: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.jsonl"
    await harvest(portal(20), path)
    for method, size in [("record_end", 30), ("_seal", 43)]:
        with monkeypatch.context() as patch:
            patch.setattr(writer.Writer, method, stop)
            with pytest.raises(Stop):
                await harvest(portal(size), path, since=since, resume=since is not None)
    assert (await harvest(portal(43), path, since="last")).complete
    assert ids(path) == [*range(43)]


@pytest.mark.parametrize("method", ["unlink", "replace"])
@pytest.mark.parametrize("suffix", SUFFIXES)
async def test_a_file_replaced_before_its_final_rename_is_not_complete(
    suffix: str, method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, part = tmp_path / f"a{suffix}", tmp_path / f"a{suffix}.part"
    await harvest(portal(20), path)
    sink, older = Parquet if suffix == ".parquet" else JsonLines, path.read_bytes()
    file, finish = part / "whole" if suffix == ".parquet" else part, sink.finish

    def replaced(self: Any) -> None:
        file.rename(tmp_path / "moved")
        if method == "replace":
            file.write_bytes(b"mine")
        finish(self)

    with monkeypatch.context() as patch:
        patch.setattr(sink, "finish", replaced)
        with pytest.raises(CheckpointError, match="harvest all anew"):
            await harvest(portal(43), path)
    assert path.read_bytes() == older


@pytest.mark.parametrize("suffix", SUFFIXES)
async def test_an_empty_list_is_resumed_after_its_final_rename(
    suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"a{suffix}"
    with monkeypatch.context() as patch:
        patch.setattr(writer.Writer, "record_end", stop)
        with pytest.raises(Stop):
            await harvest(portal(0), path)
    assert (await harvest(portal(0), path)).complete
    assert ids(path) == []


@pytest.mark.parametrize("suffix", SUFFIXES)
async def test_a_finished_file_is_recognised_by_its_content(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{suffix}"
    assert Finished.at(path) is None
    report = await harvest(portal(0 if suffix == ".jsonl.gz" else 43), path)
    assert (found := Finished.at(path)) is not None
    assert (found.report, found.seal.items) == (report, report.items)
    content = path.read_bytes()
    path.write_bytes(content[:-1] + b"?")
    with pytest.raises(CheckpointError, match="is not the file that its checkpoint describes"):
        Finished.at(path)
    path.unlink()
    assert Finished.at(path) is None


async def test_a_file_that_its_harvest_has_not_finished_is_not_complete(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    await harvest(portal(), path)
    with pytest.raises(Stop):
        await harvest(portal(), path, progress=stop_after(4))
    assert Finished.at(path) is None


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
async def test_the_number_of_items_in_the_file_is_checked(
    suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"a{suffix}"
    sink = Parquet if suffix == ".parquet" else JsonLines
    write = sink.write
    with monkeypatch.context() as patch:
        patch.setattr(sink, "write", lambda self, items: write(self, items[:-1]))
        with pytest.raises(CheckpointError, match="48 rows instead of 60"):
            await harvest(portal(), path)
    with pytest.raises(CheckpointError, match="48 rows instead of 60"):
        await harvest(portal(), path)
    assert not path.exists()


# ---- Damaged checkpoints


async def test_every_changed_byte_of_a_checkpoint_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    checkpoint = checkpoint_of(path)
    await cut_off(path, pages=4)
    whole, part = checkpoint.read_bytes(), tree(tmp_path)["a.jsonl.part"]
    for place in range(0, len(whole) - 1, 7):
        checkpoint.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(CheckpointError, match=r"is damaged.*remove them"):
            await harvest(portal(), path)
    assert tree(tmp_path)["a.jsonl.part"] == part
    checkpoint.write_bytes(whole)
    assert (await harvest(portal(), path)).resumed == 20


@pytest.mark.parametrize(
    "change",
    [
        lambda lines: [lines[0], *lines[2:]],
        lambda lines: [*lines, lines[-1]],
        lambda lines: [lines[0], lines[2], lines[1]],
        lambda lines: [*lines, b""],
        lambda lines: [lines[0], lines[1] + lines[2]],
    ],
    ids=["removed", "repeated", "swapped", "empty", "joined"],
)
async def test_every_changed_line_of_a_checkpoint_is_noticed(
    change: Callable[[list[bytes]], list[bytes]], tmp_path: Path
) -> None:
    path = tmp_path / "a.jsonl"
    checkpoint = checkpoint_of(path)
    await cut_off(path, pages=4)
    lines = checkpoint.read_bytes().splitlines()
    checkpoint.write_bytes(b"".join(b"%b\n" % line for line in change(lines)))
    with pytest.raises(CheckpointError, match="is damaged"):
        await harvest(portal(), path)


async def test_a_damaged_finished_checkpoint_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    await harvest(portal(), path)
    checkpoint = checkpoint_of(path)
    checkpoint.write_bytes(checkpoint.read_bytes().replace(b'"items": 60', b'"items": 61'))
    with pytest.raises(CheckpointError, match="is damaged"):
        Finished.at(path)
    with pytest.raises(CheckpointError, match="is damaged"):
        await harvest(portal(), path, since="last")
