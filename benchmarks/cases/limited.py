"""Calls under a rate limit of nginx: how much of the rate is used, and how much is rejected."""

from __future__ import annotations

import asyncio
import sys
from statistics import median

from backoff import BURST, CALLS, RATE, call, figures, limiting
from nginx import find
from results import Row

ROUNDS = 5
ACCEPTED_AT_ONCE = 11
"""The requests that the limiter accepts before the rate counts: one, and the burst of ten."""


def rows() -> list[Row]:
    """Measure, and return the rows."""
    time, share = _medians() if find() else (None, None)
    what = f'{CALLS:,} calls, `rate="auto"`, behind `limit_req` of {RATE}/s, {BURST}'
    return [
        Row(f"{what}: time", "the shortest that the limit allows", time, 1.03, form="{:.3f}"),
        Row(f"{what}: rejected", "", share, 0.005, form="{:.1%}"),
    ]


def _medians() -> tuple[float, float]:
    """Return the medians of the time, relative to the limit's own, and of the rejected share."""
    runs = []
    for _ in range(ROUNDS):
        with limiting(BURST) as (url, log):
            if asyncio.run(call(url, "auto")):
                sys.exit("a call failed behind nginx")
            runs.append(figures(log()))
    shortest = (CALLS - ACCEPTED_AT_ONCE) / RATE
    return median(run.seconds for run in runs) / shortest, median(run.share for run in runs)
