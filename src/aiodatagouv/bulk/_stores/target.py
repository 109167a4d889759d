"""Objects in a store: their URLs, what can be done with them, and the errors of the store."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from io import BufferedReader, RawIOBase
from pkgutil import resolve_name
from typing import Any, BinaryIO, Protocol, Self, cast

from attrs import evolve, frozen

from ...errors import DestinationError, StoreError, one_line
from .._lines.compression import needs
from ..sinks import SUFFIXES

PACKAGES = {
    "s3": "s3fs",
    "s3a": "s3fs",
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "abfs": "adlfs",
    "abfss": "adlfs",
    "az": "adlfs",
}
"""The schemes of the stores in which an object appears as a whole, and their packages."""

_FAILURES = {
    "s3fs": ("botocore.exceptions:BotoCoreError",),
    "gcsfs": (
        "gcsfs.retry:HttpError",
        "google.auth.exceptions:GoogleAuthError",
        "aiohttp:ClientError",
    ),
    "adlfs": ("azure.core.exceptions:AzureError",),
}
"""The errors of these packages that are no ``OSError``."""

NUMBERED = re.compile(r"[0-9a-f]{16}-\d{6}")
"""The names of the objects of pieces and entries: a random number or a checksum, and a number."""

_BLOCK = 8 << 20
"""Bytes that are sent or received at once. S3 takes at most 10,000 parts of an object."""

_CHUNK = 1 << 20
"""Bytes that are handed on at once."""


class _File(Protocol):
    """The methods that are used of a file of fsspec."""

    closed: bool

    def read(self, size: int, /) -> bytes: ...
    def write(self, data: bytes, /) -> int: ...
    def close(self) -> None: ...
    def commit(self) -> None: ...
    def discard(self) -> None: ...


class _FileSystem(Protocol):
    """The methods that are used of a file system of fsspec."""

    def cat_file(self, path: str, /) -> bytes: ...
    def pipe_file(self, path: str, data: bytes, /, *, mode: str = ...) -> object: ...
    def rm_file(self, path: str, /) -> object: ...
    def info(self, path: str, /) -> dict[str, Any]: ...
    def find(self, path: str, /, *, detail: bool) -> dict[str, Any]: ...
    def open(self, path: str, mode: str, /, *, block_size: int, **options: bool) -> Any: ...


@frozen
class Target:
    """An object in a store, or the folder of some.

    All methods raise a :class:`~aiodatagouv.errors.StoreError` if the store fails.

    Attributes:
        url: Its URL.
        path: Its path in the store.
    """

    url: str
    path: str
    _system: _FileSystem
    _failures: tuple[type[Exception], ...]

    @classmethod
    def of(cls, url: str, options: Mapping[str, Any] | None) -> Self:
        """The object of a URL.

        Args:
            url: The URL of a destination.
            options: Options of the store, in addition to those that fsspec is configured with.

        Raises:
            DestinationError: It cannot be a destination, or a package for the store is missing.
        """
        package = _check(url)
        try:
            core = import_module("fsspec.core")
        except ImportError:
            raise needs("fsspec", "fsspec", url) from None
        try:
            system, path = core.url_to_fs(url, **{**(options or {}), "use_listings_cache": False})
        except ImportError:
            raise DestinationError(
                f"{url} needs the package {package}: pip install {package}"
            ) from None
        except (ValueError, TypeError, OSError) as error:
            raise DestinationError(f"{url}: {one_line(str(error))}") from None
        return cls(url, path, system, (OSError, *map(resolve_name, _FAILURES.get(package, ()))))

    def beside(self, end: str) -> Self:
        """Another object, whose name begins with that of this one."""
        return evolve(self, url=f"{self.url}{end}", path=f"{self.path}{end}")

    def get(self) -> bytes | None:
        """Its content; None if there is none."""
        with self._told():
            try:
                return self._system.cat_file(self.path)
            except FileNotFoundError:
                return None

    def put(self, content: bytes) -> None:
        """Write it, in place of what is there."""
        with self._told():
            self._system.pipe_file(self.path, content)

    def create(self, content: bytes) -> bool:
        """Write it, unless there is one already; whether it was written."""
        with self._told():
            try:
                self._system.pipe_file(self.path, content, mode="create")
            except OSError:
                # Not every store tells so why it refuses.
                if self.size() is None:
                    raise
                return False
        return True

    def remove(self) -> None:
        """Remove it, if it is there."""
        with self._told():
            try:
                self._system.rm_file(self.path)
            except FileNotFoundError:
                return

    def size(self) -> int | None:
        """Its size in bytes; None if it is not there."""
        with self._told():
            try:
                size: int = self._system.info(self.path)["size"]
            except FileNotFoundError:
                return None
        return size

    def names(self) -> list[str]:
        """The names of all objects in this folder, in order."""
        with self._told():
            paths = self._system.find(self.path, detail=True)
        return sorted(path.removeprefix(f"{self.path}/") for path in paths)

    def chunks(self) -> Iterator[bytes]:
        """Iterate over its content."""
        with self._told(), self._system.open(self.path, "rb", block_size=_BLOCK) as opened:
            file: _File = opened
            while chunk := file.read(_CHUNK):
                yield chunk

    def upload(self, chunks: Iterable[bytes]) -> None:
        """Write a large one, in parts. It appears when all of them are there, or not at all."""
        with self._told():
            file: _File = self._system.open(self.path, "wb", block_size=_BLOCK, autocommit=False)
            try:
                for chunk in chunks:
                    file.write(chunk)
                file.close()
                file.commit()
            except BaseException:
                file.closed = True  # Otherwise its finaliser would complete what is not whole.
                file.discard()
                raise

    @contextmanager
    def _told(self) -> Generator[None]:
        """Turn the errors of the store into one that names the URL.

        Their tracebacks are left out: they hold requests, with their signatures.
        """
        try:
            yield
        except self._failures as error:
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise StoreError(f"{self.url}: {one_line(reason)}") from None


def _check(url: str) -> str:
    """Check a URL, before anything is loaded or sent.

    Returns:
        The package for the store.

    Raises:
        DestinationError: It cannot be a destination.
    """
    scheme, _, rest = url.partition("://")
    bucket, _, key = rest.partition("/")
    package = PACKAGES.get(scheme)
    # Until here, the URL may have a password in it: only its scheme is shown.
    if package is None:
        raise DestinationError(
            f"a URL that begins with {url.partition(':')[0]}: cannot be a destination: a file can "
            "be a path, or an object in a store in which it appears as a whole "
            f"({', '.join(f'{one}://' for one in PACKAGES)}): harvest to a path and copy it"
        )
    # A password with a slash seems to be a folder: s3://user:pass/word@bucket/a.jsonl.
    if ":" in bucket or ("@" in bucket and package != "adlfs"):
        raise DestinationError(
            f"the URL of a destination ({scheme}://) has no user or password in it: configure them "
            "for fsspec, or set the environment variables of the store"
        )
    shown = url.partition("?")[0]
    if not url.endswith(SUFFIXES):
        raise DestinationError(f"{shown}: its suffix must be one of {', '.join(SUFFIXES)}")
    if not bucket or not key or "//" in key:
        raise DestinationError(f"{shown}: it must be {scheme}://bucket/folder/name")
    return package


class _Chunks(RawIOBase):
    """Chunks as a file to read."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._left = memoryview(b"")

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read into a buffer as much as there is at once."""
        while not self._left:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._left = memoryview(chunk)
        size = min(len(buffer), len(self._left))
        buffer[:size] = self._left[:size]
        self._left = self._left[size:]
        return size


def file_of(chunks: Iterator[bytes]) -> BinaryIO:
    """A file that consists of chunks."""
    return BufferedReader(cast("RawIOBase", _Chunks(chunks)), _CHUNK)
