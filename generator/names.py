"""Python names for the definitions, fields, parameters and operations of the API."""

from __future__ import annotations

import keyword

from openapi_python_client import strings

TAKEN = {"str", "int", "float", "bool", "list", "dict", "dt", "self", "declare"}
"""Names that generated code refers to, which no field or parameter may shadow."""

INHERITED = {"additional_properties", "check", "from_dict", "of", "to_dict"}
"""Attributes that models inherit, which no field may shadow."""


def class_name(definition: str) -> str:
    """Return the class name of a definition.

    ``Reuse (read)`` becomes ``Reuse``, and ``Reuse (write)`` becomes ``ReuseWrite``.
    """
    name = definition.removesuffix(" (read)")
    if name.endswith(" (write)"):
        name = f"{name.removesuffix(' (write)')}Write"
    return str(strings.ClassName(name, prefix="Model"))


def module_name(class_: str) -> str:
    """Return the module name of a class."""
    return strings.snake_case(class_)


def python_name(wire: str) -> str:
    """Return a snake-case name, followed by an underscore if it is a keyword or in ``TAKEN``."""
    name = strings.snake_case(wire)
    return f"{name}_" if keyword.iskeyword(name) or name in TAKEN else name


def field_name(wire: str) -> str:
    """Return the name of a model's field, followed by an underscore if it is inherited."""
    name = python_name(wire)
    return f"{name}_" if name in INHERITED else name


def compound_name(*parts: str) -> str:
    """Join several words into a class name."""
    return "".join(strings.pascal_case(part) for part in parts)


def sentence(name: str) -> str:
    """Return a name as words: ``get_site`` and ``GetSite`` become ``Get site``."""
    return strings.snake_case(name).replace("_", " ").capitalize()
