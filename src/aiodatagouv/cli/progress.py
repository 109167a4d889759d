"""Progress on a terminal while a command runs, and the summary of a harvest."""

from __future__ import annotations

import asyncio
import math
import sys
from collections.abc import Generator
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Self

from .._meter import many, reason_of
from ..errors import one_line
from ..operation import Operation

if TYPE_CHECKING:
    from rich.progress import Progress

    from ..bulk import Report
    from ..retry import Retry

_DELAY = 1.0
"""Seconds without output before a line is shown."""

_REFRESH = 0.1
"""Seconds between two refreshes of the line."""


class Waiting:
    """A line on stderr, if that is a terminal, whenever there is no output for a second.

    It is entered in the event loop, whose timers show it, and is erased at the end.

    Args:
        operation: The operation that is called.
    """

    def __init__(self, operation: Operation) -> None:
        self._operation = operation
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._line: Progress | None = None
        self._lock = Lock()
        self._began = self._due = self._again = 0.0
        self._reason = ""
        self._bytes = 0

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            self._loop = asyncio.get_running_loop()
            self._began = self._loop.time()
            self._due = self._began + _DELAY
            self._timer = self._loop.call_at(self._due, self._tick, self._loop)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Erase the line for good."""
        if self._timer is not None:
            self._timer.cancel()
        with self._lock:
            self._erase()

    @contextmanager
    def hidden(self) -> Generator[None]:
        """Hide the line while something else is written, also by another thread."""
        with self._lock:
            self._erase()
            yield
            if self._loop is not None:
                self._due = self._loop.time() + _DELAY

    def show_wait(self, retry: Retry) -> None:
        """Show the reason and the length of a wait."""
        if self._loop is not None:
            self._reason, self._again = reason_of(retry), self._loop.time() + retry.wait

    def count(self, size: int) -> None:
        """Count bytes received."""
        self._bytes += size

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = loop.call_later(_REFRESH, self._tick, loop)
        # The event loop does not wait for a terminal that is being written to.
        if not self._lock.acquire(blocking=False):
            return
        try:
            if loop.time() >= self._due:
                self._line = self._line or _line()
                self._line.update(self._line.task_ids[0], description=self._text(loop.time()))
                self._line.start()
                self._line.refresh()
        finally:
            self._lock.release()

    def _erase(self) -> None:
        if self._line is not None:
            self._line.stop()
            self._line = None

    def _text(self, now: float) -> str:
        if now < self._again:
            what = f"{self._reason}, again in {math.ceil(self._again - now)} s"
        else:
            done = f"{size(self._bytes)} received" if self._bytes else "waiting for the portal"
            what = f"{done}, {now - self._began:.0f} s"
        return f"{self._operation.id}: {what}"


def summary(report: Report, output: str | None) -> str:
    """Summarize a harvest in one line."""
    of = "" if report.total is None else f" of {report.total:,}"
    into = "" if output is None else f" in {output}"
    rows = "" if report.rows == report.items else f" as {many(report.rows, 'row', 'rows')}"
    changes = {"added": report.added, "changed": report.changed, "removed": report.removed}
    nothing = report.since is not None and not any(changes.values())
    parts = [
        f"{report.items:,}{of} items{rows}{into}",
        *_counted({"there already": report.resumed}),
        *(["nothing changed"] if nothing else []),
        *_counted({**changes, "found late": report.missed}),
        *_counted(
            {"private": report.private, "deleted": report.deleted, "archived": report.archived}
        ),
        many(report.pages, "page", "pages"),
        many(report.requests, "request", "requests"),
        many(report.retries, "retry", "retries"),
        f"{size(report.bytes)} received",
        f"{report.seconds:.1f} s",
    ]
    reason = f" ({one_line(report.reason)})" if report.reason else ""
    return f"{report.operation}: {', '.join(parts)}: {report.status}{reason}"


def _counted(counts: dict[str, int]) -> list[str]:
    return [f"{count:,} {what}" for what, count in counts.items() if count]


def size(count: float) -> str:
    """Write a number of bytes: ``900 bytes``, ``2.9 MB``."""
    for unit in ("bytes", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:,.1f} GB"


def _line() -> Progress:
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn

    line = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        console=Console(stderr=True),
        auto_refresh=False,
        transient=True,
        redirect_stdout=False,
    )
    line.add_task("")
    return line
