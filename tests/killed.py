"""Harvests that are killed at 50 or 30 steps, chosen independently of the speed of the machine.

    python -m tests.killed URL DESTINATION [LIST]

With a list, such as resources, each harvest writes a flat table of it.

Each harvest runs in a process forked from this one, which has already loaded all modules. The first
harvest runs to completion and records its steps, which are its file operations. Each of the other
processes kills itself at one of these steps, and the next process continues its harvest until a
later step. After ten kills the harvest is completed, and its file is set aside.
"""

from __future__ import annotations

import asyncio
import builtins
import datetime as dt
import io
import json
import math
import os
import random
import re
import signal
import sys
import traceback
from collections import Counter
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec
import pytest

from aiodatagouv import Client, bulk
from aiodatagouv.api import datasets
from aiodatagouv.bulk import describing
from aiodatagouv.bulk._journal.storage import checkpoint_of
from aiodatagouv.bulk.whole import Progress

from .harvests import histories

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)

TOGETHER = 10
"""The number of kills of one harvest, in ascending order of their steps."""

FIELDS = "id,title,created_at,last_update,tags,resources{id,title,filesize}"

FOLDER = "folder.parquet"
"""The name of a destination that is partitioned."""


KILLS = histories(40)
"""The number of kills of each kind of harvest: enough to choose every kind of step."""


Moment = tuple[int, str, int]
"""A step: the commits before it, its kind, and its count within its kind since the last commit."""


def began_of(journal: object) -> dt.datetime:
    """When every harvest says that it began."""
    return START


async def harvest(
    url: str, path: Path, progress: Progress | None = None, explode: str | None = None
) -> bulk.Report:
    """Harvest all datasets of a portal; all harvests say that they began at the same time."""
    keys = "year(created_at)" if path.name.endswith(FOLDER) else None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(describing, "began_of", began_of)
        async with Client(base_url=url, api_key="", rate=math.inf) as client:
            found = datasets.list_datasets(client, fields=FIELDS)
            return await bulk.harvest(
                found, path, concurrency=4, explode=explode, partition_by=keys, progress=progress
            )


class Steps:
    """Records the file operations of this process, and kills it after one of them.

    A step is a system call on a named file. The process is killed after the call or, for a write,
    after writing half of the data.
    """

    def __init__(self, path: Path, last: Moment | None) -> None:
        self.taken: list[Moment] = []
        self._path = path
        self._last = last
        self._commits = commits(path)
        self._counts = Counter[tuple[int, str]]()

    def watch(self) -> None:
        """Start to record steps."""
        patch = pytest.MonkeyPatch()
        for call in ("mkdir", "fsync", "replace", "unlink", "rmdir"):
            patch.setattr(os, call, self._watched(call, getattr(os, call)))
        opener = self._opener(io.open)
        patch.setattr(io, "open", opener)  # Called by Path.open.
        patch.setattr(builtins, "open", opener)

    def take(self, call: str, name: str, half: Callable[[], object] = lambda: None) -> None:
        """Record a step. If it is the last one, call ``half`` and kill the process."""
        step = f"{call} {name}"
        self._counts[self._commits, step] += 1
        self.taken.append((self._commits, step, self._counts[self._commits, step]))
        if self.taken[-1] == self._last:
            half()
            os.kill(os.getpid(), signal.SIGKILL)
        if step == f"fsync {checkpoint_of(self._path).name}":
            self._commits = commits(self._path)

    def _watched(self, call: str, real: Callable[..., None]) -> Callable[..., None]:
        def watched(file: int | str | Path, *rest: Any, **named: Any) -> None:
            name = name_of(file)
            real(file, *rest, **named)
            self.take(call, name)

        return watched

    def _opener(self, real: Callable[..., Any]) -> Callable[..., Any]:
        steps = self

        class File(io.FileIO):
            def write(self, data: Any) -> int:
                half = memoryview(data)[: len(data) // 2]
                name = name_of(self.fileno())
                steps.take("write", name, lambda: super(File, self).write(half))
                return super().write(data)

        def opened(path: Path, mode: str = "r", *rest: Any, **named: Any) -> Any:
            if "b" not in mode or mode == "rb":
                return real(path, mode, *rest, **named)
            file = File(path, mode.replace("b", ""), **named)
            steps.take("open", name_of(path))
            return io.BufferedRandom(file) if "+" in mode else io.BufferedWriter(file)

        return opened


def name_of(file: int | str | Path) -> str:
    """Return the name of a path or an open file.

    Pieces of Parquet files share one name. The names of temporary files lack their random part.
    """
    path = Path(f"/proc/self/fd/{file}").readlink() if isinstance(file, int) else Path(file)
    return re.sub(r"^\d{6}$", "piece", re.sub(r"\.[0-9a-f]{16}(?=\.part$)", "", path.name))


def entries(path: Path) -> list[dict[str, Any]]:
    """Return the checkpoint entries of an interrupted harvest; none if it is complete."""
    checkpoint = checkpoint_of(path)
    *lines, _ = (checkpoint.read_bytes() if checkpoint.exists() else b"").split(b"\n")
    return [entry for entry in map(json.loads, lines[1:]) if "done" not in entry]


def commits(path: Path) -> int:
    """Return the number of commits, without the last one, which may be repeated."""
    return sum(not entry["is_last"] for entry in entries(path))


def in_a_process(
    url: str, path: Path, last: Moment | None, steps: Path, explode: str | None
) -> bool:
    """Harvest in a forked process, and check that it resumes where the checkpoint ends.

    Args:
        url: The URL of the portal.
        path: The destination.
        last: The step after which the process is killed, or None.
        steps: The file to write the steps to, if the harvest is completed.
        explode: The list to make rows of, if any.

    Returns:
        Whether the harvest was completed.
    """
    if process := os.fork():
        _, status = os.waitpid(process, 0)
        if status and not os.WIFSIGNALED(status):
            sys.exit(f"a harvest ended with status {os.waitstatus_to_exitcode(status)}")
        return not status
    status = 1
    try:
        there = entries(path)
        secured = there[-1]["report"]["items"] if there else 0

        def check(report: bulk.Report) -> None:
            assert report.resumed == secured, f"{report.resumed} resumed, {secured} on disk"

        watched = Steps(path, last)
        watched.watch()
        report = asyncio.run(harvest(url, path, check, explode))
        check(report)
        assert report.complete
        steps.write_text(json.dumps(watched.taken))
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def schedule(
    steps: list[Moment], chance: random.Random, count: int
) -> list[list[tuple[str, Moment]]]:
    """Choose the steps at which each harvest is killed, and return them with their kinds.

    Every kind of step is chosen once, and the rest at random. A step that is repeated between two
    commits, such as writing a piece of a Parquet file, is chosen at most once between them.

    Args:
        steps: The steps of a harvest that is not killed.
        chance: The random number generator.
        count: The number of steps to choose.
    """
    kinds = [f"{step} at the end" if n == steps[-1][0] else step for n, step, _ in steps]
    places = chance.sample(range(len(steps)), len(steps))
    places = [*{steps[place][:2]: place for place in places}.values()]
    of_each_kind = {kinds[place]: place for place in places}.values()
    others = [place for place in places if place not in of_each_kind]
    chosen = [*of_each_kind, *others][:count]
    chance.shuffle(chosen)
    return [
        [(kinds[place], steps[place]) for place in sorted(chosen[start : start + TOGETHER])]
        for start in range(0, count, TOGETHER)
    ]


def main() -> None:
    url, path, explode = sys.argv[1], Path(sys.argv[2]), next(iter(sys.argv[3:]), None)
    import_module("aiodatagouv.bulk._table.folders")  # Loaded once, before the forks.
    steps = path.with_name("steps.json")
    kills, wholes, resumed = Counter[str](), 0, 0

    def ends(last: Moment | None = None) -> bool:
        nonlocal wholes, resumed
        resumed += bool(entries(path))
        has_ended = in_a_process(url, path, last, steps, explode)
        if has_ended:
            path.rename(path.with_name(f"{wholes}-{path.name}"))
            wholes += 1
        return has_ended

    ends()
    all_steps = msgspec.json.decode(steps.read_bytes(), type=list[Moment])
    for moments in schedule(all_steps, random.Random(path.name), KILLS):
        for kind, moment in moments:
            # A harvest that continues may not take this step; one that starts anew does.
            if ends(moment) and ends(moment):
                sys.exit(f"a harvest was completed without taking the step {moment}")
            kills[kind] += 1
        ends()
    print(json.dumps({"kills": kills, "wholes": wholes, "resumed": resumed}))


if __name__ == "__main__":
    main()
