"""The time to start: imports, a first call, and the modules of the command line."""

from __future__ import annotations

import subprocess
from pathlib import Path

from processes import OURS, environment, median_ratio
from recorded import Recorded
from results import Row

ROUNDS = 15

TIMED = """
import time
started = time.perf_counter()
{statements}
print(time.perf_counter() - started)
"""

CLIENT = "from aiodatagouv import Client"
HTTPX = "import httpx"
HTTPX_AND_AIOHTTP = "import httpx, httpx_aiohttp"

FIRST_CALL = """
import asyncio
from aiodatagouv import Client
from aiodatagouv.api import datasets
async def main():
    async with Client(base_url={url!r}, api_key="", rate=None) as client:
        await datasets.get_dataset(client, {slug!r})
asyncio.run(main())
"""

WITHOUT_CLICK = """
import sys
sys.modules["click"] = sys.modules["rich"] = None
"""
"""Before the clock starts: as if click and rich, which `import httpx` loads, were not installed."""

COUNTED = """
import sys
{statements}
print(len(sys.modules))
"""

VERSION = """
from aiodatagouv.cli import main
assert main(["--version"]) == 0
"""


def rows(recorded: Recorded, url: str) -> list[Row]:
    """Measure, and return the rows."""
    first = FIRST_CALL.format(url=url, slug=recorded.slug)
    programs = {
        "client": TIMED.format(statements=CLIENT),
        "httpx": TIMED.format(statements=HTTPX),
        "first": TIMED.format(statements=first),
        "both": TIMED.format(statements=HTTPX_AND_AIOHTTP),
        "client alone": WITHOUT_CLICK + TIMED.format(statements=CLIENT),
        "httpx alone": WITHOUT_CLICK + TIMED.format(statements=HTTPX),
    }
    seconds: dict[str, list[float]] = {name: [] for name in programs}
    for number in range(1 + ROUNDS):
        for name, program in programs.items():
            found = printed(program, recorded.folder)
            if number:  # The first round writes the bytecode.
                seconds[name].append(found)
    modules = [printed(COUNTED.format(statements=one), recorded.folder) for one in (VERSION, "")]
    without = "click and rich not installed"
    return [
        Row(f"`{CLIENT}`", f"`{HTTPX}`", median_ratio(seconds["client"], seconds["httpx"]), 0.6),
        Row(
            f"`{CLIENT}`, {without}",
            f"`{HTTPX}`, {without}",
            median_ratio(seconds["client alone"], seconds["httpx alone"]),
        ),
        Row(
            "client entered, one group imported, first call",
            f"`{HTTPX_AND_AIOHTTP}`",
            median_ratio(seconds["first"], seconds["both"]),
            1.1,
        ),
        Row(
            "modules of `aiodatagouv --version`, besides those of Python",
            "",
            modules[0] - modules[1],
            60,
            form="{:+.0f}",
        ),
    ]


def printed(program: str, folder: Path) -> float:
    """Run a program in a new process, and return the number on its last line."""
    command = [OURS, "-c", program]
    done = subprocess.run(
        command, cwd=folder, env=environment(), stdout=subprocess.PIPE, text=True, check=True
    )
    return float(done.stdout.splitlines()[-1])
