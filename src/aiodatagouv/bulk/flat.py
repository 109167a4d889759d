"""Flat tables: a row for each object of a list in each item, with some fields of the item.

``explode="resources"`` makes a row of each resource. The fields of the object have their own names
there, those of the item the name of its model before them: ``dataset_id``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeAlias

import msgspec
from attrs import frozen

from .._decoding.declared import Declared, Model, declared
from .._decoding.grammar import Alternative, alternatives, words_of
from .._fields import mask as masks
from ..errors import DecodeError, MaskError
from ..links import Link
from ..operation import Operation
from ..types import JsonObject, Mask
from ._lines.lines import item_of

Path: TypeAlias = tuple[str, ...]
"""The names that lead to a list in an item: ``("organization", "badges")``."""


@frozen
class Flat:
    """A flat table of a list in each item.

    Attributes:
        operation: The operation's name, for errors.
        path: The path of the list.
        prefix: The text before the names of the item's fields.
        mask: The fields to ask for, the list among them.
        columns: Those of the item that are wanted in each row, the id among them.
    """

    operation: str
    path: Path
    prefix: str
    mask: Mask
    columns: Mask

    @classmethod
    def of(cls, operation: Operation, explode: str, mask: Mask | None) -> Flat:
        """Prepare a flat table.

        Args:
            operation: The operation that lists the items.
            explode: The dotted path of the list in each item.
            mask: The fields wanted: those of the item, and those of the objects if it names the
                list. Without it, the id of the item, if it has one, and all of the objects.

        Raises:
            MaskError: There is no such list, or two columns would have one name.
        """
        model = masks.model_of(operation)
        prefix = f"{snake_case(model.__name__)}_"
        try:
            if not isinstance(explode, str):
                raise MaskError("give the name of one list, or its dotted path")
            path = tuple(explode.split("."))
            element = _element(model, path)
            own: Mask = {"id": None} if "id" in declared(model) else {}
            mask = masks.including({**own, **(mask or {})}, _askable(model, path))
            columns = _without(mask, path)
            wanted = declared(model) if "*" in columns else columns
            for name in sorted({f"{prefix}{one}" for one in wanted} & {*element}):
                raise MaskError(f"two columns would be {name}: do not ask for it")
        except MaskError as error:
            raise MaskError(f"{operation.name}: explode={explode!r:.200}: {error}") from None
        return cls(operation.name, path, prefix, mask, columns)

    @property
    def key(self) -> str:
        """The column with the id of the item."""
        return f"{self.prefix}id"

    def owns(self, column: str) -> bool:
        """Whether a column is one of the item, which has the same value in all its rows."""
        name = column.removeprefix(self.prefix)
        return name != column and self._is_wanted(name)

    def lines(self, item: bytes) -> list[bytes]:
        """The rows of an item, each as a line of JSON.

        Raises:
            DecodeError: See :meth:`rows`.
        """
        return [msgspec.json.encode(row) for row in self.rows(item_of(item))]

    def rows(self, item: JsonObject) -> list[JsonObject]:
        """The rows of an item, in the order of the list; none if the list is empty or null.

        Raises:
            DecodeError: The item lacks its id, the list is none of objects, or one of them has a
                field with the name of a column of the item.
        """
        key = item.get("id")
        if "id" in self.columns and not isinstance(key, str):
            raise self._error(key, None, "id", "an id")
        objects, others = self._taken(item, self.path)
        if objects is None:
            return []
        if not isinstance(objects, list):
            raise self._error(objects, key, "", "a list of objects")
        own = {f"{self.prefix}{one}": others[one] for one in others if self._is_wanted(one)}
        rows: list[JsonObject] = []
        for number, one in enumerate(objects):
            if not isinstance(one, dict):
                raise self._error(one, key, f"[{number}]", "an object")
            if not own.keys().isdisjoint(one):
                name = min(own.keys() & one.keys())
                expected = "no field with the name of a column of the item"
                raise self._error(name, key, f"[{number}].{name}", expected)
            rows.append(own | one)
        return rows

    def _is_wanted(self, name: str) -> bool:
        """Whether a field of an item, without the list, is a column."""
        is_list = self.path == (name,)
        return name in self.columns or ("*" in self.columns and not is_list)

    def _taken(self, item: JsonObject, path: Path) -> tuple[Any, JsonObject]:
        """Take the list out of an item: the list, and a copy of the item without it."""
        name, *below = path
        value = item.get(name)
        if not below:
            return value, {key: one for key, one in item.items() if key != name}
        if not isinstance(value, dict):
            if value is None:
                return None, item
            where = ".".join(self.path[: -len(below)])
            raise self._error(value, item.get("id"), None, f"an object in {where}")
        objects, rest = self._taken(value, tuple(below))
        return objects, {**item, name: rest}

    def _error(self, found: object, key: object, where: str | None, expected: str) -> DecodeError:
        """The error for an item that has other contents than its model says."""
        path = "id" if where == "id" else f"{'.'.join(self.path)}{where or ''}"
        return DecodeError(
            f"{found!r:.80}",
            operation=self.operation,
            path=f"$.{path}",
            expected=expected,
            id=key if isinstance(key, str) else None,
        )


def lists_of(model: type[Model]) -> list[str]:
    """The dotted paths of the lists of objects in a model, also in objects in it."""
    return [".".join(path) for path in _lists(model, ())]


def _lists(model: type[Model], above: tuple[type[Model], ...]) -> list[Path]:
    found: list[Path] = []
    for name, field in declared(model).items():
        one = _only(field)
        if one is not None and _is_list(one):
            found.append((name,))
        elif one is not None and one.kind == "model" and one.type not in (*above, model):
            found += [(name, *path) for path in _lists(one.type, (*above, model))]
    return found


def _element(model: type[Model], path: Path) -> Mapping[str, Declared]:
    """The fields of the objects in a list of a model; none if these are free-form.

    Raises:
        MaskError: There is no such list.
    """
    here, where = model, ""
    for depth, name in enumerate(path, start=1):
        if name not in declared(here):
            raise masks.unknown(name, here, where)
        field = declared(here)[name]
        one, is_last = _only(field), depth == len(path)
        if is_last and one is not None and _is_list(one):
            (inside,) = alternatives(one.item)
            return declared(inside.type) if inside.kind == "model" else {}
        if is_last or one is None or one.kind != "model":
            raise _no_list(model, f"{where}{name}", field, is_last=is_last)
        here, where = one.type, f"{where}{name}."
    return {}


def _only(field: Declared) -> Alternative | None:
    """The type of a field besides null, if there is only one."""
    several = [one for one in alternatives(field.type) if one.kind != "null"]
    return several[0] if len(several) == 1 else None


def _is_list(one: Alternative) -> bool:
    """Whether a type is a list of objects."""
    inside = alternatives(one.item) if one.kind == "list" else ()
    return len(inside) == 1 and inside[0].kind in ("model", "object")


def _no_list(model: type[Model], name: str, field: Declared, *, is_last: bool) -> MaskError:
    """The error for a field that is no list of objects, or that no list is in."""
    known = ", ".join(lists_of(model)) or "none"
    kind = words_of(field.type)
    problem = f"{name} is {kind}, not a list of objects"
    if any(one.kind == "model" and issubclass(one.type, Link) for one in alternatives(field.type)):
        problem = f"{name} is a link to a list of its own: harvest that"
    elif not is_last:
        problem = f"{name} is {kind}: a path leads through objects only"
    return MaskError(f"{problem}; the lists of {model.__name__}: {known}")


def _askable(model: type[Model], path: Path) -> Path:
    """The part of a path that a mask can name: what the portal only sends as a whole is its end."""
    here = model
    for depth, name in enumerate(path, start=1):
        field = declared(here)[name]
        if field.whole or depth == len(path):
            return path[:depth]
        (here,) = [one.type for one in alternatives(field.type) if one.kind == "model"]
    return path


def _without(mask: Mask, path: Path) -> Mask:
    """A mask without the field at a path."""
    name, *below = path
    rest = {one: inside for one, inside in mask.items() if one != name}
    if below and name in mask:
        inside = mask[name]
        kept: Mask = {"*": None} if inside is None else _without(inside, tuple(below))
        return {**rest, name: kept} if kept else rest
    return rest


def snake_case(name: str) -> str:
    """A name of a class in lower case, with ``_`` between its words."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
