"""The place of a file that is written in pieces: its protocol, and how its contents are known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from attrs import frozen

from .fingerprint import fingerprint
from .storage import Storage


@frozen
class Seal:
    """The identity of a file or folder that a harvest has written, up to a commit or to its end.

    Attributes:
        size: Its size in bytes.
        sha256: Its SHA-256 checksum; that of a folder covers the names, sizes and checksums of all
            files in it.
        items: The number of rows in it.
    """

    size: int
    sha256: str
    items: int

    def fits(self, path: Path) -> bool:
        """Whether a file or folder has exactly these bytes."""
        if path.is_file() and path.stat().st_size != self.size:
            return False
        return path.exists() and fingerprint(path) == (self.size, self.sha256)


class Place(Protocol):
    """The location of a file that consists of pieces, and of the pieces until it is complete."""

    @property
    def checkpoint(self) -> Path | Storage:
        """The place of the checkpoint."""
        ...

    @property
    def part(self) -> Path | str:
        """The name of what there is until the file is complete, for messages."""
        ...

    def create(self) -> None:
        """Begin anew, without the pieces of an interrupted run."""

    def reopen(self, state: Mapping[str, Any]) -> Iterator[bytes]:
        """Iterate over the contents up to the commit of a state.

        Raises:
            CheckpointError: There is less.
        """
        ...

    def resume(self) -> None:
        """Continue after the contents that :meth:`reopen` has returned: they are as expected."""

    def add(self, content: bytes) -> None:
        """Write a part of a piece, which a commit completes."""

    def commit(self) -> dict[str, Any]:
        """Make the pieces safe; return what :meth:`reopen` needs besides the :class:`Seal`."""
        ...

    def finish(self, seal: Seal) -> None:
        """Give the file its final name.

        Raises:
            CheckpointError: The pieces are not those that were written.
        """

    def close(self) -> None:
        """Release all resources."""

    def exists(self) -> bool:
        """Whether the file exists under its final name."""
        ...

    def claim(self, is_known: bool, /) -> None:
        """See :class:`~aiodatagouv.bulk.sinks.FileSink`."""

    def holds(self, seal: Seal) -> bool:
        """See :class:`~aiodatagouv.bulk.sinks.FileSink`."""
        ...

    def discard(self) -> None:
        """Remove the pieces of this harvest."""

    def read(self) -> BinaryIO:
        """Open the file under its final name."""
        ...
