"""The report of a harvest, and the counters that make it."""

from __future__ import annotations

import datetime as dt
import time
from typing import Any, TypeVar

from attrs import asdict, define, evolve, field, frozen

from .._call.caller import Caller
from .._decoding.dates import read_http_date
from .._http import Response
from ..errors import NetworkError
from ..retry import Retry

C = TypeVar("C", bound=Caller)


@frozen(kw_only=True)
class Report:
    """The outcome of a harvest, with that of earlier runs which it continues.

    Attributes:
        operation: The name of the operation that lists the items.
        items: Items in the destination.
        total: Items that the portal has, None until it has said so.
        pages: Pages with items that were received.
        requests: Requests sent, including those for ids alone and repeated ones.
        retries: Requests that were repeated.
        rejected: Requests that were answered 429.
        bytes: The size of all answers, decompressed.
        seconds: The duration.
        complete: Whether every item that existed throughout is there, as far as can be told.
        reason: Why it is not complete, or why only the number of items could be checked.
        resumed: Items that an interrupted run had written.
        missed: Items that moved in the list meanwhile, and were fetched one by one.
        changed: Items replaced or added, if the destination was updated.
        removed: Items that no longer exist, if the destination was updated.
    """

    operation: str
    items: int = 0
    total: int | None = None
    pages: int = 0
    requests: int = 0
    retries: int = 0
    rejected: int = 0
    bytes: int = 0
    seconds: float = 0.0
    complete: bool = False
    reason: str | None = None
    resumed: int = 0
    missed: int = 0
    changed: int = 0
    removed: int = 0

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON."""
        return asdict(self)


@define
class Counters:
    """Counts the work of a harvest.

    Attributes:
        report: The report so far.
        began: When the harvest began by the portal's clock, once a response has shown it.
    """

    report: Report
    began: dt.datetime | None = None
    _since: float = field(factory=time.monotonic)
    _before: float = 0.0

    def restore(self, report: Report, began: dt.datetime | None) -> None:
        """Continue from the report of an interrupted run, and from when it began."""
        self.report, self._before, self.began = report, report.seconds, began

    def observe(self, client: C) -> C:
        """Derive a client whose requests are counted."""
        return client._with_hooks(on_response=self._responded, on_retry=self._retried)

    def add(self, *, items: int = 0, pages: int = 0, total: int | None = None) -> None:
        """Count items and pages."""
        known = self.report
        self.report = evolve(
            known,
            items=known.items + items,
            pages=known.pages + pages,
            total=known.total if total is None else total,
            seconds=self._before + time.monotonic() - self._since,
        )

    def set(self, **values: Any) -> None:
        """Set fields of the report."""
        self.report = evolve(self.report, **values)

    def _responded(self, response: Response) -> None:
        known = self.report
        self.report = evolve(
            known,
            requests=known.requests + 1,
            rejected=known.rejected + (response.status_code == 429),
            bytes=known.bytes + (len(response.content) if response.is_closed else 0),
        )
        if self.began is None and (date := read_http_date(response.headers.get("Date", ""))):
            # This machine's clock may be wrong, and be set meanwhile.
            self.began = date - dt.timedelta(seconds=time.monotonic() - self._since)

    def _retried(self, retry: Retry) -> None:
        # A request without a response is counted nowhere else.
        unanswered = isinstance(retry.error, NetworkError) and retry.error.is_sent
        known = self.report
        self.report = evolve(known, requests=known.requests + unanswered, retries=known.retries + 1)
