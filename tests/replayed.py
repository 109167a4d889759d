"""The portal of the benchmarks, which has any number of datasets, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SERVER = Path(__file__).parents[1] / "benchmarks" / "replay_portal.py"


@contextmanager
def replay_portal(datasets: int, *options: str) -> Iterator[str]:
    """Its address, as long as the block runs."""
    command = [sys.executable, str(SERVER), "--datasets", str(datasets), *options]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield process.stdout.readline().decode().strip()
        finally:
            process.stdin.close()
            process.wait()
