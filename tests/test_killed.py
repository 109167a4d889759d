"""Harvests of 10,000 objects, killed with `kill -9` at 50 moments each."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from replay_portal import running

from .killed import harvest


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running(10_000) as url:
        yield url


@pytest.mark.parametrize(
    ("name", "piece", "last"),
    [
        ("one.jsonl", "one.jsonl.part", "one.jsonl.part"),
        ("one.jsonl.gz", "one.jsonl.gz.part", "one.jsonl.gz.part"),
        ("one.parquet", "piece", "whole"),
    ],
)
def test_what_was_killed_at_50_moments_is_the_very_same_in_the_end(
    name: str, piece: str, last: str, url: str, tmp_path: Path
) -> None:
    whole = tmp_path / f"whole-{name}"
    report = asyncio.run(harvest(url, whole))
    assert report.items == 10_000
    (tmp_path / "killed").mkdir()
    command = [sys.executable, "-m", "tests.killed", url, str(tmp_path / "killed" / name)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    counts = json.loads(done.stdout)
    kills, wholes, resumed = counts["kills"], counts["wholes"], counts["resumed"]
    assert sum(kills.values()) == 50
    assert {
        f"write {piece}",  # Half of it.
        f"fsync {piece}",  # It is on disk, but the checkpoint does not know of it.
        f"write {name}.checkpoint",
        f"fsync {name}.checkpoint",
        f"fsync {name}.checkpoint at the end",  # All is on disk, but has not got its name.
        f"replace {last} at the end",  # It has, but the checkpoint does not know of it.
        f"replace {name}.checkpoint.part at the end",
    } <= kills.keys()
    # Of each kind, at most one was killed before something was secured: the next of any other had
    # something to continue, and made sure that it did.
    assert resumed >= 50 - len(kills)
    # The one that was not killed, and one at least for ten kills.
    assert wholes >= 6
    files = [*(tmp_path / "killed").glob(f"*-{name}")]
    assert len(files) == wholes
    for file in files:
        assert file.read_bytes() == whole.read_bytes()
