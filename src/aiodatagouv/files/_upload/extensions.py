"""The names of files, as the portal changes them, and the extensions that it accepts."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Collection
from posixpath import splitext

ALWAYS = frozenset({"abw", "bmp", "gnumeric", "ini", "odf", "plist", "yaml", "yml"})
"""The extensions that a portal accepts by default without listing them.

They are those of its storage library, which it allows in addition to its own list.
"""


def normalized(name: str) -> str:
    """The name that the portal gives to a file, exactly for ASCII and about for other letters.

    >>> normalized("It's a File.CSV")
    'its-a-file.csv'
    """
    text = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9.]+", "-", text.lower().replace("'", "")).strip("-")


def may_be(name: str, found: str) -> bool:
    """Whether the portal may have made a name of this one. Letters that are not ASCII do not count.

    >>> may_be("Œuvres d'art.csv", "oeuvres-dart.csv")
    True
    """
    there = iter(found.lower())
    return all(one in there for one in name.lower() if one.isascii() and one.isalnum())


def extension(name: str) -> str:
    """The extension by which the portal decides: the last one, in lower case, without the dot."""
    return splitext(normalized(name))[1].removeprefix(".")


def check_extension(name: str, allowed: Collection[str]) -> None:
    """Check that the portal accepts files of a name.

    Args:
        name: The name.
        allowed: The extensions that the portal lists.

    Raises:
        ValueError: It does not.
    """
    found = extension(name)
    if found in allowed or found in ALWAYS:
        return
    if not found:
        stem, ending = (normalized(one).strip(".-") for one in splitext(name))
        raise ValueError(
            f"{name!r} has no extension as the portal writes names, and it decides by it; give "
            f"another name, such as name='{stem or 'data'}.{ending or 'csv'}'"
        )
    near = difflib.get_close_matches(found, sorted(allowed), n=3)
    advice = f" (did you mean {', '.join(near)}?)" if near else ""
    raise ValueError(
        f"{name!r}: the portal does not accept files with the extension .{found}{advice}; "
        "api.datasets.list_allowed_extensions() has those that it does"
    )
