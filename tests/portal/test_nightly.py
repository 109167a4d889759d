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
    portal: Portal,
    file: Path | str,
    *options: str,
    programs: Path = Path(sys.executable).parent,
    **environment: str,
) -> tuple[int, list[str]]:
    """Run the script; return its exit status and the lines that cron would mail."""
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [PROJECT / "examples/nightly.sh", file, "--fields", "id,title,resources", *options],
        env={**os.environ, "PATH": path, "DATAGOUV_PORTAL": portal.url, **environment},
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


def write_program(folder: Path, script: str) -> None:
    """Write a command that takes the place of the real one."""
    program = folder / "aiodatagouv"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def test_a_log_that_cannot_be_written_is_told_and_nothing_is_harvested(
    portal: Portal, tmp_path: Path
) -> None:
    write_program(tmp_path, f"touch {tmp_path}/harvested")
    file, missing = tmp_path / "a.jsonl", tmp_path / "missing" / "a.log"
    told = f"nightly.sh: {file}: status 1: {missing} cannot be written: nothing was harvested"
    assert nightly(portal, file, programs=tmp_path, LOG=str(missing)) == (1, [told])
    assert not (tmp_path / "harvested").exists()


def test_the_log_of_a_file_in_a_store_is_where_it_is_told_to_be(
    portal: Portal, tmp_path: Path
) -> None:
    write_program(tmp_path, 'echo "$4" >&2; exit 3')
    url, log = "s3://bucket/a.jsonl", tmp_path / "a.log"
    status, (reason,) = nightly(portal, url, programs=tmp_path)
    assert status == 2
    assert "a file in a store needs LOG=" in reason
    status, (reason, _) = nightly(portal, url, programs=tmp_path, LOG=str(log))
    assert (status, reason) == (3, url)
    assert log.read_text() == f"{url}\n"


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
    write_program(tmp_path, f"echo a summary >&2\nexit {status}")
    done, (reason, line) = nightly(portal, tmp_path / "a.jsonl", programs=tmp_path)
    assert (done, reason) == (status, "a summary")
    assert f"status {status}: " in line
    assert advice in line
