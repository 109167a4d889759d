"""Harvests distributed over a Dask cluster."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import httpx
import pyarrow.dataset as ds
from replay_portal import running

from aiodatagouv import bulk, dask

from .clustered import RATE
from .secret_cluster import SECRET


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
    assert result["killed"] == 1
    assert result["parts"] == 12
    assert report["complete"]
    assert report["items"] == report["total"] == 6000

    folder = tmp_path / "first"
    names = sorted(path.name for path in folder.iterdir())
    assert names == [f"part-{number:05}.parquet" for number in range(12)]
    table = ds.dataset(folder).to_table()
    ids = table["id"].to_pylist()
    assert len(ids) == len({*ids}) == 6000

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
    both = dask._sum([one, other], parts=2)
    assert (both.items, both.status, both.complete) == (19, "complete but for 1", False)
    assert (both.skipped, both.reason) == ((skipped,), "it fails")
    assert dask._sum([one], parts=2).status == "incomplete"


def test_a_folder_that_is_not_empty_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    program = (
        "import sys, aiodatagouv.dask as dask; from aiodatagouv.api import datasets\n"
        "try: dask.harvest(None, datasets.list_datasets, sys.argv[1])\n"
        "except dask.DestinationError as error: print(error)"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "is not an empty folder: empty it" in done.stdout
