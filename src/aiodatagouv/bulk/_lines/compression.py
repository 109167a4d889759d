"""The compression of JSON Lines, in pieces that may be concatenated.

gzip is written by ISA-L if that is installed (extra ``gzip``), which is several times as fast as
the standard library. The files differ in size; every program for gzip reads both, and one file may
have pieces of either.
"""

from __future__ import annotations

import gzip
import sys
import zlib
from collections.abc import Callable
from io import BufferedReader, RawIOBase
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from attrs import frozen

from ...errors import DestinationError

_LEVEL, _FAST_LEVEL = 6, 2
"""The levels of zlib and of ISA-L. Either is the usual one; their scales differ."""

_GZIP = zlib.MAX_WBITS | 16
"""The format: a header without a time of change, so that the same lines make the same bytes."""


class Compressor(Protocol):
    """The protocol of an object that compresses one piece of a file."""

    def compress(self, data: bytes, /) -> bytes:
        """Take some data, and return what has become ready."""
        ...

    def flush(self) -> bytes:
        """Complete the piece, and return its end."""
        ...


class Plain:
    """Leaves a piece as it is."""

    def compress(self, data: bytes, /) -> bytes:
        """See :class:`Compressor`."""
        return data

    def flush(self) -> bytes:
        """See :class:`Compressor`."""
        return b""


@frozen
class Codec:
    """The compression of a file.

    Attributes:
        compressor: Begins a piece.
        decompressed: Opens a compressed file, from which the lines are read.
        failures: The errors by which that tells of a damaged file.
    """

    compressor: Callable[[], Compressor]
    decompressed: Callable[[BinaryIO], BinaryIO]
    failures: tuple[type[Exception], ...] = ()


def codec_of(name: Path | str) -> Codec:
    """The compression of a file, by the suffix of its name.

    Raises:
        DestinationError: The package for it is not installed.
    """
    match Path(name).suffix:
        case ".gz":
            failures = (EOFError, gzip.BadGzipFile, zlib.error)
            return Codec(_gzip(), lambda file: cast("BinaryIO", gzip.open(file)), failures)
        case ".zst":
            return _zstandard(name)
        case _:
            return Codec(Plain, lambda file: file)


def needs(package: str, extra: str, path: Path | str) -> DestinationError:
    """The error for a package that is not installed."""
    return DestinationError(
        f"{path} needs the package {package}: pip install 'aiodatagouv[{extra}]'"
    )


def _gzip() -> Callable[[], Compressor]:
    """A function that begins a piece in gzip's format."""
    try:
        from isal import isal_zlib
    except ImportError:
        return lambda: zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
    return lambda: isal_zlib.compressobj(_FAST_LEVEL, zlib.DEFLATED, _GZIP)


def _zstandard(name: Path | str) -> Codec:
    """The compression by the standard library, or before Python 3.14 by its backport."""
    try:
        if sys.version_info >= (3, 14):
            from compression import zstd
        else:
            from backports import zstd
    except ImportError:
        raise needs("backports.zstd", "zstd", name) from None

    def decompressed(file: BinaryIO) -> BinaryIO:
        # Its own lines are several times as slow.
        return BufferedReader(cast("RawIOBase", zstd.open(file)))

    return Codec(zstd.ZstdCompressor, decompressed, (EOFError, zstd.ZstdError))
