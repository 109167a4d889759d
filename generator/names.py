"""Python names for the definitions, fields, parameters and operations of the API."""

from __future__ import annotations

import keyword
import re
import unicodedata
from collections.abc import Set

from openapi_python_client import strings

from .errors import GenerationError

MAX_LENGTH = 100
"""The longest name, which is also the longest name of a file without its suffix."""

MODULES = {
    *("api", "client", "enums", "field", "models", "operations", "ops", "v2"),
    *("aux", "con", "nul", "prn"),
}
"""Modules that the package has of its own, and names that some systems give to devices."""

CLASSES = {
    *(
        "Any",
        "Body",
        "BodyOf",
        "Client",
        "Crawled",
        "Fields",
        "File",
        "Final",
        "Id",
        "JsonObject",
        "Link",
        "Literal",
    ),
    *("Mapping", "ModuleType", "Operation", "Order", "PageView", "Paginator", "Parameter"),
    *("Sequence", "Stream", "T", "TypeAlias", "TypeVar", "UNSET", "Unset", "View", "Enums"),
}
"""Classes that generated code refers to, which no model or enum may shadow."""

FUNCTIONS = {
    *("answers", "call", "client", "dt", "getattr", "globals", "import_module", "operations"),
    *("ops", "overload", "prepare", "releases", "renamed", "renamed_constants", "sorted"),
    *("aliases", "models", "v2"),
}
"""Names that generated code refers to, which no function may shadow."""

NONE: frozenset[str] = frozenset()

_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]*")

TAKEN = {
    *("str", "int", "float", "bool", "list", "dict", "dt", "self", "declare", "v2"),
    *("answers", "call", "models", "ops", "prepare"),
}
"""Names that generated code refers to, which no field or parameter may shadow."""

INHERITED = {"additional_properties", "analysis", "check", "from_dict", "of", "scan", "to_dict"}
"""Attributes that models inherit, which no field may shadow."""


class NameRefusedError(GenerationError):
    """A name of the document cannot become a name in Python."""


def is_usable(name: object) -> bool:
    """Return whether a text is a public ASCII identifier of at most ``MAX_LENGTH`` characters."""
    return (
        isinstance(name, str)
        and len(name) <= MAX_LENGTH
        and name.isidentifier()
        and _IDENTIFIER.fullmatch(name) is not None
        and not keyword.iskeyword(name)
    )


def is_module(name: str) -> bool:
    """Return whether a text is the name of a module, private ones included."""
    return is_usable(name.removeprefix("_"))


def checked(name: str, wire: str, taken: Set[str] = NONE) -> str:
    """Return the name in Python of a name of the document.

    Raises:
        NameRefusedError: It is not an identifier, or generated code needs it for something else.
    """
    if name in taken:
        raise NameRefusedError(f"{_shown(wire)} would become {name}, which generated code uses")
    if not is_usable(name):
        raise NameRefusedError(f"{_shown(wire)} cannot become a name in Python")
    return name


def _shown(wire: str) -> str:
    return repr(wire) if len(wire) <= MAX_LENGTH else f"{wire[:40]!r}... ({len(wire)} characters)"


def _ascii(text: str) -> str:
    """Return the characters of a text that are ASCII after their accents are removed."""
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()


def class_name(definition: str) -> str:
    """Return the class name of a definition.

    ``Reuse (read)`` becomes ``Reuse``, and ``Reuse (write)`` becomes ``ReuseWrite``.
    """
    name = definition.removesuffix(" (read)")
    if name.endswith(" (write)"):
        name = f"{name.removesuffix(' (write)')}Write"
    return str(strings.ClassName(_ascii(name), prefix="Model"))


def module_name(class_: str) -> str:
    """Return the module name of a class."""
    return strings.snake_case(class_)


def python_name(wire: str) -> str:
    """Return a snake-case name, followed by an underscore if it is a keyword or in ``TAKEN``."""
    name = strings.snake_case(_ascii(wire))
    return f"{name}_" if keyword.iskeyword(name) or name in TAKEN else name


def field_name(wire: str) -> str:
    """Return the name of a model's field, followed by an underscore if it is inherited."""
    name = python_name(wire)
    return f"{name}_" if name in INHERITED else name


def compound_name(*parts: str) -> str:
    """Join several words into a class name."""
    return "".join(strings.pascal_case(_ascii(part)) for part in parts)


def sentence(name: str) -> str:
    """Return a name as words: ``get_site`` and ``GetSite`` become ``Get site``."""
    return strings.snake_case(name).replace("_", " ").capitalize()
