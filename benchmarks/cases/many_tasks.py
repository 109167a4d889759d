"""Calls per second from 300 and 2,000 tasks, relative to 16: whether a crowd slows the client."""

from __future__ import annotations

from processes import OURS, calls, median_ratio, worker
from recorded import Recorded
from results import Row

FEW, MANY = 16, (300, 2000)
ROUNDS, CALLS = 7, 4000


def rows(recorded: Recorded, url: str) -> list[Row]:
    """Measure, and return the rows."""
    module = "contenders.worker"
    seconds: dict[int, list[float]] = {tasks: [] for tasks in (FEW, *MANY)}
    with worker(recorded.folder, OURS, module, "ours", url, recorded.slug) as one:
        calls(one, FEW, CALLS)
        for _ in range(ROUNDS):
            for tasks, found in seconds.items():
                found.append(calls(one, tasks, CALLS).seconds)
    return [
        Row(
            f"calls per second, {tasks:,} tasks",
            f"{FEW} tasks",
            median_ratio(seconds[FEW], seconds[tasks]),
            0.95,
            at_least=True,
        )
        for tasks in MANY
    ]
