"""Helpers that harvest simulated portals and read the resulting files."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
import zstandard

from aiodatagouv import bulk

from .moving import MovingPortal
from .versions import datasets

SUFFIXES = [".jsonl", ".jsonl.gz", ".jsonl.zst", ".parquet"]

KEYS = ["dataset_id", "organization_id", "reuse_id", "discussion_id", "id"]
"""The columns by which rows are told to be of an item: the first one that a table has."""


def histories(number: int) -> int:
    """Return the number of random histories to try: `HISTORIES=10` tries ten times as many."""
    return number * int(os.environ.get("HISTORIES", "1"))


def read(path: Path) -> list[dict[str, Any]]:
    """Read the items of a file with libraries that the harvest does not write it with."""
    match path.suffix:
        case ".parquet":
            return read_table(path)
        case ".gz":
            text = gzip.decompress(path.read_bytes())
        case ".zst":
            frames = zstandard.ZstdDecompressor().stream_reader(
                path.read_bytes(), read_across_frames=True
            )
            text = frames.read()
        case _:
            text = path.read_bytes()
    return [json.loads(line) for line in text.splitlines()]


def read_table(path: Path) -> list[dict[str, Any]]:
    """Read the rows of a Parquet file, or of a folder of them, in order of creation.

    Each file is sorted by the text of the id, that of the item in a flat table: "10" is before "2".
    The rows of an item stay together. The names of folders give more columns, as text.
    """
    rows: list[dict[str, Any]] = []
    for file in sorted(path.rglob("*.parquet")) if path.is_dir() else [path]:
        found = pq.ParquetFile(file).read().to_pylist()
        keys = [*map(key_of, found)]
        assert keys == sorted(keys)
        steps = file.relative_to(path).parts[:-1]
        rows += [row | dict(step.split("=", 1) for step in steps) for row in found]
    return sorted(rows, key=lambda row: (len(key_of(row)), key_of(row)))


def key_of(row: dict[str, Any]) -> str:
    """Return the id of the item of a row; "" if the row has none."""
    key: str = next((row[name] for name in KEYS if name in row), "")
    return key


def queried(query: str) -> list[Any]:
    """The rows that DuckDB answers."""
    with duckdb.connect() as database:
        return database.execute(query).fetchall()


def ids(path: Path) -> list[int]:
    return [int(item["id"]) for item in read(path)]


class Stop(Exception):
    """Raised by tests to abort a harvest, as a disk failure would."""


def stop(*_: object) -> None:
    """Raise `Stop`, whatever the arguments; replaces functions in order to abort a harvest."""
    raise Stop


def stop_after(pages: int) -> Callable[[bulk.Report], None]:
    """Return a progress callback that aborts the harvest after a number of pages."""
    left = pages

    def progress(report: bulk.Report) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise Stop

    return progress


async def harvest(
    portal: MovingPortal, path: Path | str, size: int = 5, **options: Any
) -> bulk.Report:
    """Harvest a portal with a given page size."""
    async with portal.client() as client:
        found = datasets.list_datasets(client, page_size=size)
        return await bulk.harvest(found, path, **options)


async def cut_off(path: Path, portal: MovingPortal | None = None, pages: int = 4) -> None:
    """Start a harvest that is aborted after a number of pages."""
    with pytest.raises(Stop):
        await harvest(portal or MovingPortal.of(60, 0, left=0), path, progress=stop_after(pages))
