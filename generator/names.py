"""The names that Python gets: as a reader of the API expects them."""

from __future__ import annotations

import keyword

from openapi_python_client import strings

TAKEN = {"str", "int", "float", "bool", "list", "dict", "dt", "self", "declare"}
"""What annotations and bodies of generated code refer to: no field or parameter may hide it."""

INHERITED = {"additional_properties", "check", "from_dict", "of", "to_dict"}
"""The names that models inherit, which no field may hide."""


def class_name(definition: str) -> str:
    """``Reuse (read)`` is ``Reuse``, what users meet most; ``Reuse (write)`` is ``ReuseWrite``."""
    name = definition.removesuffix(" (read)")
    if name.endswith(" (write)"):
        name = f"{name.removesuffix(' (write)')}Write"
    return str(strings.ClassName(name, prefix="Model"))


def module_name(class_: str) -> str:
    """The module of a class."""
    return strings.snake_case(class_)


def python_name(wire: str) -> str:
    """A field, parameter or function; only what Python cannot do without gets an underscore."""
    name = strings.snake_case(wire)
    return f"{name}_" if keyword.iskeyword(name) or name in TAKEN else name


def field_name(wire: str) -> str:
    """A field of a model."""
    name = python_name(wire)
    return f"{name}_" if name in INHERITED else name


def compound_name(*parts: str) -> str:
    """A class name out of several words."""
    return "".join(strings.pascal_case(part) for part in parts)


def sentence(name: str) -> str:
    """A name as the beginning of a sentence: ``get_site`` and ``GetSite`` are ``Get site``."""
    return strings.snake_case(name).replace("_", " ").capitalize()
