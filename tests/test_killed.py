"""Harvests of 10,000 objects, each killed with `kill -9` at 50 or 30 points."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from replay_portal import running

from .killed import FOLDER, KILLS, TOGETHER, harvest


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running(10_000) as url:
        yield url


@pytest.mark.parametrize(
    ("name", "piece", "last", "explode"),
    [
        ("one.jsonl", "one.jsonl.part", "one.jsonl.part", []),
        ("one.jsonl.gz", "one.jsonl.gz.part", "one.jsonl.gz.part", []),
        ("one.parquet", "piece", "whole", []),
        (FOLDER, "piece", "whole", []),
        ("flat.jsonl.gz", "flat.jsonl.gz.part", "flat.jsonl.gz.part", ["resources"]),
        ("flat.parquet", "piece", "whole", ["resources"]),
    ],
)
def test_harvests_killed_at_many_points_produce_identical_files(
    name: str, piece: str, last: str, explode: list[str], url: str, tmp_path: Path
) -> None:
    whole = tmp_path / f"whole-{name}"
    report = asyncio.run(harvest(url, whole, None, *explode))
    assert report.items == 10_000
    assert (report.rows == report.items) is not bool(explode)
    (tmp_path / "killed").mkdir()
    command = [sys.executable, "-m", "tests.killed", url, str(tmp_path / "killed" / name), *explode]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    counts = json.loads(done.stdout)
    kills, wholes, resumed = counts["kills"], counts["wholes"], counts["resumed"]
    assert sum(kills.values()) == KILLS
    assert {
        f"write {piece}",  # A partial write.
        f"fsync {piece}",  # On disk, but not yet in the checkpoint.
        f"write {name}.checkpoint",
        f"fsync {name}.checkpoint",
        f"fsync {name}.checkpoint at the end",  # Complete on disk, but not yet renamed.
        f"replace {last} at the end",  # Renamed, but not yet in the checkpoint.
        f"replace {name}.checkpoint.part at the end",
    } <= kills.keys()
    # For each kind of kill, at most one came before anything was committed: all later harvests
    # had a checkpoint to resume from, and checked that they did.
    assert resumed >= KILLS - len(kills)
    # One harvest that was never killed, and at least one per ten kills.
    assert wholes >= KILLS // TOGETHER - 1
    files = [*(tmp_path / "killed").glob(f"*-{name}")]
    assert len(files) == wholes
    for file in files:
        assert contents(file) == contents(whole)


def contents(path: Path) -> dict[str, bytes]:
    """The files at a path: one, or all in a folder."""
    files = path.rglob("*") if path.is_dir() else [path]
    return {
        "" if one == path else one.relative_to(path).as_posix(): one.read_bytes()
        for one in files
        if one.is_file()
    }
