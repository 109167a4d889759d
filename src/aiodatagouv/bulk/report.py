"""What a harvest has come to, while it is under way and at its end."""

from __future__ import annotations

import datetime as dt
import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from attrs import asdict, define, evolve, field, frozen

from ..errors import NetworkError

if TYPE_CHECKING:
    from .._http import Response
    from ..client import Client
    from ..retry import Retry


@frozen(kw_only=True)
class Report:
    """What a harvest has come to. What earlier runs did before they were cut off is counted too.

    Attributes:
        operation: The id of the operation that was walked.
        items: How many items are in the destination.
        total: How many the portal says that it has, None as long as it has not said so.
        pages: How many pages with items came.
        requests: How many requests were sent, those for ids alone and those made again included.
        retries: How many of them were made again.
        rejected: How many of them were answered 429.
        bytes: How many bytes the answers had, unpacked.
        seconds: How long it took.
        complete: Whether everything is there that was there throughout, as far as can be told.
        reason: Why it is not complete, or why more than its number cannot be told.
        resumed: How many of the items an earlier run had brought.
        missed: How many items moved meanwhile, and were fetched by themselves.
        changed: How many items have been replaced or added, of a harvest of what has changed.
        removed: How many items are not there any more, of a harvest of what has changed.
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
class Tally:
    """Counts what a harvest does.

    Attributes:
        report: What it has come to.
        skew: How many seconds the portal's clock is ahead, once it has shown it.
    """

    report: Report
    skew: float | None = None
    _since: float = field(factory=time.monotonic)
    _before: float = 0.0

    def restore(self, report: Report) -> None:
        """Count on from what an earlier run has come to."""
        self.report, self._before = report, report.seconds

    def watch(self, client: Client) -> Client:
        """The client, with its requests counted."""
        return client.observed(on_response=self._responded, on_retry=self._retried)

    def add(self, *, items: int = 0, pages: int = 0, total: int | None = None) -> None:
        """Count what was written."""
        known = self.report
        self.report = evolve(
            known,
            items=known.items + items,
            pages=known.pages + pages,
            total=known.total if total is None else total,
            seconds=self._before + time.monotonic() - self._since,
        )

    def note(self, **facts: Any) -> None:
        """Set fields of the report."""
        self.report = evolve(self.report, **facts)

    def _responded(self, response: Response) -> None:
        known = self.report
        self.report = evolve(
            known,
            requests=known.requests + 1,
            rejected=known.rejected + (response.status_code == 429),
            bytes=known.bytes + (len(response.content) if response.is_closed else 0),
        )
        if self.skew is None and (text := response.headers.get("Date")):
            self.skew = _skew(text)

    def _retried(self, retry: Retry) -> None:
        # Of what was not answered nothing else is known.
        unanswered = isinstance(retry.error, NetworkError) and retry.error.is_sent
        known = self.report
        self.report = evolve(known, requests=known.requests + unanswered, retries=known.retries + 1)


def _skew(text: str) -> float:
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    if date.tzinfo is None:  # It says that it does not know where it is.
        date = date.replace(tzinfo=dt.UTC)
    return (date - dt.datetime.now(dt.UTC)).total_seconds()
