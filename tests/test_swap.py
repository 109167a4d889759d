"""Replacing several files and folders: all or none, also if the run fails or is killed."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from generator.swap import SCRATCH, SwapError, recover, swap

from .killed_swap import NAMES, NEW, OLD, contents, write

ROOT = Path(__file__).parents[1]


@pytest.fixture
def new(tmp_path: Path) -> Path:
    write(tmp_path / "new", NEW)
    return tmp_path / "new"


@pytest.fixture
def target(tmp_path: Path) -> Path:
    write(tmp_path / "target", OLD)
    return tmp_path / "target"


def test_all_are_replaced_and_nothing_else(new: Path, target: Path) -> None:
    swap(new, target, NAMES)
    files = {name: text for name, text in contents(target).items() if text is not None}
    assert files == {"pins/kept": ""} | NEW


def test_a_run_that_is_killed_at_any_step_leaves_the_old_or_the_new_files(tmp_path: Path) -> None:
    """The recovery may be killed at any step as well, and repeated: nothing else is left."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.killed_swap", tmp_path],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    steps: list[list[str]] = [json.loads(line) for line in done.stdout.splitlines()]
    states = [{*found} for found in steps]
    moment = states.index({"new"})
    assert states == [{"old"}] * moment + [{"new"}] * (len(states) - moment)
    assert moment > 20
    assert max(map(len, steps)) > 20
    print(f"{len(steps) - 1} steps of a swap, {sum(map(len, steps))} recoveries")


@pytest.mark.parametrize("renames", range(7))
def test_a_run_that_fails_changes_nothing(
    new: Path, target: Path, renames: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, rename, done = contents(target), Path.rename, 0

    def fail(self: Path, place: Path) -> Path:
        nonlocal done
        done += 1
        if done == renames + 1:
            raise PermissionError(13, "Permission denied", str(self))
        return rename(self, place)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(PermissionError):
        swap(new, target, NAMES)
    assert contents(target) == before


def test_a_run_is_alone_and_git_ignores_what_it_leaves(
    new: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lock keeps another run from taking it for one that was killed."""
    subprocess.run(["git", "init", "--quiet", target], check=True)
    for name in ("src", "pins"):
        subprocess.run(["git", "add", name], cwd=target, check=True)

    def look(self: Path, place: Path) -> Path:
        other = os.open(target, os.O_RDONLY)
        try:
            with pytest.raises(BlockingIOError):
                fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        finally:
            os.close(other)
        status = ["git", "status", "--porcelain"]
        done = subprocess.run(status, cwd=target, check=True, capture_output=True, text=True)
        assert all(line.startswith("A ") for line in done.stdout.splitlines())
        assert (target / SCRATCH / "new" / "0").exists()
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "rename", look)
    with pytest.raises(KeyboardInterrupt):
        swap(new, target, NAMES)


@pytest.mark.parametrize(
    "entry", [["x", "../kept"], ["../kept", None], ["..", ".."], ["x", "out/kept"], ["x", "."]]
)
def test_a_journal_that_came_with_a_folder_removes_nothing_outside_of_it(
    target: Path, entry: list[str | None]
) -> None:
    (target.parent / "kept").write_text("")
    (target / "out").symlink_to(target.parent)
    (target / SCRATCH / "old").mkdir(parents=True)
    (target / SCRATCH / "old" / "0").write_text("")
    (target / SCRATCH / "journal").write_text(json.dumps([entry]))
    with pytest.raises(SwapError, match="which is not below it: remove it"):
        recover(target)
    assert (target.parent / "kept").read_text() == ""
