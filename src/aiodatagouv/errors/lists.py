"""The errors of lists and harvests."""

from __future__ import annotations

from .base import DataGouvError, one_line


class OrderError(DataGouvError):
    """A list is not in the sort order requested, so a walk may have missed items that moved.

    Args:
        operation: The name of the operation that lists the items.
        problem: The rest of a sentence that begins with "the list".
        advice: The consequence, or what to do instead.
    """

    def __init__(self, operation: str, problem: str, advice: str = "items may be missing") -> None:
        super().__init__(operation, problem, advice)
        self.operation = operation
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.operation}: the list {one_line(self.problem)}: {self.args[2]}"


class UnknownOrderError(OrderError):
    """The portal answered 400 to the sort order that a walk needs: its release does not know it."""


class TooManyResultsError(DataGouvError, ValueError):
    """A search has more results than the portal lets its pages reach.

    It is raised at the first page, before anything is yielded or written; later only if the search
    has grown meanwhile.

    Attributes:
        operation: The name of the operation that searches.
        total: The number of results; about, if the portal tells it by facets only.
        window: The most results that pages reach.
        advice: What to do instead.
    """

    def __init__(self, operation: str, total: int, window: int, advice: str) -> None:
        super().__init__(operation, total, window, advice)
        self.operation = operation
        self.total = total
        self.window = window
        self.advice = advice

    def __str__(self) -> str:
        reach = f"{self.total:,} results, of which pages reach only {self.window:,}"
        return f"{self.operation}: {reach}: {one_line(self.advice)}"


class MissingResultsError(DataGouvError):
    """A search was read in parts, which together lack some of its results.

    It is raised after all results that were found.

    Attributes:
        operation: The name of the operation that searches.
        missing: The number of results that are missing.
        total: The number of results.
        gone: The most of them that may be objects which the portal counts and no longer has.
    """

    def __init__(self, operation: str, missing: int, total: int, gone: int) -> None:
        super().__init__(operation, missing, total, gone)
        self.operation = operation
        self.missing = missing
        self.total = total
        self.gone = gone

    def __str__(self) -> str:
        text = f"{self.missing:,} of {self.total:,} results are in no part that was read"
        gone = f", unless they no longer exist (up to {self.gone:,} do not)" if self.gone else ""
        return f"{self.operation}: {text}{gone}: split it by other facets"


class CheckpointError(DataGouvError):
    """Work cannot be resumed: what it has recorded is damaged, in use, or of other work.

    That is the checkpoint of a harvest, the manifest of a folder or the journal of an upload.
    """

    attempts = 0


class DestinationError(DataGouvError, ValueError):
    """A harvest or a file cannot be written to its destination."""

    attempts = 0


class StoreError(DestinationError):
    """The store of a destination fails: it is not reached, or refuses or lacks what is needed."""


class HarvestFileError(DataGouvError):
    """A harvest cannot be read: it is damaged, incomplete, or no harvest."""

    attempts = 0
