"""Files with a JSON object in each line."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
from attrs import asdict

from ...errors import DestinationError
from .._journal.place import Place, Seal
from .._journal.storage import Storage
from ..sinks import damaged, lost
from .compression import Compressor, codec_of
from .lines import Row


class JsonLines:
    """A file with a JSON object in each line, compressed or not.

    Each commit is compressed separately, since gzip and Zstandard files may be concatenated: the
    file can be continued after any commit.

    Args:
        place: Where the file is.
        name: Its name, whose suffix tells how it is compressed.
        key: The field by which rows are told to be of an item.
    """

    def __init__(self, place: Place, name: Path | str, key: str = "id") -> None:
        self._place = place
        self._name = name
        self._key = key
        self._codec = codec_of(name)
        self._piece: Compressor | None = None
        self._hash = hashlib.sha256()
        self._size = 0
        self._items = 0

    @property
    def checkpoint(self) -> Path | Storage:
        """See :class:`~aiodatagouv.bulk.sinks.FileSink`."""
        return self._place.checkpoint

    def open(self, state: Any) -> None:
        """See :class:`~aiodatagouv.bulk.Sink`.

        The state is the :class:`Seal` of the file so far, and that of its place.
        """
        if state is None:
            self._place.create()
            return
        for chunk in self._place.reopen(state):
            self._hash.update(chunk)
        if self._hash.hexdigest() != state["sha256"]:
            raise lost(self._place.part)
        self._place.resume()
        self._size, self._items = state["size"], state["items"]

    def write(self, items: Sequence[bytes]) -> None:
        """See :class:`~aiodatagouv.bulk.Sink`."""
        if not items:
            return
        if self._piece is None:
            self._piece = self._codec.compressor()
        self._add(self._piece.compress(b"\n".join([*items, b""])))
        self._items += len(items)

    def commit(self) -> dict[str, Any]:
        """See :class:`~aiodatagouv.bulk.Sink`."""
        if self._piece is not None:
            self._add(self._piece.flush())
            self._piece = None
        return {**self._place.commit(), **asdict(self._seal())}

    def _add(self, content: bytes) -> None:
        self._place.add(content)
        self._hash.update(content)
        self._size += len(content)

    def _seal(self) -> Seal:
        return Seal(self._size, self._hash.hexdigest(), self._items)

    def seal(self) -> Seal:
        """See :class:`~aiodatagouv.bulk.sinks.FileSink`."""
        if self._piece is None and not self._size:
            self._piece = self._codec.compressor()  # A compressed file without items is not empty.
        self.commit()
        return self._seal()

    def finish(self) -> None:
        """See :class:`~aiodatagouv.bulk.Sink`."""
        self._place.finish(self._seal())

    def close(self) -> None:
        """See :class:`~aiodatagouv.bulk.Sink`."""
        self._place.close()

    def rows(self, items: Iterable[bytes]) -> list[Row]:
        """See :class:`~aiodatagouv.bulk.sinks.FileSink`."""
        return [Row(item) for item in items]

    def write_rows(self, rows: list[Row]) -> None:
        """See :class:`~aiodatagouv.bulk.sinks.FileSink`."""
        self.write([row.line for row in rows])

    def exists(self) -> bool:
        """See :class:`~aiodatagouv.bulk.sinks.FileSink`."""
        return self._place.exists()

    def claim(self, is_known: bool, /) -> None:
        """See :class:`~aiodatagouv.bulk.sinks.FileSink`."""
        self._place.claim(is_known)

    def holds(self, seal: Seal) -> bool:
        """See :class:`~aiodatagouv.bulk.sinks.FileSink`."""
        return self._place.holds(seal)

    def discard(self) -> None:
        """See :class:`~aiodatagouv.bulk.sinks.FileSink`."""
        self._place.discard()

    def keys(self) -> Iterator[str]:
        """See :class:`~aiodatagouv.bulk.sinks.FileSink`."""
        for key, _ in self._keyed():
            yield key

    def existing(self) -> Iterator[tuple[str, Row]]:
        """See :class:`~aiodatagouv.bulk.sinks.FileSink`."""
        for key, line in self._keyed():
            yield key, Row(line)

    def _keyed(self) -> Iterator[tuple[str, bytes]]:
        """Iterate over the lines of the existing file, each with the id of its item."""
        id_field = ("id", str, msgspec.field(name=self._key))
        row: Any = msgspec.defstruct("Row", [id_field])
        decoder = msgspec.json.Decoder(row)
        for number, line in enumerate(self.lines(self._place.read()), start=1):
            try:
                if not line.isascii():
                    line.decode()  # Skipped values are not checked otherwise.
                yield decoder.decode(line).id, line.rstrip(b"\n")
            except (msgspec.DecodeError, UnicodeError) as error:
                raise DestinationError(
                    f"{self._name}, line {number}: {error}: changes can only be merged into "
                    "JSON objects with an id; harvest all anew, without since"
                ) from None

    def lines(self, file: BinaryIO) -> Iterator[bytes]:
        """Iterate over the lines of a compressed file, and close it.

        Raises:
            DestinationError: It is damaged.
        """
        with file, self._codec.decompressed(file) as lines:
            try:
                yield from lines
            except self._codec.failures as error:
                raise damaged(self._name, error) from None
