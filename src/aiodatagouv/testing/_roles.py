"""The part of each operation in a collection of objects, read off its path, method and model."""

from __future__ import annotations

import re
from functools import cache
from typing import Any, Literal, TypeAlias
from urllib.parse import unquote

from attrs import evolve, frozen

from .._decoding.declared import Model, declared
from .._decoding.grammar import alternatives
from .._encoding.body import BodyOf
from .._encoding.taken import body_type
from .._views.view import View
from ..api.operations import OPERATIONS
from ..operation import Operation

Role: TypeAlias = Literal["list", "read", "create", "update", "delete"]

_ITEM = re.compile(r"(?P<collection>/(?:[^{}]*/)?)\{\w+\}/")
_PART = re.compile(r"(?P<item>.*\}/)(?P<field>\w+)/(\{\w+\}/)?")
_ROLES: dict[str, Role] = {
    "GET": "read",
    "POST": "create",
    "PUT": "update",
    "PATCH": "update",
    "DELETE": "delete",
}


@frozen
class Act:
    """An operation that the portal in memory carries out.

    Attributes:
        operation: The operation.
        role: The part of it in its collection.
        kind: The name of the model of the collection, as ``Operation.item`` has it.
        model: That model.
        field: The field of the objects whose items it is about, such as ``resources``; None for the
            objects themselves.
    """

    operation: Operation
    role: Role
    kind: str
    model: type[View]
    field: str | None = None

    @property
    def part(self) -> type[View]:
        """The model of what it is about: of the objects, or of the items in their field."""
        return self.model if self.field is None else _item_of(self.model, self.field) or self.model


@cache
def kinds() -> dict[str, type[View]]:
    """The models of which there are collections, by the names that ``Operation.item`` has."""
    return {act.kind: act.model for act in _items().values()}


def root_of(kind: str) -> str:
    """The path of the collection of a kind, below the root of the portal."""
    read = next(act.operation for act in _items().values() if act.kind == kind)
    return f"api/{read.version}{read.path.partition('{')[0]}"


@cache
def acts() -> dict[str, Act]:
    """The operations that are carried out, by their names."""
    found = (act_of(operation) for operation in OPERATIONS.values())
    return {act.operation.name: act for act in found if act is not None}


def act_of(operation: Operation) -> Act | None:
    """The part of an operation in a collection, None if it has none that is simulated.

    Objects are read and listed. They are written where the body is that of their own model, and
    the model has a slug and a creation date: what has neither is made by a workflow.
    """
    items = _items()
    for path, read in items.items():
        item = _ITEM.fullmatch(read.operation.path)
        if item is None or read.operation.version != operation.version:
            continue
        if operation.path == item["collection"] or operation.path == path[1]:
            return _of_collection(operation, read)
        part = _PART.fullmatch(operation.path)
        if part is not None and part["item"] == path[1]:
            return _of_field(operation, read, part["field"])
    return None


@cache
def _items() -> dict[tuple[int, str], Act]:
    """The operations that read one object by its id, by version and path."""
    return {
        (one.version, one.path): Act(one, "read", one.item, model)
        for one in OPERATIONS.values()
        if one.method == "GET" and one.masked and one.item is not None
        if one.kind == "json" and _ITEM.fullmatch(one.path)
        for model in [one.model]
        if model is not None and "id" in declared(model)
    }


def _of_collection(operation: Operation, read: Act) -> Act | None:
    is_of_item = operation.path == read.operation.path
    role: Role = _ROLES[operation.method] if is_of_item or operation.method != "GET" else "list"
    if role in ("create", "update", "delete"):
        if not {"slug", "created_at"} <= {*declared(read.model)} or not _creates(read):
            return None
        if role != "delete" and written_by(operation) is not read.model:
            return None
    elif operation.item != read.kind or (role == "list" and operation.kind != "page"):
        return None
    return evolve(read, operation=operation, role=role)


def _creates(read: Act) -> bool:
    """Whether there is an operation that creates objects in the collection of another."""
    item = _ITEM.fullmatch(read.operation.path)
    return item is not None and any(
        one.method == "POST"
        and (one.version, one.path) == (read.operation.version, item["collection"])
        for one in OPERATIONS.values()
    )


def _of_field(operation: Operation, read: Act, field: str) -> Act | None:
    model = _item_of(read.model, field)
    if model is None or "id" not in declared(model):
        return None
    # Parts are created in their list; they are read, updated and deleted by their id.
    is_item = operation.path.endswith("}/")
    if is_item is (operation.method == "POST"):
        return None
    if operation.method in ("POST", "PUT", "PATCH") and written_by(operation) is not model:
        return None
    return evolve(read, operation=operation, role=_ROLES[operation.method], field=field)


def _item_of(model: type[View], field: str) -> type[View] | None:
    """The model of the items of a field that is a list."""
    if field not in declared(model):
        return None
    items = [
        inside.type
        for one in alternatives(declared(model)[field].type)
        if one.kind == "list"
        for inside in alternatives(one.item)
        if inside.kind == "model"
    ]
    return items[0] if items else None


def model_in(type_: Any) -> type[Model] | None:
    """The one model of the objects of a type, also inside a list; None if there is not one."""
    found = {
        model_in(one.item) if one.kind == "list" else one.type
        for one in alternatives(type_)
        if one.kind in ("list", "model")
    }
    return found.pop() if len(found) == 1 else None


def place_of(model: type[View]) -> str | None:
    """The way to add an object that only others have inside them; None if none has."""
    places = (
        f"add({kind}, {field.name}=...)"
        for kind, one in kinds().items()
        for field in declared(one).values()
        if model_in(field.type) is model
    )
    return next(places, None)


def written_by(operation: Operation) -> type[Model] | None:
    """The model that the body of an operation is the written form of."""
    body = body_of(operation)
    for base in getattr(body, "__orig_bases__", ()):
        if getattr(base, "__origin__", None) is BodyOf:
            model: type[Model] = base.__args__[0]
            return model
    return None


def body_of(operation: Operation) -> type[Model] | None:
    """The model of the body of an operation, None if it takes none or a list."""
    taken = body_type(operation)
    models = [] if taken is None else [one.type for one in alternatives(taken)]
    return models[0] if len(models) == 1 and issubclass(models[0], Model) else None


@cache
def _routes() -> list[tuple[str, int, re.Pattern[str], Operation]]:
    def pattern(path: str) -> re.Pattern[str]:
        return re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(path)))

    # Literal paths first: `suggest` is no dataset.
    ordered = sorted(OPERATIONS.values(), key=lambda one: one.path.count("{"))
    return [(one.method, one.version, pattern(one.path), one) for one in ordered]


def route(method: str, path: str) -> tuple[Operation, dict[str, str]] | None:
    """Find the operation of a request, and its parameters in the path.

    Args:
        method: The HTTP method.
        path: The path of the URL, percent-encoded.
    """
    found = re.search(r"/api/(\d)(/.*)", path)
    for own, version, pattern, operation in _routes() if found else []:
        if found is None or (own, version) != (method, int(found[1])):
            continue
        if matched := pattern.fullmatch(found[2]):
            return operation, {key: unquote(one) for key, one in matched.groupdict().items()}
    return None
