"""Bulk harvests: whole lists written to files, resumed, updated, split into parts, compared."""

from __future__ import annotations

from .._walk.skipped import Skipped as Skipped
from ..errors import CheckpointError as CheckpointError
from ..errors import DestinationError as DestinationError
from ..errors import HarvestFileError as HarvestFileError
from ..errors import StoreError as StoreError
from ._diff.compare import Values as Values
from ._diff.differences import Difference as Difference
from ._diff.differences import Differences as Differences
from ._diff.differences import Summary as Summary
from ._diff.differences import diff as diff
from .partition import Part as Part
from .partition import partition as partition
from .report import Report as Report
from .run import harvest as harvest
from .sinks import Sink as Sink

__all__ = [
    "CheckpointError",
    "DestinationError",
    "Difference",
    "Differences",
    "HarvestFileError",
    "Part",
    "Report",
    "Sink",
    "Skipped",
    "StoreError",
    "Summary",
    "Values",
    "diff",
    "harvest",
    "partition",
]
