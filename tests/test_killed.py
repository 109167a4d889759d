"""Harvests of 10,000 objects, killed with `kill -9` at 50 random moments each."""

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


@pytest.mark.parametrize("name", ["one.jsonl", "one.jsonl.gz", "one.parquet"])
def test_what_was_killed_at_50_moments_is_the_very_same_in_the_end(
    name: str, url: str, tmp_path: Path
) -> None:
    whole = tmp_path / f"whole-{name}"
    report = asyncio.run(harvest(url, whole))
    assert report.items == 10_000
    (tmp_path / "killed").mkdir()
    command = [sys.executable, "-m", "tests.killed", url, str(tmp_path / "killed" / name)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    counts = json.loads(done.stdout)
    assert counts["kills"] == 50
    assert counts["resumed"] >= 1
    files = [*(tmp_path / "killed").glob(f"*-{name}")]
    assert len(files) == counts["wholes"]
    for file in files:
        assert file.read_bytes() == whole.read_bytes()
