"""The place of a checkpoint: its protocol, and a file beside the destination."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO, Protocol

from filelock import FileLock

from ..._disk import reopened, sweep, sync, written
from ..._ownership import foreign, locked, release
from ...errors import CheckpointError

CHECKPOINTS = "_checkpoints"
"""The subfolder for checkpoints and temporary files, if there is one beside a destination.

Programs that read a folder as one table ignore names that begin with an underscore.
"""

MANIFEST = "_harvest.json"
"""The file that a harvest by a cluster writes last into its folder."""

SPLIT = "split.json"
"""The file in :data:`CHECKPOINTS` that such a harvest writes first."""


def aside(path: Path) -> Path:
    """The path beside which a destination has its checkpoint and temporary files."""
    folder = path.parent / CHECKPOINTS
    return folder / path.name if folder.is_dir() else path


def checkpoint_of(path: Path) -> Path:
    """The path of the checkpoint of a destination."""
    return aside(path).with_name(f"{path.name}.checkpoint")


def destination_of(checkpoint: Path) -> Path:
    """The path of the destination of a checkpoint."""
    folder = checkpoint.parent
    return (folder.parent if folder.name == CHECKPOINTS else folder) / checkpoint.stem


class Storage(Protocol):
    """The place of the lines of a checkpoint. They are safe when a method returns."""

    @property
    def destination(self) -> str:
        """The name of the destination, for messages."""
        ...

    def lock(self) -> None:
        """Keep other harvests away, as far as the place allows.

        Raises:
            CheckpointError: Another one is under way.
        """

    def read(self) -> bytes:
        """The whole lines of the checkpoint; none if there is no checkpoint.

        Raises:
            DestinationError: There is something else.
        """
        ...

    def clean(self) -> None:
        """Remove what a kill has left of earlier calls of :meth:`replace`."""

    def append(self, line: bytes) -> None:
        """Add a line to those that were read or written.

        Raises:
            CheckpointError: Another harvest has begun there meanwhile.
        """

    def replace(self, lines: bytes) -> None:
        """Replace all lines at once."""

    def remove(self) -> None:
        """Remove all lines."""

    def close(self) -> None:
        """Release all resources, and let other harvests in."""


class CheckpointFile:
    """A file, with a lock file beside it.

    Args:
        path: The path of the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock: FileLock | None = None
        self._file: BinaryIO | None = None
        self._size = 0

    def __str__(self) -> str:
        return str(self._path)

    @property
    def destination(self) -> str:
        """See :class:`Storage`."""
        return str(destination_of(self._path))

    def lock(self) -> None:
        """See :class:`Storage`."""
        in_use = CheckpointError(f"{self} is in use: another harvest is under way there")
        self._lock = locked(self._path, in_use)

    def read(self) -> bytes:
        """See :class:`Storage`; a line that a kill has cut off does not count."""
        try:
            if not stat.S_ISREG(self._path.lstat().st_mode):
                raise foreign(self._path, "is not a file")
        except FileNotFoundError:
            return b""
        with reopened(self._path) if self._lock else self._path.open("rb") as file:
            content = file.read()
        whole = content[: content.rfind(b"\n") + 1]
        self._size = len(whole)
        return whole or content

    def clean(self) -> None:
        """See :class:`Storage`."""
        sweep(self._path.parent, [self._path.name])

    def append(self, line: bytes) -> None:
        """See :class:`Storage`."""
        if self._file is None:
            self._file = reopened(self._path)
            if self._file.seek(0, os.SEEK_END) > self._size:
                self._file.truncate(self._size)
                self._file.seek(self._size)
        self._file.write(line)
        sync(self._file)

    def replace(self, lines: bytes) -> None:
        """See :class:`Storage`."""
        self._close_file()
        with written(self._path) as file:
            file.write(lines)
        self._size = len(lines)

    def remove(self) -> None:
        """See :class:`Storage`."""
        self._close_file()
        self._path.unlink(missing_ok=True)

    def close(self) -> None:
        """See :class:`Storage`."""
        try:
            self._close_file()
        finally:
            if self._lock is not None:
                release(self._lock)

    def _close_file(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()
