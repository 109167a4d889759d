"""Benchmark of comparing two harvests: `python benchmarks/diff.py [ROWS]`.

Two files of a million rows each are compared by the command, in a process of its own: its
duration, and its memory at the peak. Of 1,000 rows, ten have changed, two are gone and one was
added. The exit status is 1 if a target is missed.
"""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from measures import Cost, measured

ROWS = 1_000_000

MOST_MEMORY = 350
"""The target for the memory at the peak, in megabytes."""

COMPARE = "compare"
"""The first argument of the process that compares."""


def rows(count: int, *, is_new: bool) -> Iterator[dict[str, Any]]:
    """Rows of about 500 bytes."""
    for number in range(count):
        if is_new and number % 1000 == 3:
            continue
        yield {
            "id": f"{number + count * (is_new and number % 1000 == 5):024x}",
            "title": f"Title {number}{'!' * (is_new and number % 100 == 7)}",
            "description": "x" * 300,
            "metrics": {"views": number % 97},
            "tags": ["a", "b"],
            "resources": [{"id": str(number), "title": "t", "url": f"https://x.example/{number}"}],
        }


def write(path: Path, count: int, *, is_new: bool) -> None:
    """Write a harvest."""
    several = rows(count, is_new=is_new)
    if path.suffix == ".parquet":
        table = pa.Table.from_pylist([*islice(several, 10_000)])
        with pq.ParquetWriter(path, table.schema, compression="zstd") as writer:
            writer.write_table(table)
            while batch := [*islice(several, 10_000)]:
                writer.write_table(pa.Table.from_pylist(batch, schema=table.schema))
        return
    with gzip.open(path, "wt") if path.suffix == ".gz" else path.open("w") as file:
        file.writelines(f"{json.dumps(row)}\n" for row in several)


def compare(arguments: list[str]) -> int:
    """Compare two files by the command, and return the number of differences."""
    from aiodatagouv.cli import main as command

    assert command(["diff", *arguments]) == 10
    with Path(arguments[-1]).open("rb") as file:
        return sum(1 for _ in file)


def main() -> int:
    """Compare files in three formats, and print a line for each."""
    if sys.argv[1:2] == [COMPARE]:
        print(measured(lambda: compare(sys.argv[2:])))
        return 0
    count = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    print("| format | rows | MB of both files | seconds | MB of memory at the peak |")
    print("|---|---|---|---|---|")
    peak = 0.0
    for suffix in (".jsonl", ".jsonl.gz", ".parquet"):
        with tempfile.TemporaryDirectory() as folder:
            old, new = Path(folder, f"old{suffix}"), Path(folder, f"new{suffix}")
            write(old, count, is_new=False)
            write(new, count, is_new=True)
            size = (old.stat().st_size + new.stat().st_size) / 1e6
            output = Path(folder, "differences.jsonl")
            command = [sys.executable, __file__, COMPARE, str(old), str(new), "-o", str(output)]
            done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
        cost = Cost(**json.loads(done.stdout))
        most = cost.peak / 1e6
        peak = max(peak, most)
        print(
            f"| `{suffix}` | {count:,} | {size:,.0f} | {cost.seconds:.0f} | {most:.0f} |",
            flush=True,
        )
    return int(peak > MOST_MEMORY)


if __name__ == "__main__":
    sys.exit(main())
