"""Partitions as Hive names them: by what rows are partitioned, and the names of their folders.

``year(created_at), frequency`` puts a row into ``created_at_year=2024/frequency=annual``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import unquote

from attrs import frozen

from ..._checks import check_text

NULL = "__HIVE_DEFAULT_PARTITION__"
"""The value of a partition for rows that have none."""

DIGITS = {"year": 4, "month": 7, "day": 10}
"""A function of a date -> the characters of its text, such as ``2024-03-05``, that it leaves."""

_KEY = re.compile(r"(?:(\w+)\s*\(\s*([^\s(),]+)\s*\)|([^\s(),]+))")

_SPECIAL = re.compile(r"""[\x00-\x1f\x7f"#%'*/:=?\\{}\[\]^]""")
"""The characters that Hive writes as ``%2F``."""


@frozen
class Key:
    """A column, or a function of one, by which rows are partitioned.

    Attributes:
        path: The name of a column, or the names that lead to a field of its structs.
        function: The function of a date: "year", "month" or "day"; None for the value itself.
    """

    path: tuple[str, ...]
    function: str | None = None

    @property
    def column(self) -> str:
        """The path with dots."""
        return ".".join(self.path)

    @property
    def name(self) -> str:
        """The name of the column that readers make of the folders."""
        return "_".join([*self.path, *([self.function] if self.function else [])])

    def __str__(self) -> str:
        return f"{self.function}({self.column})" if self.function else self.column


def read_keys(given: str | Sequence[str]) -> tuple[Key, ...]:
    """Read what to partition by.

    >>> read_keys("year(created_at), organization.name")
    (Key(path=('created_at',), function='year'), Key(path=('organization', 'name'), function=None))

    Raises:
        ValueError: It is not such a list, or a key is given twice.
    """
    texts = given.split(",") if isinstance(given, str) else [*given]
    for text in texts:
        check_text("partition_by", text)
    keys = [_key(text.strip()) for text in texts]
    names = [key.name for key in keys]
    if not keys:
        raise ValueError("partition_by is empty: name a column, or leave it out")
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"partition_by: {name} is given twice")
    return tuple(keys)


def _key(text: str) -> Key:
    found = _KEY.fullmatch(text)
    if found is None:
        raise ValueError(
            f"partition_by: {text!r} is neither a column nor year(column), month(column) or "
            "day(column)"
        )
    function, inside, column = found.groups()
    if function is not None and function not in DIGITS:
        raise ValueError(f"partition_by: {function} is no function: take {', '.join(DIGITS)}")
    return Key(tuple((inside or column).split(".")), function)


def folder_of(name: str, value: str | None) -> str:
    """The name of the folder of a value. As for Hive, empty text is no value."""
    text = _SPECIAL.sub(lambda found: f"%{ord(found[0]):02X}", value) if value else NULL
    return f"{name}={text}"


def value_of(folder: str) -> str | None:
    """The value of a folder that :func:`folder_of` has named."""
    text = folder.partition("=")[2]
    return None if text == NULL else unquote(text)
