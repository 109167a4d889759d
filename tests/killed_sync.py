"""Synchronize a folder in processes that are killed, each after another change of the disk.

``python -m tests.killed_sync <resources.json> <folder>`` prints the steps at which it was killed.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aiodatagouv.files._folder.folder import sync
from aiodatagouv.files._folder.report import Report
from aiodatagouv.models import Resource

from .clients import client_of

KILLS = 20


class Steps:
    """Counts what changes the disk, and kills the process after the last step."""

    def __init__(self, last: int | None) -> None:
        self.taken = 0
        self._last = last
        self._lock = threading.Lock()

    def watch(self) -> None:
        """Replace the functions that change files."""
        for name in ("fsync", "replace", "unlink", "mkdir"):
            setattr(os, name, self._watched(getattr(os, name)))

    def _watched(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*arguments: Any, **named: Any) -> Any:
            result = real(*arguments, **named)
            with self._lock:
                self.taken += 1
                if self.taken == self._last:
                    os.kill(os.getpid(), signal.SIGKILL)
            return result

        return watched


async def synchronize(resources: list[Resource], folder: Path) -> Report:
    async with client_of("https://portal.example/") as client:
        return await sync(client, resources, folder, allow_private=True)


def whole(folder: Path) -> int:
    """The files that the manifest knows to be whole, also those that had just got their name."""
    manifest = folder.with_name(f"{folder.name}.manifest.jsonl")
    *lines, _ = (manifest.read_bytes() if manifest.exists() else b"").split(b"\n")
    records = {one["resource"]: one for one in map(json.loads, lines)}
    return sum(
        (one["at"] is not None and not one["pending"])
        or (one["arriving"] is not None and (folder / one["path"]).exists())
        for one in records.values()
    )


def in_a_process(resources: list[Resource], folder: Path, last: int | None) -> int | None:
    """Synchronize in a forked process; return the steps that it took, None if it was killed."""
    reading, writing = os.pipe()
    if process := os.fork():
        os.close(writing)
        with os.fdopen(reading) as pipe:
            steps = pipe.read()
        _, status = os.waitpid(process, 0)
        if status and not os.WIFSIGNALED(status):
            sys.exit(f"a run ended with status {os.waitstatus_to_exitcode(status)}")
        return int(steps) if status == 0 else None
    status = 1
    try:
        rest = len(resources) - whole(folder)
        watched = Steps(last)
        watched.watch()
        report = asyncio.run(synchronize(resources, folder))
        assert report.complete, report.reason
        # What was recorded is not sent again.
        assert report.downloaded == rest, (report.downloaded, rest)
        os.write(writing, str(watched.taken).encode())
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def main() -> None:
    source, root = json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2])
    resources = [Resource.from_dict(one) for one in source]
    steps = in_a_process(resources, root / "whole", None)
    assert steps is not None
    killed, resumed = [], 0
    for kill in range(KILLS):
        folder, last = root / f"killed-{kill}", 1 + kill * steps // KILLS
        if in_a_process(resources, folder, last) is None:
            killed.append(last)
        resumed += whole(folder)
        in_a_process(resources, folder, None)
    print(json.dumps({"killed": killed, "resumed": resumed}))


if __name__ == "__main__":
    main()
