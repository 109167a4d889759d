"""The classes of the installed release of udata, and replacements for those that it lacks.

The other modules seed the data of all releases: classes that not every one has are taken with
`find`, and fields that a release lacks are dropped from new documents.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import Any


class Absent:
    """A name that this release lacks: false and empty; its attributes and instances are as well."""

    def __bool__(self) -> bool:
        return False

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __getattr__(self, name: str) -> Absent:
        return self

    def __call__(self, *args: Any, **values: Any) -> Absent:
        return self


ABSENT = Absent()


def find(name: str, *modules: str) -> Any:
    """Return an object of the first of these modules that has it, or `ABSENT`."""
    for module in modules:
        if exists(module) and hasattr(found := import_module(module), name):
            return getattr(found, name)
    return ABSENT


def exists(module: str) -> bool:
    """Tell whether this release has a module, without importing it."""
    parent = module.rpartition(".")[0]
    return (not parent or exists(parent)) and find_spec(module) is not None


def present(items: list[Any]) -> list[Any]:
    """Return the items whose classes this release has."""
    return [item for item in items if not isinstance(item, Absent)]


def has_field(document_class: Any, name: str) -> bool:
    """Tell whether the documents of a class have a field; those of absent classes have none."""
    return bool(document_class) and name in document_class._fields


def drop_unknown_fields(document_class: Any, values: dict[str, Any], **_: Any) -> None:
    """Drop the fields that this release lacks from a new document; a receiver of `pre_init`."""
    for name in values.keys() - {*document_class._fields, "id", "pk", "_cls", "_text_score"}:
        del values[name]
