"""Tests of the dlt source with the real portal: DuckDB and files, updates, kills, types."""

from __future__ import annotations

import datetime as dt
import logging
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dlt
import pytest
from dlt.extract import DltSource
from dlt.pipeline.exceptions import PipelineStepFailed

from aiodatagouv import Client, Paginator, api
from aiodatagouv._dlt import extraction
from aiodatagouv._dlt.tables import Form
from aiodatagouv._environment import KEY, PORTAL
from aiodatagouv.dlt import source
from aiodatagouv.models import Dataset, DatasetWrite

from .loading import check_same, datasets_in, pipeline_in, query
from .portal import PROJECT, Portal, running_portal
from .snippets import blocks

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


def report_of(pipeline: Any, table: str = "datasets") -> Any:
    """Return the report of a list in the latest run."""
    (extracted,) = pipeline.last_trace.last_extract_info.metrics.values()
    return extracted[0]["resource_metrics"][table].custom_metrics


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


def test_the_snippets_of_the_docs_run(
    portal: Portal, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (PROJECT / "docs/dlt.md").read_text(encoding="utf-8")
    install = re.findall(r"^\$ (pip install .*)$", text, re.M)
    assert install == ["pip install 'aiodatagouv[dlt]' 'dlt[duckdb]'"]
    (first, *others) = blocks("docs/dlt.md")
    lines = [line for line in first.splitlines() if line]
    assert len(install) + len(lines) <= 15
    monkeypatch.setenv(PORTAL, portal.url)
    names: dict[str, Any] = {"__name__": "docs"}
    for snippet in (first, first, *others):  # The first one is to be run again.
        exec(compile(snippet, "docs/dlt.md", "exec", dont_inherit=True), names)
    assert "Météo-France" in capsys.readouterr().out
    (count,) = query(Path(), "SELECT count(*) AS n FROM datagouv.datasets")
    assert names["latest"] == [(count["n"],)]


async def test_nothing_is_lost_or_twice_after_kills(
    portal: Portal, visitor: Client, admin: Client, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "tests.portal.killed_loads", portal.url, str(tmp_path)]
    everything = api.datasets.list_datasets(visitor, fields="id,title")
    await api.datasets.create_dataset(admin, body=body("First"))
    # The first load, an update, and an update by processes whose working folders are lost.
    for lost in ([], [], ["lost"]):
        subprocess.run([*command, *lost], cwd=PROJECT, check=True)
        await check_same(datasets_in(tmp_path), everything)
        newest = (await everything).data[0]
        await edit(admin, (await everything).data[-1], title=f"Edited when {newest.title} was last")
        await api.datasets.delete_dataset(admin, newest.id)
        await api.datasets.create_dataset(admin, body=body("Next"))


def test_the_key_is_in_no_file_and_no_log(
    portal: Portal,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("RUNTIME__LOG_LEVEL", "DEBUG")
    caplog.set_level(logging.DEBUG)
    pipeline = pipeline_in(tmp_path)
    info = pipeline.run(lists(portal, "datasets", api_key=portal.api_key))
    private = "SELECT count(*) AS n FROM datagouv.datasets WHERE private"
    assert query(tmp_path, private)[0]["n"] > 0
    monkeypatch.setenv("SOURCES__AIODATAGOUV__API_KEY", portal.api_key)
    pipeline.run(lists(portal))
    assert query(tmp_path, private)[0]["n"] > 0
    monkeypatch.delenv("SOURCES__AIODATAGOUV__API_KEY")
    monkeypatch.setenv(KEY, portal.api_key)
    pipeline.run(lists(portal))
    assert query(tmp_path, private)[0]["n"] > 0
    missing = {"none": lambda client: api.v2.topics.list_topic_elements(client, "none")}
    with pytest.raises(PipelineStepFailed) as failed:
        pipeline.run(source(missing, base_url=portal.url))
    shown = f"{info} {pipeline.last_trace} {caplog.text} {failed.getrepr(showlocals=True)}"
    assert portal.api_key not in shown + "".join(capsys.readouterr())
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) > 5
    assert [path for path in files if portal.api_key.encode() in path.read_bytes()] == []
    monkeypatch.delenv(KEY)
    pipeline.run(lists(portal))  # Without the key, private datasets are gone.
    assert query(tmp_path, private)[0]["n"] == 0


async def test_public_items_are_those_that_are_listed_without_the_key(
    portal: Portal, visitor: Client, tmp_path: Path
) -> None:
    def run(**options: Any) -> tuple[bool, bool]:
        pipeline.run(lists(portal, api_key=portal.api_key, **options))
        state: Any = pipeline.state["sources"]
        query = state["aiodatagouv"]["resources"]["datasets"]["query"]
        return query["key"], loaded(pipeline)["datasets"] >= 60

    pipeline, everything = pipeline_in(tmp_path), api.datasets.list_datasets(visitor)
    assert run() == (True, True)
    assert any(row["private"] for row in datasets_in(tmp_path))
    assert run(only_public=True) == (False, True)  # Another query: everything is loaded.
    await check_same(datasets_in(tmp_path), everything)
    assert run(only_public=True) == (False, False)
    await check_same(datasets_in(tmp_path), everything)


def test_a_list_that_needs_a_key_is_refused_without_it(portal: Portal, tmp_path: Path) -> None:
    reports = lists(portal, "reports", api_key=portal.api_key, only_public=True)
    with pytest.raises(PipelineStepFailed, match="only_public reads the list without the key"):
        pipeline_in(tmp_path).run(reports)


def test_other_fields_load_the_list_anew(portal: Portal, tmp_path: Path) -> None:
    pipeline = pipeline_in(tmp_path)
    pipeline.run(lists(portal, fields="title"))
    assert {*datasets_in(tmp_path)[0]} == {
        *("id", "title", "additional_properties", "_fetched_at", "_deleted")
    }
    pipeline.run(lists(portal, fields="title,spatial"))
    rows = datasets_in(tmp_path)
    assert loaded(pipeline)["datasets"] == len(rows) >= 60
    assert any(row["spatial"] for row in rows)


async def test_two_datasets_of_one_pipeline_both_get_all_changes(
    portal: Portal,
    visitor: Client,
    admin: Client,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Without the margin of a minute, an edit before the last run is not found by its date.
    monkeypatch.setattr(extraction, "next_since", lambda *_: dt.datetime.now(dt.UTC))
    everything = api.datasets.list_datasets(visitor)
    pipeline_in(tmp_path).run(lists(portal))
    await edit(admin, (await everything).data[-1], title="Edited between two datasets")
    pipeline_in(tmp_path, dataset="other").run(lists(portal))
    await check_same(query(tmp_path, "SELECT * FROM other.datasets"), everything)
    pipeline_in(tmp_path).run(lists(portal))
    await check_same(datasets_in(tmp_path), everything)


@pytest.mark.parametrize(("before", "after"), [("arrow", "dicts"), ("dicts", "arrow")])
async def test_rows_of_another_form_need_a_new_table(
    portal: Portal, visitor: Client, tmp_path: Path, before: Form, after: Form
) -> None:
    pipeline, everything = pipeline_in(tmp_path), api.datasets.list_datasets(visitor)
    pipeline.run(lists(portal, rows=before))
    reason = f"datasets was loaded with rows='{before}', and cannot go on with rows='{after}'"
    for disposition in ("merge", "replace"):
        with pytest.raises(PipelineStepFailed, match=reason):
            pipeline.run(lists(portal, rows=after), write_disposition=disposition)
    query(tmp_path, "DELETE FROM datagouv.datasets")
    pipeline.run(lists(portal, rows=before))  # Nothing is left of the failed runs.
    await check_same(datasets_in(tmp_path), everything)
    pipeline.run(lists(portal, rows=after), refresh="drop_resources")
    query(tmp_path, "DELETE FROM datagouv.datasets WHERE title < 'M'")
    pipeline.run(lists(portal, rows=after))
    await check_same(datasets_in(tmp_path), everything)


async def test_what_is_lost_in_the_destination_is_loaded_again(
    portal: Portal, visitor: Client, tmp_path: Path
) -> None:
    pipeline = pipeline_in(tmp_path)
    pipeline.run(lists(portal))
    everything = api.datasets.list_datasets(visitor)
    query(tmp_path, "DELETE FROM datagouv.datasets WHERE title < 'M'")
    pipeline.run(lists(portal))
    await check_same(datasets_in(tmp_path), everything)
    query(tmp_path, "DELETE FROM datagouv.datasets")
    pipeline.run(lists(portal))
    await check_same(datasets_in(tmp_path), everything)


async def test_an_object_that_the_portal_cannot_send_keeps_its_row(
    portal: Portal, visitor: Client, admin: Client, tmp_path: Path
) -> None:
    def run() -> Any:
        patient = source("datasets", base_url=portal.url, rate=None, retry=None, skip_broken=True)
        pipeline.run(patient)
        rows = datasets_in(tmp_path)
        return next(row["title"] for row in rows if row["id"] == broken.id)

    broken = await api.datasets.create_dataset(admin, body=body("Before"))
    pipeline = pipeline_in(tmp_path)
    assert run() == "Before"
    await edit(admin, broken, title="After")
    portal.break_dataset(broken.id, "organization")
    try:
        assert run() == "Before"
        assert report_of(pipeline)["complete_but_for"] == 1
        assert report_of(pipeline)["skipped"][0]["id"] == broken.id
    finally:
        portal.mend_dataset(broken.id)
    assert run() == "After"
    assert report_of(pipeline)["complete"]


async def test_a_list_without_an_order_of_changes_is_loaded_anew(
    portal: Portal, visitor: Client, tmp_path: Path
) -> None:
    topic = (await api.v2.topics.list_topics(visitor)).data[0].id
    pipeline = pipeline_in(tmp_path)
    for _ in range(2):
        elements = {"elements": lambda client: api.v2.topics.list_topic_elements(client, topic)}
        pipeline.run(source(elements, base_url=portal.url))
        rows = query(tmp_path, "SELECT * FROM datagouv.elements")
        await check_same(rows, api.v2.topics.list_topic_elements(visitor, topic))
    assert "_deleted" not in rows[0]
    report = report_of(pipeline, "elements")
    assert (report["complete"], report["items"]) == (True, len(rows))
    assert report["reason"].startswith("only the number of items can be checked: ")


async def test_a_list_can_be_replaced_by_each_run(
    portal: Portal, visitor: Client, tmp_path: Path
) -> None:
    pipeline = pipeline_in(tmp_path, "filesystem")
    for _ in range(2):
        pipeline.run(lists(portal), write_disposition="replace")
        rows = datasets_in(tmp_path)
        assert len(rows) == loaded(pipeline)["datasets"]
        await check_same(rows, api.datasets.list_datasets(visitor))


@pytest.mark.parametrize("rows", ["arrow", "dicts"])
async def test_an_empty_list_is_an_empty_table(
    portal: Portal, admin: Client, tmp_path: Path, rows: Form
) -> None:
    found = {"found": lambda client: api.datasets.list_datasets(client, tag=[f"of-{rows}"])}
    pipeline = pipeline_in(tmp_path)
    for _ in range(2):
        pipeline.run(source(found, base_url=portal.url, rows=rows))
        assert query(tmp_path, "SELECT * FROM datagouv.found") == []
    tagged = DatasetWrite(title="T", description="d", frequency="unknown", tags=[f"of-{rows}"])
    created = await api.datasets.create_dataset(admin, body=tagged)
    pipeline.run(source(found, base_url=portal.url, rows=rows))
    assert query(tmp_path, "SELECT id FROM datagouv.found") == [{"id": created.id}]


def test_dlt_may_make_tables_of_nested_lists(portal: Portal, tmp_path: Path) -> None:
    nested = lists(
        portal, fields="title,resources{title},extras", rows="dicts", max_table_nesting=1
    )
    pipeline_in(tmp_path).run(nested)
    joined = query(
        tmp_path,
        "SELECT d.id, r.title FROM datagouv.datasets AS d "
        "JOIN datagouv.datasets__resources AS r ON r._dlt_parent_id = d._dlt_id",
    )
    assert len(joined) > 60
    assert {type(row["extras"]) for row in datasets_in(tmp_path)} == {str}


def test_a_destination_without_sql_is_refused_unless_it_is_loaded_anew(
    portal: Portal, tmp_path: Path
) -> None:
    received: list[Any] = []

    @dlt.destination(name="sink")
    def sink(items: Any, table: Any) -> None:
        received.append(items)

    pipeline = dlt.pipeline("sunk", destination=sink, pipelines_dir=str(tmp_path))
    with pytest.raises(PipelineStepFailed, match="datasets cannot be updated in sink, which has"):
        pipeline.run(lists(portal, fields="title"))
    assert not received
    pipeline.run(lists(portal, fields="title"), write_disposition="replace")
    assert received
    pipeline.deactivate()


def test_a_source_can_be_tried_without_a_pipeline(portal: Portal) -> None:
    rows = [*lists(portal, fields="title", rows="dicts")]
    assert len(rows) >= 60
    assert {*rows[0]} == {"id", "title", "_fetched_at"}
