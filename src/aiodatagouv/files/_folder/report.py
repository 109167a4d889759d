"""The report of a folder of files, and the tally that makes it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Literal, TypeAlias

from attrs import asdict, define, evolve, field, frozen

from ...types import Progress

Status: TypeAlias = Literal["downloaded", "unchanged", "failed", "deleted", "kept"]
"""The outcome of a file.

``downloaded``: it was fetched, as it was new or changed. ``unchanged``: it was there already.
``failed``: it could not be fetched; a file from an earlier run stays. ``deleted``: its resource is
gone, and it was removed. ``kept``: it was left alone, as it was changed here, or was there before.
"""


@frozen(kw_only=True)
class Outcome:
    """The outcome of one file.

    Attributes:
        resource: The id of the resource; None if it, or a dataset, could not be read.
        dataset: The id of its dataset, if it is known.
        path: The path of the file in the folder, with ``/``; None if it has none.
        status: The outcome.
        bytes: The bytes that were received.
        reason: Why it was fetched although it was there, why it failed, or why it was kept.
        url: The address of the file, without its query; "" if its resource is gone.
    """

    resource: str | None
    dataset: str | None = None
    path: str | None = None
    status: Status
    bytes: int = 0
    reason: str | None = None
    url: str = ""


@frozen(kw_only=True)
class Report:
    """The outcome of a download of several files, or of a synchronization.

    Attributes:
        listed: The resources that the source has.
        downloaded: Files that were fetched.
        unchanged: Files that were there already.
        failed: Files that could not be fetched, and datasets and resources that could not be read.
        deleted: Files that were removed, because their resource is gone.
        kept: Files that were left alone, because they were changed here, or were there before.
        bytes: The bytes that were received.
        seconds: The duration.
        complete: Whether the whole source was listed, and nothing has failed.
        reason: Why it is not complete.
        latest: The file that has ended last.
        outcomes: The outcome of each file, in the order in which they have ended; empty in a report
            that is given to ``progress``.
    """

    listed: int = 0
    downloaded: int = 0
    unchanged: int = 0
    failed: int = 0
    deleted: int = 0
    kept: int = 0
    bytes: int = 0
    seconds: float = 0.0
    complete: bool = False
    reason: str | None = None
    latest: Outcome | None = None
    outcomes: tuple[Outcome, ...] = ()

    @property
    def files(self) -> int:
        """The files that have ended so far."""
        return self.downloaded + self.unchanged + self.failed + self.deleted + self.kept

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON."""
        json = asdict(self, filter=lambda attribute, _: attribute.name != "latest")
        return {"files": self.files, **json}


OnReport: TypeAlias = Callable[[Report], object]
"""Called with the report so far."""


@define
class Tally:
    """Counts what becomes of the files.

    Attributes:
        progress: Called with the report so far, when a file has ended or bytes were received.
    """

    progress: OnReport | None = None
    _report: Report = field(factory=Report)
    _outcomes: list[Outcome] = field(factory=list[Outcome])
    _since: float = field(factory=time.monotonic)

    def list(self) -> None:
        """Count a resource that the source has."""
        self._report = evolve(self._report, listed=self._report.listed + 1)

    def receive(self, size: int) -> None:
        """Count bytes that were received."""
        self._set(bytes=self._report.bytes + size)

    def add(self, outcome: Outcome) -> None:
        """Count a file that has ended."""
        self._outcomes.append(outcome)
        count: int = getattr(self._report, outcome.status) + 1
        self._set(latest=outcome, **{outcome.status: count})

    def finish(self, problem: str | None) -> Report:
        """The report, with the outcome of each file.

        Args:
            problem: Why the source was not listed as a whole; None if it was.
        """
        failed = self._report.failed
        reasons = [f"{failed:,} failed"] if failed else []
        reasons += [problem] if problem else []
        return evolve(
            self._report,
            seconds=time.monotonic() - self._since,
            complete=not reasons,
            reason="; ".join(reasons) or None,
            outcomes=tuple(self._outcomes),
        )

    def _set(self, **values: Any) -> None:
        self._report = evolve(self._report, seconds=time.monotonic() - self._since, **values)
        if self.progress is not None:
            self.progress(self._report)


@define
class Receiver:
    """Counts the bytes of a file that are received, but not those that were there already.

    Attributes:
        tally: The tally of all files.
        received: The bytes that were received.
    """

    tally: Tally
    received: int = 0
    _done: int | None = None

    def __call__(self, progress: Progress) -> None:
        """Count those of a step of the download, of which the first is before any were received."""
        if self._done is not None and progress.done != self._done:
            # There are fewer if the download has begun again.
            new = progress.done - self._done if progress.done > self._done else progress.done
            self.received += new
            self.tally.receive(new)
        self._done = progress.done
