"""The resources that some work takes, as measured by the process that does it.

This module needs the standard library only: it is imported in other environments as well.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Cost:
    """The resources used by a process, without the start of Python and its imports.

    Attributes:
        items: Number of datasets written.
        seconds: Elapsed time.
        cpu: CPU time in seconds.
        peak: Peak resident memory in bytes.
        libraries: Resident bytes that are mapped files, mostly the code of libraries. They are
            shared between processes and can be evicted.
    """

    items: int
    seconds: float
    cpu: float
    peak: int
    libraries: int


def measured(work: Callable[[], int]) -> str:
    """Do some work, which returns the number of items, and return its cost as JSON."""
    started, worked = time.perf_counter(), time.process_time()
    items = work()
    seconds, cpu = time.perf_counter() - started, time.process_time() - worked
    # Not from getrusage, whose peak includes the memory of the parent before exec.
    return json.dumps(asdict(Cost(items, seconds, cpu, memory("VmHWM"), memory("RssFile"))))


def memory(key: str) -> int:
    """Return the memory of this process in bytes: ``VmRSS`` now, ``VmHWM`` at its peak."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.partition(f"{key}:")[2].split()[0]) * 1024


def turn(work: Callable[[], object], base: Callable[[], object]) -> float:
    """Do some work after some other work; return its duration, relative to that."""
    started = time.perf_counter()
    kept = base()
    middle = time.perf_counter()
    del kept
    between = time.perf_counter()
    kept = work()
    ended = time.perf_counter()
    del kept
    return (ended - between) / (middle - started)
