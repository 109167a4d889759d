"""The columns of a table: values of changing types are kept, or refused with their place."""

from __future__ import annotations

import enum
import json
from pathlib import Path
from typing import Any, Literal

import msgspec
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiodatagouv import DestinationError, models
from aiodatagouv.bulk._table import columns

from .harvests import harvest, read
from .moving import MovingPortal


class File(msgspec.Struct):
    filesize: int | None


class Sized(msgspec.Struct):
    id: str
    resources: list[File]


class Anonymous(msgspec.Struct):
    resources: list[File]


class Level(enum.IntEnum):
    LOW = 1


class Row(msgspec.Struct):
    number: Literal[1, 2]
    text: Literal["a", None]
    both: Literal[1, "a"]
    level: Level


NAMES = st.sampled_from(["id", "title", "kind", "a.b", "additional_properties", "0", ""])

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
    | st.sampled_from(["2024-01-01", "05/12/2014", "9999-12-31T23:59:59-05:00", "nan", "5"])
)

VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)

SCHEMAS = [
    columns.of_model(models.Dataset, None),
    columns.of_model(models.v2.Dataset, None),
    columns.of_model(models.v2.DatasetFull, None),
    columns.of_model(models.v2.Topic, None),
]


def kept(value: Any, cell: Any, field: pa.Field[Any], rest: dict[str, Any], path: str) -> bool:
    """Whether a JSON value is in its cell or, under its path, in the rest; remove it from there."""
    if path in rest:
        return bool(rest.pop(path) == value) and cell is None
    if value is None or cell is None:
        return value is cell
    if field.metadata == columns.JSON:
        return bool(json.loads(cell) == value)
    if pa.types.is_struct(field.type):
        inside = {one.name: one for one in field.type}
        for name, one in value.items():
            escaped = name.replace("\\", r"\\").replace(".", r"\.")
            below = f"{path}.{escaped}" if path else escaped
            if name not in inside:
                if below not in rest or rest.pop(below) != one:
                    return False
            elif not kept(one, cell[name], inside[name], rest, below):
                return False
        return True
    if pa.types.is_list(field.type):
        pairs = [*zip(value, cell, strict=True)]
        inner = field.type.value_field
        return all(
            kept(one, each, inner, rest, f"{path}.{number}")
            for number, (one, each) in enumerate(pairs)
        )
    if pa.types.is_timestamp(field.type) or pa.types.is_date(field.type):
        return bool(str(cell)[:10] == value)
    is_number = pa.types.is_floating(field.type) and type(value) is int
    return bool(cell == value) and (is_number or type(cell) is type(value))


@given(data=st.data(), schema=st.sampled_from(SCHEMAS))
def test_every_value_is_in_a_column_or_in_additional_properties(
    data: st.DataObject, schema: pa.Schema
) -> None:
    names = st.sampled_from([*schema.names, "new", "harvest.uri"])
    items = data.draw(st.lists(st.dictionaries(names, VALUES), min_size=2))
    rows = columns.Rows(schema)
    cells = [rows.row(item) for item in items]
    table = pa.RecordBatch.from_pylist(cells, schema=schema).to_pylist()
    whole = pa.field("", pa.struct([field for field in schema if field.name != columns.REST]))
    for item, row in zip(items, table, strict=True):
        rest: dict[str, Any] = json.loads(row.pop(columns.REST) or "{}")
        assert kept(item, row, whole, rest, "")
        assert not rest


async def test_a_value_is_never_hidden_by_another_one_of_a_similar_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values: list[dict[str, Any]] = [
        {"additional_properties": {"title": 5}, "title": 6},
        {"additional_properties": None},
        {"harvest": {"uri": 5}, "harvest.uri": 6, "a\\.b": 7, "a.b": 8},
    ]
    content = MovingPortal.content

    def oddly(portal: MovingPortal, item: int) -> dict[str, Any]:
        return content(portal, item) | values[item]

    monkeypatch.setattr(MovingPortal, "content", oddly)
    await harvest(MovingPortal.of(3, 0, left=0), tmp_path / "a.parquet")
    rows = read(tmp_path / "a.parquet")
    assert [json.loads(row["additional_properties"]) for row in rows] == [
        {"additional_properties": {"title": 5}, "title": 6},
        {"additional_properties": None},
        {"harvest.uri": 5, r"harvest\.uri": 6, r"a\\\.b": 7, r"a\.b": 8},
    ]


def test_a_link_is_a_column_and_what_is_an_object_with_a_header_too() -> None:
    light, full, topic = SCHEMAS[1:]
    link = "struct<href: string, rel: string, total: int64, type: string>"
    for schema, name in ((light, "resources"), (full, "community_resources"), (topic, "elements")):
        assert str(schema.field(name).type) == link
    assert str(light.field("license").type) == "string"
    assert {"id", "title"} <= {field.name for field in full.field("license").type}


def test_a_number_with_more_digits_than_its_column_is_kept_as_it_is() -> None:
    rows = columns.Rows(columns.of_model(models.Dataservice, None))
    assert rows.row({"availability": 2**53}) == {"availability": 2.0**53}
    row = rows.row({"availability": 2**53 + 1})
    assert row["availability"] is None
    assert json.loads(row["additional_properties"]) == {"availability": 2**53 + 1}


@pytest.mark.parametrize("text", ["05/12/2014", "10:00", "2014-12-05 10:00 CET", "2014-02-30"])
async def test_the_text_of_a_date_that_cannot_be_read_is_kept(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content, odd = MovingPortal.content, {"created_at": text, "harvest": {"modified_at": text}}

    def oddly(portal: MovingPortal, item: int) -> dict[str, Any]:
        return content(portal, item) | (odd if item == 1 else {})

    monkeypatch.setattr(MovingPortal, "content", oddly)
    await harvest(MovingPortal.of(3, 0, left=0), tmp_path / "a.parquet")
    row = read(tmp_path / "a.parquet")[1]
    assert row["created_at"] is None
    assert row["harvest"]["modified_at"] is None
    kept = {"created_at": text, "harvest.modified_at": text}
    assert json.loads(row["additional_properties"]) == kept


async def test_a_value_that_no_column_of_a_class_can_hold_is_an_error_with_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = MovingPortal.content

    def oddly(portal: MovingPortal, item: int) -> dict[str, Any]:
        size = 2**63 if item == 4 else None
        return content(portal, item) | {"resources": [{"filesize": size}]}

    monkeypatch.setattr(MovingPortal, "content", oddly)
    words = r"resources\.0\.filesize, which is 9223372036854775808, of the item "
    for kind, item in ((Sized, "4$"), (Anonymous, r'\{"resources":\[\{"filesize":9')):
        with pytest.raises(DestinationError, match=words + item):
            await harvest(MovingPortal.of(6, 0, left=0), tmp_path / "a.parquet", into=kind)


def test_a_column_of_constants_has_their_type() -> None:
    schema = columns.of_class(Row)
    assert [str(field.type) for field in schema] == ["int64", "string", "string", "int64"]
    assert [field.metadata == columns.JSON for field in schema] == [False, False, True, False]
    row = {"number": 2, "text": None, "both": 1, "level": 1}
    assert columns.Rows(schema).row(row) == {"number": 2, "both": "1", "level": 1}
