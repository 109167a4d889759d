"""The progress bar of a harvest on a terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Self

from .errors import APIError
from .operation import Operation

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from .bulk import Report
    from .retry import Retry


class Meter:
    """A progress bar of a harvest on stderr, if that is a terminal.

    Args:
        operation: The list.
    """

    def __init__(self, operation: Operation) -> None:
        self._operation = operation
        self._progress: Progress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            self._progress = _bar()
            self._task = self._progress.add_task(self._operation.name, total=None, more="")
            self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._progress is not None:
            self._progress.stop()

    def update(self, report: Report, note: str = "") -> None:
        """Show the number of items received, and a note."""
        retries = many(report.retries, "retry", "retries") if report.retries else ""
        more = ", ".join(filter(None, [note, retries]))
        if report.changed:  # An update writes the file only at its end.
            self._show(completed=report.changed, total=None, more=f"changed {more}")
            return
        self._show(completed=report.items, total=report.total, more=more)

    def show_wait(self, retry: Retry) -> None:
        """Show the reason and the length of a wait."""
        self._show(more=f"{reason_of(retry)}, again in {retry.wait:.0f} s")

    def _show(self, **facts: Any) -> None:
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, **facts)


def reason_of(retry: Retry) -> str:
    """The reason of a retry: an HTTP status, or no answer."""
    return str(retry.error.status) if isinstance(retry.error, APIError) else "no answer"


def many(count: int, one: str, many: str) -> str:
    """A number of things, in words."""
    return f"{count:,} {one if count == 1 else many}"


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
