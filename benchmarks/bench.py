"""Benchmark of this client beside its peers: `make bench`.

The measures are in `cases`, the clients that are compared in `contenders`. The results are printed
and written to RESULTS.md. The exit status is 1 if a target is missed.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from datetime import date
from pathlib import Path

import stock
from cases import calls, decoding, limited, many_tasks, peers_decoding, price, starting, waiting
from processes import OURS, PEERS, STACKS
from recorded import Recorded, server
from results import Row, table

RESULTS = Path(__file__).with_name("RESULTS.md")

LIBRARIES = {
    "this client": (OURS, "aiodatagouv httpx httpx-aiohttp aiohttp msgspec attrs orjson"),
    "datagouv-client and niquests": (PEERS, "datagouv-client niquests urllib3-future"),
    "the others": (
        STACKS,
        "httpx httpx-aiohttp aiohttp orjson pydantic msgspec cattrs attrs",
    ),
    "generator of the stock client": (OURS, "openapi-python-client"),
}
"""The environments: their interpreters and the packages in them that matter here."""

VERSIONS = """
import json, sys
from importlib.metadata import version
print(json.dumps({name: version(name) for name in sys.argv[1:]}))
"""

TEXT = """# Speed, beside the peers

The results of `make bench` ([how to run and read it](../docs/benchmarks.md)). All is measured in
one run. What is relative to something is the median of rounds in which those that are compared take
turns, and measure themselves.

{machine}

## Targets

{targets}

## Calls

`get_dataset` ({size:,} bytes) from {tasks} tasks over 16 connections, the rate not limited. Every
client returns the title: of a whole model those that have models, of the JSON the others; two leave
the JSON alone, as the least that a call can cost. Both columns are relative to {base}.

{calls}

## Decoding

A page of 100 datasets, {page} kB. This client reads fields when they are asked for, the others all
of them at once: they compare with its row of all fields.

{decoding}
"""


def main(folder: Path) -> int:
    """Run all cases, and return 1 if a target is missed, else 0."""
    recorded = Recorded(folder)
    recorded.check()
    stock.generate(folder)
    with recorded.served() as url:
        rounds = calls.measure(recorded, url)
        targets = [
            *shown(calls.rows(rounds)),
            *shown(many_tasks.rows(recorded, url)),
            *shown(price.rows(recorded)),
            *shown(starting.rows(recorded, url)),
        ]
    targets += [*shown(waiting.rows()), *shown(limited.rows())]
    decoded = [*shown(decoding.rows(recorded.page)), *shown(peers_decoding.rows(recorded))]
    text = TEXT.format(
        machine=machine(),
        targets=table(targets),
        size=recorded.dataset.stat().st_size,
        tasks=calls.TASKS,
        base=calls.BASE,
        calls=calls.table(rounds),
        page=recorded.page.stat().st_size // 1000,
        decoding=table(decoded),
    )
    RESULTS.write_text(text, encoding="utf-8")
    return int(any(row.verdict == "missed" for row in targets + decoded))


def shown(rows: list[Row]) -> list[Row]:
    """Print rows as soon as they are known."""
    for row in rows:
        print(row.line(), flush=True)
    return rows


def machine() -> str:
    """Return the date, the machine, and the versions of all that was measured, in Markdown."""
    info = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    model = info.partition("model name")[2].partition("\n")[0].strip(": \t")
    python = f"{platform.python_implementation()} {platform.python_version()}"
    lines = [f"* {date.today()}; {os.cpu_count()} cores, {model}; {python}; {server()}"]
    for who, (interpreter, names) in LIBRARIES.items():
        command = [interpreter, "-c", VERSIONS, *names.split()]
        versions = json.loads(subprocess.check_output(command))
        lines.append(f"* {who}: " + ", ".join(f"{one} {versions[one]}" for one in versions))
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
