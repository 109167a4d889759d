"""Show where the time of a case of `make bench` goes: `make profile CASE=call`.

Imports are shown by the time that each module takes, all else by the CPU time of functions.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import pstats
import subprocess
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from backoff import BURST, call, limiting
from cases import decoding, many_tasks, price, starting, waiting
from contenders import ours
from contenders.noop import Noop
from contenders.worker import calls
from processes import OURS, environment
from recorded import Recorded

LINES = 40
CALLS = 3000


def functions(work: Callable[[], object]) -> None:
    """Do some work, and print the functions that took the most CPU time by themselves."""
    profile = cProfile.Profile(time.process_time)
    profile.runcall(work)
    pstats.Stats(profile).sort_stats("tottime").print_stats(LINES)


def task(work: Coroutine[Any, Any, object]) -> None:
    """Run a coroutine, and print the functions that took the most CPU time by themselves."""
    functions(lambda: asyncio.run(work))


def imports(program: str, folder: Path) -> None:
    """Run a program, and print the modules that took the most time by themselves."""
    command = [OURS, "-X", "importtime", "-c", program]
    for _ in range(2):  # The first one writes the bytecode.
        done = subprocess.run(
            command, cwd=folder, env=environment(), capture_output=True, text=True, check=True
        )
    head, *lines = [one for one in done.stderr.splitlines() if one.startswith("import time:")]
    lines.sort(key=lambda line: -int(line.split(":")[1].split("|")[0]))
    print(f"{len(lines)} modules", head, *lines[:LINES], sep="\n")


async def called(recorded: Recorded, url: str, tasks: int) -> None:
    """Make calls from a number of tasks."""
    async with ours.opened(url, recorded.slug) as one:
        await calls(one, tasks, CALLS)


async def called_without_network(recorded: Recorded) -> None:
    """Make calls whose transport sends nothing."""
    noop = Noop(recorded.dataset.read_bytes())
    async with ours.opened(price.URL, recorded.slug, noop) as one:
        await calls(one, 1, CALLS)


def profile_calls(recorded: Recorded, tasks: int = 16) -> None:
    """Profile calls to the server."""
    with recorded.served() as url:
        task(called(recorded, url, tasks))


def profile_limited(_: Recorded) -> None:
    """Profile calls that nginx limits."""
    with limiting(BURST) as (url, _log):
        task(call(url, "auto"))


def profile_decoding(recorded: Recorded) -> None:
    """Profile decoding the page, and reading all fields of it."""
    content = recorded.page.read_bytes()
    functions(lambda: [decoding.with_all(content) for _ in range(20)])


def profile_first_call(recorded: Recorded) -> None:
    """Profile the imports until the first call has its answer."""
    with recorded.served() as url:
        imports(starting.FIRST_CALL.format(url=url, slug=recorded.slug), recorded.folder)


CASES: dict[str, Callable[[Recorded], None]] = {
    "call": profile_calls,
    "tasks": lambda recorded: profile_calls(recorded, max(many_tasks.MANY)),
    "price": lambda recorded: task(called_without_network(recorded)),
    "start": lambda recorded: imports(starting.CLIENT, recorded.folder),
    "first": profile_first_call,
    "version": lambda recorded: imports(starting.VERSION, recorded.folder),
    "wait": lambda _: task(waiting.waiting()),
    "limit": profile_limited,
    "decode": profile_decoding,
}


def main() -> None:
    """Profile a case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="the folder with the recorded answers")
    parser.add_argument("case", choices=CASES)
    arguments = parser.parse_args()
    recorded = Recorded(arguments.folder)
    recorded.check()
    CASES[arguments.case](recorded)


if __name__ == "__main__":
    main()
