"""The schemas of the OpenAPI document: models and enums, and whether their fields may be null."""

from __future__ import annotations

import json

from . import names
from .bodies import Schema
from .errors import GenerationError
from .limits import limits_of
from .schemas import reference_name

JSON_OBJECT = "JsonObject"
"""The name of free-form objects: the package's alias of ``dict[str, Any]``."""


DESCRIBING = [
    *("description", "x-secret", "x-whole", "x-absent", "x-reference", "x-bare", "x-apart"),
    *("x-default", "x-link"),
]
"""The schema keys that do not change the type, and may stand beside a ``$ref``."""


class ConvertError(GenerationError):
    """The Swagger contains something that cannot be converted."""


class Schemas:
    """The components of the document. Converting a schema adds the enums that it declares."""

    def __init__(self, definitions: dict[str, Schema]) -> None:
        self._classes = {name: names.class_name(name) for name in definitions}
        self._enums: dict[tuple[str, ...], str] = {}
        self.components: dict[str, Schema] = {
            JSON_OBJECT: {"type": "object", "title": JSON_OBJECT},
        }

    def add_model(self, name: str, definition: Schema) -> None:
        """Convert a definition, and add it under the name of its class."""
        class_ = self._classes[name]
        properties = {}
        for key, value in definition["properties"].items():
            schema = self.schema(value, owner=class_, name=key)
            properties[key] = _nullable(schema) if _may_be_null(definition, key) else schema
        self.components[class_] = {
            "type": "object",
            "description": definition.get("description", ""),
            "properties": properties,
            "required": definition["required"],
            "x-demanded": definition["x-demanded"],
            "x-page": definition.get("x-page", False),
            "x-sent": definition.get("x-sent", False),
            "x-limits": {key: limits_of(value) for key, value in definition["properties"].items()},
            "x-mask": definition.get("x-mask", ""),
            "x-base": definition.get("x-base"),
        }

    def schema(self, schema: Schema, *, owner: str, name: str) -> Schema:
        """Convert a schema; an enum in it is named after ``owner`` and ``name``."""
        if len(schema.get("allOf", [])) == 1:  # flask-restx adds descriptions to references so.
            (inner,) = schema["allOf"]
            rest = {key: value for key, value in schema.items() if key != "allOf"}
            return self.schema({**inner, **rest}, owner=owner, name=name)
        if schema.get("default") is not None:
            schema = {**schema, "x-default": json.dumps(schema["default"])}
        linked = reference_name(schema.get("x-link", {}))
        if linked is not None:
            schema = {**schema, "x-link": self._classes[linked]}
        described: Schema = {key: schema[key] for key in DESCRIBING if key in schema}
        reference_to = reference_name(schema)
        if reference_to is not None:
            return {"$ref": pointer(self._classes[reference_to]), **described}
        if "x-one-of" in schema:
            kinds = [self.schema(one, owner=owner, name=name) for one in schema["x-one-of"]]
            return {"anyOf": kinds, **described}
        kind = schema.get("type")
        if kind is None:
            return described
        if kind == "array":
            items = self.schema(schema["items"], owner=owner, name=name)
            if schema["items"].get("x-nullable"):
                items = _nullable(items)
            return {"type": "array", "items": items, **described}
        if kind == "file":
            return {"type": "string", "format": "binary", **described}
        if kind == "object":
            return {"$ref": pointer(JSON_OBJECT), **described}
        if "enum" in schema:
            return {"$ref": pointer(self._enum(schema["enum"], owner, name)), **described}
        # Dates are the only formats with a Python type of their own.
        if schema.get("format") in ("date", "date-time"):
            described["format"] = schema["format"]
        return {"type": kind, **described}

    def _enum(self, values: list[str], owner: str, name: str) -> str:
        # The server builds some enums from sets, whose order differs at each start.
        key = tuple(sorted(values))
        if key not in self._enums:
            enum = names.compound_name(owner, name)
            if enum in self._classes.values():
                enum = f"{enum}Value"
            if enum in self.components:
                raise ConvertError(f"two different enums are called {enum}")
            self._enums[key] = enum
            self.components[enum] = {"type": "string", "enum": list(key), "title": enum}
        return self._enums[key]


def pointer(class_: str) -> str:
    """Return the reference to the schema of a class."""
    return f"#/components/schemas/{class_}"


def _may_be_null(definition: Schema, key: str) -> bool:
    """Return whether a field may be null. The Swagger never declares null, but servers send it."""
    schema = definition["properties"][key]
    if schema.get("x-absent"):
        return True
    if "x-nullable" in schema:
        return bool(schema["x-nullable"])
    if definition.get("x-page"):
        return key in ("next_page", "previous_page")
    if key == "id" and schema.get("readOnly"):  # Assigned by the server.
        return False
    if schema.get("type") == "array":  # The server sends an empty list instead of null.
        return False
    return key not in definition["x-not-null"]


def _nullable(schema: Schema) -> Schema:
    described: Schema = {key: schema[key] for key in DESCRIBING if key in schema}
    bare = {key: value for key, value in schema.items() if key not in described}
    if not bare:
        return described
    return {"anyOf": [*bare.get("anyOf", [bare]), {"type": "null"}], **described}
