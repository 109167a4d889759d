"""The state of a harvest by a cluster, as the driver knows it: the reports of all parts."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from queue import SimpleQueue
from typing import Any, TypeAlias

import distributed
from attrs import define, evolve, field

from .._meter import Meter
from ..bulk._journal.finished import Finished
from ..bulk.partition import Part
from ..bulk.report import Report
from ..operation import Operation

Progress: TypeAlias = bool | Callable[[Report], object] | None
"""Whether to show a bar on a terminal, or a function that is called with the sum of reports."""

_REFRESH = 0.25
"""The least seconds between two calls for parts in progress."""

_NOT_SUMMED = {
    "operation",
    "seconds",
    "complete",
    "complete_but_for",
    "reason",
    "unknown_order",
    "since",
    "skipped",
}


@define
class Board:
    """The reports of all parts, those in progress included.

    Attributes:
        show: Called with the sum of the reports, and with the number of parts that are done.
        reports: The latest report of each part.
        done: The files that are complete, by the numbers of their parts.
        extra: The reports of requests that were made for all parts.
    """

    show: Callable[[Report, int], object] | None
    reports: list[Report]
    done: dict[int, Finished] = field(factory=dict[int, Finished])
    extra: Sequence[Report] = ()
    _news: SimpleQueue[int | tuple[int, Report]] = field(factory=SimpleQueue)
    _shown: float = 0.0

    @classmethod
    def of(
        cls,
        parts: Sequence[Part],
        show: Callable[[Report, int], object] | None,
        extra: Sequence[Report],
    ) -> Board:
        """The board of parts that were not begun."""
        name = parts[0].call.operation.name
        reports = [Report(operation=name, total=part.end - part.start) for part in parts]
        return cls(show, reports, extra=extra)

    def tell(self, event: tuple[float, dict[str, Any]]) -> None:
        """Take an event of a worker, in any thread."""
        _, content = event
        self._news.put((content["part"], Report(**content["report"])))

    def gather(self, futures: Sequence[distributed.Future[Any]]) -> None:
        """Wait until all parts are done.

        Raises:
            BaseException: The error of the first part that has failed.
        """
        for number, future in enumerate(futures):
            future.add_done_callback(self._ender(number))
        while len(self.done) < len(futures):
            news = self._news.get()
            if isinstance(news, int):
                self.done[news] = futures[news].result()
                self.reports[news] = self.done[news].report
                self._show()
            elif news[0] not in self.done:
                self.reports[news[0]] = news[1]
                if time.monotonic() - self._shown >= _REFRESH:
                    self._show()

    def _ender(self, number: int) -> Callable[[distributed.Future[Any]], None]:
        """The function that takes the end of a part, in any thread."""
        return lambda _: self._news.put(number)

    def files(self) -> list[Finished]:
        """The files of all parts, in their order."""
        return [self.done[number] for number in sorted(self.done)]

    def report(self) -> Report:
        """The sum of the reports so far."""
        return summed([*self.reports, *self.extra])

    def _show(self) -> None:
        self._shown = time.monotonic()
        if self.show is not None:
            self.show(self.report(), len(self.done))


def summed(reports: Sequence[Report]) -> Report:
    """Add up reports. The sum is complete if each is, and its ``since`` is the earliest."""
    first = reports[0]
    counts = first.to_dict().keys() - _NOT_SUMMED
    sums: dict[str, Any] = {key: sum(getattr(one, key) or 0 for one in reports) for key in counts}
    skipped = tuple(item for one in reports for item in one.skipped)
    dates = [one.since for one in reports if one.since]
    is_complete = all(one.complete or one.complete_but_for for one in reports)
    return evolve(
        first,
        **sums,
        seconds=max(one.seconds for one in reports),
        complete=is_complete and not skipped,
        complete_but_for=len(skipped) if is_complete else 0,
        since=min(dates, key=dt.datetime.fromisoformat, default=None),
        skipped=skipped,
        reason=next((one.reason for one in reports if one.reason), None),
        unknown_order=next((one.unknown_order for one in reports if one.unknown_order), None),
    )


def shown(
    progress: Progress, operation: Operation, parts: int, stack: ExitStack
) -> Callable[[Report, int], object] | None:
    """The function that shows the progress.

    Args:
        progress: See :data:`Progress`.
        operation: The list.
        parts: The number of parts.
        stack: Ends the bar.
    """
    if callable(progress):
        return lambda report, _: progress(report)
    if not progress:
        return None
    meter = stack.enter_context(Meter(operation))
    return lambda report, done: meter.update(report, f"{done} of {parts} parts")


def check_progress(progress: Progress) -> None:
    """Check that a bar can be shown, if it is to be.

    Raises:
        ModuleNotFoundError: The package for it is missing.
    """
    if progress is True:
        try:
            import rich as rich
        except ModuleNotFoundError as error:
            text = "progress=True needs rich: pip install 'aiodatagouv[cli]'"
            raise ModuleNotFoundError(text, name=error.name) from None
