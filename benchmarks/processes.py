"""The contenders' processes: those that are compared take turns, and each measures itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import TypeAlias

from attrs import frozen

HERE = Path(__file__).parent
OURS = sys.executable
PEERS = str(HERE.parent / ".venv-peers" / "bin" / "python")
STACKS = str(HERE.parent / ".venv-stacks" / "bin" / "python")


def environment() -> dict[str, str]:
    """Return the environment of this process, except that bytecode is written as by default."""
    return {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}


def importing() -> dict[str, str]:
    """Return the environment of a process that can import the modules of this folder."""
    path = [str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])]
    return environment() | {"PYTHONPATH": os.pathsep.join(path)}


class Worker:
    """A process that does a round of work for each line that it is sent.

    Args:
        process: The process.
    """

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def round(self, line: str) -> str:
        """Let the process do a round, and return what it prints."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(line, file=self._process.stdin, flush=True)
        printed = self._process.stdout.readline()
        if not printed:
            sys.exit(f"a process ended: {self._process.args!r}")
        return printed


@contextmanager
def worker(folder: Path, python: str, module: str, *arguments: str) -> Iterator[Worker]:
    """Run a process in a folder during the block."""
    command = [python, "-m", module, *arguments]
    pipe, environment = subprocess.PIPE, importing()
    with (
        subprocess.Popen(
            command, cwd=folder, env=environment, stdin=pipe, stdout=pipe, text=True
        ) as process,
        ExitStack() as stack,
    ):
        stack.callback(process.kill)  # It may be stuck in a round.
        yield Worker(process)
        stack.pop_all()


@frozen
class Contender:
    """A client to compare.

    Attributes:
        name: How it is shown.
        module: Its module in `contenders`.
        python: The interpreter of its environment.
    """

    name: str
    module: str
    python: str = STACKS


@frozen
class Round:
    """A round of calls, per call.

    Attributes:
        seconds: The elapsed time.
        cpu: The CPU time of the client.
    """

    seconds: float
    cpu: float


Rounds: TypeAlias = Mapping[str, Sequence[Round]]
"""The rounds of each contender, by its name."""


@contextmanager
def workers(
    folder: Path, contenders: Sequence[Contender], *arguments: str
) -> Iterator[dict[str, Worker]]:
    """Run the process of each contender during the block."""
    with ExitStack() as stack:
        yield {
            one.name: stack.enter_context(
                worker(folder, one.python, "contenders.worker", one.module, *arguments)
            )
            for one in contenders
        }


def calls(process: Worker, tasks: int, count: int) -> Round:
    """Make a number of calls from a number of tasks."""
    found = json.loads(process.round(f"{tasks} {count}"))
    return Round(found["seconds"] / count, found["cpu"] / count)


def taking_turns(running: Mapping[str, Worker], tasks: int, rounds: int, seconds: float) -> Rounds:
    """Let contenders take turns, each for about as many seconds a round."""
    first = {name: calls(one, tasks, 20 * tasks) for name, one in running.items()}
    counts = {name: max(tasks, int(seconds / one.seconds)) for name, one in first.items()}
    found: dict[str, list[Round]] = {name: [] for name in running}
    for _ in range(rounds):
        for name, one in running.items():
            found[name].append(calls(one, tasks, counts[name]))
    return found


def median_ratio(dividends: Sequence[float], divisors: Sequence[float]) -> float:
    """Return the median of the ratios of the same rounds."""
    return median(one / other for one, other in zip(dividends, divisors, strict=True))
