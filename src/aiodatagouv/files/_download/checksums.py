"""Checksums: those that a resource has, and how a file is compared with them."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import zlib
from collections.abc import Mapping
from typing import Any, Protocol, Self

from attrs import evolve, frozen

from ..._decoding.dates import read_datetime
from ..._views.view import View
from ...errors import IntegrityError
from ...types import JsonObject

USUAL = "sha256"
"""The algorithm for files of which no checksum is known."""

_ALGORITHMS: Mapping[tuple[str, int], str] = {
    ("sha1", 40): "sha1",
    ("sha256", 64): "sha256",
    # A family, of which the length tells the member.
    ("sha2", 56): "sha224",
    ("sha2", 64): "sha256",
    ("sha2", 96): "sha384",
    ("sha2", 128): "sha512",
    ("md5", 32): "md5",
    ("crc", 8): "crc32",
}
"""The algorithm of a checksum by its type on the portal, and its length in hexadecimal digits."""

_UNDATED = dt.datetime.min.replace(tzinfo=dt.UTC)
"""When a crawler found what it has not dated: any version that has a date may be a later one."""

ALGORITHMS = frozenset(_ALGORITHMS.values())
"""The algorithms of checksums that can be computed."""

_DIGITS = re.compile(r"[0-9a-f]+", re.ASCII)


class Hash(Protocol):
    """A checksum that is being computed, as hashlib does."""

    def update(self, data: bytes, /) -> None:
        """Add some bytes."""

    def hexdigest(self) -> str:
        """The checksum so far."""
        ...

    def copy(self) -> Self:
        """A copy that goes on independently."""
        ...


class _Crc32:
    """CRC-32, as zip and gzip have it."""

    def __init__(self, value: int = 0) -> None:
        self._value = value

    def update(self, data: bytes, /) -> None:
        self._value = zlib.crc32(data, self._value)

    def hexdigest(self) -> str:
        return f"{self._value:08x}"

    def copy(self) -> Self:
        return type(self)(self._value)


def new_hash(algorithm: str) -> Hash:
    """Begin to compute a checksum."""
    return _Crc32() if algorithm == "crc32" else hashlib.new(algorithm, usedforsecurity=False)


@frozen
class Checksum:
    """The checksum of a file.

    Attributes:
        type: The algorithm: ``sha1``, ``sha224``, ``sha256``, ``sha384``, ``sha512``, ``md5`` or
            ``crc32``.
        value: Its value, in hexadecimal digits in lower case.
    """

    type: str
    value: str

    @classmethod
    def read(cls, type_: Any, value: Any) -> Self | None:
        """Read a checksum as a portal has it; None if it is not one that can be computed."""
        if not isinstance(type_, str) or not isinstance(value, str):
            return None
        kind, digits = type_.strip().lower(), value.strip().lower()
        if kind == "crc":  # Without zeros at the beginning, or as a number of C.
            digits = digits.removeprefix("0x").rjust(8, "0")
        algorithm = _ALGORITHMS.get((kind, len(digits)))
        return cls(algorithm, digits) if algorithm and _DIGITS.fullmatch(digits) else None


@frozen
class Expected:
    """The properties that a file must have.

    Attributes:
        size: Its size in bytes, if it is known.
        checksum: Its checksum, if one is known.
        as_of: When a crawler found these; None if they are those of the file itself. A file that
            was modified later has others.
        format: The format that its publisher states, such as ``csv``; empty if there is none.
    """

    size: int | None = None
    checksum: Checksum | None = None
    as_of: dt.datetime | None = None
    format: str = ""

    @classmethod
    def of(cls, resource: View) -> Self:
        """Read what a resource says about its file; fields that it does not have say nothing."""
        json = resource.to_dict()
        given = _object(json.get("checksum"))
        checksum = Checksum.read(given.get("type"), given.get("value"))
        # Other hosts replace their files without telling the portal.
        size = _size(json.get("filesize")) if json.get("filetype") == "file" else None
        form = json.get("format")
        known = cls(size, checksum, None, form.strip().lower() if isinstance(form, str) else "")
        if checksum is not None or size is not None:
            return known
        extras = _object(json.get("extras"))
        return evolve(
            known,
            checksum=Checksum.read("sha1", extras.get("analysis:checksum")),
            size=_size(extras.get("analysis:content-length")),
            as_of=_date(extras.get("analysis:last-modified-at"))
            or _date(extras.get("check:date"))
            or _UNDATED,
        )

    @property
    def algorithm(self) -> str:
        """The algorithm to compute a checksum of the file with."""
        return USUAL if self.checksum is None else self.checksum.type

    def at(self, modified: dt.datetime | None) -> Expected:
        """The properties to compare a file with that was last modified then.

        Args:
            modified: The date, None if its host does not tell.
        """
        if self.as_of is None or modified is None or modified <= self.as_of:
            return self
        return evolve(self, size=None, checksum=None)

    def check(self, name: str, found: Checksum, size: int) -> None:
        """Compare a file.

        Raises:
            IntegrityError: Its size or its checksum differs.
        """
        self.check_size(name, size)
        if self.checksum is not None and found != self.checksum:
            raise IntegrityError(name, self.checksum.type, self.checksum.value, found.value)

    def check_size(self, name: str, size: int) -> None:
        """Compare the size of a file.

        Raises:
            IntegrityError: It differs.
        """
        if self.size is not None and size != self.size:
            raise IntegrityError(name, "size", f"{self.size:,} bytes", f"{size:,} bytes")


def _object(value: Any) -> JsonObject:
    return value if isinstance(value, dict) else {}


def _size(value: Any) -> int | None:
    return value if type(value) is int and value >= 0 else None


def _date(value: Any) -> dt.datetime | None:
    if not isinstance(value, str):
        return None
    try:
        moment = read_datetime(value)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
