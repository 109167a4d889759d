"""Tests that run `examples/nightly.sh`, as cron does, against the real portal."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from aiodatagouv import Client
from aiodatagouv.api import datasets

from ..harvests import read
from .portal import PROJECT, Portal, running_portal

pytestmark = pytest.mark.xdist_group("nightly")


@pytest.fixture(scope="module")
def portal() -> Iterator[Portal]:
    """A portal that nobody else changes meanwhile."""
    with running_portal(60) as portal:
        yield portal


def nightly(
    portal: Portal, file: Path, *options: str, programs: Path = Path(sys.executable).parent
) -> tuple[int, list[str]]:
    """Run the script; return its exit status and the lines that cron would mail."""
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [PROJECT / "examples/nightly.sh", file, "--fields", "id,title,resources", *options],
        env={**os.environ, "PATH": path, "DATAGOUV_PORTAL": portal.url},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == ""
    return done.returncode, done.stderr.splitlines()


async def test_the_file_is_made_and_kept_up_to_date_in_silence(
    portal: Portal, visitor: Client, admin: Client, tmp_path: Path
) -> None:
    file = tmp_path / "datasets.parquet"
    assert nightly(portal, file) == (0, [])
    deleted = (await datasets.list_datasets(visitor)).data[0]
    await datasets.delete_dataset(admin, deleted.id)
    assert nightly(portal, file) == (0, [])
    ids = {one.id async for one in datasets.list_datasets(visitor, fields="id")}
    assert {row["id"] for row in read(file)} == ids
    assert deleted.id not in ids
    log = (tmp_path / "datasets.parquet.log").read_text()
    assert log.count(": complete") == 2


def test_a_failure_is_a_status_and_an_advice(portal: Portal, tmp_path: Path) -> None:
    file = tmp_path / "datasets.jsonl"
    status, (reason, advice) = nightly(portal, file, "--fields", "titel")
    assert status == 2
    assert "did you mean title" in reason
    assert advice.endswith("no run will succeed before it is corrected")

    assert nightly(portal, file) == (0, [])
    before = file.read_bytes()
    with FileLock(f"{file}.checkpoint.lock"):
        status, (reason, advice) = nightly(portal, file)
    assert status == 1
    assert "is in use: another harvest is under way there" in reason
    assert advice.endswith("the next run tries again: act if it fails as well")
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        (3, "items are missing"),
        (4, "up to date but for what the portal cannot send"),
        (130, "it was stopped: the next run continues"),
        (143, "it was stopped: the next run continues"),
        (137, "it was killed, or has a bug"),
    ],
)
def test_each_status_of_a_harvest_is_passed_on(
    portal: Portal, tmp_path: Path, status: int, advice: str
) -> None:
    harvest = tmp_path / "aiodatagouv"
    harvest.write_text(f"#!/bin/sh\necho a summary >&2\nexit {status}\n")
    harvest.chmod(0o755)
    done, (reason, line) = nightly(portal, tmp_path / "a.jsonl", programs=tmp_path)
    assert (done, reason) == (status, "a summary")
    assert f"status {status}: " in line
    assert advice in line
