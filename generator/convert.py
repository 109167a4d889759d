"""Converts the merged, corrected Swagger 2.0 into an OpenAPI 3.1 document that says what it means.

Every step is general: what is wrong about one operation or model belongs in corrections.toml.
"""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

from . import names
from .bodies import Schema, answers_of, bodies_of, reachable, split
from .pin import METHODS
from .releases import reference_name

JSON_OBJECT = "JsonObject"
"""The name that free-form objects get: the package's own alias of ``dict[str, Any]``."""

ANY_MEDIA_TYPE = "*/*"

STREAMS = {
    ".csv": "text/csv",
    ".atom": "application/atom+xml",
    ".{_format}": ANY_MEDIA_TYPE,
}
"""What a path ends with -> the media type of its answer, which the Swagger does not say."""

ENVELOPE = {"data", "page", "page_size", "total", "next_page", "previous_page"}
"""The fields of a page of a list."""


DESCRIBING = [
    *("description", "x-secret", "x-whole", "x-absent", "x-reference", "x-bare", "x-apart"),
]
"""What stands beside a reference in a schema without changing its type."""


class ConvertError(Exception):
    """The Swagger says something that no step knows how to convert."""


def convert(swagger: dict[str, Any]) -> dict[str, Any]:
    """The OpenAPI document. Its operations are in the order of their paths."""
    definitions = {name: _flat(name, swagger) for name in swagger["definitions"]}
    swagger = _with_own_responses(swagger)
    operations = {
        (path, method): operation
        for path, item in sorted(swagger["paths"].items())
        for method, operation in item.items()
        if method in METHODS
    }
    _name_forms(definitions, operations)
    definitions = _used(definitions, operations)
    split(definitions, operations)
    definitions = _used(definitions, operations)
    _refuse_same_names(definitions)
    _mark_required(definitions, operations)
    schemas = _Schemas(definitions)
    paths: dict[str, Any] = {}
    # An enum is named after the first model that has it: the plainest name goes first.
    for name in sorted(definitions, key=lambda one: (len(names.class_name(one)), one)):
        schemas.add_model(name, definitions[name])
    for (path, method), operation in operations.items():
        paths.setdefault(path, {})[method] = _operation(path, method, operation, schemas)
    return {
        "openapi": "3.1.0",
        "info": swagger["info"],
        "tags": swagger["tags"],
        "paths": paths,
        "components": {"schemas": dict(sorted(schemas.components.items()))},
    }


def _with_own_responses(swagger: dict[str, Any]) -> dict[str, Any]:
    """Write out the responses that operations share."""
    swagger = deepcopy(swagger)
    for item in swagger["paths"].values():
        for operation in item.values():
            for status, response in operation["responses"].items():
                shared = response.get("$ref", "").removeprefix("#/responses/")
                if shared:
                    operation["responses"][status] = swagger["responses"][shared]
    return swagger


def _flat(name: str, swagger: dict[str, Any]) -> Schema:
    """A definition with what it inherits written out, so that it stands alone."""
    definition = deepcopy(swagger["definitions"][name])
    flat: Schema = {"type": "object", "properties": {}, "required": []}
    for part in definition.pop("allOf", []):
        parent = reference_name(part)
        part = _flat(parent, swagger) if parent else part
        flat["properties"] |= part.get("properties", {})
        flat["required"] += part.get("required", [])
    flat["properties"] |= definition.pop("properties", {})
    flat["required"] += definition.pop("required", [])
    always = definition.get("x-always", flat["properties"])
    for key in flat["properties"].keys() - set(always):
        flat["properties"][key] = {**flat["properties"][key], "x-absent": True}
    return {**definition, **flat}


def _name_forms(definitions: dict[str, Schema], operations: dict[Any, Any]) -> None:
    """Give each distinct form a name: Swagger 2.0 lists its fields as parameters."""
    for operation in operations.values():
        fields = [one for one in operation["parameters"] if one["in"] == "formData"]
        if not fields:
            continue
        name = operation.get("x-form") or names.compound_name(operation["operationId"], "form")
        form = {
            "type": "object",
            "properties": {
                field["name"]: {
                    k: v for k, v in field.items() if k not in ("in", "name", "required")
                }
                for field in fields
            },
            "required": [field["name"] for field in fields if field.get("required")],
            "x-form": True,
        }
        if definitions.setdefault(name, form) != form:
            raise ConvertError(f"{operation['operationId']}: another form is called {name} already")
        rest = [one for one in operation["parameters"] if one["in"] != "formData"]
        body = {"in": "body", "name": "payload", "schema": {"$ref": f"#/definitions/{name}"}}
        operation["parameters"] = [*rest, body]
        operation["consumes"] = ["multipart/form-data"]


def _used(definitions: dict[str, Schema], operations: dict[Any, Any]) -> dict[str, Schema]:
    """The definitions that an operation leads to, in their order."""
    roots = [one for each in operations.values() for one in bodies_of(each) + answers_of(each)]
    reached = reachable(roots, definitions)
    return {name: definition for name, definition in definitions.items() if name in reached}


def _refuse_same_names(definitions: dict[str, Schema]) -> None:
    seen: dict[str, str] = {}
    for name in definitions:
        other = seen.setdefault(names.class_name(name), name)
        if other != name:
            raise ConvertError(
                f"both {other!r} and {name!r} would be the class {names.class_name(name)}: "
                "correct what refers to one of them"
            )


def _mark_required(definitions: dict[str, Schema], operations: dict[Any, Any]) -> None:
    """Keep ``required`` where it holds: in pages, and in bodies that must be whole.

    The body of a PUT or PATCH is only what changes.
    """
    partial = {
        reference_name(body)
        for (_, method), operation in operations.items()
        for body in bodies_of(operation)
        if method in ("put", "patch")
    }
    for name, definition in definitions.items():
        if definition["properties"].keys() >= ENVELOPE:
            definition["required"] = sorted(ENVELOPE)
            definition["x-page"] = True
            continue
        if definition.get("x-form"):  # Sent as text and files: there is no null in it.
            definition["x-not-null"] = list(definition["properties"])
            continue
        definition["x-not-null"] = definition["required"]
        if name in partial or not definition.get("x-sent"):
            definition["required"] = definition.get("x-whole-update", [])


class _Schemas:
    """The components, which grow by the enums that are met on the way."""

    def __init__(self, definitions: dict[str, Schema]) -> None:
        self._classes = {name: names.class_name(name) for name in definitions}
        self._enums: dict[tuple[str, ...], str] = {}
        self.components: dict[str, Schema] = {
            JSON_OBJECT: {"type": "object", "title": JSON_OBJECT},
        }

    def add_model(self, name: str, definition: Schema) -> None:
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
            "x-page": definition.get("x-page", False),
            "x-sent": definition.get("x-sent", False),
        }

    def schema(self, schema: Schema, *, owner: str, name: str) -> Schema:
        """Convert a schema; ``owner`` and ``name`` are what an enum in it is named after."""
        if len(schema.get("allOf", [])) == 1:  # How flask-restx adds a description to a reference.
            (reference,) = schema["allOf"]
            rest = {key: value for key, value in schema.items() if key != "allOf"}
            return self.schema({**reference, **rest}, owner=owner, name=name)
        described: Schema = {key: schema[key] for key in DESCRIBING if key in schema}
        reference_to = reference_name(schema)
        if reference_to is not None:
            return {"$ref": _pointer(self._classes[reference_to]), **described}
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
            return {"$ref": _pointer(JSON_OBJECT), **described}
        if "enum" in schema:
            return {"$ref": _pointer(self._enum(schema["enum"], owner, name)), **described}
        # Of the formats only dates mean another type in Python.
        if schema.get("format") in ("date", "date-time"):
            described["format"] = schema["format"]
        return {"type": kind, **described}

    def _enum(self, values: list[str], owner: str, name: str) -> str:
        # The server writes some of them out of sets, in another order each time it starts.
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


def _ended(text: str) -> str:
    """A text to which a sentence can be added."""
    text = text.strip()
    return f"{text}{'' if text.endswith('.') else '.'} " if text else ""


def _pointer(class_: str) -> str:
    return f"#/components/schemas/{class_}"


def _may_be_null(definition: Schema, key: str) -> bool:
    """Whether null is to be expected: the Swagger never says so, the server sends it anywhere."""
    schema = definition["properties"][key]
    if schema.get("x-absent"):
        return True
    if "x-nullable" in schema:
        return bool(schema["x-nullable"])
    if definition.get("x-page"):
        return key in ("next_page", "previous_page")
    if key == "id" and schema.get("readOnly"):  # What the server itself gave.
        return False
    if schema.get("type") == "array":  # The server's lists are empty instead.
        return False
    return key not in definition["x-not-null"]


def _nullable(schema: Schema) -> Schema:
    described: Schema = {key: schema[key] for key in DESCRIBING if key in schema}
    bare = {key: value for key, value in schema.items() if key not in described}
    if not bare:
        return described
    return {"anyOf": [*bare.get("anyOf", [bare]), {"type": "null"}], **described}


def _operation(path: str, method: str, operation: dict[str, Any], schemas: _Schemas) -> Schema:
    name = operation["operationId"]
    parameters = [one for one in operation["parameters"] if one["in"] in ("path", "query")]
    masked = any(one["name"] == "X-Fields" for one in operation["parameters"])
    answers = answers_of(operation)
    suffix = next((s for s in STREAMS if path.endswith(s)), None)
    produces = operation.get("produces", [STREAMS.get(suffix or "", "application/json")])[0]
    if any(status[0] == "3" for status in operation["responses"]):
        kind, produces = "redirect", ANY_MEDIA_TYPE
    elif produces != "application/json":
        kind = "stream"
    elif not answers and _is_empty(operation):
        kind = "empty"
    else:
        kind = "json"
    summary, description = operation.get("summary", ""), operation.get("description", "")
    if description[:1].islower():  # A sentence that was broken over two lines.
        summary, description = f"{summary} {description}".split(".", maxsplit=1)
    converted: Schema = {
        "operationId": name,
        "tags": operation["tags"][:1],
        "summary": summary,
        "description": description,
        "parameters": [_parameter(one, name, schemas) for one in parameters],
        "responses": {
            status: {"description": one.get("description", "")}
            for status, one in operation["responses"].items()
        },
        "deprecated": operation.get("deprecated", False),
        "x-kind": kind,
        "x-media-type": produces,
        # Never with a write: a bad mask is refused only after the object has been created.
        "x-masked": masked and method == "get",
        "x-successes": [
            (status, one["description"])
            for status, one in operation["responses"].items()
            # That of a 204 says that it was done.
            if status[0] == "2"
            and status != "204"
            and one.get("description", "Success") != "Success"
        ],
        "x-releases": operation["x-releases"],
        "x-dropped": operation.get("x-dropped"),
        "x-created": operation.get("x-created"),
        "x-changed": operation.get("x-changed"),
        "x-lost": operation.get("x-lost", []),
    }
    if kind == "json":
        schema = schemas.schema(answers[0], owner=name, name="answer") if answers else {}
        converted["responses"] = {
            "200": {"description": "", "content": {"application/json": {"schema": schema}}},
            **{status: one for status, one in converted["responses"].items() if status[0] != "2"},
        }
    for body in bodies_of(operation):
        media_type = operation.get("consumes", ["application/json"])[0]
        schema = schemas.schema(body, owner=name, name="body")
        converted["requestBody"] = {
            "description": body.get("description", ""),
            "required": True,
            "content": {media_type: {"schema": schema}},
        }
    return converted


def _is_empty(operation: dict[str, Any]) -> bool:
    responses = operation["responses"]
    return "204" in responses or any(one.get("x-empty") for one in responses.values())


def _parameter(parameter: dict[str, Any], operation: str, schemas: _Schemas) -> Schema:
    # A default is the server's to apply: written into the client it would be sent, and outlive it.
    description = parameter.get("description", "")
    if parameter.get("default") is not None:
        default = json.dumps(parameter["default"])
        description = f"{_ended(description)}The portal's default is {default}."
    return {
        "in": parameter["in"],
        "name": parameter["name"],
        "required": parameter.get("required", False),
        "description": description.strip(),
        "schema": schemas.schema(parameter, owner=operation, name=parameter["name"]),
    }
