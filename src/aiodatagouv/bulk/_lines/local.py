"""A file on a disk, written in pieces to a temporary file beside it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from ..._disk import created, part_of, reopened, replace, sync, sync_folder
from .._journal.place import Seal
from .._journal.storage import aside, checkpoint_of
from ..sinks import check_part, check_same, lost

_CHUNK = 1 << 20
"""Bytes of an interrupted file that are read at once."""


class LocalFile:
    """The :class:`~aiodatagouv.bulk._journal.place.Place` of a file on a disk.

    The pieces are appended to ``<name>.part``, which is truncated after any of them.

    Attributes:
        checkpoint: The path of the checkpoint.
        part: The path of the temporary file.
    """

    def __init__(self, path: Path) -> None:
        self.checkpoint = checkpoint_of(path)
        self.part = part_of(aside(path))
        self._path = path
        self._file: BinaryIO | None = None
        self._size = 0
        self._is_ours = False

    def create(self) -> None:
        """See :class:`~aiodatagouv.bulk._journal.place.Place`."""
        self.part.unlink(missing_ok=True)  # The checkpoint knows it: see `claim`.
        self._is_ours = False
        self._file = created(self.part, self._path)
        self._is_ours = True
        sync_folder(self.part.parent)

    def reopen(self, state: Mapping[str, Any]) -> Iterator[bytes]:
        """See :class:`~aiodatagouv.bulk._journal.place.Place`."""
        self._is_ours = False  # Until its contents are known to be those of the checkpoint.
        self._size = left = state["size"]
        if not self.part.exists() or self.part.stat().st_size < left:
            raise lost(self.part)
        self._file = reopened(self.part)
        while left and (chunk := self._file.read(min(left, _CHUNK))):
            yield chunk
            left -= len(chunk)

    def resume(self) -> None:
        """See :class:`~aiodatagouv.bulk._journal.place.Place`."""
        assert self._file is not None
        self._file.truncate(self._size)
        self._file.seek(self._size)
        self._is_ours = True

    def add(self, content: bytes) -> None:
        """See :class:`~aiodatagouv.bulk._journal.place.Place`."""
        assert self._file is not None
        self._file.write(content)

    def commit(self) -> dict[str, Any]:
        """See :class:`~aiodatagouv.bulk._journal.place.Place`."""
        assert self._file is not None
        sync(self._file)
        return {}

    def finish(self, seal: Seal) -> None:
        """See :class:`~aiodatagouv.bulk._journal.place.Place`."""
        assert self._file is not None
        check_same(os.fstat(self._file.fileno()), self.part)
        self.close()
        replace(self.part, self._path)
        self._is_ours = False

    def close(self) -> None:
        """See :class:`~aiodatagouv.bulk._journal.place.Place`."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def exists(self) -> bool:
        """See :class:`~aiodatagouv.bulk._journal.place.Place`."""
        return self._path.exists()

    def claim(self, is_known: bool, /) -> None:
        """See :class:`~aiodatagouv.bulk._journal.place.Place`."""
        check_part(self.part, stat.S_ISREG, is_known=is_known)
        self._is_ours = is_known

    def holds(self, seal: Seal) -> bool:
        """See :class:`~aiodatagouv.bulk._journal.place.Place`."""
        return seal.fits(self._path)

    def discard(self) -> None:
        """See :class:`~aiodatagouv.bulk._journal.place.Place`."""
        if self._is_ours:
            self.part.unlink(missing_ok=True)

    def read(self) -> BinaryIO:
        """See :class:`~aiodatagouv.bulk._journal.place.Place`."""
        return self._path.open("rb")
