"""The small types that models, operations and their callers share."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal, TypeAlias

from attrs import field, frozen

JsonObject: TypeAlias = dict[str, Any]
"""A JSON object whose keys the API leaves open: extras, metrics, permissions."""

Fields: TypeAlias = str | Iterable[str]
"""The fields wanted of an answer.

In the server's own syntax, ``"id,organization{name}"``, as dotted paths,
``"id,organization.name"``, or as a list of either, ``["id", "organization.name"]``.
"""

Mask: TypeAlias = dict[str, "Mask | None"]
"""The fields asked for: name -> the fields wanted of it, None for all. ``*`` is all others."""


class Unset(Enum):
    """The type of :data:`UNSET`; an enum, so that pickle and deepcopy keep its identity."""

    UNSET = "unset"

    def __bool__(self) -> Literal[False]:
        return False

    def __repr__(self) -> str:
        return "UNSET"

    __str__ = __repr__


UNSET: Final = Unset.UNSET
"""The value of a field that a body does not send. Falsy."""


Id: TypeAlias = str
"""The id or slug of an object."""


@frozen
class File:
    """A file to upload.

    Attributes:
        content: The bytes, or a binary file open for reading.
        name: The file name that the portal is told.
        media_type: The media type; guessed from the name when None.
    """

    content: bytes | BinaryIO = field(repr=False)
    name: str
    media_type: str | None = None

    @classmethod
    def from_path(cls, path: str | Path) -> File:
        """Read a small file into memory, under its own name."""
        path = Path(path)
        return cls(path.read_bytes(), path.name)
