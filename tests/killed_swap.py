"""Swaps that are killed at each of their steps, and then recovered, also by runs that are killed.

    python -m tests.killed_swap FOLDER

A step is a file operation, as Python's audit events report it. Each run is a process of its own,
forked from this one. For each step of the swap, the program prints one line of JSON: whether the
files are the old or the new ones after the recovery, and after each recovery that was itself
killed at one of its steps and repeated.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path

from generator.swap import recover, swap

STEPS = {"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir"}

NAMES = ["pins/pin.toml", "pins/new.json", "src/code", "added/deep/folder"]
"""A file that is replaced, one that is new, a folder that is replaced, and one that is new."""

OLD = {"pins/pin.toml": "old", "pins/kept": "", "src/code/a": "old", "src/code/b/gone": "old"}
NEW = {"pins/pin.toml": "new", "pins/new.json": "new", "src/code/a": "new"} | {
    "added/deep/folder/one": "new"
}


def write(folder: Path, texts: dict[str, str]) -> None:
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def contents(folder: Path) -> dict[str, str | None]:
    """Return the text of each file below a folder, and None for each folder there."""
    return {
        str(path.relative_to(folder)): path.read_text() if path.is_file() else None
        for path in folder.rglob("*")
    }


def is_killed(step: int, action: Callable[[], None]) -> bool:
    """Run an action in a process that ends before a step, or when the action is done."""
    child = os.fork()
    if child == 0:
        left = step

        def kill(event: str, _: object) -> None:
            nonlocal left
            if event in STEPS:
                left -= 1
                if left < 0:
                    os._exit(9)

        sys.addaudithook(kill)
        action()
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status not in (0, 9):
        raise RuntimeError(f"the run failed with status {status}")
    return status == 9


def main() -> None:
    folder = Path(sys.argv[1])
    new, before, after = folder / "new", folder / "before", folder / "after"
    write(new, NEW)
    write(before, OLD)
    write(after, {"pins/kept": ""} | NEW)
    states = {"old": contents(before), "new": contents(after)}

    def state(place: Path) -> str:
        found = contents(place)
        return next((name for name, one in states.items() if one == found), f"torn: {found}")

    for step in count():
        target, again = folder / "target", folder / "again"
        shutil.copytree(before, target)
        killed = is_killed(step, partial(swap, new, target, NAMES))
        found = []
        for other in count():
            shutil.copytree(target, again)
            also = is_killed(other, partial(recover, again))
            recover(again)
            found.append(state(again))
            shutil.rmtree(again)
            if not also:
                break
        shutil.rmtree(target)
        print(json.dumps(found))
        if not killed:
            break


if __name__ == "__main__":
    main()
