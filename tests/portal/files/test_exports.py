"""Exports of the catalogue, on the real portal of both pinned releases."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import json
import re
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from aiodatagouv import Client
from aiodatagouv.api import dataservices, datasets, discussions, organizations, reuses
from aiodatagouv.files._export.columns import kind_of
from aiodatagouv.files._export.exports import NAMES, ExportName, export
from aiodatagouv.types import Progress

from ..portal import Portal

ALONE = [name for name in NAMES if name != "discussions"]
"""The exports of the whole portal."""

OF_ONE: list[ExportName] = ["dataservices", "datasets", "discussions", "resources"]
"""The exports of one organization."""


@pytest.fixture
def organization(quiet_portal: Portal) -> str:
    one: str = quiet_portal.ids["/organizations/{org}/"]["org"]
    return one


async def rows_of(client: Client, name: ExportName, **filters: str) -> list[dict[str, Any]]:
    return [row async for row in export(client, name, **filters).rows()]


def by_id(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in rows}


def seconds(moment: dt.datetime | None) -> dt.datetime | None:
    """A date without the fraction of a second, which older releases leave out of exports."""
    if moment is None:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
    return moment.replace(microsecond=0)


TYPED = {
    "flag": re.compile("True|False"),
    "number": re.compile(r"-?\d+(\.\d+)?"),
    "date": re.compile(r"\d{4}-\d\d-\d\d(T[\d:.+]+)?"),
    "json": re.compile(r"\{.*\}|\[.*\]", re.DOTALL),
}
"""The texts of values that have a type."""

NUMBERED = {"business_number_id"}
"""Columns whose numbers are names: they may start with a zero."""


@pytest.mark.parametrize("name", ALONE)
async def test_no_column_with_typed_values_is_text(reader: Client, name: ExportName) -> None:
    rows = [row async for row in export(reader, name).stream.rows()]
    assert rows
    for column in rows[0]:
        values = {row[column] for row in rows} - {""}
        is_text = kind_of(name, column) == "text" and not column.endswith("_by_months")
        if values and is_text and column not in NUMBERED:
            found = [kind for kind, form in TYPED.items() if all(map(form.fullmatch, values))]
            assert not found, (column, sorted(values)[:5])


@pytest.mark.parametrize("name", ALONE)
async def test_every_cell_has_the_type_of_its_column(reader: Client, name: ExportName) -> None:
    types = {
        "text": str,
        "flag": bool,
        "integer": int,
        "number": float,
        "day": dt.date,
        "moment": dt.datetime,
        "list": list,
        "json": dict,
    }
    texts = [row async for row in export(reader, name).stream.rows()]
    rows = await rows_of(reader, name)
    assert len(rows) == len(texts) > 0
    for row, text in zip(rows, texts, strict=True):
        for column, value in row.items():
            kind = kind_of(name, column)
            if kind == "list":
                assert value == (text[column].split(",") if text[column] else [])
            elif text[column] in ("", "False") and kind != "flag":
                assert value is None
            else:
                assert type(value) is types[kind], column


async def test_datasets_are_those_of_the_api(reader: Client) -> None:
    rows = by_id(await rows_of(reader, "datasets"))
    seen = 0
    async for one in datasets.list_datasets(reader, page_size=100):
        if any("csv-export:model" in each.extras for each in one.resources):
            continue  # It got its resources when the exports were written.
        row, seen = rows[one.id], seen + 1
        assert row["title"] == one.title
        assert row["tags"] == one.tags
        assert row["featured"] is bool(one.featured)
        assert row["archived"] == seconds(one.archived)
        assert seconds(row["created_at"]) == seconds(one.created_at)
        assert row["main_resources_count"] == sum(each.type == "main" for each in one.resources)
        assert row["organization_id"] == (one.organization and one.organization.id)
        coverage = one.temporal_coverage
        assert row["temporal_coverage.start"] == (coverage and coverage.start)
        assert row["temporal_coverage.end"] == (coverage and coverage.end)
        assert row["metric.views"] == one.metrics.get("views", 0)
    assert seen > 20


async def test_resources_are_those_of_the_api(reader: Client) -> None:
    rows = by_id(await rows_of(reader, "resources"))
    found = [
        resource
        async for dataset in datasets.list_datasets(reader, page_size=100)
        for resource in dataset.resources
        if resource.id in rows
    ]
    assert len(found) > 20
    for one in found:
        row = rows[one.id]
        assert row["filesize"] == one.filesize
        assert row["checksum.value"] == (one.checksum and one.checksum.value)
        assert seconds(row["modified"]) == seconds(one.last_modified)
        # The server writes values that JSON lacks, such as dates, as texts of its own.
        assert row["extras"].keys() == one.extras.keys()
        assert row["dataset.private"] is False
    assert any(rows[one.id]["extras"] for one in found)


async def test_the_others_are_those_of_the_api(reader: Client) -> None:
    rows = by_id(await rows_of(reader, "organizations"))
    async for organization in organizations.list_organizations(reader):
        row = rows[organization.id]
        assert row["members_count"] == len(organization.members)
        assert row["badges"] == [badge.kind for badge in organization.badges]
    rows = by_id(await rows_of(reader, "reuses"))
    async for reuse in reuses.list_reuses(reader):
        row = rows[reuse.id]
        assert row["datasets"] == [one.id for one in reuse.datasets]
        assert seconds(row["created_at"]) == seconds(reuse.created_at)
    rows = by_id(await rows_of(reader, "dataservices"))
    async for dataservice in dataservices.list_dataservices(reader):
        row = rows[dataservice.id]
        assert row["availability"] == dataservice.availability
        assert row["tags"] == dataservice.tags


async def test_the_datasets_of_an_organization_are_up_to_date(
    reader: Client, organization: str
) -> None:
    rows = by_id(await rows_of(reader, "datasets", organization=organization))
    listed = [one async for one in datasets.list_datasets(reader, organization=organization)]
    assert {one.id for one in listed} == rows.keys()
    for one in listed:
        row = rows[one.id]
        formats = {each.format for each in one.resources if each.format}
        assert sorted(row["resources_formats"]) == sorted(formats)
        assert row["quality_score"] == pytest.approx(one.quality["score"], abs=0.006)


@pytest.mark.parametrize("name", OF_ONE)
async def test_an_organization_has_exports_of_its_own(
    reader: Client, name: ExportName, organization: str
) -> None:
    rows = await rows_of(reader, name, organization=organization)
    assert rows
    key = "dataset.organization_id" if name == "resources" else "organization_id"
    if name != "discussions":
        assert {row[key] for row in rows} == {organization}
        return
    for row in rows:
        one = await discussions.get_discussion(reader, row["id"])
        assert row["size"] == len(one.discussion)
        assert set(row["participants"]) == {each.posted_by.id for each in one.discussion}
        assert seconds(row["created"]) == seconds(one.created)


async def test_a_csv_is_saved_as_it_came(reader: Client, tmp_path: Path) -> None:
    one = export(reader, "organizations")
    told: list[Progress] = []
    size = await one.save(tmp_path / "all.csv", progress=told.append)
    content = (tmp_path / "all.csv").read_bytes()
    assert content.decode() == await one.stream.text()
    assert told[-1] == Progress(size, size, "all.csv")
    assert size == len(content)
    packed = await one.save(tmp_path / "all.csv.gz")
    assert packed == (tmp_path / "all.csv.gz").stat().st_size < size
    assert gzip.decompress((tmp_path / "all.csv.gz").read_bytes()) == content


async def test_some_columns_are_saved(reader: Client, tmp_path: Path) -> None:
    one = export(reader, "datasets")
    wanted = [{"title": row["title"], "id": row["id"]} async for row in one.stream.rows()]
    await one.save(tmp_path / "some.csv", columns=["title", "id"])
    with (tmp_path / "some.csv").open(encoding="utf-8", newline="") as file:
        assert [*csv.DictReader(file, delimiter=";")] == wanted
    await one.save(tmp_path / "some.csv.gz", columns=["title", "id"])
    with gzip.open(tmp_path / "some.csv.gz", "rt", encoding="utf-8", newline="") as text:
        assert [*csv.DictReader(text, delimiter=";")] == wanted


@pytest.mark.parametrize("name", ALONE)
async def test_a_parquet_file_has_the_same_rows(
    reader: Client, name: ExportName, tmp_path: Path
) -> None:
    path = tmp_path / "all.parquet"
    await export(reader, name).save(path)
    assert [*tmp_path.iterdir()] == [path]
    table = pq.read_table(path)
    is_json = [field.name for field in table.schema if field.metadata == {b"format": b"json"}]
    found = table.to_pylist()
    for row in found:
        row.update({column: row[column] and json.loads(row[column]) for column in is_json})
    assert found == await rows_of(reader, name)
