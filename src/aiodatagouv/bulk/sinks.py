"""The destinations of a harvest: the protocols that they follow, and the checks of their files."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from .._ownership import foreign
from ..errors import CheckpointError, DestinationError, one_line
from ._journal.place import Seal
from ._journal.storage import Storage

LINES = (".jsonl", ".jsonl.gz", ".jsonl.zst")
"""The suffixes of JSON Lines, compressed or not."""

SUFFIXES = (*LINES, ".parquet")
"""The suffixes of the file formats that can be written."""


@runtime_checkable
class Sink(Protocol):
    """The protocol of a destination, open to users. Its methods are called one at a time."""

    @property
    def checkpoint(self) -> Path | Storage | None:
        """The path of the checkpoint; None if an interrupted harvest cannot be resumed."""

    def open(self, state: Any) -> None:
        """Start writing: anew, or after the last commit of an interrupted run.

        Args:
            state: The state that :meth:`commit` returned, or None to start anew. Items written
                after that commit must be dropped.

        Raises:
            CheckpointError: Items written before that commit are lost.
        """

    def write(self, items: Sequence[bytes]) -> None:
        """Write some items, each of them a JSON object without a line break."""

    def commit(self) -> Any:
        """Flush the items written to disk; return the state for :meth:`open`, as JSON."""

    def finish(self) -> None:
        """Complete the destination after the last commit, and give it its final name.

        If the process is killed meanwhile, the next run calls :meth:`open` and this method again.
        When the final name was given already, :meth:`open` raises a CheckpointError.
        """

    def close(self) -> None:
        """Release all resources, whether the harvest is finished or not. The last call."""


@runtime_checkable
class FileSink(Sink, Protocol):
    """The protocol of a file that can be updated.

    A row is an item in the format of the file or, in a flat table, an object of its list.
    """

    def rows(self, items: Iterable[bytes]) -> list[Any]:
        """Convert items, as for :meth:`Sink.write`, into rows."""
        ...

    @property
    def checkpoint(self) -> Path | Storage:
        """The place of the checkpoint: a file, or what keeps it elsewhere."""
        ...

    def exists(self) -> bool:
        """Whether the file exists under its final name."""
        ...

    def claim(self, is_known: bool, /) -> None:
        """Check that nobody else's files are where the temporary files are.

        Args:
            is_known: Whether the checkpoint records that a harvest has temporary files there.

        Raises:
            DestinationError: There is something else, which must not be overwritten.
        """

    def seal(self) -> Seal:
        """Complete the file after the last commit, but leave it under its temporary name.

        Returns:
            The identity of the file, by which it is recognised under its final name.
        """
        ...

    def holds(self, seal: Seal) -> bool:
        """Whether the file under its final name is the one that :meth:`seal` completed."""
        ...

    def discard(self) -> None:
        """Remove the temporary files of this harvest."""

    def keys(self) -> Iterator[str]:
        """Iterate over the rows of the existing file: the id of the item of each.

        Raises:
            DestinationError: The file has other contents than the harvest.
        """
        ...

    def existing(self) -> Iterator[tuple[str, Any]]:
        """Iterate over the rows of the existing file, each with the id of its item.

        Raises:
            DestinationError: The file has other contents than the harvest.
        """
        ...

    def write_rows(self, rows: list[Any]) -> None:
        """Write rows that :meth:`rows` or :meth:`existing` returned."""


def check_part(part: Path, is_wanted: Callable[[int], bool], *, is_known: bool) -> None:
    """Check that a temporary file or folder is missing, or belongs to a harvest.

    Args:
        part: Its path.
        is_wanted: Whether a mode is that of a regular file, or that of a folder.
        is_known: Whether the checkpoint records that a harvest has temporary files there.

    Raises:
        DestinationError: It belongs to somebody else.
    """
    try:
        mode = part.lstat().st_mode
    except FileNotFoundError:
        return
    if stat.S_ISLNK(mode):
        raise foreign(part, "is a symbolic link")
    if not is_wanted(mode):
        raise foreign(part, "is not what a harvest writes there")
    if not is_known:
        raise foreign(part, "exists, but no checkpoint knows it")


def check_same(written: os.stat_result, part: Path) -> None:
    """Check that a temporary file still is the one that was written, before it is renamed.

    Raises:
        CheckpointError: Somebody has replaced or removed it.
    """
    try:
        is_same = os.path.samestat(written, part.lstat())
    except FileNotFoundError:
        is_same = False
    if not is_same:
        raise lost(part)


def damaged(path: Path | str, error: Exception) -> DestinationError:
    """The error for an existing file that cannot be read."""
    return DestinationError(f"{path} cannot be read ({one_line(str(error))}): harvest all anew")


def lost(part: Path | str) -> CheckpointError:
    """The error for temporary files that lack items which the checkpoint covers."""
    return CheckpointError(
        f"{part} lacks items that its checkpoint covers: harvest all anew, without resuming"
    )
