"""The conditions of a download, and what comes of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from attrs import field, frozen

from ..._checks import check_callback, check_limit, checked
from ...types import OnProgress
from .checksums import Checksum, Expected

MAX_SIZE = 100 << 30
"""The most bytes of a file, by default: 100 GiB."""


def _shown(url: str) -> str:
    return repr(url.partition("?")[0])


@frozen
class Download:
    """A file that was fetched.

    Attributes:
        path: The path that it was written to.
        size: Its size in bytes.
        checksum: The checksum that it was compared with; None if none was known.
        url: The address that it came from, all redirects followed.
        etag: The ``ETag`` there, None if there is none.
        last_modified: Its ``Last-Modified`` there, None if there is none.
        resumed: The bytes of it that an interrupted call had received.
        digest: Its checksum as it was computed, by SHA-256 if none was known.
    """

    path: Path
    size: int
    checksum: Checksum | None
    url: str = field(repr=_shown)
    etag: str | None
    last_modified: str | None
    resumed: int
    digest: Checksum


@frozen
class NotModified:
    """The answer of a host that has no newer version of a file."""


@frozen
class Wanted:
    """The conditions of a download.

    Attributes:
        expected: The properties that the file must have.
        etag: The ``ETag`` of the version that is there already.
        last_modified: The ``Last-Modified`` of that version.
        max_size: The most bytes that the file may have; None for no limit.
        allow_private: Whether hosts may have addresses that are not of the internet.
        resume: Whether to continue what an interrupted call has received.
        progress: Called whenever there is progress.
        before: Awaited when the file is whole and verified, before it gets its name.
    """

    expected: Expected = field(factory=Expected)
    etag: str | None = None
    last_modified: str | None = None
    max_size: int | None = field(default=MAX_SIZE, validator=checked(check_limit))
    allow_private: bool = False
    resume: bool = True
    progress: OnProgress | None = field(default=None, validator=checked(check_callback))
    before: Callable[[Download], Awaitable[object]] | None = None
