"""Bulk harvests: whole lists written to files, resumed after a kill, updated, split into parts."""

from __future__ import annotations

from .._walk.skipped import Skipped as Skipped
from ..errors import CheckpointError as CheckpointError
from ..errors import DestinationError as DestinationError
from ..errors import StoreError as StoreError
from .partition import Part as Part
from .partition import partition as partition
from .report import Report as Report
from .run import harvest as harvest
from .sinks import Sink as Sink

__all__ = [
    "CheckpointError",
    "DestinationError",
    "Part",
    "Report",
    "Sink",
    "Skipped",
    "StoreError",
    "harvest",
    "partition",
]
