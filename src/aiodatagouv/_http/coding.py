"""Content codings: bodies are decompressed in pieces, and are whole or an error."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

CODINGS = ("gzip", "deflate")
"""The codings that the client asks for."""

_PIECE = 1 << 20
"""The most bytes that are decompressed at once: a small body may be a huge one."""


class CodingError(Exception):
    """A body is cut off, damaged, or in a coding that was not asked for."""


class Decoder:
    """Decompresses one body.

    Raises:
        CodingError: The coding was not asked for.
    """

    def __init__(self, coding: str) -> None:
        coding = coding.removeprefix("x-") or "identity"
        if coding not in (*CODINGS, "identity"):
            raise CodingError(f"the answer has the content coding {coding!r:.40}, not asked for")
        self._coding = coding
        self._bits = zlib.MAX_WBITS | (16 if coding == "gzip" else 0)
        self._is_begun = False
        if coding != "identity":
            self._stream = zlib.decompressobj(self._bits)

    def decode(self, data: bytes) -> Iterator[bytes]:
        """Decompress some bytes.

        Raises:
            CodingError: They are damaged.
        """
        if self._coding == "identity":
            yield data
            return
        while data:
            if self._stream.eof:  # gzip may consist of several members, padded with zeros.
                data = data.lstrip(b"\0")
                if not data:
                    return
                self._stream = zlib.decompressobj(self._bits)
            try:
                piece = self._stream.decompress(data, _PIECE)
            except zlib.error as error:
                if self._coding == "gzip" or self._is_begun or self._bits < 0:
                    raise CodingError(f"the answer is not valid {self._coding}: {error}") from None
                # Some servers leave out the envelope of deflate.
                self._bits = -zlib.MAX_WBITS
                self._stream = zlib.decompressobj(self._bits)
                continue
            self._is_begun = True
            yield piece
            data = self._stream.unconsumed_tail or self._stream.unused_data

    def finish(self) -> None:
        """Check that the body is whole.

        Raises:
            CodingError: It is cut off.
        """
        if self._is_begun and not self._stream.eof:
            raise CodingError(f"the answer is cut off: its {self._coding} does not end")
