"""Benchmark of harvesting a whole portal: `python benchmarks/harvest.py`.

A simulated portal, in a process of its own, serves datasets as large as those of data.gouv.fr. The
first part harvests portals of several sizes: with a plain script of aiohttp and orjson (the floor),
into each file format, and with datagouv-client. Each harvest is a process of its own, which
measures itself; those that are compared take turns, and the medians are shown. The second part
delays each response by 300 ms, and compares a harvest that fetches several pages concurrently with
a sequential one and with a script that loops over pages of 20.

The exit status is 1 if a target is missed.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from measures import Cost
from replay_portal import running

HERE = Path(__file__).parent
PEER = HERE.parent / ".venv-peers" / "bin" / "python"

ITEMS = (10_000, 75_000, 300_000, 1_000_000)
ROUNDS = {10_000: 5, 75_000: 3}
"""Rounds of the smaller sizes; of the others there is one."""

ENVIRONMENT = {**os.environ, "ARROW_DEFAULT_MEMORY_POOL": "system"}
"""The environment of each harvest: with the allocator that the command line chooses."""

CONCURRENCY = 4
"""Pages in flight at once, of the floor as of a harvest."""

PEER_MOST = 75_000
"""The largest portal that datagouv-client reads here: it takes one page after the other."""

MOST_CPU = {".jsonl": 1.2, ".jsonl.gz": 1.6, ".parquet": 3.5}
"""The targets for the CPU time, as multiples of the floor's for plain JSON Lines."""

LEAST_ITEMS = 75_000
"""The size from which on they hold: in less than a second, starting up weighs too much."""

MOST_MEMORY = {".jsonl": 120, ".jsonl.gz": 120, ".parquet": 128}
"""The targets for the peak memory, in megabytes, for Parquet without the code of its library."""

MEMORY_ITEMS = 300_000
"""The size up to which they hold: the ids of all items are kept."""

MOST_SLOPE = 1.25
"""The target for the CPU time of an item in the largest portal, as a multiple of one of 75,000."""

LATENCY = 0.3
PAGES, PAGE_SIZE = 105, 100
RUNS = 3
LEAST_SPEEDUP = 7.0

LOOP_PAGES = 10


@dataclass(frozen=True)
class Contender:
    """A way to harvest.

    Attributes:
        name: How it is shown.
        script: The script that harvests, in this folder.
        suffix: The suffix of the file.
        python: The interpreter to run it with.
    """

    name: str
    script: str
    suffix: str = ".jsonl"
    python: str = sys.executable

    def command(self, url: str, path: Path, number: int) -> list[str]:
        """Return the command of the process."""
        return [self.python, str(HERE / self.script), url, str(path), str(number)]


FLOOR = Contender("floor", "harvest_floor.py")
OURS = [Contender(suffix, "harvest_ours.py", suffix) for suffix in MOST_CPU]
DATAGOUV = Contender("datagouv-client", "harvest_peer.py", python=str(PEER))
LOOP = Contender("loop", "harvest_loop.py")


def measure(contender: Contender, url: str, number: int) -> Cost:
    """Harvest in a new process, so that only its own resources are measured."""
    with tempfile.TemporaryDirectory(prefix="harvest-") as folder:
        command = contender.command(url, Path(folder, f"datasets{contender.suffix}"), number)
        done = subprocess.run(command, stdout=subprocess.PIPE, env=ENVIRONMENT, check=True)
    return Cost(**json.loads(done.stdout))


def median(costs: list[Cost]) -> Cost:
    """Return the median of each measure."""
    values = [[getattr(cost, name) for cost in costs] for name in Cost.__annotations__]
    return Cost(*(statistics.median(one) for one in values))


def table(count: int) -> dict[str, Cost]:
    """Harvest a portal in every way, print a part of the table, and return the costs."""
    contenders = [FLOOR, *OURS, *([DATAGOUV] if count <= PEER_MOST else [])]
    costs = dict[str, list[Cost]]()
    with running(count) as url:
        for _ in range(ROUNDS.get(count, 1)):
            for one in contenders:
                cost = measure(one, url, CONCURRENCY)
                if cost.items != count:
                    sys.exit(f"{one.name}: {cost.items} of {count} items")
                costs.setdefault(one.name, []).append(cost)
    medians = {name: median(all_of_it) for name, all_of_it in costs.items()}
    for name, cost in medians.items():
        print(
            f"{count:>10,}  {name:16}{cost.seconds:9.1f}{cost.cpu:9.2f}"
            f"{cost.cpu / cost.items * 1e6:9.0f}{cost.cpu / medians['floor'].cpu:9.2f}"
            f"{cost.peak / 1e6:9.0f}{cost.libraries / 1e6:9.0f}",
            flush=True,
        )
    return medians


def missed(count: int, costs: dict[str, Cost], base: dict[str, Cost]) -> list[str]:
    """Return the targets that were missed at a size, given the costs of 75,000 items, if known."""
    problems = []
    for one in OURS:
        cost, what = costs[one.name], f"{count:,} items, {one.name}"
        ratio = cost.cpu / costs["floor"].cpu
        if count >= LEAST_ITEMS and ratio > MOST_CPU[one.name]:
            problems.append(f"{what}: {ratio:.2f} x the CPU of the floor")
        memory = (cost.peak - (cost.libraries if one.suffix == ".parquet" else 0)) / 1e6
        if count <= MEMORY_ITEMS and memory > MOST_MEMORY[one.name]:
            problems.append(f"{what}: {memory:.0f} MB in memory")
        if base and count > LEAST_ITEMS:
            # The machine may be slower by now: the floor tells.
            known = base[one.name].cpu / base["floor"].cpu
            if ratio / known > MOST_SLOPE:
                problems.append(f"{what}: {ratio / known:.2f} x the CPU of an item of 75,000")
    return problems


def sizes(counts: list[int]) -> list[str]:
    """Harvest portals of several sizes, print the table, and return the missed targets."""
    head = ["s", "CPU s", "us/item", "x floor", "peak MB", "of files"]
    print(f"{'items':>10}  {'':16}" + "".join(f"{one:>9}" for one in head), flush=True)
    problems, base = list[str](), dict[str, Cost]()
    for count in counts:
        costs = table(count)
        base = costs if count == LEAST_ITEMS else base
        problems += missed(count, costs, base)
    return problems


def waits() -> list[str]:
    """Harvest from a portal with a high latency, and return the missed targets."""
    count = PAGES * PAGE_SIZE
    # The first page is fetched alone, because it contains the total.
    rounds = 1 + math.ceil((PAGES - 1) / 8)
    print(f"\n{count:,} datasets, {LATENCY * 1000:.0f} ms an answer: harvests into .jsonl")
    with running(count, LATENCY) as url:
        alone = measure(OURS[0], url, 1)
        print(f"  concurrency 1, one run         {alone.seconds:6.2f} s", flush=True)
        together = median([measure(OURS[0], url, 8) for _ in range(RUNS)])
        script = measure(LOOP, url, LOOP_PAGES)
    speedup = alone.seconds / together.seconds
    print(
        f"  concurrency 8, median of {RUNS}     {together.seconds:6.2f} s  {speedup:6.2f} x as fast"
        f" (wanted: {LEAST_SPEEDUP:g}, possible: {PAGES / rounds:.2f})"
    )
    rate, plain = together.items / together.seconds, script.items / script.seconds
    print(
        f"  items a second: {rate:,.0f} with concurrency 8, {plain:,.0f} of a loop with httpx"
        f" over pages of 20: {rate / plain:.1f} x",
        flush=True,
    )
    return [f"{speedup:.2f} x with concurrency 8"] if speedup < LEAST_SPEEDUP else []


def main() -> int:
    """Run the benchmark, and return 1 if a target was missed, else 0."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--items",
        default=",".join(map(str, ITEMS)),
        help="the sizes of the portals, separated by commas (default: %(default)s)",
    )
    counts = [int(one) for one in parser.parse_args().items.split(",")]
    problems = [*sizes(counts), *waits()]
    for problem in problems:
        print(f"missed: {problem}")
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
