"""The names of API v2: how documents, functions and classes tell them from those of v1.

In the combined Swagger, paths start with ``/api/2``, ids and tags with ``v2.``, and the names of
v2's own definitions with ``V2``. The functions and classes are ``v2.list_topics`` and ``v2.Topic``:
what follows the dot is in a package ``v2`` of ``api`` and of ``models``.
"""

from __future__ import annotations

import re

from . import names

PATH = "/api/2"
MARK = "v2."
DEFINITION = "V2 "

CLASS = re.compile(r"\bV2(?=[A-Z])")
"""The start of the name of a class of API v2 before :mod:`.qualified`."""


def is_second(name: str) -> bool:
    """Return whether an id, a tag, a function or a class is one of API v2."""
    return name.startswith(MARK)


def bare(name: str) -> str:
    """Return a name within its version: ``list_topics`` of ``v2.list_topics``."""
    return name.removeprefix(MARK)


def python_name(wire: str) -> str:
    """Return the name in Python of an id or a tag, which keeps its mark."""
    return f"{MARK if is_second(wire) else ''}{names.python_name(bare(wire))}"


def is_reserved(name: str) -> bool:
    """Return whether a name of a document looks like one of API v2 in the combined Swagger."""
    return is_second(name) or CLASS.match(names.class_name(name)) is not None


def portal_root(url: str) -> str:
    """Return the root of a portal, of which that of one of its APIs may be given."""
    return re.sub(r"(/api(/[12])?)?/?$", "/", url, count=1)


def up(name: str) -> str:
    """Return the way from the file of a tag or a class up to the package, in dots."""
    return "..." if is_second(name) else ".."


def path_below(path: str) -> str:
    """Return a path below the root of its version of the API."""
    return path.removeprefix(PATH)
