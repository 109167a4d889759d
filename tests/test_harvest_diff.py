"""The differences between two harvests."""

from __future__ import annotations

import gzip
import json
import os
import random
import re
import signal
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from aiodatagouv import bulk
from aiodatagouv.bulk._diff import keys
from aiodatagouv.bulk._diff.compare import differences, text_of
from aiodatagouv.bulk._journal.storage import MANIFEST, SPLIT
from aiodatagouv.cli import main
from aiodatagouv.errors import HarvestFileError

from .harvests import SUFFIXES, Stop, harvest, read, stop, stop_after
from .moving import MovingPortal

Row = dict[str, Any]


def write(path: Path, rows: Iterable[Row]) -> Path:
    """Write rows with libraries that the harvest does not write them with."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(f"{json.dumps(row)}\n" for row in rows).encode()
    match path.suffix:
        case ".parquet":
            pq.write_table(pa.Table.from_pylist([*rows]), path)
        case ".gz":
            path.write_bytes(gzip.compress(text))
        case ".zst":
            path.write_bytes(zstandard.compress(text))
        case _:
            path.write_bytes(text)
    return path


def found(old: Path, new: Path, **options: Any) -> list[Row]:
    """The differences as JSON."""
    return [json.loads(json.dumps(one.to_dict())) for one in bulk.diff(old, new, **options)]


# ---- The comparison


def steps_of(path: str) -> list[str | int]:
    """The names and indexes in the path of a value."""
    found = re.findall(r'\[("(?:[^"\\]|\\.)*")\]|\[(\d+)\]|\.?([^.\[\]"]+)', path)
    return [
        int(index) if index else json.loads(name) if name else own for name, index, own in found
    ]


def applied(rows: list[Row], changes: Iterable[Row], key: Sequence[str] = ("id",)) -> list[Row]:
    """Apply differences to the old rows."""
    by_key = {tuple(row[name] for name in key): json.loads(json.dumps(row)) for row in rows}
    for one in changes:
        identity = tuple(one["key"][name] for name in key)
        match one["change"]:
            case "added":
                assert identity not in by_key
                by_key[identity] = one["row"]
            case "gone":
                assert by_key.pop(identity) == one["row"]
            case _:
                for path, values in one["fields"].items():
                    change(by_key[identity], steps_of(path), values)
    return [*by_key.values()]


def change(value: Any, steps: list[str | int], values: Row) -> None:
    """Change a value inside of another one."""
    *outer, last = steps
    for step in outer:
        value = value[step]
    before = value.get(last, None) if isinstance(value, dict) else value[last]
    assert before == values.get("old")
    if "new" in values:
        value[last] = values["new"]
    else:
        del value[last]


def alike(rows: Iterable[Row]) -> list[str]:
    """Rows as text, in one order."""
    return sorted(json.dumps(row, sort_keys=True) for row in rows)


NAMES = st.sampled_from(["a", "b", "title", "a.b", "x[0]", 'say "no"', "", "é"])
SCALARS = st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["", "a", "é", "0.5"])
VALUES = st.recursive(
    SCALARS, lambda one: st.lists(one, max_size=3) | st.dictionaries(NAMES, one, max_size=3)
)
ROWS = st.dictionaries(
    st.sampled_from("0123456"), st.dictionaries(NAMES, VALUES, max_size=4), max_size=7
)


@given(old=ROWS, new=ROWS, shuffled=st.randoms())
def test_the_differences_applied_to_the_old_rows_give_the_new_ones(
    tmp_path_factory: pytest.TempPathFactory,
    old: dict[str, Row],
    new: dict[str, Row],
    shuffled: random.Random,
) -> None:
    folder = tmp_path_factory.mktemp("diff")
    # Some rows stay as they are.
    new = {key: old[key] if key in old and key < "3" else row for key, row in new.items()}
    before, now = ([{"id": key, **row} for key, row in rows.items()] for rows in (old, new))
    shuffled.shuffle(now)
    path, other = write(folder / "old.jsonl", before), write(folder / "new.jsonl.gz", now)
    compared = bulk.diff(path, other)
    changes = [json.loads(json.dumps(one.to_dict())) for one in compared]
    assert alike(applied(before, changes)) == alike(now)
    counts = compared.summary
    assert counts.added == len(new.keys() - old.keys())
    assert counts.gone == len(old.keys() - new.keys())
    assert counts.changed + counts.same == len(old.keys() & new.keys())
    assert counts.changed == sum(old[key] != new[key] for key in old.keys() & new.keys())
    assert counts.differ == bool(changes)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, {}),
        ({"a": 1}, {"a": 1.0}, {}),
        ({"a": 1}, {"a": True}, {"a": {"old": 1, "new": True}}),
        ({"a": None}, {}, {"a": {"old": None}}),
        ({}, {"a": None}, {"a": {"new": None}}),
        ({"a": {"b": 1}}, {"a": {"b": 2}}, {"a.b": {"old": 1, "new": 2}}),
        ({"a": {"b": 1}}, {"a": None}, {"a": {"old": {"b": 1}, "new": None}}),
        ({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}]}, {"a[1].b": {"old": 2, "new": 3}}),
        ({"a": [1]}, {"a": [1, 2]}, {"a": {"old": [1], "new": [1, 2]}}),
        ({"a": {"b.c": 1}}, {"a": {"b.c": 2}}, {'a["b.c"]': {"old": 1, "new": 2}}),
        ({"a:b": 1}, {"a:b": 2}, {"a:b": {"old": 1, "new": 2}}),
    ],
)
def test_values_are_compared_as_json(old: Row, new: Row, expected: Row) -> None:
    found = {text_of(steps): values.to_dict() for steps, values in differences(old, new)}
    assert found == expected


# ---- Files and folders

OLD = [{"id": "1", "title": "a", "n": 1}, {"id": "2", "title": "b", "n": 2}, {"id": "3", "n": 3}]
NEW = [{"id": "4", "title": "d", "n": 4}, {"id": "3", "n": 3}, {"id": "1", "title": "A", "n": 1}]

CHANGES = [
    {"change": "added", "key": {"id": "4"}, "row": NEW[0]},
    {"change": "changed", "key": {"id": "1"}, "fields": {"title": {"old": "a", "new": "A"}}},
    {"change": "gone", "key": {"id": "2"}, "row": OLD[1]},
]


@pytest.mark.parametrize("other", SUFFIXES[:3])
@pytest.mark.parametrize("suffix", SUFFIXES[:3])
def test_json_lines_are_compared_however_they_are_compressed(
    tmp_path: Path, suffix: str, other: str
) -> None:
    assert found(write(tmp_path / f"a{suffix}", OLD), write(tmp_path / f"b{other}", NEW)) == CHANGES


def test_tables_are_compared(tmp_path: Path) -> None:
    old, new = write(tmp_path / "a.parquet", OLD), write(tmp_path / "b.parquet", NEW)
    assert found(old, new) == CHANGES


def test_a_table_and_json_lines_are_not_compared(tmp_path: Path) -> None:
    old, new = write(tmp_path / "a.parquet", OLD), write(tmp_path / "b.jsonl", NEW)
    with pytest.raises(ValueError, match=r"a.parquet is Parquet, .*b.jsonl is JSON Lines"):
        bulk.diff(old, new)


@pytest.mark.parametrize("suffix", SUFFIXES)
async def test_harvests_are_compared(tmp_path: Path, suffix: str) -> None:
    portal = MovingPortal.of(60, 0, left=0)
    old, new = tmp_path / f"old{suffix}", tmp_path / f"new{suffix}"
    await harvest(portal, old)
    await harvest(portal, new)
    assert found(old, new) == []
    portal = MovingPortal.of(60, 1, left=90)
    await harvest(portal, new)
    changes = found(old, new)
    before, now = (msgspec.json.decode(msgspec.json.encode(read(path))) for path in (old, new))
    assert alike(applied(before, changes)) == alike(now)
    assert {one["change"] for one in changes} == {"added", "changed", "gone"}


def write_manifest(folder: Path, query: Row | None = None) -> None:
    """Write the manifest of a harvest by a cluster, of the files that are there."""
    parts = [{"file": path.name, "size": path.stat().st_size} for path in folder.glob("part-*")]
    parts = [part for part in parts if not str(part["file"]).endswith(".checkpoint")]
    manifest = {"query": {"operation": "list_datasets", **(query or {})}, "parts": parts}
    (folder / MANIFEST).write_text(json.dumps(manifest))


def test_a_folder_of_parts_is_one_harvest(tmp_path: Path) -> None:
    for number, row in enumerate(OLD):
        write(tmp_path / f"old/part-0000{number}.jsonl.gz", [row])
        (tmp_path / f"old/part-0000{number}.jsonl.gz.checkpoint").touch()
    write_manifest(tmp_path / "old")
    (tmp_path / "old" / "_checkpoints").mkdir()
    (tmp_path / "old" / "_checkpoints" / SPLIT).touch()
    (tmp_path / "old" / ".hidden.jsonl").write_text("nothing")
    new = write(tmp_path / "new.jsonl", NEW)
    assert found(tmp_path / "old", new) == CHANGES


def test_the_folders_of_a_partitioned_table_have_the_values_of_a_column(tmp_path: Path) -> None:
    for name, frequencies in (("old", ["daily", "a/b"]), ("new", ["daily", "monthly"])):
        for number, frequency in enumerate(frequencies):
            folder = tmp_path / name / f"frequency={frequency.replace('/', '%2F')}"
            table = pa.table({"id": [str(number)], "at": [pa.scalar(0, pa.timestamp("us", "UTC"))]})
            (folder / "at_year=1970").mkdir(parents=True)
            pq.write_table(table, folder / "at_year=1970" / "part-00000.parquet")
        (tmp_path / name / "_metadata").touch()
    (changed,) = found(tmp_path / "old", tmp_path / "new")
    assert changed["fields"] == {"frequency": {"old": "a/b", "new": "monthly"}}
    # The year only repeats the date.
    rows = [{"id": one, "at": None, "frequency": "daily"} for one in "01"]
    whole = bulk.diff(write(tmp_path / "x.parquet", rows), tmp_path / "old")
    assert [{*one.fields} for one in whole] == [{"at"}, {"at", "frequency"}]


def test_rows_without_a_value_are_in_a_folder_of_their_own(tmp_path: Path) -> None:
    folder = tmp_path / "old" / "frequency=__HIVE_DEFAULT_PARTITION__"
    write(folder / "part-00000.parquet", [{"id": "1"}])
    new = write(tmp_path / "new.parquet", [{"id": "1", "frequency": "daily"}])
    (changed,) = found(tmp_path / "old", new)
    assert changed["fields"] == {"frequency": {"old": None, "new": "daily"}}


def test_a_harvest_without_items_is_compared(tmp_path: Path) -> None:
    none, new = write(tmp_path / "old.jsonl.gz", []), write(tmp_path / "new.jsonl", NEW)
    assert [one["change"] for one in found(none, new)] == ["added"] * 3
    assert [one["change"] for one in found(new, none)] == ["gone"] * 3
    assert found(none, none) == []


# ---- Keys


def test_exploded_rows_are_identified_by_the_item_as_well(tmp_path: Path) -> None:
    rows = [{"dataset_id": item, "id": "1", "n": item} for item in "ab"]
    old = write(tmp_path / "a.jsonl", rows)
    new = write(tmp_path / "b.jsonl", [{"dataset_id": "b", "id": "1", "n": "c"}])
    changed, gone = found(old, new)
    assert changed["key"] == {"dataset_id": "b", "id": "1"} or gone["change"] == "changed"
    assert alike(applied(rows, [changed, gone], ("dataset_id", "id"))) == alike(
        [{"dataset_id": "b", "id": "1", "n": "c"}]
    )


EXPLODED = {"explode": "trains", "row_key": "station_id"}
"""Of the identity of a harvest from another portal, whose models are not known here."""


@pytest.mark.parametrize(("query", "key"), [({}, ["id"]), (EXPLODED, ["station_id", "id"])])
@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_the_key_is_the_one_that_was_recorded(
    tmp_path: Path, suffix: str, query: Row, key: list[str]
) -> None:
    for name in ("old", "new"):
        path = tmp_path / name / f"part-00000{suffix}"
        row = {"organization_id": name, "station_id": "s", "id": "1"}
        write(path, [row])
        if suffix == ".parquet":
            table = pq.read_table(path)
            metadata = {"aiodatagouv.query": json.dumps(query)}
            pq.write_table(table.replace_schema_metadata(metadata), path)
        else:
            write_manifest(tmp_path / name, query)
    (changed,) = found(tmp_path / "old", tmp_path / "new")
    assert changed["key"] == dict(zip(reversed(key), ["1", "s"], strict=False))
    assert [*changed["key"]] == key
    assert [*changed["fields"]] == ["organization_id"]


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("explode", [None, "resources"])
async def test_the_key_of_a_harvest_is_not_guessed(
    tmp_path: Path, suffix: str, explode: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = tmp_path / f"old{suffix}", tmp_path / f"new{suffix}"
    portal = MovingPortal.of(12, 0, left=0, is_ragged=True)
    await harvest(portal, old, explode=explode)
    monkeypatch.setattr(keys, "_guessed", stop)
    portal.shown.remove(3)
    await harvest(portal, new, explode=explode)
    changes = found(old, new)
    assert {one["change"] for one in changes} == {"gone"}
    names = ["id"] if explode is None else ["dataset_id", "id"]
    assert all([*one["key"]] == names for one in changes)


async def test_without_a_checkpoint_of_the_file_the_key_is_guessed(tmp_path: Path) -> None:
    path, portal = tmp_path / "a.jsonl", MovingPortal.of(12, 0, left=0, is_ragged=True)
    await harvest(portal, path, explode="resources")
    checkpoint = tmp_path / "a.jsonl.checkpoint"
    with pytest.raises(Stop):
        await harvest(portal, path, 1, resume=False, progress=stop_after(11))
    for content in (checkpoint.read_bytes(), b"no checkpoint\n"):
        checkpoint.write_bytes(content)
        assert found(path, path) == []


@pytest.mark.parametrize("key", ["dataset_id,kind", " dataset_id, kind ", ["dataset_id", "kind"]])
def test_the_key_can_be_chosen(tmp_path: Path, key: str | list[str]) -> None:
    rows = [{"dataset_id": "a", "kind": kind} for kind in ("spd", "pivotal")]
    old, new = write(tmp_path / "a.jsonl", rows), write(tmp_path / "b.jsonl", rows[:1])
    with pytest.raises(HarvestFileError, match=r"row 1: .*`id`; .*by dataset_id, id: choose other"):
        found(old, new)
    (gone,) = found(old, new, key=key)
    assert gone["key"] == {"dataset_id": "a", "kind": "pivotal"}


@pytest.mark.parametrize("is_old", [True, False])
def test_a_key_that_two_rows_have_is_an_error(tmp_path: Path, is_old: bool) -> None:
    twice, once = write(tmp_path / "a.jsonl", [*OLD, OLD[0]]), write(tmp_path / "b.jsonl", OLD)
    words = r"a.jsonl, row 4: it is not the first row with id '1'; .* choose other columns"
    with pytest.raises(HarvestFileError, match=words):
        found(twice, once) if is_old else found(once, twice)


@pytest.mark.parametrize("key", ["", [], ["id", ""], "id,", "id, ,n"])
def test_a_key_must_name_columns(tmp_path: Path, key: str | list[str]) -> None:
    path = write(tmp_path / "a.jsonl", OLD)
    with pytest.raises(ValueError, match="must be the names of columns"):
        bulk.diff(path, path, key=key)


# ---- What is no harvest


def cut(path: Path) -> None:
    """Cut a file off."""
    path.write_bytes(path.read_bytes()[:-8])


def replaced(content: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content)


@pytest.mark.parametrize(
    ("name", "damage", "words"),
    [
        ("a.jsonl", cut, r"a.jsonl, row 3: .*truncated"),
        ("a.jsonl", replaced(b'{"id": "1"}\n[]\n'), "row 2: Expected `object`, got `array`"),
        ("a.jsonl", replaced(b"id;title\n"), "row 1: "),
        ("a.jsonl", replaced(b'{"id": "1", "a": "\xff"}\n'), "a.jsonl, row 1: "),
        ("a.jsonl", replaced(b'{"id": "1", "a": ' + b"[" * 9999 + b"]" * 9999 + b"}\n"), "row 1"),
        ("a.jsonl.gz", cut, "a.jsonl.gz cannot be read: "),
        ("a.jsonl.gz", replaced(b"no gzip"), "a.jsonl.gz cannot be read: "),
        ("a.jsonl.zst", replaced(b"no zst"), "a.jsonl.zst cannot be read: "),
        ("a.parquet", cut, "a.parquet cannot be read: "),
        ("a.parquet", replaced(b""), "a.parquet cannot be read: "),
    ],
)
@pytest.mark.parametrize("is_old", [True, False])
def test_a_damaged_file_is_an_error(
    tmp_path: Path, name: str, damage: Callable[[Path], object], words: str, is_old: bool
) -> None:
    broken, whole = write(tmp_path / name, OLD), write(tmp_path / f"b{Path(name).suffix}", OLD)
    if ".jsonl" in name:
        whole = write(tmp_path / "b.jsonl", OLD)
    damage(broken)
    with pytest.raises(HarvestFileError, match=words):
        found(broken, whole) if is_old else found(whole, broken)


def test_a_path_that_is_no_harvest_is_an_error(tmp_path: Path) -> None:
    whole = write(tmp_path / "a.jsonl", OLD)
    with pytest.raises(FileNotFoundError):
        bulk.diff(whole, tmp_path / "nothing.jsonl")
    with pytest.raises(ValueError, match=r"its suffix must be one of \.jsonl, "):
        bulk.diff(write(tmp_path / "a.csv", OLD), whole)
    for name, words in (
        ("rows.csv", "is no harvest: rows.csv is no part of one"),
        ("part-00001.jsonl.part", "is incomplete: part-00001.jsonl.part"),
        ("part-00001.parquet", "has both tables and JSON Lines"),
        ("_notes.txt", "has no files with rows"),
    ):
        folder = tmp_path / name
        folder.mkdir()
        (folder / name).touch()
        if name != "_notes.txt":
            write(folder / "part-00000.jsonl", OLD)
        with pytest.raises(HarvestFileError, match=words):
            bulk.diff(whole, folder)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (f"_checkpoints/{SPLIT}", f"{MANIFEST}, which a cluster writes last, is not there"),
        ("_checkpoints/part-00001.jsonl.part", "part-00001.jsonl.part is of a harvest under way"),
        ("_checkpoints/part-00001.jsonl.checkpoint", "is there, but not part-00001.jsonl"),
        ("part-00001.jsonl.checkpoint", "is there, but not part-00001.jsonl"),
        ("part-00001.parquet.part/000000", "part-00001.parquet.part is of a harvest under way"),
    ],
)
def test_a_folder_whose_harvest_was_not_finished_is_incomplete(
    tmp_path: Path, name: str, words: str
) -> None:
    whole = write(tmp_path / "a.jsonl", OLD)
    write(tmp_path / "parts" / "part-00000.jsonl", OLD)
    (tmp_path / "parts" / "_checkpoints").mkdir()
    (tmp_path / "parts" / "_checkpoints" / "part-00000.jsonl.checkpoint").touch()
    assert found(whole, tmp_path / "parts") == []
    path = tmp_path / "parts" / name
    path.parent.mkdir(exist_ok=True)
    path.touch()
    with pytest.raises(HarvestFileError, match=f"parts is incomplete: .*{words}"):
        bulk.diff(whole, tmp_path / "parts")


def test_the_files_of_a_folder_are_those_of_its_manifest(tmp_path: Path) -> None:
    whole, folder = write(tmp_path / "a.jsonl", OLD), tmp_path / "parts"
    for number in range(2):
        write(folder / f"part-0000{number}.jsonl", OLD[number : number + 1])
    write_manifest(folder)
    assert [one["change"] for one in found(whole, folder)] == ["gone"]
    last = folder / "part-00001.jsonl"
    last.write_bytes(last.read_bytes() + b"\n")
    with pytest.raises(HarvestFileError, match=r"part-00001.jsonl has \d+ bytes, not \d+ as"):
        bulk.diff(whole, folder)
    last.unlink()
    with pytest.raises(HarvestFileError, match=r"incomplete: .* names part-00001.jsonl, which is"):
        bulk.diff(whole, folder)
    write_manifest(folder)
    write(last, OLD[1:])
    with pytest.raises(HarvestFileError, match=r"does not name part-00001.jsonl"):
        bulk.diff(whole, folder)
    (folder / MANIFEST).write_text("{}")
    with pytest.raises(HarvestFileError, match=f"{MANIFEST} is damaged"):
        bulk.diff(whole, folder)


@pytest.mark.parametrize("url", ["s3://bucket/a.jsonl", "simplecache::s3://key:secret@bucket/a"])
def test_a_harvest_in_a_store_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], url: str
) -> None:
    path = write(tmp_path / "a.jsonl", OLD)
    words = r"^a harvest at \w+:// cannot be compared where it is: copy it to this machine"
    with pytest.raises(ValueError, match=words) as caught:
        bulk.diff(path, url)
    assert "secret" not in str(caught.value)
    for pair in ((path, url), (url, path)):
        status, _, err = run(capsys, *pair)
        assert (status, "copy it to this machine" in err) == (2, True)
    assert run(capsys, f"file://{path}", path)[0] == 0


@pytest.mark.parametrize("number", ["1e999", "-1e999", "9" * 400])
def test_a_number_that_is_too_large_for_a_float_is_compared(tmp_path: Path, number: str) -> None:
    old, new = write(tmp_path / "a.jsonl", OLD[:1]), tmp_path / "b.jsonl"
    new.write_text(f'{{"id": "1", "title": "a", "n": {number}}}\n')
    large = int(number) if number.isdigit() else None
    assert found(old, new)[0]["fields"] == {"n": {"old": 1, "new": large}}
    assert found(new, new) == []


def test_a_harvest_that_is_replaced_meanwhile_is_noticed(tmp_path: Path) -> None:
    old, new = write(tmp_path / "a.jsonl", OLD), write(tmp_path / "b.jsonl", NEW)
    compared = iter(bulk.diff(old, new))
    assert next(compared).change == "added"
    write(old, [{"id": "9"}])
    with pytest.raises(HarvestFileError, match="replaced while it was compared"):
        list(compared)


def test_the_memory_is_that_of_the_digests(tmp_path: Path) -> None:
    def rows(change: int) -> Iterator[Row]:
        return ({"id": f"{one:024x}", "text": f"{one * change}" * 900} for one in range(5000))

    old, new = write(tmp_path / "a.jsonl", rows(7)), write(tmp_path / "b.jsonl", rows(5))
    assert old.stat().st_size > 15_000_000
    tracemalloc.start()
    try:
        assert sum(1 for _ in bulk.diff(old, new)) == 4999
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 3_000_000


# ---- The command


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, list[Row], str]:
    status = main(["diff", *map(str, arguments)])
    out, err = capsys.readouterr()
    return status, [json.loads(line) for line in out.splitlines()], err


def test_the_command_prints_the_differences_and_a_summary(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = write(tmp_path / "a.jsonl", OLD), write(tmp_path / "b.jsonl", NEW)
    counts = "1 added, 1 changed, 1 gone, 1 the same; changed most: title 1"
    assert run(capsys, old, new) == (10, CHANGES, f"{old} -> {new}: {counts}\n")
    same = f"{old} -> {old}: 0 added, 0 changed, 0 gone, 3 the same\n"
    assert run(capsys, old, old) == (0, [], same)
    status, printed, _ = run(capsys, old, new, "--brief", "--key", "id")
    assert status == 10
    brief = [{name: one[name] for name in one if name != "row"} for one in CHANGES]
    assert printed == brief


@pytest.mark.parametrize("suffix", SUFFIXES[:3])
def test_the_differences_are_written_to_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], suffix: str
) -> None:
    old, new = write(tmp_path / "a.jsonl", OLD), write(tmp_path / "b.jsonl", NEW)
    path = tmp_path / f"d{suffix}"
    assert run(capsys, old, new, "-o", path)[:2] == (10, [])
    assert read(path) == CHANGES
    assert run(capsys, old, old, "-o", path)[:2] == (0, [])
    assert read(path) == []


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["a.jsonl", "nothing.jsonl"], 2, "'nothing.jsonl' does not exist"),
        (["a.jsonl", "a.csv"], 2, "its suffix must be one of"),
        (["a.jsonl", "a.parquet"], 2, "compare two of one format"),
        (["a.jsonl", "a.jsonl", "-o", "x.parquet"], 2, "must be one of .jsonl, .jsonl.gz"),
        (["a.jsonl", "a.jsonl", "--key", "id,"], 2, "--key is 'id,': it must be the names"),
        (["a.jsonl", "a.jsonl", "--key", "n,title"], 1, "choose other columns with --key"),
        (["a.jsonl", "broken.jsonl.gz"], 1, "Error: broken.jsonl.gz cannot be read: "),
    ],
)
def test_a_mistake_is_told_in_one_line(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    status: int,
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.jsonl", "a.csv", "a.parquet"):
        write(Path(name), OLD)
    Path("broken.jsonl.gz").write_bytes(b"\x1f\x8b")
    found, out, err = run(capsys, *arguments)
    assert (found, out) == (status, [])
    assert words in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_command_and_leaves_no_file(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    number: signal.Signals,
) -> None:
    def interrupted(*_: object, **__: object) -> Iterator[object]:
        signal.raise_signal(number)
        yield from ()

    monkeypatch.setattr(bulk, "diff", interrupted)
    path, before = write(tmp_path / "a.jsonl", OLD), signal.getsignal(number)
    target = tmp_path / "d.jsonl"
    assert run(capsys, path, path, "-o", target) == (128 + number, [], "Interrupted.\n")
    assert [one.name for one in tmp_path.iterdir()] == ["a.jsonl"]
    assert signal.getsignal(number) == before


def test_a_broken_pipe_ends_the_command_quietly(tmp_path: Path) -> None:
    rows = [{"id": str(number), "text": "a" * 999} for number in range(999)]
    old, new = write(tmp_path / "a.jsonl", []), write(tmp_path / "b.jsonl", rows)
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "aiodatagouv", "diff", str(old), str(new)]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")
