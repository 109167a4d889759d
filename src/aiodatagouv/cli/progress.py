"""What a harvest says of itself: a bar on a terminal while it runs, and a summary at its end."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from ..errors import APIError, one_line
from ..operation import Operation

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from ..bulk import Report
    from ..retry import Retry


class Meter:
    """Follows a harvest, with a bar on stderr when that is a terminal.

    Args:
        operation: The list.
        is_shown: Whether there may be a bar: what goes to the same terminal must not be mixed.
    """

    def __init__(self, operation: Operation, *, is_shown: bool) -> None:
        self._operation = operation
        self._is_shown = is_shown and sys.stderr.isatty()
        self._progress: Progress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        if self._is_shown:
            self._progress = _bar()
            self._task = self._progress.add_task(self._operation.name, total=None, more="")
            self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._progress is not None:
            self._progress.stop()

    def update(self, report: Report) -> None:
        """Show what has come."""
        more = _many(report.retries, "retry", "retries") if report.retries else ""
        if report.changed:  # What is brought up to date is put together at the end.
            self._show(completed=report.changed, total=None, more=f"changed {more}")
            return
        self._show(completed=report.items, total=report.total, more=more)

    def show_wait(self, retry: Retry) -> None:
        """Show what is waited for."""
        status = retry.error.status if isinstance(retry.error, APIError) else "no answer"
        self._show(more=f"{status}, again in {retry.wait:.0f} s")

    def _show(self, **facts: Any) -> None:
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, **facts)


def summary(report: Report, output: str | None) -> str:
    """What a harvest was, in a line."""
    of = "" if report.total is None else f" of {report.total:,}"
    into = "" if output is None else f" in {output}"
    parts = [
        f"{report.items:,}{of} items{into}",
        *_counted(
            {
                "there already": report.resumed,
                "found late": report.missed,
                "changed": report.changed,
                "removed": report.removed,
            }
        ),
        _many(report.pages, "page", "pages"),
        _many(report.requests, "request", "requests"),
        _many(report.retries, "retry", "retries"),
        f"{_size(report.bytes)} received",
        f"{report.seconds:.1f} s",
    ]
    outcome = "complete" if report.complete else "incomplete"
    reason = f" ({one_line(report.reason)})" if report.reason else ""
    return f"{report.operation}: {', '.join(parts)}: {outcome}{reason}"


def _many(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}"


def _counted(counts: dict[str, int]) -> list[str]:
    return [f"{count:,} {what}" for what, count in counts.items() if count]


def _size(count: float) -> str:
    for unit in ("bytes", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:,.1f} GB"


def _bar() -> Progress:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[more]}", markup=False),
        console=Console(stderr=True),
    )
