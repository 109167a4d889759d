"""Tables sorted by a column, of more rows than fit into memory."""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiodatagouv.bulk._table import parquet, pieces, sorting
from aiodatagouv.bulk._table.parquet import Parquet

from .harvests import harvest, queried
from .moving import START, MovingPortal

FIELDS: list[Any] = [("text", pa.string()), ("id", pa.string()), ("number", pa.int64())]
SCHEMA = pa.schema(FIELDS)


def written(folder: Path, ids: Sequence[str | None], key: str | None = "id") -> pa.Table:
    """Write rows with these ids, numbered, ten in each commit, and read them."""
    sink = Parquet(folder / "a.parquet", SCHEMA, key=key)
    sink.open(None)
    for start in range(0, len(ids), 10):
        rows = enumerate(ids[start : start + 10], start)
        sink.write(
            [json.dumps({"id": one, "number": n, "text": "x" * 50}).encode() for n, one in rows]
        )
        sink.commit()
    assert sink.seal().items == len(ids)
    sink.finish()
    assert [one.name for one in folder.iterdir()] == ["a.parquet"]
    return pq.read_table(folder / "a.parquet")


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make row groups of about five rows, and distribute rows as soon as they are scattered."""
    monkeypatch.setattr(parquet, "ROW_GROUP", 400)
    monkeypatch.setattr(pieces, "_TOGETHER", 300)
    monkeypatch.setattr(sorting, "_READS", 1)
    monkeypatch.setattr(sorting, "_FILES", 3)


@pytest.mark.usefixtures("small")
@given(
    ids=st.lists(st.none() | st.integers(0, 60), max_size=80),
    is_sorted=st.booleans(),
)
@settings(max_examples=40)
def test_rows_are_sorted_and_those_of_an_id_stay_in_their_order(
    ids: list[int | None], is_sorted: bool
) -> None:
    texts = [None if one is None else f"{one:02}" for one in ids]
    if is_sorted:
        texts.sort(key=lambda one: (one is None, one))
    with tempfile.TemporaryDirectory() as folder:
        table = written(Path(folder), texts)
    rows = [*zip(table["id"].to_pylist(), table["number"].to_pylist(), strict=True)]
    order = sorted(range(len(texts)), key=lambda n: (texts[n] is None, texts[n] or ""))
    assert rows == [(texts[number], number) for number in order]


@pytest.mark.usefixtures("small")
def test_rows_without_an_id_stay_in_their_order(tmp_path: Path) -> None:
    ids = [str(random.Random(one).random()) for one in range(60)]
    assert written(tmp_path, ids, key=None)["number"].to_pylist() == [*range(60)]
    assert pq.read_metadata(tmp_path / "a.parquet").row_group(0).sorting_columns in ((), [])


@pytest.mark.usefixtures("small")
def test_the_statistics_of_row_groups_tell_where_an_id_is(tmp_path: Path) -> None:
    ids = [f"{one:03}" for one in range(200)]
    random.Random(5).shuffle(ids)
    written(tmp_path, ids)
    path = tmp_path / "a.parquet"
    found = queried(
        f"SELECT stats_min_value, stats_max_value FROM parquet_metadata('{path}') "
        "WHERE path_in_schema = 'id' ORDER BY row_group_id"
    )
    assert len(found) > 20
    flat = [one for pair in found for one in pair]
    assert flat == sorted(flat)
    assert (flat[0], flat[-1]) == ("000", "199")
    group = pq.read_metadata(path).row_group(0)
    assert group.sorting_columns[0].column_index == 1


async def test_a_file_tells_how_it_was_made(tmp_path: Path, same_start: None) -> None:
    path, portal = tmp_path / "a.parquet", MovingPortal.of(12, 0, left=0)
    for release in ("17.18.0", ""):
        portal.release = release
        await harvest(portal, path, fields="id,title", resume=False)
        metadata = pq.read_schema(path).metadata
        facts = {name.decode(): value.decode() for name, value in metadata.items()}
        query = json.loads(facts["aiodatagouv.query"])
        assert (query["portal"], query["fields"]) == ("https://portal.example/api/1/", "id,title")
        assert facts["aiodatagouv.began"] == START.isoformat()
        assert facts["aiodatagouv.version"]
        assert facts.get("aiodatagouv.release", "") == release
