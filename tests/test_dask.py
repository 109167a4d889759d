"""Harvests distributed over a Dask cluster."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import distributed
import duckdb
import httpx
import polars as pl
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from replay_portal import running

from aiodatagouv import CheckpointError, Client, DestinationError, Paginator, ServerError, bulk
from aiodatagouv.api import datasets, site
from aiodatagouv.bulk import Report
from aiodatagouv.bulk._journal.storage import CHECKPOINTS
from aiodatagouv.dask import harvest
from aiodatagouv.dask.board import summed
from aiodatagouv.models import Dataset, DatasetPage

from .clustered import RATE
from .harvests import SUFFIXES, Stop, key_of, queried, read
from .moving import START, MovingPortal
from .moving_served import served
from .secret_cluster import SECRET

# Two clusters at once would be more processes than a small machine can run in time.
pytestmark = pytest.mark.xdist_group("dask")


def test_a_cluster_that_loses_a_worker_harvests_everything_once_within_the_rate(
    tmp_path: Path,
) -> None:
    with running(6000) as url:
        command = [sys.executable, "-m", "tests.clustered", url, str(tmp_path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        times: list[float] = httpx.get(f"{url}times").json()
    result = json.loads(done.stdout.splitlines()[-1])
    report = result["report"]
    assert result["killed"] == 3
    assert report["complete"]
    assert report["items"] == report["total"] == 6000

    folder = tmp_path / "first"
    names = {path.name for path in folder.iterdir()}
    parts = {f"part-{number:05}.parquet" for number in range(12)}
    assert names == {*parts, "_metadata", "_harvest.json", "_checkpoints"}
    table = ds.dataset(folder).to_table()
    ids = table["id"].to_pylist()
    assert len(ids) == len({*ids}) == 6000
    rows = [(one["id"], each["id"]) for one in table.to_pylist() for each in one["resources"]]

    # So is it with flat and partitioned tables.
    flat, partitioned = result["tables"]
    assert (flat["items"], flat["rows"], flat["complete"]) == (6000, len(rows), True)
    found = ds.dataset(tmp_path / "flat").to_table(columns=["dataset_id", "id"])
    assert sorted(tuple(one.values()) for one in found.to_pylist()) == sorted(rows)
    assert (partitioned["items"], partitioned["complete"]) == (6000, True)
    found = ds.dataset(tmp_path / "partitioned", partitioning="hive").to_table()
    assert {*found["id"].to_pylist()} == {*ids}
    assert found.num_rows == 6000
    assert all(one["created_at"].year == one["created_at_year"] for one in found.to_pylist())

    # The combined rate of all workers, as measured by the portal. Delayed requests may arrive
    # together with later ones, hence the margin of one half.
    first = [time for time in times if time <= result["until"]]
    together = [sum(start <= time < start + 2 for time in first) for start in first]
    assert max(together) <= 2 * RATE * 1.5

    # The two harvests that then ran at the same time did not interfere with each other.
    assert result["items"] == [6000, 6000]
    for name in ("second", "third"):
        ids = ds.dataset(tmp_path / name).to_table()["id"].to_pylist()
        assert len(ids) == len({*ids}) == 6000


def test_nothing_that_a_cluster_shows_contains_the_key_of_its_workers() -> None:
    with running(600) as url:
        command = [sys.executable, "-m", "tests.secret_cluster", url]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["items"] == 600
    assert result["is_sent"]
    assert result["error"] == "BadRequestError"  # With the portal's copy of the request.
    assert min(result["bytes"].values()) > 500
    assert result["found"] == []
    assert SECRET not in done.stderr  # The logs, at the level DEBUG.


# ---- One harvest after another in a folder


@pytest.fixture(scope="module")
def cluster() -> Iterator[distributed.Client]:
    """A cluster of three workers in this process, which other processes can reach."""
    options: dict[str, Any] = {"processes": False, "protocol": "tcp", "host": "127.0.0.1"}
    with (
        distributed.LocalCluster(
            n_workers=3, threads_per_worker=1, dashboard_address=":0", **options
        ) as local,
        distributed.Client(local) as client,
    ):
        yield client


@pytest.fixture
def portal() -> MovingPortal:
    return MovingPortal.of(60, 0, left=0)


@pytest.fixture
def dated(portal: MovingPortal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Datasets of four years, with none to three resources; every tenth one is private."""
    content = MovingPortal.content

    def extended(self: MovingPortal, item: int) -> dict[str, Any]:
        created = dt.datetime(2014 + item % 4, 12, 31, 23, tzinfo=dt.UTC).isoformat()
        hidden = {"private": not item % 10, "archived": None, "deleted": None}
        return content(self, item) | {"created_at": created, **hidden}

    monkeypatch.setattr(MovingPortal, "content", extended)
    portal.is_ragged = True


@pytest.fixture
def url(portal: MovingPortal) -> Iterator[str]:
    with served(portal) as url:
        yield url


def paginate(client: Client) -> Paginator[DatasetPage, Dataset]:
    return datasets.list_datasets(client, page_size=5)


def titles(client: Client) -> Paginator[DatasetPage, Dataset]:
    return datasets.list_datasets(client, page_size=5, fields="id,title")


def run(cluster: distributed.Client, folder: Path, url: str, **options: Any) -> Report:
    given = {"parts": 6, "base_url": url, "rate": 1000, "retry": None, **options}
    return harvest(cluster, given.pop("paginate", paginate), folder, **given)


def tables(client: Client) -> Paginator[DatasetPage, Dataset]:
    return datasets.list_datasets(client, page_size=5, fields="id,title,created_at")


FLAT: dict[str, Any] = {"paginate": tables, "explode": "resources"}
YEARS: dict[str, Any] = {"paginate": tables, "partition_by": "year(created_at)"}


def items(folder: Path, suffix: str = ".parquet") -> list[dict[str, Any]]:
    """The rows of all parts, in order of the creation of their items."""
    found = [item for path in folder.glob(f"part[-=]*{suffix}") for item in read(path)]
    return sorted(found, key=lambda item: int(key_of(item)))


def manifest(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "_harvest.json").read_bytes())
    return content


def stamps(folder: Path, names: str = "part[-=]*") -> dict[str, int]:
    found = [path for path in folder.glob(names) if path.name != CHECKPOINTS]
    return {path.name: path.stat().st_mtime_ns for path in found}


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_manifest_describes_a_complete_folder(
    suffix: str, cluster: distributed.Client, url: str, tmp_path: Path
) -> None:
    report = run(cluster, tmp_path, url, suffix=suffix, paginate=titles)
    assert (report.items, report.total, report.complete) == (60, 60, True)
    assert [item["id"] for item in items(tmp_path, suffix)] == [str(one) for one in range(60)]
    found = manifest(tmp_path)
    assert found["report"]["items"] == 60
    assert found["query"]["operation"] == "list_datasets"
    assert (found["query"]["fields"], found["query"]["key"]) == ("id,title", False)
    assert [one["low"] for one in found["parts"][1:]] == [
        one["high"] for one in found["parts"][:-1]
    ]
    for one in found["parts"]:
        content = (tmp_path / one["file"]).read_bytes()
        assert (one["rows"], one["size"]) == (10, len(content))
        assert one["sha256"] == hashlib.sha256(content).hexdigest()


def test_programs_read_the_folder_as_one_table(
    cluster: distributed.Client, url: str, tmp_path: Path
) -> None:
    run(cluster, tmp_path, url)
    tables = [
        ds.dataset(tmp_path).to_table(columns=["id"]).num_rows,
        ds.parquet_dataset(tmp_path / "_metadata").to_table(columns=["id"]).num_rows,
        len(duckdb.execute(f"select id from '{tmp_path}/*.parquet'").fetchall()),
        len(duckdb.execute(f"select id from '{tmp_path}/**/*.parquet'").fetchall()),
        pl.scan_parquet(tmp_path / "*.parquet").select("id").collect().height,
    ]
    assert tables == [60] * 5
    # Spark ignores files and folders whose names begin with an underscore or a dot.
    others = {path.name for path in tmp_path.iterdir() if not path.name.startswith(("_", "."))}
    assert others == {f"part-{number:05}.parquet" for number in range(6)}


def test_a_folder_that_is_complete_stays_as_it_is(
    cluster: distributed.Client, portal: MovingPortal, url: str, tmp_path: Path
) -> None:
    first = run(cluster, tmp_path, url)
    before, requests = stamps(tmp_path, "*"), portal.requests
    assert run(cluster, tmp_path, url) == first
    assert (stamps(tmp_path, "*"), portal.requests) == (before, requests)
    path = tmp_path / "part-00003.parquet"
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(CheckpointError, match=r"part-00003.parquet is not the file"):
        run(cluster, tmp_path, url)
    assert not (tmp_path / "_harvest.json").exists()
    assert run(cluster, tmp_path, url, resume=False, parts=2).complete
    assert sorted(stamps(tmp_path)) == ["part-00000.parquet", "part-00001.parquet"]


def test_a_harvest_that_has_failed_goes_on_in_its_folder(
    cluster: distributed.Client, portal: MovingPortal, url: str, tmp_path: Path
) -> None:
    portal.broken = {57: "*"}
    with pytest.raises(ServerError):
        run(cluster, tmp_path, url, workers=1)
    assert not (tmp_path / "_harvest.json").exists()
    assert not (tmp_path / "_metadata").exists()
    done = stamps(tmp_path)
    assert done
    assert "part-00005.parquet" not in done
    portal.broken = {}
    report = run(cluster, tmp_path, url, workers=1)
    assert (report.items, report.complete) == (60, True)
    assert {name: stamp for name, stamp in stamps(tmp_path).items() if name in done} == done
    assert len(items(tmp_path)) == 60


def test_a_harvest_whose_driver_was_killed_goes_on_in_its_folder(
    cluster: distributed.Client, portal: MovingPortal, url: str, tmp_path: Path
) -> None:
    assert cluster.scheduler is not None
    scheduler = str(cluster.scheduler.address)
    command = [sys.executable, "-m", "tests.killed_driver", scheduler, url, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == -9, done.stderr
    assert not (tmp_path / "_harvest.json").exists()
    before = stamps(tmp_path)
    assert before
    report = run(cluster, tmp_path, url)
    assert (report.items, report.complete) == (60, True)
    assert {name: stamp for name, stamp in stamps(tmp_path).items() if name in before} == before
    assert len(items(tmp_path)) == 60


@pytest.mark.usefixtures("dated")
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"suffix": ".jsonl.gz"},
        FLAT,
        {**FLAT, "suffix": ".jsonl"},
        YEARS,
        {**FLAT, "partition_by": ["year(dataset_created_at)"]},
    ],
)
def test_an_updated_folder_equals_a_new_one(
    options: dict[str, Any],
    cluster: distributed.Client,
    portal: MovingPortal,
    url: str,
    tmp_path: Path,
) -> None:
    one, other, suffix = tmp_path / "one", tmp_path / "other", options.get("suffix", ".parquet")
    run(cluster, one, url, since="last", **options)
    before, requests = grouped(items(one, suffix)), portal.requests
    since = START + dt.timedelta(seconds=portal.clock)
    portal.left = 40
    while portal.left:
        portal.go_on()
    report = run(cluster, one, url, since=since, **options)
    assert report.requests == portal.requests - requests
    assert (report.complete, report.since) == (True, since.isoformat())
    assert report.items == report.total == len(portal.shown)
    run(cluster, other, url, **options)
    rows = items(one, suffix)
    assert rows == items(other, suffix)
    assert report.rows == len(rows) == sum(part["rows"] for part in manifest(one)["parts"])
    after = grouped(rows)
    both = [key for key in before.keys() & after.keys() if before[key] != after[key]]
    assert report.changed
    assert report.removed
    # An item that has no row any more is removed, or changed if it still exists.
    assert report.changed + report.added + report.removed >= len(both) + len(
        before.keys() ^ after.keys()
    )
    again = run(cluster, one, url, since="last", strict=True, **options)
    assert (again.items, again.rows) == (report.items, report.rows)
    assert (again.added, again.changed, again.removed) == (0, 0, 0)


def grouped(rows: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """The rows of each item."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(key_of(row), []).append(row)
    return found


@pytest.mark.parametrize("parts", [1, 6])
def test_an_update_whose_changes_cannot_be_read_leaves_the_folder_as_it_is(
    parts: int, cluster: distributed.Client, portal: MovingPortal, url: str, tmp_path: Path
) -> None:
    run(cluster, tmp_path, url, parts=parts)
    before = stamps(tmp_path, "*")
    portal.broken = dict.fromkeys(range(60), "id")
    with pytest.raises(ServerError):
        run(cluster, tmp_path, url, since="last")
    assert stamps(tmp_path, "*") == before
    portal.broken = {}
    assert run(cluster, tmp_path, url, since="last").complete
    assert manifest(tmp_path)["report"]["complete"]


def test_an_update_that_has_failed_half_way_is_completed_by_another_one_only(
    cluster: distributed.Client,
    portal: MovingPortal,
    url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def titles_of(*numbers: int) -> list[str]:
        rows = items(tmp_path)
        return [rows[number]["title"] for number in numbers]

    run(cluster, tmp_path, url)
    since = START + dt.timedelta(seconds=portal.clock)
    portal.updated = {3: (1, portal.clock), 50: (1, portal.clock)}
    answer, ids = portal.answer, 0

    async def broken(request: httpx.Request) -> httpx.Response:
        """Answer until the ids of the second part are read."""
        nonlocal ids
        ids += request.url.params.get("sort") == "created"
        return httpx.Response(500, json={}) if ids > 1 else await answer(request)

    with monkeypatch.context() as patch:
        patch.setattr(portal, "answer", broken)
        with pytest.raises(ServerError):
            run(cluster, tmp_path, url, since=since, workers=1)
    assert titles_of(3, 50) == ["Jeu 3, version 1", "Jeu 50, version 0"]
    requests = portal.requests
    with pytest.raises(CheckpointError, match=r"an update was interrupted.*: give since again"):
        run(cluster, tmp_path, url)
    assert portal.requests == requests
    assert not (tmp_path / "_harvest.json").exists()
    assert not (tmp_path / "_metadata").exists()
    assert run(cluster, tmp_path, url, since=since).complete
    assert titles_of(3, 50) == ["Jeu 3, version 1", "Jeu 50, version 1"]
    before = stamps(tmp_path, "*")
    run(cluster, tmp_path, url)
    assert stamps(tmp_path, "*") == before


def test_an_incomplete_part_gets_no_manifest_and_is_harvested_again(
    cluster: distributed.Client,
    portal: MovingPortal,
    url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Of a list without an order, only the number of items can be checked.
    monkeypatch.setattr(portal, "date_of", lambda _: lambda item: START - portal.date(item))
    monkeypatch.setattr(portal, "total", lambda: 61)
    report = run(cluster, tmp_path, url)
    assert (report.items, report.total, report.status) == (60, 61, "incomplete")
    assert [*stamps(tmp_path, "*")] == ["part-00000.parquet"]
    monkeypatch.setattr(portal, "total", lambda: 60)
    report = run(cluster, tmp_path, url)
    assert (report.items, report.status) == (60, "complete")
    assert manifest(tmp_path)["report"]["complete"]


def test_a_folder_that_does_not_fit_is_refused(
    cluster: distributed.Client, portal: MovingPortal, url: str, tmp_path: Path
) -> None:
    with pytest.raises(DestinationError, match="no harvest yet to update"):
        run(cluster, tmp_path, url, since="last", strict=True)
    with pytest.raises(DestinationError, match="no harvest yet to update"):
        run(cluster, tmp_path, url, since=dt.date(2026, 1, 1))
    with pytest.raises(DestinationError, match=r"suffix is '.csv': choose of .jsonl"):
        run(cluster, tmp_path, url, suffix=".csv")
    with pytest.raises(ValueError, match="give one of them"):
        run(cluster, tmp_path, url, since="last", resume=False)
    with pytest.raises(ValueError, match="workers is 0"):
        run(cluster, tmp_path, url, workers=0)
    with pytest.raises(ValueError, match="parts is 0: it must be a whole number"):
        run(cluster, tmp_path, url, parts=0)
    for one, named in (("datasets", "'datasets'"), (site.get_site, "get_site")):
        with pytest.raises(TypeError, match=f"{named} makes no list: give a function"):
            run(cluster, tmp_path, url, paginate=one)
    assert not portal.requests
    run(cluster, tmp_path, url)
    requests = portal.requests
    with pytest.raises(CheckpointError, match="fields none there, 'id,title' here"):
        run(cluster, tmp_path, url, paginate=titles)
    with pytest.raises(CheckpointError, match=r"suffix '.parquet' there, '.jsonl' here"):
        run(cluster, tmp_path, url, suffix=".jsonl")
    for notes in (tmp_path / "notes.txt", tmp_path / "_checkpoints" / "notes.txt"):
        notes.write_text("mine")
        with pytest.raises(DestinationError, match=f"^{notes} is not a file of a harvest"):
            run(cluster, tmp_path, url, resume=False)
        notes.unlink()
    assert portal.requests == requests
    assert manifest(tmp_path)["report"]["complete"]


def test_a_folder_with_other_files_is_refused(
    cluster: distributed.Client, url: str, tmp_path: Path
) -> None:
    (tmp_path / "part-00000.parquet").write_text("mine")
    with pytest.raises(DestinationError, match=r"part-00000.parquet is not a file of a harvest"):
        run(cluster, tmp_path, url)
    file = tmp_path / "part-00000.parquet"
    with pytest.raises(DestinationError, match="is not a folder"):
        run(cluster, file, url)
    assert file.read_text() == "mine"


# ---- Flat and partitioned tables


@pytest.mark.usefixtures("dated")
@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_a_flat_table_has_the_rows_of_all_items(
    suffix: str, cluster: distributed.Client, portal: MovingPortal, url: str, tmp_path: Path
) -> None:
    report = run(cluster, tmp_path, url, suffix=suffix, **FLAT)
    wanted = [
        (str(one), row["id"]) for one in range(60) for row in portal.content(one)["resources"]
    ]
    rows = items(tmp_path, suffix)
    assert [(row["dataset_id"], row["id"]) for row in rows] == wanted
    assert (report.items, report.total, report.rows) == (60, 60, len(wanted))
    assert sum(part["rows"] for part in manifest(tmp_path)["parts"]) == len(wanted)
    with pytest.raises(CheckpointError, match="explode 'resources' there, none here"):
        run(cluster, tmp_path, url, suffix=suffix, paginate=tables)


@pytest.mark.usefixtures("dated")
def test_programs_read_a_partitioned_folder_as_one_table(
    cluster: distributed.Client, portal: MovingPortal, url: str, tmp_path: Path
) -> None:
    report = run(cluster, tmp_path, url, **YEARS)
    assert (report.items, report.rows, report.complete) == (60, 60, True)
    names = [f"part={number:05}.parquet" for number in range(6)]
    assert {*stamps(tmp_path)} == {*names}
    assert [part["file"] for part in manifest(tmp_path)["parts"]] == names
    check_readers(tmp_path, range(60))

    # An update that leaves a part without any rows: all folders still have the same depth.
    portal.shown = [*range(10, 60)]
    assert run(cluster, tmp_path, url, since="last", **YEARS).removed == 10
    check_readers(tmp_path, range(10, 60))
    # Spark demands that each folder between this one and the files is that of a partition.
    paths = [path.relative_to(tmp_path).parts for path in tmp_path.rglob("*.parquet")]
    tables = [steps for steps in paths if len(steps) > 1]
    assert {len(steps) for steps in tables} == {3}
    assert all("=" in step for steps in tables for step in steps[:-1])


def check_readers(folder: Path, wanted: range) -> None:
    """Check that each program finds the items, with the partitions as a column."""
    expected = [(str(one), 2014 + one % 4) for one in wanted]
    columns, files = ["id", "created_at_year"], f"{folder}/**/*.parquet"
    hive = ds.HivePartitioning.discover()
    arrow = [
        ds.dataset(folder, partitioning="hive"),
        ds.parquet_dataset(folder / "_metadata", partitioning=hive),
    ]
    reader = f"read_parquet('{files}', hive_partitioning=true)"
    found = [
        *([tuple(row.values()) for row in one.to_table(columns).to_pylist()] for one in arrow),
        queried(f"select id, created_at_year from {reader}"),
        pl.scan_parquet(files, hive_partitioning=True).select(columns).collect().rows(),
    ]
    for rows in found:
        assert sorted(rows, key=lambda row: int(row[0])) == expected


@pytest.mark.usefixtures("dated")
def test_a_partitioned_folder_is_continued_kept_and_cleared(
    cluster: distributed.Client, portal: MovingPortal, url: str, tmp_path: Path
) -> None:
    portal.broken = {57: "title"}
    with pytest.raises(ServerError):
        run(cluster, tmp_path, url, workers=1, **YEARS)
    done = stamps(tmp_path)
    assert len(done) == 5
    portal.broken = {}
    first = run(cluster, tmp_path, url, workers=1, **YEARS)
    assert {name: stamp for name, stamp in stamps(tmp_path).items() if name in done} == done
    assert len(items(tmp_path)) == 60
    requests = portal.requests
    assert run(cluster, tmp_path, url, **YEARS) == first

    mine = tmp_path / "part=00003.parquet" / "created_at_year=2014" / "notes.txt"
    mine.write_text("mine")
    for resume in (True, False):
        with pytest.raises(DestinationError, match=r"notes\.txt is in the folder of a harvest"):
            run(cluster, tmp_path, url, resume=resume, **YEARS)
    mine.unlink()
    with pytest.raises(CheckpointError, match=r"partition_by 'year\(created_at\)' there, none"):
        run(cluster, tmp_path, url, paginate=tables)
    # What cannot be harvested is refused before anything is removed.
    for key, options in (("titel", {}), ("title", {"suffix": ".jsonl"})):
        wanted = {**YEARS, "partition_by": key, **options}
        with pytest.raises(ValueError, match=r"^partition_by: "):
            run(cluster, tmp_path, url, resume=False, **wanted)
    assert run(cluster, tmp_path, url, **YEARS) == first
    assert portal.requests == requests

    file = tmp_path / "part=00003.parquet" / "created_at_year=2014" / "part-00000.parquet"
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    with pytest.raises(CheckpointError, match=r"part=00003\.parquet is not the file"):
        run(cluster, tmp_path, url, **YEARS)
    assert run(cluster, tmp_path, url, resume=False, parts=2, **YEARS).complete
    assert sorted(stamps(tmp_path)) == ["part=00000.parquet", "part=00001.parquet"]
    assert len(items(tmp_path)) == 60


@pytest.mark.parametrize("options", [{}, {"partition_by": "title"}])
def test_tables_name_the_release_of_the_portal_that_is_asked_once(
    options: dict[str, Any],
    cluster: distributed.Client,
    portal: MovingPortal,
    url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = recorded(portal, monkeypatch)
    run(cluster, tmp_path, url, paginate=titles, **options)
    files = [path for path in tmp_path.rglob("*.parquet") if path.is_file()]
    metadata = [pq.read_metadata(path).metadata or {} for path in files]
    assert {one[b"aiodatagouv.release"] for one in metadata} == {b"17.18.0"}
    assert sum(request.url.path == "/api/1/site/" for request in asked) == 1


@pytest.mark.usefixtures("dated")
@pytest.mark.parametrize("only_public", [True, False])
def test_a_key_is_sent_with_no_request_or_what_it_shows_is_counted(
    only_public: bool,
    cluster: distributed.Client,
    portal: MovingPortal,
    url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATAGOUV_API_KEY", "secret")
    asked = recorded(portal, monkeypatch)
    options: dict[str, Any] = {**FLAT, "only_public": only_public, "since": "last"}
    report = run(cluster, tmp_path, url, **options)
    assert (report.items, report.private) == (60, 0 if only_public else 6)
    portal.updated = {30: (1, portal.clock)}
    since = START + dt.timedelta(seconds=portal.clock)
    updated = run(cluster, tmp_path, url, **{**options, "since": since})
    assert (updated.items, updated.changed, updated.private) == (60, 1, report.private)
    run(cluster, tmp_path, url, **FLAT, only_public=only_public)  # Complete, and checked.
    assert {"x-api-key" in request.headers for request in asked} == {not only_public}


def recorded(portal: MovingPortal, monkeypatch: pytest.MonkeyPatch) -> list[httpx.Request]:
    """Return a list that the requests to a portal will be added to."""
    asked: list[httpx.Request] = []
    answer = portal.answer

    async def record(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return await answer(request)

    monkeypatch.setattr(portal, "answer", record)
    return asked


# ---- Progress


def test_progress_is_told_while_parts_are_in_progress(
    cluster: distributed.Client, url: str, tmp_path: Path
) -> None:
    shown: list[Report] = []
    run(cluster, tmp_path, url, parts=1, rate=8, progress=shown.append)
    assert len(shown) > 2
    assert [one.total for one in shown] == [60] * len(shown)
    counts = [one.items for one in shown]
    assert counts == sorted(counts)
    assert 0 < counts[0] < counts[-1] == 60
    topics = [name for name in cluster.get_events() if str(name).startswith("aiodatagouv-")]
    assert topics


def test_an_error_of_the_callback_ends_the_harvest(
    cluster: distributed.Client, url: str, tmp_path: Path
) -> None:
    def progress(report: Report) -> None:
        raise Stop

    with pytest.raises(Stop):
        run(cluster, tmp_path, url, progress=progress)
    assert run(cluster, tmp_path, url).complete


def test_a_bar_is_shown_on_a_terminal(
    cluster: distributed.Client, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr("sys.stderr", terminal)
    run(cluster, tmp_path, url, progress=True)
    assert "list_datasets" in terminal.getvalue()
    assert "60/60" in terminal.getvalue()
    assert "6 of 6 parts" in terminal.getvalue()
    monkeypatch.setitem(sys.modules, "rich", None)
    with pytest.raises(ModuleNotFoundError, match=r"needs rich: pip install 'aiodatagouv\[cli\]'"):
        run(cluster, tmp_path, url, progress=True)


def test_the_sum_of_reports_has_the_items_that_any_part_has_skipped() -> None:
    skipped = bulk.Skipped(offset=1, id="b")
    one = bulk.Report(
        operation="list_datasets",
        items=9,
        complete_but_for=1,
        skipped=(skipped,),
        reason="it fails",
    )
    other = bulk.Report(operation="list_datasets", items=10, complete=True)
    both = summed([one, other])
    assert (both.items, both.status, both.complete) == (19, "complete but for 1", False)
    assert (both.skipped, both.reason) == ((skipped,), "it fails")
    assert summed([one, bulk.Report(operation="list_datasets")]).status == "incomplete"


def test_the_sum_of_the_reports_of_updates() -> None:
    dates = [f"2026-01-0{day}T00:00:00+00:00" for day in (2, 1)]
    counts: dict[str, Any] = {
        "private": 1,
        "deleted": 2,
        "archived": 3,
        "added": 4,
        "changed": 5,
        "removed": 6,
    }
    name = "list_datasets"
    parts = [
        Report(operation=name, items=9, rows=20, since=date, complete=True, **counts)
        for date in dates
    ]
    extra = Report(operation=name, requests=3, complete=True)
    both = summed([*parts, extra])
    assert (both.items, both.rows, both.requests, both.complete) == (18, 40, 3, True)
    assert both.since == dates[1]
    assert {name: getattr(both, name) for name in counts} == {
        name: 2 * count for name, count in counts.items()
    }
