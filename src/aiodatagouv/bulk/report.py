"""The report of a harvest, and the counters that make it."""

from __future__ import annotations

import datetime as dt
import time
from collections import Counter
from collections.abc import Collection, Iterable
from itertools import chain
from typing import Any, TypeVar

from attrs import Factory, asdict, define, evolve, field, frozen

from .. import _http
from .._call.caller import Caller
from .._decoding.dates import read_http_date
from .._walk.skipped import Skipped, merged, read_skipped, reason_of
from .._walk.visibility import Mark
from ..errors import NetworkError
from ..retry import Retry

C = TypeVar("C", bound=Caller)


@frozen(kw_only=True)
class Report:
    """The outcome of a harvest, with that of earlier runs which it continues.

    Attributes:
        operation: The name of the operation that lists the items.
        items: Items of the list that the destination has.
        rows: Rows in the destination; as many as items, unless it is a flat table.
        private: Items among them that are private. This and the next two are counted if a key was
            used, which shows more of them, and if the items say so.
        deleted: Items among them that are deleted.
        archived: Items among them that are archived.
        total: Items that the portal has, None until it has said so.
        pages: Pages with items that were received.
        requests: Requests sent, including those for ids alone and repeated ones.
        retries: Requests that were repeated.
        rejected: Requests that were answered 429.
        bytes: The size of all answers, decompressed.
        seconds: The duration.
        complete: Whether every item that existed throughout is there, as far as can be told.
        complete_but_for: The number of items that are missing, if exactly those are that
            ``skipped`` names; 0 if none is missing, or others are.
        reason: Why it is not complete, or why only the number of items could be checked, or why an
            update has compared dates only.
        unknown_order: The sort order that the portal does not know, and that the list was therefore
            read without.
        resumed: Items that an interrupted run had written.
        missed: Items that moved in the list meanwhile, and were fetched one by one. If the
            destination was updated: those added or changed without a date of change that says so.
        since: The date since which changes were fetched, if the destination was updated.
        added: Items that it did not have; so this and the next two count only what is another
            row, or no row any more.
        changed: Items of which it had other rows. While the changes are fetched, the items that may
            be among these or added.
        removed: Items that no longer exist.
        skipped: Items that the portal cannot send, and that were left out as asked for.
    """

    operation: str
    items: int = 0
    rows: int = field(default=Factory(lambda self: self.items, takes_self=True))
    private: int = 0
    deleted: int = 0
    archived: int = 0
    total: int | None = None
    pages: int = 0
    requests: int = 0
    retries: int = 0
    rejected: int = 0
    bytes: int = 0
    seconds: float = 0.0
    complete: bool = False
    complete_but_for: int = 0
    reason: str | None = None
    unknown_order: str | None = None
    resumed: int = 0
    missed: int = 0
    since: str | None = None
    added: int = 0
    changed: int = 0
    removed: int = 0
    skipped: tuple[Skipped, ...] = field(default=(), converter=read_skipped)

    @property
    def status(self) -> str:
        """The outcome in words: "complete", "complete but for 1" or "incomplete"."""
        if self.complete_but_for:
            return f"complete but for {self.complete_but_for:,}"
        return "complete" if self.complete else "incomplete"

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

    def add(
        self, *, items: int = 0, rows: int = 0, pages: int = 0, total: int | None = None
    ) -> None:
        """Count items, rows and pages."""
        known = self.report
        self.report = evolve(
            known,
            items=known.items + items,
            rows=known.rows + rows,
            pages=known.pages + pages,
            total=known.total if total is None else total,
            seconds=self._before + time.monotonic() - self._since,
        )

    def mark(self, items: Iterable[tuple[Mark, ...]]) -> None:
        """Count the items that are private, deleted or archived."""
        for name, count in Counter(chain.from_iterable(items)).items():
            self.set(**{name: getattr(self.report, name) + count})

    def set(self, **values: Any) -> None:
        """Set fields of the report."""
        self.report = evolve(self.report, **values)

    def skip(self, found: Iterable[Skipped], written: Collection[str | None]) -> None:
        """Add skipped items, and drop those that were written after all."""
        if found or self.report.skipped:
            self.set(skipped=merged(self.report.skipped, found, written))

    def conclude(self, reason: str | None = None, *, is_complete: bool = True) -> None:
        """Set the outcome.

        Args:
            reason: Why it is not complete, or not certain to be.
            is_complete: Whether nothing is missing but the items skipped.
        """
        skipped = self.report.skipped
        reasons = [reason] if reason else []
        reasons += [reason_of(skipped)] if skipped else []
        self.set(
            complete=is_complete and not skipped,
            complete_but_for=len(skipped) if is_complete else 0,
            reason="; ".join(reasons) or None,
        )

    def _responded(self, response: _http.Response) -> None:
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


def next_since(local: dt.datetime, portal: dt.datetime | None) -> dt.datetime:
    """The date since which the update after a harvest fetches changes.

    Args:
        local: When the harvest began by this machine's clock.
        portal: When it began by the portal's, if that is known.
    """
    # Changes are dated by the portal's clock, and one of the last minute may not show up yet.
    return min(local, portal or local) - dt.timedelta(seconds=60)
