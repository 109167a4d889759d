"""The manifest of a folder: what survives, what is refused, and who may write to the folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiodatagouv import CheckpointError, DestinationError
from aiodatagouv.files._folder.manifest import Manifest, Record, is_inside
from aiodatagouv.files._folder.names import safe_name

LEADING_OUT = [
    "../a",
    "..",
    ".",
    "",
    "/etc/passwd",
    "a/../b",
    "a/..",
    "a//b",
    "a/b/c",
    "a\\..\\b",
    "C:a",
    "\\\\host\\share",
    "a\0b",
    "a/",
    "con:",
]


def record(id: str, path: str, **more: Any) -> Record:
    return Record(path=path, resource=id, at="2026-01-01T00:00:00+00:00", **more)


def lines(folder: Path) -> list[dict[str, Any]]:
    manifest = folder.with_name(f"{folder.name}.manifest.jsonl")
    return [json.loads(line) for line in manifest.read_text().splitlines()]


async def filled(folder: Path, *records: Record) -> None:
    manifest = Manifest.open(folder)
    for one in records:
        await manifest.put(one)
    manifest.close()


async def test_records_are_read_again(tmp_path: Path) -> None:
    one = record("a", "a.csv", etag='"1"', size=3, mtime=4, dataset="d", source="s")
    await filled(tmp_path / "folder", one)
    manifest = Manifest.open(tmp_path / "folder")
    assert manifest.records == {"a": one}
    manifest.close()


async def test_a_record_is_on_disk_before_the_manifest_is_closed(tmp_path: Path) -> None:
    manifest = Manifest.open(tmp_path / "folder")
    await manifest.put(record("a", "a.csv"))
    await manifest.put(record("b", "b.csv"), is_urgent=False)
    assert [one["resource"] for one in lines(tmp_path / "folder")] == ["a", "b"]
    manifest.close()


async def test_the_last_record_of_a_resource_counts_and_remains_alone(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    manifest = Manifest.open(folder)
    for size in (1, 2, 3):
        await manifest.put(record("a", "a.csv", size=size))
    await manifest.put(record("b", "b.csv"))
    await manifest.drop(manifest.records["b"])
    assert len(lines(folder)) == 5
    manifest.close()
    assert [(one["resource"], one["size"]) for one in lines(folder)] == [("a", 3)]


async def test_lines_after_the_last_compaction_count(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    await filled(folder, record("a", "a.csv"))
    path = tmp_path / "folder.manifest.jsonl"
    path.write_text(path.read_text() + '{"gone":"a"}\n')
    await filled(folder, record("b", "b.csv"))
    assert [one["resource"] for one in lines(folder)] == ["b"]


async def test_a_line_that_was_cut_off_does_not_count(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    await filled(folder, record("a", "a.csv"), record("b", "b.csv"))
    path = tmp_path / "folder.manifest.jsonl"
    content = path.read_bytes()
    for cut in (1, 20, len(content) // 2 - 1):
        path.write_bytes(content[:-cut])
        await filled(folder, record("c", "c.csv"))
        assert [one["resource"] for one in lines(folder)] == ["a", "c"]


@pytest.mark.parametrize(
    "line",
    [
        "nothing",
        "{}",
        "[]",
        '{"path":"a","resource":1}',
        '{"gone":1}',
        '{"gone":"a"',
        "",
        # Deeper than the stack.
        '{"path":' + "[" * 200_000,
        '{"unknown":' + "[" * 200_000,
        # What no host could be asked by, and no file compared with.
        r'{"path":"a","resource":"a","etag":"1\r\nX-Evil: 1"}',
        r'{"path":"a","resource":"a","etag":"\u00e9"}',
        r'{"path":"a","resource":"a","last_modified":"\n"}',
        r'{"path":"a","resource":"a","checksum":{"type":"zz","value":"1"}}',
        r'{"path":"a","resource":"a","arriving":{"checksum":{"type":"md5","value":"1"},'
        r'"portal":{},"etag":"\n"}}',
    ],
)
async def test_a_damaged_manifest_is_refused_and_stays(line: str, tmp_path: Path) -> None:
    path = tmp_path / "folder.manifest.jsonl"
    path.write_text(f"{line}\n")
    with pytest.raises(CheckpointError, match=r"damaged.*line 1"):
        Manifest.open(tmp_path / "folder")
    assert path.read_text() == f"{line}\n"
    path.unlink()
    Manifest.open(tmp_path / "folder").close()  # The lock was released.


@pytest.mark.parametrize("outside", LEADING_OUT)
async def test_a_path_that_leads_out_of_the_folder_is_refused(outside: str, tmp_path: Path) -> None:
    line = json.dumps({"path": outside, "resource": "a"})
    (tmp_path / "folder.manifest.jsonl").write_text(f"{line}\n")
    with pytest.raises(CheckpointError, match="leads out of the folder"):
        Manifest.open(tmp_path / "folder")


@given(st.text(), st.text())
def test_every_safe_name_is_inside(folder: str, name: str) -> None:
    parts = [safe_name(folder) or "a", safe_name(name) or "b"]
    assert is_inside(parts[1])
    assert is_inside("/".join(parts))


@given(st.text())
def test_a_path_that_is_inside_leads_nowhere_else(path: str) -> None:
    root = Path("/data/folder")
    if is_inside(path):
        assert (root / path).resolve().is_relative_to(root)


async def test_a_second_run_is_refused(tmp_path: Path) -> None:
    manifest = Manifest.open(tmp_path / "folder")
    with pytest.raises(CheckpointError, match="in use"):
        Manifest.open(tmp_path / "folder")
    manifest.close()
    Manifest.open(tmp_path / "folder").close()


async def test_a_link_in_the_place_of_the_manifest_or_its_lock_is_refused(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("{}")
    for name in ("folder.manifest.jsonl", "folder.manifest.jsonl.lock"):
        (tmp_path / name).symlink_to(secret)
        with pytest.raises(DestinationError):
            Manifest.open(tmp_path / "folder")
        (tmp_path / name).unlink()
    assert secret.read_text() == "{}"


async def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder").write_text("")
    with pytest.raises(DestinationError, match="is not a folder"):
        Manifest.open(tmp_path / "folder")


def test_the_root_has_no_manifest() -> None:
    with pytest.raises(DestinationError, match="has no name"):
        Manifest.open(Path("/"))


async def test_the_manifest_of_the_current_folder_is_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    Manifest.open(Path()).close()
    assert (tmp_path / "here.manifest.jsonl").exists()


async def test_a_dataset_keeps_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    manifest = Manifest.open(folder)
    assert manifest.folder_for("1", "velos") == "velos"
    assert manifest.folder_for("2", "VELOS") == "VELOS-2"
    assert not manifest.claim("vélos".replace("é", "e"))
    await manifest.put(record("a", "velos/a.csv", dataset="1"))
    manifest.close()
    manifest = Manifest.open(folder)
    assert manifest.folder_for("1", "another-slug") == "velos"
    manifest.close()


async def test_a_manifest_that_cannot_be_written_fails_from_then_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = Manifest.open(tmp_path / "folder")
    await manifest.put(record("a", "a.csv"))

    def full(_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("aiodatagouv.files._folder.manifest.sync", full)
    for id in "bc":
        with pytest.raises(OSError, match="No space left"):
            await manifest.put(record(id, f"{id}.csv"))
    monkeypatch.undo()
    manifest.close()
    manifest = Manifest.open(tmp_path / "folder")
    assert "a" in manifest.records
    manifest.close()
