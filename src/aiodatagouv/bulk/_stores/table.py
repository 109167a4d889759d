"""A Parquet file in a store: made on this machine, of pieces that are in the store."""

from __future__ import annotations

import datetime as dt
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from .._journal.place import Seal
from .._journal.storage import Storage
from .._lines.jsonlines import JsonLines
from ..describing import DescribedSink
from ..sinks import FileSink
from .pieces import StoredFile
from .target import Target

_BATCH = 100
"""Rows that are written in one call."""

_COMMIT = 1000
"""Rows between two commits of the local file."""

_CHUNK = 1 << 20
"""Bytes that are sent at once."""


class StoredTable:
    """A table in a store.

    A table cannot grow in a store. During a harvest, its rows are compressed JSON Lines in the
    store, from which any machine can continue. At the end, or by an update, the table is written to
    a temporary folder of this machine, and sent as one object.

    Args:
        target: The destination.
        table: Makes the sink of a table on this machine.
    """

    def __init__(self, target: Target, table: Callable[[Path], FileSink]) -> None:
        self._target = target
        self._place = StoredFile(target)
        self._lines = JsonLines(self._place, f"{self._place.part}/pieces.jsonl.gz")
        self._folder = Path(tempfile.gettempdir()) / f"aiodatagouv-{secrets.token_hex(8)}"
        self._path = self._folder / Path(target.path).name
        self._table = table(self._path)
        self._is_open = False
        self._facts: list[str | None] | None = None
        """When the harvest began, and the release of udata, for the metadata of the table."""

    @property
    def checkpoint(self) -> Storage:
        """See :class:`~aiodatagouv.bulk.sinks.FileSink`."""
        return self._place.checkpoint

    def open(self, state: Any) -> None:
        """See :class:`~aiodatagouv.bulk.Sink`; the state is that of the JSON Lines.

        It also has the metadata, as :meth:`describe` was told.
        """
        self._lines.open(state)
        facts = None if state is None else state.get("facts")
        if facts is not None:
            began, release = facts
            self.describe(dt.datetime.fromisoformat(began), release)

    def describe(self, began: dt.datetime, release: str | None) -> None:
        """See :class:`~aiodatagouv.bulk.describing.DescribedSink`."""
        self._facts = [began.isoformat(), release]
        if isinstance(self._table, DescribedSink):
            self._table.describe(began, release)

    def write(self, items: Sequence[bytes]) -> None:
        """See :class:`~aiodatagouv.bulk.Sink`."""
        self._lines.write(items)

    def commit(self) -> dict[str, Any]:
        """See :class:`~aiodatagouv.bulk.Sink`."""
        if self._is_open:
            self._table.commit()
        return {**self._lines.commit(), "facts": self._facts}

    def seal(self) -> Seal:
        """See :class:`~aiodatagouv.bulk.sinks.FileSink`."""
        if not self._is_open:
            self._fill()
        return self._table.seal()

    def finish(self) -> None:
        """See :class:`~aiodatagouv.bulk.Sink`."""
        self._table.finish()
        self._target.upload(_chunks(self._path))
        self._place.clear()

    def close(self) -> None:
        """See :class:`~aiodatagouv.bulk.Sink`."""
        try:
            self._table.close()
        finally:
            if self._folder.exists():
                shutil.rmtree(self._folder)

    def rows(self, items: Iterable[bytes]) -> list[Any]:
        """See :class:`~aiodatagouv.bulk.sinks.FileSink`."""
        return self._table.rows(items)

    def write_rows(self, rows: list[Any]) -> None:
        """See :class:`~aiodatagouv.bulk.sinks.FileSink`."""
        self._open_table()
        self._table.write_rows(rows)

    def exists(self) -> bool:
        """See :class:`~aiodatagouv.bulk.sinks.FileSink`."""
        return self._place.exists()

    def claim(self, is_known: bool, /) -> None:
        """See :class:`~aiodatagouv.bulk.sinks.FileSink`."""
        self._place.claim(is_known)

    def holds(self, seal: Seal) -> bool:
        """See :class:`~aiodatagouv.bulk.sinks.FileSink`."""
        if self._target.size() != seal.size:
            return False
        self._download()
        return seal.fits(self._path)

    def discard(self) -> None:
        """See :class:`~aiodatagouv.bulk.sinks.FileSink`."""
        self._place.discard()

    def keys(self) -> Iterator[str]:
        """See :class:`~aiodatagouv.bulk.sinks.FileSink`."""
        if not self._path.exists():
            self._download()
        yield from self._table.keys()

    def existing(self) -> Iterator[tuple[str, Any]]:
        """See :class:`~aiodatagouv.bulk.sinks.FileSink`."""
        if not self._path.exists():
            self._download()
        yield from self._table.existing()

    def _open_table(self) -> None:
        if not self._is_open:
            self._make_folder()
            self._table.open(None)
            self._is_open = True

    def _fill(self) -> None:
        """Write the rows in the store to the table."""
        self._open_table()
        rows: list[bytes] = []
        written = 0
        pieces = self._place.read_pieces(self._lines.seal())
        for line in self._lines.lines(pieces):
            rows.append(line.rstrip(b"\n"))
            if len(rows) == _BATCH:
                self._table.write(rows)
                written += len(rows)
                rows = []
                if written % _COMMIT == 0:
                    self._table.commit()
        self._table.write(rows)
        self._table.commit()

    def _download(self) -> None:
        """Copy the table to this machine."""
        self._make_folder()
        with self._path.open("wb") as file:
            for chunk in self._target.chunks():
                file.write(chunk)

    def _make_folder(self) -> None:
        self._folder.mkdir(mode=0o700, exist_ok=True)


def _chunks(path: Path) -> Iterator[bytes]:
    """Iterate over the content of a file."""
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk
