"""A file in a store, of which each piece is an object until it is complete."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, BinaryIO

from ..._ownership import foreign
from .._journal.place import Seal
from ..sinks import lost
from .checkpoint import StoredCheckpoint
from .target import NUMBERED, Target, file_of


class StoredFile:
    """The :class:`~aiodatagouv.bulk._journal.place.Place` of a file in a store.

    Objects cannot be appended to. Each piece is an object in ``<name>.part/``, named by the run
    that has written it, so that two runs never mix, and by its number.

    Attributes:
        checkpoint: The place of the checkpoint.
        part: The URL of the folder of the pieces.

    Args:
        target: The destination.
    """

    def __init__(self, target: Target) -> None:
        self.checkpoint = StoredCheckpoint(target)
        self.part = target.beside(".part").url
        self._folder = target.beside(".part")
        self._target = target
        self._run = secrets.token_hex(8)
        self._runs: list[tuple[str, int]] = []
        self._pending = bytearray()

    def create(self) -> None:
        """See :class:`~aiodatagouv.bulk._journal.place.Place`."""
        self._runs = []
        self.clear()

    def reopen(self, state: Mapping[str, Any]) -> Iterator[bytes]:
        """See :class:`~aiodatagouv.bulk._journal.place.Place`.

        The state has the runs that have written the pieces, each with the number after its last.
        """
        self._runs = [(run, end) for run, end in state["runs"]]
        return self._pieces()

    def resume(self) -> None:
        """Do nothing: later pieces of other runs have other names."""

    def add(self, content: bytes) -> None:
        """See :class:`~aiodatagouv.bulk._journal.place.Place`."""
        self._pending += content

    def commit(self) -> dict[str, Any]:
        """See :class:`~aiodatagouv.bulk._journal.place.Place`."""
        if self._pending:
            number = self._runs[-1][1] if self._runs else 0
            self._object(f"{self._run}-{number:06}").put(bytes(self._pending))
            self._pending.clear()
            if self._runs and self._runs[-1][0] == self._run:
                self._runs.pop()
            self._runs.append((self._run, number + 1))
        return {"runs": [*self._runs]}

    def finish(self, seal: Seal) -> None:
        """See :class:`~aiodatagouv.bulk._journal.place.Place`."""
        self._target.upload(self._checked(seal))
        self.clear()

    def read_pieces(self, seal: Seal) -> BinaryIO:
        """Open the pieces as one file.

        Args:
            seal: Their identity; reading ends with a CheckpointError if they have another one.
        """
        return file_of(self._checked(seal))

    def clear(self) -> None:
        """Remove the pieces of all runs."""
        self._remove(name for name in self._folder.names() if NUMBERED.fullmatch(name))

    def close(self) -> None:
        """Do nothing: there is nothing to release."""

    def exists(self) -> bool:
        """See :class:`~aiodatagouv.bulk._journal.place.Place`."""
        return self._target.size() is not None

    def claim(self, is_known: bool, /) -> None:
        """See :class:`~aiodatagouv.bulk._journal.place.Place`; pieces are known by their names."""
        for name in self._folder.names():
            if not NUMBERED.fullmatch(name):
                raise foreign(self._object(name).url, "is not what a harvest writes there")

    def holds(self, seal: Seal) -> bool:
        """See :class:`~aiodatagouv.bulk._journal.place.Place`."""
        if self._target.size() != seal.size:
            return False
        checksum = hashlib.sha256()
        for chunk in self._target.chunks():
            checksum.update(chunk)
        return checksum.hexdigest() == seal.sha256

    def discard(self) -> None:
        """See :class:`~aiodatagouv.bulk._journal.place.Place`; those of other harvests are left."""
        self._remove(self._names())

    def read(self) -> BinaryIO:
        """See :class:`~aiodatagouv.bulk._journal.place.Place`."""
        return file_of(self._target.chunks())

    def _names(self) -> list[str]:
        """The names of the pieces, in order."""
        starts = [0, *(end for _, end in self._runs)]
        return [
            f"{run}-{number:06}"
            for start, (run, end) in zip(starts, self._runs, strict=False)
            for number in range(start, end)
        ]

    def _pieces(self) -> Iterator[bytes]:
        """Iterate over the pieces.

        Raises:
            CheckpointError: One of them is missing.
        """
        for name in self._names():
            piece = self._object(name).get()
            if piece is None:
                raise lost(self.part)
            yield piece

    def _checked(self, seal: Seal) -> Iterator[bytes]:
        """Iterate over the pieces.

        Raises:
            CheckpointError: One of them is missing, or they are not those that were written.
        """
        checksum = hashlib.sha256()
        for piece in self._pieces():
            checksum.update(piece)
            yield piece
        if checksum.hexdigest() != seal.sha256:
            raise lost(self.part)

    def _remove(self, names: Iterable[str]) -> None:
        for name in names:
            self._object(name).remove()

    def _object(self, name: str) -> Target:
        return self._folder.beside(f"/{name}")
