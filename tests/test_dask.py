"""Harvests by a cluster."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import httpx
import pyarrow.dataset as ds
from replay_portal import running

from .clustered import RATE


def test_a_cluster_that_loses_a_worker_has_everything_once_and_keeps_to_its_rate(
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

    # The shares of all together: as counted by the portal, whose clock is that of the machine. What
    # is held up on its way comes with what is sent later, hence half as much again.
    first = [time for time in times if time <= result["until"]]
    together = [sum(start <= time < start + 2 for time in first) for start in first]
    assert max(together) <= 2 * RATE * 1.5

    # Those that came after it, both at once, did not get into each other's way.
    assert result["items"] == [6000, 6000]
    for name in ("second", "third"):
        ids = ds.dataset(tmp_path / name).to_table()["id"].to_pylist()
        assert len(ids) == len({*ids}) == 6000


def test_a_folder_that_is_in_use_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    program = (
        "import sys, aiodatagouv.dask as dask; from aiodatagouv.api import datasets\n"
        "try: dask.harvest(None, datasets.list_datasets, sys.argv[1])\n"
        "except dask.DestinationError as error: print(error)"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "is not an empty folder: empty it" in done.stdout
