"""Tests of the dlt source with the real portal: DuckDB and files, updates, kills, types."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from dlt.extract import DltSource

from aiodatagouv import Client, Paginator, api
from aiodatagouv.dlt import source
from aiodatagouv.models import Dataset, DatasetWrite

from .killed_loads import MOMENTS
from .loading import check_same, datasets_in, pipeline_in, query
from .portal import PROJECT, Portal, running_portal

pytestmark = pytest.mark.xdist_group("dlt")


@pytest.fixture(scope="module")
def portal() -> Iterator[Portal]:
    """A portal that nobody else changes meanwhile."""
    with running_portal(60) as portal:
        yield portal


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep dlt's files in the folder of the test, and its telemetry off."""
    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path / "dlt"))
    monkeypatch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")
    monkeypatch.chdir(tmp_path)


def lists(portal: Portal, *names: str, **options: Any) -> DltSource:
    """Return a source of some lists of the portal, of the datasets by default."""
    return source(names or "datasets", base_url=portal.url, rate=None, **options)


def loaded(pipeline: Any) -> dict[str, int]:
    """Return the number of rows of each table in the latest run, without dlt's own tables."""
    counts: dict[str, int] = pipeline.last_trace.last_normalize_info.row_counts
    return {name: count for name, count in counts.items() if not name.startswith("_dlt")}


async def test_each_list_is_one_table_with_the_types_of_the_model(
    portal: Portal, visitor: Client, tmp_path: Path
) -> None:
    names = ["datasets", "organizations", "reuses", "dataservices", "v2.topics"]
    pipeline = pipeline_in(tmp_path)
    pipeline.run(lists(portal, *names, "community-resources"))
    tables = query(
        tmp_path,
        "SELECT table_name AS name FROM information_schema.tables "
        "WHERE table_schema = 'datagouv' AND NOT starts_with(table_name, '_dlt')",
    )
    expected = [*names[:-1], "v2_topics", "community_resources"]
    assert sorted(one["name"] for one in tables) == sorted(expected)
    types = {
        one["column_name"]: (one["column_type"], one["null"])
        for one in query(tmp_path, "DESCRIBE datagouv.datasets")
    }
    assert types["id"] == ("VARCHAR", "NO")
    assert types["title"] == ("VARCHAR", "YES")
    assert types["private"] == ("BOOLEAN", "YES")
    assert types["created_at"] == ("TIMESTAMP WITH TIME ZONE", "YES")
    for name in ("spatial", "extras", "resources", "organization", "additional_properties"):
        assert types[name] == ("JSON", "YES"), name
    every: list[tuple[Callable[[Client], Paginator[Any, Any]], str]] = [
        (api.datasets.list_datasets, "datasets"),
        (api.organizations.list_organizations, "organizations"),
        (api.reuses.list_reuses, "reuses"),
        (api.dataservices.list_dataservices, "dataservices"),
        (api.v2.topics.list_topics, "v2_topics"),
        (api.datasets.list_community_resources, "community_resources"),
    ]
    for listed, table in every:
        await check_same(query(tmp_path, f"SELECT * FROM datagouv.{table}"), listed(visitor))


@pytest.mark.parametrize("rows", ["arrow", "dicts"])
@pytest.mark.parametrize("destination", ["duckdb", "filesystem"])
async def test_the_next_run_loads_what_was_edited_created_shown_or_deleted(
    portal: Portal, visitor: Client, admin: Client, tmp_path: Path, destination: str, rows: str
) -> None:
    pipeline = pipeline_in(tmp_path, destination)
    everything = api.datasets.list_datasets(visitor)
    hidden = await api.datasets.create_dataset(admin, body=body("Hidden", private=True))
    deleted = await api.datasets.create_dataset(admin, body=body("Deleted"))
    pipeline.run(lists(portal, rows=rows), loader_file_format="parquet")
    await check_same(datasets_in(tmp_path), everything)
    before = {row["id"] for row in datasets_in(tmp_path)}
    assert hidden.id not in before

    edited = (await everything).data[-1]
    await edit(admin, edited, title="Edited")
    await edit(admin, hidden, private=False)
    created = await api.datasets.create_dataset(admin, body=body("Created"))
    await api.datasets.delete_dataset(admin, deleted.id)
    pipeline.run(lists(portal, rows=rows), loader_file_format="parquet")
    await check_same(datasets_in(tmp_path), everything)
    after = {row["id"] for row in datasets_in(tmp_path)}
    assert after == (before - {deleted.id}) | {hidden.id, created.id}
    assert loaded(pipeline)["datasets"] < len(before)


async def edit(admin: Client, dataset: Dataset, **changes: Any) -> None:
    body = DatasetWrite.of(await api.datasets.get_dataset(admin, dataset.id), **changes)
    await api.datasets.update_dataset(admin, dataset.id, body=body)


def body(title: str, *, private: bool = False) -> DatasetWrite:
    return DatasetWrite(title=title, description="Of a test", frequency="unknown", private=private)


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("lost", [[], ["lost"]], ids=["kept", "lost"])
async def test_nothing_is_lost_or_twice_after_a_kill(
    portal: Portal, visitor: Client, admin: Client, tmp_path: Path, moment: str, lost: list[str]
) -> None:
    command = [sys.executable, "-m", "tests.portal.killed_loads", portal.url, str(tmp_path), moment]
    subprocess.run([*command, *lost], cwd=PROJECT, check=True)
    everything = api.datasets.list_datasets(visitor)
    await check_same(datasets_in(tmp_path), everything)
    edited = (await everything).data[-1]
    await edit(admin, edited, title=f"Edited before {moment}")
    created = await api.datasets.create_dataset(admin, body=body("Created"))
    deleted = await api.datasets.create_dataset(admin, body=body("Deleted"))
    subprocess.run([*command, *lost], cwd=PROJECT, check=True)
    await api.datasets.delete_dataset(admin, deleted.id)
    subprocess.run([*command, *lost], cwd=PROJECT, check=True)
    await check_same(datasets_in(tmp_path), everything)
    assert created.id in {row["id"] for row in datasets_in(tmp_path)}
