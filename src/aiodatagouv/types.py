"""The small types that models, operations and their callers share."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

from attrs import field, frozen

from ._unset import UNSET as UNSET
from ._unset import Unset as Unset

JsonObject: TypeAlias = dict[str, Any]
"""A JSON object whose keys the API leaves open: extras, metrics, permissions."""

Fields: TypeAlias = str | Iterable[str]
"""The fields wanted of an answer.

In the server's own syntax, ``"id,organization{name}"``, as dotted paths,
``"id,organization.name"``, or as a list of either, ``["id", "organization.name"]``.
"""

Mask: TypeAlias = dict[str, "Mask | None"]
"""The fields asked for: name -> the fields wanted of it, None for all. ``*`` is all others."""


Id: TypeAlias = str
"""The id or slug of an object."""


@frozen
class Progress:
    """The progress of a file that is sent or fetched.

    Attributes:
        done: The bytes that were transferred, those of an interrupted run included. It falls when a
            download has to begin again.
        total: The size of the file in bytes; None while it is not known.
        name: The name of the file.
    """

    done: int
    total: int | None
    name: str = ""


OnProgress: TypeAlias = Callable[[Progress], object]
"""Called whenever a transfer has made progress."""


@frozen
class File:
    """A file to upload.

    Attributes:
        content: The bytes, a binary file open for reading, or the path of a file, which is opened
            whenever it is sent and never read as a whole.
        name: The file name that the portal is told.
        media_type: The media type; guessed from the name when None.
    """

    content: bytes | BinaryIO | Path = field(repr=False)
    name: str
    media_type: str | None = None

    @classmethod
    def from_path(cls, path: str | Path) -> File:
        """Name a file on disk, to be sent under its own name.

        Raises:
            OSError: It cannot be read.
        """
        path = Path(path)
        with path.open("rb"):
            return cls(path, path.name)

    def open(self, opened: ExitStack) -> bytes | BinaryIO:
        """The bytes or the binary file to send; a path is opened, and closed by the stack.

        Raises:
            OSError: The path cannot be read.
        """
        if isinstance(self.content, Path):
            return opened.enter_context(self.content.open("rb"))
        return self.content
