"""The Swagger of a release, compared with the types of the package, place by place."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from typing import Any, get_args, get_origin, get_type_hints

from attrs import Factory, define

from aiodatagouv import Operation
from aiodatagouv._decoding.declared import Model, declared
from generator.schemas import reference_name

from ..portal import path_of, route_of
from .prover import alternatives, answer_type
from .sent import name_of
from .variants import literals

Swagger = Mapping[str, Any]

PYTHON = {
    "string": (str, dt.datetime, dt.date),
    "integer": (int, float),
    "number": (float, int),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict, Model),
    "file": (object,),
}
"""Type of a Swagger -> the Python types that hold its values."""


def served(document: Swagger, version: int) -> dict[tuple[str, str], Swagger]:
    """Return the operations of the Swagger of a version of the API by method and route.

    Routes have no names of parameters and no slash at the end: both differ between releases.
    """
    start = "" if version == 1 else f"/api/{version}"
    return {
        (method.upper(), route_of(start + path)): operation | {"shared": item.get("parameters", [])}
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method != "parameters"
    }


@define
class Comparison:
    """The differences between the Swagger of a release and the functions of the package.

    Attributes:
        document: The Swagger of one version of the API.
        places: The number of places compared: fields, items, parameters and answers.
        retyped: The places whose declared types differ.
        undeclared: The fields of answers that the package does not declare.
        lacking: The fields of answers that the release does not declare.
        unsent: The fields of bodies that the release does not declare.
        ignored: The query parameters that the release does not declare.
    """

    document: Swagger
    places: int = 0
    retyped: set[str] = Factory(set)
    undeclared: set[str] = Factory(set)
    lacking: set[str] = Factory(set)
    unsent: set[str] = Factory(set)
    ignored: set[str] = Factory(set)
    _seen: set[tuple[str, Any]] = Factory(set)

    def compare(self, operation: Operation) -> None:
        """Compare the parameters, the body and the answer of an operation that both have."""
        route = operation.method, route_of(path_of(operation))
        there = served(self.document, operation.version)[route]
        declared_there = {
            one["name"]: one for one in [*there["shared"], *there.get("parameters", [])]
        }
        for parameter in operation.parameters:
            self.places += 1
            if parameter.place == "query" and parameter.key not in declared_there:
                self.ignored.add(f"{operation.name}({parameter.name})")
        body = next((one for one in declared_there.values() if one["in"] == "body"), None)
        hints = get_type_hints(operation.function)
        if body is not None and "body" in hints:
            self._walk(body["schema"], hints["body"], operation.name, self._send)
        answers = [
            one.get("schema") for status, one in there["responses"].items() if status[0] == "2"
        ]
        if operation.kind in ("json", "page") and answers and answers[0] is not None:
            self._walk(answers[0], answer_type(operation.function), operation.name, self._receive)

    def _walk(self, schema: Swagger, type_: Any, where: str, lack: Callable[..., None]) -> None:
        """Compare a schema with a type, and everything below."""
        self.places += 1
        types = {one for one in alternatives(type_) if one is not type(None)}
        if Any in types or object in types:
            return
        while (name := _only_reference(schema)) is not None:
            if (name, type_) in self._seen:
                return
            self._seen.add((name, type_))
            schema = self.document["definitions"][name]
        kind = schema.get("type", "object" if "properties" in schema or "allOf" in schema else None)
        if kind is None:
            return
        fitting = [one for one in types if _fits(one, kind)]
        if not fitting:
            self.retyped.add(f"{where}: {kind}")
        elif kind == "array":
            for one in fitting:
                self._walk(schema["items"], (get_args(one) or (Any,))[0], where, lack)
        elif kind == "object":
            models = [one for one in fitting if isinstance(one, type) and issubclass(one, Model)]
            for model in models:
                self._fields(schema, model, lack)
        elif (known := literals(type_)) and (values := {*schema.get("enum", [])} - {*known}):
            self.retyped.add(f"{where}: the values {sorted(map(str, values))}")

    def _fields(self, schema: Swagger, model: type[Model], lack: Callable[..., None]) -> None:
        there = dict(_properties(schema, self.document["definitions"]))
        if not there:
            return
        known = declared(model)
        for key, inside in there.items():
            if key in known:
                self._walk(inside, known[key].type, f"{name_of(model)}.{key}", lack)
        lack(model, known.keys() - there.keys(), there.keys() - known.keys())

    def _receive(self, model: type[Model], lacking: set[str], more: set[str]) -> None:
        self.lacking |= {f"{name_of(model)}.{key}" for key in lacking}
        self.undeclared |= {f"{name_of(model)}.{key}" for key in more}

    def _send(self, model: type[Model], lacking: set[str], _: set[str]) -> None:
        self.unsent |= {f"{name_of(model)}.{key}" for key in lacking}


def _only_reference(schema: Swagger) -> str | None:
    parts = schema.get("allOf", [])
    inner = parts[0] if len(parts) == 1 and "properties" not in schema else schema
    return reference_name(dict(inner))


def _properties(schema: Swagger, definitions: Swagger) -> Iterator[tuple[str, Swagger]]:
    name = reference_name(dict(schema))
    if name is not None:
        yield from _properties(definitions[name], definitions)
    for part in schema.get("allOf", []):
        yield from _properties(part, definitions)
    yield from schema.get("properties", {}).items()


def _fits(type_: Any, kind: str) -> bool:
    origin = get_origin(type_) or type_
    if isinstance(origin, type):
        return issubclass(origin, PYTHON[kind])
    return kind == "string"  # A literal.
