"""Helpers that run dlt pipelines, and compare the tables with the portal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import dlt
import duckdb
from dlt.common.destination import TDestinationReferenceArg

from aiodatagouv import Paginator
from aiodatagouv._decoding.dates import read_datetime

LATEST = """
    SELECT * FROM read_parquet('{}/datagouv/datasets/*.parquet', union_by_name = true)
    QUALIFY row_number() OVER (PARTITION BY id ORDER BY _fetched_at DESC) = 1
"""


def pipeline_in(
    folder: Path, destination: str = "duckdb", dataset: str = "datagouv"
) -> dlt.Pipeline:
    """Return a pipeline whose files are all in a folder."""
    place: TDestinationReferenceArg = (
        dlt.destinations.duckdb(str(folder / "catalog.duckdb"))
        if destination == "duckdb"
        else dlt.destinations.filesystem(folder.as_uri())
    )
    return dlt.pipeline(
        "catalog",
        destination=place,
        dataset_name=dataset,
        pipelines_dir=str(folder / "pipelines"),
    )


def query(folder: Path, sql: str) -> list[dict[str, Any]]:
    """Return the rows of a query of the loaded tables."""
    database = folder / "catalog.duckdb"
    with duckdb.connect(str(database) if database.exists() else ":memory:") as connection:
        connection.execute("SET TimeZone = 'UTC'")
        cursor = connection.execute(sql)
        names = [one[0] for one in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def datasets_in(folder: Path) -> list[dict[str, Any]]:
    """Return the rows of the table of datasets, in either destination."""
    if (folder / "catalog.duckdb").exists():
        return query(folder, "SELECT * FROM datagouv.datasets")
    rows = query(folder, LATEST.format(folder))
    return [row for row in rows if not row["_deleted"]]


async def check_same(rows: list[dict[str, Any]], found: Paginator[Any, Any]) -> None:
    """Check that rows have the items of a list, each once, with all that the portal sends."""
    items = {one.id: one.to_dict() async for one in found}
    assert sorted(row["id"] for row in rows) == sorted(items)
    for row in rows:
        for name, value in items[row["id"]].items():
            assert same(row[name], value), (row["id"], name, row[name], value)


def same(cell: Any, value: Any) -> bool:
    """Tell whether a cell holds a value of the portal."""
    if cell is None or value is None:
        return cell is value
    if isinstance(cell, str) and not isinstance(value, str):
        return bool(json.loads(cell) == value)
    if isinstance(value, str) and not isinstance(cell, str):
        return bool(cell.isoformat() == read_datetime(value).isoformat()) or same_moment(
            cell, value
        )
    return bool(cell == value)


def same_moment(cell: Any, text: str) -> bool:
    """Tell whether a cell is the moment that a text of the portal names, in UTC if it says none."""
    moment = read_datetime(text)
    return bool(cell == (moment if moment.tzinfo else moment.replace(tzinfo=cell.tzinfo)))
