"""Bars of transfers on a terminal: of the bytes of a file, and of the files of a folder."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Self

from .._meter import reason_of
from ..errors import one_line
from .progress import size

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn, TaskID

    from .. import files
    from ..retry import Retry

_NAME = 30
"""Maximum length of a name before a bar."""


class Bar(ABC):
    """A line with a bar on stderr, if that is a terminal. It is erased if the transfer fails.

    Args:
        name: The name of the file or the folder.
    """

    def __init__(self, name: str) -> None:
        self._name = _short(name)
        self._progress: Progress | None = None
        self._task: TaskID | None = None
        self._has_begun = False

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn

            self._progress = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(bar_width=20),
                *self._columns(),
                TextColumn("{task.fields[more]}", markup=False),
                console=Console(stderr=True),
            )
            self._task = self._progress.add_task(self._name, total=None, **self._fields())
            self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._progress is not None:
            self._progress.live.transient = kind is not None or not self._has_begun
            self._progress.stop()

    def rename(self, name: str) -> None:
        """Show another name."""
        self._update(description=_short(name))

    def show_wait(self, retry: Retry) -> None:
        """Show the reason and the length of a wait."""
        self._update(more=f"{reason_of(retry)}, again in {retry.wait:.0f} s")

    def _show(self, done: int, total: int | None, **facts: Any) -> None:
        if self._progress is None or self._task is None:
            return
        if self._has_begun:
            self._progress.update(self._task, completed=done, total=total, **facts)
            return
        # What an interrupted transfer has left does not count for the speed.
        self._has_begun = True
        self._progress.reset(self._task, completed=done, total=total, **facts)

    def _update(self, **facts: Any) -> None:
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, **facts)

    @abstractmethod
    def _columns(self) -> list[ProgressColumn]:
        """The columns of the line."""

    def _fields(self) -> dict[str, Any]:
        return {"more": ""}


class FileBar(Bar):
    """The bytes of a file that were sent or received, their speed, and the time left."""

    def update(self, progress: files.Progress) -> None:
        """Show the bytes so far."""
        self._show(progress.done, progress.total, more="")

    def _columns(self) -> list[ProgressColumn]:
        from rich.progress import DownloadColumn, TimeRemainingColumn, TransferSpeedColumn

        return [DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn()]


class FolderBar(Bar):
    """The files of a folder that have ended, the bytes received, their speed, and the time left."""

    def update(self, report: files.Report) -> None:
        """Show the files so far."""
        speed = f"{size(report.bytes / report.seconds)}/s" if report.seconds else ""
        failed = f"{report.failed:,} failed" if report.failed else ""
        self._show(report.files, report.listed, bytes=size(report.bytes), speed=speed, more=failed)

    def _columns(self) -> list[ProgressColumn]:
        from rich.progress import MofNCompleteColumn, TextColumn, TimeRemainingColumn

        return [
            MofNCompleteColumn(),
            TextColumn("files"),
            TextColumn("{task.fields[bytes]}", style="progress.download"),
            TextColumn("{task.fields[speed]}", style="progress.data.speed"),
            TimeRemainingColumn(),
        ]

    def _fields(self) -> dict[str, Any]:
        return {"bytes": "", "speed": "", "more": ""}


def _short(name: str) -> str:
    """A name on one line, without its middle if it is long."""
    name = one_line(name)
    half = _NAME // 2
    return name if len(name) <= _NAME else f"{name[:half]}…{name[1 - half :]}"
