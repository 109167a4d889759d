"""The files and folders of a partitioned table, and the check that all are ours."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from ..._ownership import foreign

METADATA = "_metadata"
"""The name of the file with the metadata of all files."""

FILE = "part-00000.parquet"
"""The name of the file in each folder."""


def folders(top: Path) -> Iterator[Path]:
    """A folder and all those in it, the innermost first."""
    for path, _, _ in os.walk(top, topdown=False):
        yield Path(path)


def check_ours(top: Path) -> None:
    """Check that a folder, which will be replaced as a whole, has nobody else's files.

    Raises:
        DestinationError: It has.
    """
    for path in sorted(top.rglob("*")):
        if not _is_ours(path, top):
            raise foreign(path, "is in the folder of a harvest, but not one of its files")


def remove(top: Path) -> None:
    """Remove a folder with what a harvest has written, if it is there.

    Raises:
        DestinationError: There is anything else in it.
    """
    if not top.is_dir():
        return
    check_ours(top)
    for path in folders(top):
        for one in path.iterdir():
            one.unlink()
        path.rmdir()


def _is_ours(path: Path, top: Path) -> bool:
    """Whether a harvest may have written something into its folder."""
    if path.is_symlink():
        return False
    steps = path.relative_to(top).parts
    if path.is_dir():
        return all("=" in step for step in steps)
    return steps == (METADATA,) or (path.name == FILE and all("=" in one for one in steps[:-1]))
