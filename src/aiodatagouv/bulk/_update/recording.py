"""The reading of the changes of a whole list, for the updates of all its parts."""

from __future__ import annotations

import datetime as dt
from contextlib import aclosing
from pathlib import Path
from typing import Any

import msgspec

from ..._disk import written
from ...errors import OrderError, UnknownOrderError
from ...pagination import Paginator
from ..plan import Plan
from ..report import Counters, Report
from .changes import latest
from .recorded import Page, Recorded


async def record(
    source: Paginator[Any, Any],
    since: dt.datetime,
    path: Path,
    *,
    total: int,
    skip_broken: bool,
    explode: str | None = None,
) -> tuple[Recorded, Report]:
    """Read the changes of a list, and write them to a file.

    Args:
        source: The list.
        since: The least date of the changes wanted.
        path: The file.
        total: The number of items of the list; an estimate is enough.
        skip_broken: Whether to leave out items that the portal cannot send.
        explode: The list that a flat table is made of, if one is updated.

    Returns:
        The changes, and a report of the requests.

    Raises:
        APIError, NetworkError, DecodeError: A call fails.
    """
    counters = Counters(Report(operation=source.call.operation.name))
    client = counters.observe(source.client)
    plan = Plan.of(client, source, None, None, explode, skips_broken=skip_broken)
    order, problem, is_unknown = source.call.operation.changed, None, False
    assert order is not None
    now = dt.datetime.now(dt.UTC)
    with written(path) as file:
        try:
            async with aclosing(latest(plan, order, total, since)) as batches:
                async for batch in batches:
                    counters.add(pages=1)
                    file.write(msgspec.json.encode(Page.of(batch)) + b"\n")
        except OrderError as error:
            problem, is_unknown = error.problem, isinstance(error, UnknownOrderError)
    counters.conclude()
    began = min(now, counters.began or now)
    return Recorded(path, began, problem, is_unknown), counters.report
