"""A checkpoint in a store: an object for its first lines, and one for each entry."""

from __future__ import annotations

import hashlib

from ...errors import CheckpointError
from .target import NUMBERED, Target


class StoredCheckpoint:
    """The :class:`~aiodatagouv.bulk._journal.storage.Storage` of a checkpoint in a store.

    ``<name>.checkpoint`` is the head: the lines that were written at once. Each line added to them
    is an object in ``<name>.checkpoint.entries/``, named by a checksum of the head and a number.

    A store has no locks. A head that another harvest replaces, or an entry that it has added,
    tells of it: whoever comes second does not go on.

    Args:
        target: The destination.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        self._head = target.beside(".checkpoint")
        self._folder = target.beside(".checkpoint.entries")
        self._lines = b""
        self._count = 0

    def __str__(self) -> str:
        return self._head.url

    @property
    def destination(self) -> str:
        """See :class:`~aiodatagouv.bulk._journal.storage.Storage`."""
        return self._target.url

    def lock(self) -> None:
        """Do nothing: :meth:`append` tells of another harvest."""

    def read(self) -> bytes:
        """See :class:`~aiodatagouv.bulk._journal.storage.Storage`."""
        self._lines = self._head.get() or b""
        if not self._lines:
            return b""
        names = [name for name in self._names() if name.startswith(self._start())]
        entries = [self._entry(name).get() for name in names]
        self._count = len(names)
        if None in entries:
            raise self._in_use()
        return b"".join([self._lines, *filter(None, entries)])

    def clean(self) -> None:
        """Remove the entries of other heads."""
        for name in self._names():
            if not self._lines or not name.startswith(self._start()):
                self._entry(name).remove()

    def append(self, line: bytes) -> None:
        """See :class:`~aiodatagouv.bulk._journal.storage.Storage`."""
        if self._head.get() != self._lines:
            raise self._in_use()
        entry = self._entry(f"{self._start()}{self._count:06}")
        # If it is there with this line, then its answer was lost, and the request was repeated.
        if not entry.create(line) and entry.get() != line:
            raise self._in_use()
        self._count += 1

    def replace(self, lines: bytes) -> None:
        """See :class:`~aiodatagouv.bulk._journal.storage.Storage`."""
        self._head.put(lines)
        self._lines, self._count = lines, 0
        self.clean()

    def remove(self) -> None:
        """See :class:`~aiodatagouv.bulk._journal.storage.Storage`.

        The head of another harvest is left.
        """
        if self._head.get() == self._lines:
            self._head.remove()
            self._lines = b""
            self.clean()

    def close(self) -> None:
        """Do nothing: there is nothing to release."""

    def _start(self) -> str:
        """The start of the names of the entries of this head."""
        return f"{hashlib.sha256(self._lines).hexdigest()[:16]}-"

    def _names(self) -> list[str]:
        """The names of all entries, in order."""
        return [name for name in self._folder.names() if NUMBERED.fullmatch(name)]

    def _entry(self, name: str) -> Target:
        return self._folder.beside(f"/{name}")

    def _in_use(self) -> CheckpointError:
        return CheckpointError(f"{self} is in use: another harvest is under way there")
