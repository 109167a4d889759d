"""A simulated object store for fsspec, which can fail, or lose its machine, at each operation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import fsspec
import pytest
from fsspec.spec import AbstractBufferedFile, AbstractFileSystem

from aiodatagouv.bulk._stores import target

from .harvests import Stop

SCHEME = "objects"


class Objects(AbstractFileSystem):
    """An object store: objects appear as a whole, replace others, and cannot be appended to.

    Attributes:
        objects: The path of each object -> its content.
        changes: The changes made, such as ``"put bucket/a.jsonl"``.
        last: The number of changes after which the machine is dead: nothing reaches the store.
        is_lost: Whether that last change is not made either.
        error: The error of all operations from then on.
    """

    protocol = SCHEME
    cachable = False
    objects: ClassVar[dict[str, bytes]] = {}
    changes: ClassVar[list[str]] = []
    last: ClassVar[int | None] = None
    is_lost: ClassVar[bool] = False
    error: ClassVar[type[Exception]] = Stop

    @classmethod
    @contextmanager
    def failing(
        cls, last: int, *, is_lost: bool = False, error: type[Exception] = Stop
    ) -> Iterator[None]:
        """Let all operations fail after a number of changes."""
        cls.changes.clear()
        cls.last, cls.is_lost, cls.error = last, is_lost, error
        try:
            yield
        finally:
            cls.last = None

    @classmethod
    def _change(cls, change: str, make: Callable[[], object]) -> None:
        cls._check()
        cls.changes.append(change)
        if not (cls.is_lost and len(cls.changes) == cls.last):
            make()
        cls._check()

    @classmethod
    def _check(cls) -> None:
        if cls.last is not None and len(cls.changes) >= cls.last:
            raise cls.error("the store is out of reach")

    def cat_file(
        self, path: str, start: int | None = None, end: int | None = None, **_: Any
    ) -> bytes:
        self._check()
        try:
            return self.objects[path][start:end]
        except KeyError:
            raise FileNotFoundError(path) from None

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **_: Any) -> None:
        if mode == "create" and path in self.objects:
            raise FileExistsError(path)
        self._change(f"put {path}", lambda: self.objects.update({path: value}))

    def rm_file(self, path: str) -> None:
        self._change(f"remove {path}", lambda: self.objects.pop(path, None))

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        return {"name": path, "size": len(self.cat_file(path)), "type": "file"}

    def find(self, path: str, *_: Any, **__: Any) -> dict[str, Any]:
        self._check()
        return {
            one: {"size": len(content)}
            for one, content in self.objects.items()
            if one == path or one.startswith(f"{path}/")
        }

    def _open(self, path: str, mode: str = "rb", **options: Any) -> _Upload:
        options.pop("cache_options", None)
        return _Upload(self, path, mode, **options)


class _Upload(AbstractBufferedFile):
    """An upload in parts, or an object that is read."""

    parts: list[bytes]

    def _fetch_range(self, start: int, end: int) -> bytes:
        content: bytes = self.fs.cat_file(self.path, start, end)
        return content

    def _initiate_upload(self) -> None:
        self.parts = []

    def _upload_chunk(self, final: bool = False) -> bool:
        part = self.buffer.getvalue()
        Objects._change(f"send {self.path}", lambda: self.parts.append(part))
        if final and self.autocommit:
            self.commit()
        return True

    def commit(self) -> None:
        self.fs.pipe_file(self.path, b"".join(self.parts))


@pytest.fixture
def objects(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """The objects of an empty store, whose URLs begin with ``objects://``."""
    fsspec.register_implementation(SCHEME, Objects, clobber=True)
    monkeypatch.setitem(target.PACKAGES, SCHEME, "a package")
    monkeypatch.setattr(target, "_BLOCK", 1000)
    Objects.objects.clear()
    Objects.changes.clear()
    return Objects.objects
