"""What a harvest of a whole portal costs: `python benchmarks/harvest.py`.

A portal of this machine, in a process of its own, answers 75,000 datasets as large as those of
data.gouv.fr. The first figures are of a process that does nothing but harvest them into a file: how
long it took, and its memory on the way and at most. The others are of answers that take 300 ms
each: what it brings to have several pages under way at once, and how that compares with the loop
over pages of 20 that scripts have. The exit status is 1 when a target was missed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx
from replay_portal import running

from aiodatagouv import Client, bulk
from aiodatagouv.api import datasets

DATASETS = 75000
SUFFIXES = [".jsonl", ".jsonl.gz", ".parquet"]

MOMENTS = [0.1, 0.5, 1.0]
"""When the memory is looked at: the share of the items that are written."""

MOST_MEMORY = 150
"""Megabytes that a harvest may have in memory."""

MOST_GROWTH = 300
"""Bytes that an item may leave in memory: its id is kept, to know it from others."""

LATENCY = 0.3
PAGES, PAGE_SIZE = 105, 100
RUNS = 3
LEAST_SPEEDUP = 7.0

LOOP_PAGES, LOOP_PAGE_SIZE = 10, 20


@dataclass(frozen=True)
class Cost:
    """What some work took, as the process that did it says.

    Attributes:
        items: How many datasets it wrote.
        seconds: How long it took.
        cpu: Seconds of CPU.
        received: Bytes of the answers.
        written: Bytes of the file.
        memory: Bytes in memory at each of the moments.
        peak: Most bytes in memory.
        libraries: Bytes of that which are pages of files, the code of libraries above all: they
            are shared, and can be read again.
    """

    items: int
    seconds: float
    cpu: float
    received: int
    written: int
    memory: list[int]
    peak: int
    libraries: int

    @property
    def rate(self) -> float:
        """Datasets a second."""
        return self.items / self.seconds

    @property
    def growth(self) -> float:
        """Bytes in memory that an item has left there, from the first moment to the last."""
        return (self.memory[-1] - self.memory[0]) / (self.items * (MOMENTS[-1] - MOMENTS[0]))


def memory() -> int:
    """Bytes that this process has in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def peak() -> tuple[int, int]:
    """The most that it ever had, and how much it has of files."""
    # Not of getrusage, which counts what a parent had in memory when it started this process.
    status = Path("/proc/self/status").read_text()
    most, files = (int(status.partition(f"{key}:")[2].split()[0]) for key in ("VmHWM", "RssFile"))
    return most * 1024, files * 1024


def harvest(url: str, path: Path, concurrency: int) -> Cost:
    """Harvest all datasets into a file."""
    seen: list[int] = []

    def look(report: bulk.Report) -> None:
        share = report.items / (report.total or math.inf)
        while len(seen) < len(MOMENTS) and share >= MOMENTS[len(seen)]:
            seen.append(memory())

    async def run() -> bulk.Report:
        async with Client(base_url=url, api_key="", rate=math.inf) as client:
            listed = datasets.list_datasets(client)
            return await bulk.harvest(client, listed, path, concurrency=concurrency, progress=look)

    started, worked = time.perf_counter(), time.process_time()
    report = asyncio.run(run())
    seconds, cpu = time.perf_counter() - started, time.process_time() - worked
    if not report.complete or report.items != report.total:
        sys.exit(f"not complete: {report}")
    return Cost(report.items, seconds, cpu, report.bytes, path.stat().st_size, seen, *peak())


def loop(url: str, path: Path, pages: int) -> Cost:
    """Write the datasets of the first pages to a file, as scripts do: one page after the other."""
    items = received = 0
    started, worked = time.perf_counter(), time.process_time()
    with httpx.Client(base_url=url) as client, path.open("w", encoding="utf-8") as file:
        for page in range(1, pages + 1):
            query = {"page": page, "page_size": LOOP_PAGE_SIZE}
            answer = client.get("datasets/", params=query).raise_for_status()
            for item in answer.json()["data"]:
                print(json.dumps(item, ensure_ascii=False), file=file)
                items += 1
            received += len(answer.content)
    seconds, cpu = time.perf_counter() - started, time.process_time() - worked
    return Cost(items, seconds, cpu, received, path.stat().st_size, [], *peak())


WORK = {"harvest": harvest, "loop": loop}


def measure(work: str, url: str, number: int, suffix: str = ".jsonl") -> Cost:
    """Have some work done by a new process, which has nothing else in memory."""
    with tempfile.TemporaryDirectory(prefix="harvest-") as folder:
        path = Path(folder, f"datasets{suffix}")
        command = [sys.executable, __file__, "--child", work, url, str(path), str(number)]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return Cost(**json.loads(done.stdout))


def files(count: int) -> list[str]:
    """Harvest a whole portal into each kind of file; the targets that were missed."""
    missed = []
    moments = "".join(f"{f'at {moment:.0%}':>9}" for moment in MOMENTS)
    print(
        f"{count:,} datasets: megabytes in memory, at most {MOST_MEMORY}, for Parquet without the"
        " code of its library; not growing with them"
    )
    print(
        f"{'':12}{'s':>7}{'items/s':>9}{'MB/s':>7}{'CPU s':>7}{'MB file':>9}{moments}"
        f"{'peak':>9}{'of files':>9}"
    )
    with running(count) as url:
        for suffix in SUFFIXES:
            cost = measure("harvest", url, 4, suffix)
            in_memory = "".join(
                f"{one / 1e6:9.1f}" for one in [*cost.memory, cost.peak, cost.libraries]
            )
            print(
                f"  {suffix:10}{cost.seconds:7.1f}{cost.rate:9,.0f}"
                f"{cost.received / 1e6 / cost.seconds:7.1f}{cost.cpu:7.1f}"
                f"{cost.written / 1e6:9.1f}{in_memory}",
                flush=True,
            )
            counted = cost.peak - (cost.libraries if suffix == ".parquet" else 0)
            if counted > MOST_MEMORY * 1e6:
                missed.append(f"{suffix}: {counted / 1e6:.1f} MB in memory")
            if cost.growth > MOST_GROWTH:
                missed.append(f"{suffix}: each item leaves {cost.growth:.0f} bytes in memory")
    return missed


def waits() -> list[str]:
    """Harvest from a portal that takes its time; the targets that were missed."""
    count = PAGES * PAGE_SIZE
    # The first page comes alone, because it says how many there are.
    rounds = 1 + math.ceil((PAGES - 1) / 8)
    print(f"\n{count:,} datasets, {LATENCY * 1000:.0f} ms an answer: harvests into .jsonl")
    with running(count, LATENCY) as url:
        alone = measure("harvest", url, 1)
        print(f"  concurrency 1, one run         {alone.seconds:6.2f} s", flush=True)
        runs = [measure("harvest", url, 8) for _ in range(RUNS)]
        script = measure("loop", url, LOOP_PAGES)
    together = statistics.median(one.seconds for one in runs)
    speedup = alone.seconds / together
    print(
        f"  concurrency 8, median of {RUNS}     {together:6.2f} s  {speedup:6.2f} x as fast"
        f" (wanted: {LEAST_SPEEDUP:g}, possible: {PAGES / rounds:.2f})"
    )
    rate = statistics.median(one.rate for one in runs)
    print(
        f"  items a second: {rate:,.0f} with concurrency 8, {script.rate:,.0f} of a loop with httpx"
        f" over pages of {LOOP_PAGE_SIZE}: {rate / script.rate:.1f} x",
        flush=True,
    )
    return [f"{speedup:.2f} x with concurrency 8"] if speedup < LEAST_SPEEDUP else []


def main() -> int:
    """Measure; the exit status says whether every target was met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--datasets", type=int, default=DATASETS, help="of the large portal")
    # What `measure` starts.
    parser.add_argument("--child", nargs=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        work, url, path, number = arguments.child
        print(json.dumps(asdict(WORK[work](url, Path(path), int(number)))))
        return 0
    missed = [*files(arguments.datasets), *waits()]
    for target in missed:
        print(f"missed: {target}")
    return bool(missed)


if __name__ == "__main__":
    sys.exit(main())
