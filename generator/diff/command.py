"""The command ``diff``."""

from __future__ import annotations

from pathlib import Path

from . import report, sources
from .compare import compare_attempts
from .rules import Status, status_of


def run(old: str, new: str, root: Path, *, is_json: bool = False) -> Status:
    """Print the changes between two sources, and return their class.

    Raises:
        GenerationError: A source cannot be compared.
    """
    before, after = sources.read(old, root), sources.read(new, root)
    changes = compare_attempts(before.made, after.made)
    write = report.as_json if is_json else report.as_markdown
    print(write(before, after, changes).rstrip("\n"))
    return status_of(changes)
