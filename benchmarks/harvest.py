"""Benchmark of harvesting a whole portal: `python benchmarks/harvest.py`.

A simulated portal, in a process of its own, serves 75,000 datasets as large as those of
data.gouv.fr. The first part measures a process that harvests them into a file: its duration, and
its memory during the harvest and at the peak. The second part delays each response by 300 ms, and
compares a harvest that fetches several pages concurrently with a sequential harvest and with a
script that loops over pages of 20. The exit status is 1 if a target is missed.
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
"""The shares of written items at which the memory is measured."""

MOST_MEMORY = 150
"""The target for the memory of a harvest, in megabytes."""

MOST_GROWTH = 300
"""The target for the memory that an item occupies after it is written, in bytes.

A harvest keeps the ids of all items, to detect duplicates.
"""

LATENCY = 0.3
PAGES, PAGE_SIZE = 105, 100
RUNS = 3
LEAST_SPEEDUP = 7.0

LOOP_PAGES, LOOP_PAGE_SIZE = 10, 20


@dataclass(frozen=True)
class Cost:
    """The resources used by a child process, as measured by itself.

    Attributes:
        items: Number of datasets written.
        seconds: Elapsed time.
        cpu: CPU time in seconds.
        received: Size of the responses in bytes.
        written: Size of the file in bytes.
        memory: Resident memory in bytes, at each of ``MOMENTS``.
        peak: Peak resident memory in bytes.
        libraries: Resident bytes that are mapped files, mostly the code of libraries. They are
            shared between processes and can be evicted.
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
        """Datasets per second."""
        return self.items / self.seconds

    @property
    def growth(self) -> float:
        """Growth of the memory per item in bytes, from the first moment to the last."""
        return (self.memory[-1] - self.memory[0]) / (self.items * (MOMENTS[-1] - MOMENTS[0]))


def memory() -> int:
    """Return the resident memory of this process in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def peak() -> tuple[int, int]:
    """Return the peak resident memory and the memory of mapped files, in bytes."""
    # Not from getrusage, whose peak includes the memory of the parent before exec.
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
            return await bulk.harvest(listed, path, concurrency=concurrency, progress=look)

    started, worked = time.perf_counter(), time.process_time()
    report = asyncio.run(run())
    seconds, cpu = time.perf_counter() - started, time.process_time() - worked
    if not report.complete or report.items != report.total:
        sys.exit(f"incomplete harvest: {report}")
    return Cost(report.items, seconds, cpu, report.bytes, path.stat().st_size, seen, *peak())


def loop(url: str, path: Path, pages: int) -> Cost:
    """Write the datasets of the first pages to a file sequentially, as a simple script does."""
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
    """Run some work in a new process, so that only its own memory is measured."""
    with tempfile.TemporaryDirectory(prefix="harvest-") as folder:
        path = Path(folder, f"datasets{suffix}")
        command = [sys.executable, __file__, "--child", work, url, str(path), str(number)]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return Cost(**json.loads(done.stdout))


def files(count: int) -> list[str]:
    """Harvest a whole portal into each file format, and return the missed targets."""
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
    """Harvest from a portal with a high latency, and return the missed targets."""
    count = PAGES * PAGE_SIZE
    # The first page is fetched alone, because it contains the total.
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
    """Run the benchmark, and return 1 if a target was missed, else 0."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--datasets", type=int, default=DATASETS, help="size of the large portal")
    # Used by `measure` to start its child process.
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
