"""Harvests that are killed at 50 moments, which do not depend on how fast the machine is.

    python -m tests.killed URL DESTINATION

Each is a process of its own, made of this one, which has all modules loaded already. The first
comes to its end, and notes its steps: what it does to files. Each of the others kills itself at one
of these steps. A harvest that was killed is continued by the next process, which is killed at a
later step, and so on for ten kills; then it comes to its end, and its file is set aside.
"""

from __future__ import annotations

import asyncio
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
from aiodatagouv.bulk.run import Progress
from aiodatagouv.bulk.sinks import checkpoint_of

KILLS = 50
TOGETHER = 10
"""Kills of one harvest, one further on than the other."""

FIELDS = "id,title,last_update,tags,resources{id,title,filesize}"

Moment = tuple[int, str, int]
"""A step: the commits before it, its kind, and its number among those of its kind since."""


async def harvest(url: str, path: Path, progress: Progress | None = None) -> bulk.Report:
    """Harvest all datasets of a portal."""
    async with Client(base_url=url, api_key="", rate=math.inf) as client:
        found = datasets.list_datasets(client, fields=FIELDS)
        return await bulk.harvest(client, found, path, concurrency=4, progress=progress)


class Steps:
    """Wraps the file operations of this process, and kills it after one of them.

    A step is a system call that was made, or half made if it writes, and the name of the file.
    """

    def __init__(self, path: Path, last: Moment | None) -> None:
        self.taken: list[Moment] = []
        self._path = path
        self._last = last
        self._commits = commits(path)
        self._counts = Counter[tuple[int, str]]()

    def watch(self) -> None:
        """Note the steps from now on."""
        patch = pytest.MonkeyPatch()
        for call in ("mkdir", "fsync", "replace", "unlink", "rmdir"):
            patch.setattr(os, call, self._watched(call, getattr(os, call)))
        patch.setattr(io, "open", self._opener(io.open))  # What Path.open calls.

    def take(self, call: str, name: str, half: Callable[[], object] = lambda: None) -> None:
        """Note a step; if it is the last one, do half of it, where that is something, and die."""
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

        def opened(path: Path, mode: str = "r", *rest: Any) -> Any:
            if "b" not in mode or mode == "rb":
                return real(path, mode, *rest)
            file = File(path, mode)
            steps.take("open", name_of(path))
            return io.BufferedRandom(file) if "+" in mode else io.BufferedWriter(file)

        return opened


def name_of(file: int | str | Path) -> str:
    """The name of a file that is open or not; the pieces of a Parquet file have one in common."""
    path = Path(f"/proc/self/fd/{file}").readlink() if isinstance(file, int) else Path(file)
    return re.sub(r"^\d{6}$", "piece", path.name)


def entries(path: Path) -> list[dict[str, Any]]:
    """The items that the checkpoint of a harvest that was cut off says are on disk."""
    checkpoint = checkpoint_of(path)
    *lines, _ = (checkpoint.read_bytes() if checkpoint.exists() else b"").split(b"\n")
    return [entry for entry in map(json.loads, lines[1:]) if "done" not in entry]


def commits(path: Path) -> int:
    """The number of commits, apart from the last one, which may be repeated."""
    return sum(not entry["is_last"] for entry in entries(path))


def in_a_process(url: str, path: Path, last: Moment | None, steps: Path) -> bool:
    """Harvest in a process of its own, which must continue where the checkpoint says.

    Args:
        url: The portal.
        path: The destination.
        last: The moment when it is killed.
        steps: The file to write its steps to, if it comes to its end.

    Returns:
        Whether it has come to its end.
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
            assert report.resumed == secured, f"{report.resumed} resumed, {secured} secured"

        watched = Steps(path, last)
        watched.watch()
        report = asyncio.run(harvest(url, path, check))
        check(report)
        assert report.complete
        steps.write_text(json.dumps(watched.taken))
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def schedule(steps: list[Moment], chance: random.Random) -> list[list[tuple[str, Moment]]]:
    """The moments at which one harvest after the other is killed, each with its kind.

    There is one of each kind; the others come of chance. What is done many times between two
    commits, as the writing of a piece of a Parquet file is, is chosen there once at most.

    Args:
        steps: Those of a harvest that is not killed.
        chance: What chooses.
    """
    kinds = [f"{step} at the end" if n == steps[-1][0] else step for n, step, _ in steps]
    places = chance.sample(range(len(steps)), len(steps))
    places = [*{steps[place][:2]: place for place in places}.values()]
    of_each_kind = {kinds[place]: place for place in places}.values()
    others = [place for place in places if place not in of_each_kind]
    chosen = [*of_each_kind, *others][:KILLS]
    chance.shuffle(chosen)
    return [
        [(kinds[place], steps[place]) for place in sorted(chosen[start : start + TOGETHER])]
        for start in range(0, KILLS, TOGETHER)
    ]


def main() -> None:
    url, path = sys.argv[1], Path(sys.argv[2])
    import_module("aiodatagouv.bulk.parquet")  # So that no process has to load it.
    steps = path.with_name("steps.json")
    kills, wholes, resumed = Counter[str](), 0, 0

    def ends(last: Moment | None = None) -> bool:
        nonlocal wholes, resumed
        resumed += bool(entries(path))
        has_ended = in_a_process(url, path, last, steps)
        if has_ended:
            path.rename(path.with_name(f"{wholes}-{path.name}"))
            wholes += 1
        return has_ended

    ends()
    all_steps = msgspec.json.decode(steps.read_bytes(), type=list[Moment])
    for moments in schedule(all_steps, random.Random(path.name)):
        for kind, moment in moments:
            # It may not be among what was left to be done, but it is when all is done anew.
            if ends(moment) and ends(moment):
                sys.exit(f"a harvest ended without {moment}")
            kills[kind] += 1
        ends()
    print(json.dumps({"kills": kills, "wholes": wholes, "resumed": resumed}))


if __name__ == "__main__":
    main()
