"""Convert the merged and corrected Swagger 2.0 document to OpenAPI 3.1.

Every step applies to the whole document. A fix for a single operation or model belongs in
corrections.toml.
"""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

from . import names, versions
from .bodies import Schema, answers_of, bodies_of, reachable, split
from .components import ConvertError, Schemas, pointer
from .limits import limits_of
from .pin import METHODS
from .schemas import ENVELOPE, reference, reference_name
from .supported import declares_key, needs_key

ANY_MEDIA_TYPE = "*/*"

STREAMS = {
    ".csv": "text/csv",
    ".atom": "application/atom+xml",
    ".{_format}": ANY_MEDIA_TYPE,
}
"""Path suffix -> the media type of the response, which the Swagger does not declare."""


def convert(swagger: dict[str, Any]) -> dict[str, Any]:
    """Return the OpenAPI document, its operations sorted by path."""
    definitions = {name: _flat(name, swagger) for name in swagger["definitions"]}
    swagger = _with_own_responses(swagger)
    operations = {
        (path, method): operation
        for path, item in sorted(swagger["paths"].items(), key=_addressing)
        for method, operation in item.items()
        if method in METHODS
    }
    _name_forms(definitions, operations)
    definitions = _used(definitions, operations)
    split(definitions, operations)
    definitions = _used(definitions, operations)
    _refuse_same_names(definitions)
    _mark_required(definitions, operations)
    schemas = Schemas(definitions)
    paths: dict[str, Any] = {}
    # An enum is named after the first model that uses it, so the shortest names go first.
    for name in sorted(definitions, key=_naming):
        schemas.add_model(name, definitions[name])
    for (path, method), operation in operations.items():
        keyed = needs_key(operation)
        paths.setdefault(path, {})[method] = {
            **_operation(path, method, operation, schemas),
            "x-keyed": keyed,
        }
    return {
        "openapi": "3.1.0",
        "info": swagger["info"],
        "tags": swagger["tags"],
        "paths": paths,
        "components": {"schemas": dict(sorted(schemas.components.items()))},
        "x-keyed": declares_key(swagger),
    }


def _addressing(entry: tuple[str, Any]) -> tuple[bool, str]:
    """Return the order of a path: those of API v2 come last, so v1 names the enums of both."""
    path, _ = entry
    return path.startswith(versions.PATH), path


def _naming(name: str) -> tuple[bool, int, str]:
    """Return the order in which definitions name enums."""
    return name.startswith(versions.DEFINITION), len(names.class_name(name)), name


def _with_own_responses(swagger: dict[str, Any]) -> dict[str, Any]:
    """Replace references to shared responses by the responses themselves."""
    swagger = deepcopy(swagger)
    for item in swagger["paths"].values():
        for operation in item.values():
            for status, response in operation["responses"].items():
                shared = response.get("$ref", "").removeprefix("#/responses/")
                if shared:
                    operation["responses"][status] = swagger["responses"][shared]
    return swagger


def _flat(name: str, swagger: dict[str, Any]) -> Schema:
    """Return a definition with its inherited fields merged into it."""
    definition = deepcopy(swagger["definitions"][name])
    flat: Schema = {"type": "object", "properties": {}, "required": []}
    for part in definition.pop("allOf", []):
        parent = reference_name(part)
        part = _flat(parent, swagger) if parent else part
        flat["properties"] |= part.get("properties", {})
        flat["required"] += part.get("required", [])
        flat |= {key: part[key] for key in ("x-base",) if key in part}
    flat["properties"] |= definition.pop("properties", {})
    flat["required"] += definition.pop("required", [])
    always = definition.get("x-always", flat["properties"])
    for key in flat["properties"].keys() - set(always):
        flat["properties"][key] = {**flat["properties"][key], "x-absent": True}
    return {**definition, **flat}


def _name_forms(definitions: dict[str, Schema], operations: dict[Any, Any]) -> None:
    """Turn form parameters, as Swagger 2.0 declares them, into a named definition for each form."""
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
            raise ConvertError(f"{operation['operationId']}: two different forms are called {name}")
        rest = [one for one in operation["parameters"] if one["in"] != "formData"]
        body = {"in": "body", "name": "payload", "schema": {"$ref": reference(name)}}
        operation["parameters"] = [*rest, body]
        operation["consumes"] = ["multipart/form-data"]


def _used(definitions: dict[str, Schema], operations: dict[Any, Any]) -> dict[str, Schema]:
    """Return the definitions that any operation refers to, in their original order."""
    roots = [one for each in operations.values() for one in bodies_of(each) + answers_of(each)]
    reached = reachable(roots, definitions)
    return {name: definition for name, definition in definitions.items() if name in reached}


def _refuse_same_names(definitions: dict[str, Schema]) -> None:
    seen: dict[str, str] = {}
    for name in definitions:
        other = seen.setdefault(names.class_name(name), name)
        if other != name:
            raise ConvertError(
                f"both {other!r} and {name!r} would become the class {names.class_name(name)}: "
                "correct the references to one of them"
            )


def _mark_required(definitions: dict[str, Schema], operations: dict[Any, Any]) -> None:
    """Keep ``required`` only where it is reliable: in pages, and in bodies that create objects.

    The body of a PUT or PATCH may contain any subset of the fields.
    """
    partial = {
        reference_name(body)
        for (_, method), operation in operations.items()
        for body in bodies_of(operation)
        if method in ("put", "patch")
    }
    for name, definition in definitions.items():
        definition["x-demanded"] = definition["required"]
        if definition["properties"].keys() >= ENVELOPE.keys():
            definition["required"] = sorted(ENVELOPE)
            definition["x-page"] = True
            _check_page(name, definition["properties"])
            continue
        if definition.get("x-form"):  # Text and files: a form cannot contain null.
            definition["x-not-null"] = list(definition["properties"])
            continue
        definition["x-not-null"] = definition["required"]
        if name in partial or not definition.get("x-sent"):
            definition["required"] = definition.get("x-whole-update", [])


def _check_page(name: str, properties: Schema) -> None:
    """Check that what every page has is of the type that ``PageView`` gives it."""
    for key, kind in ENVELOPE.items():
        if properties[key].get("type") != kind:
            raise ConvertError(
                f"#/definitions/{name}/properties/{key}: the type must be {kind}, as of all pages"
            )


def _ended(text: str) -> str:
    """Return a text, ended by a full stop and a space, to which a sentence can be appended."""
    text = text.strip()
    return f"{text}{'' if text.endswith('.') else '.'} " if text else ""


def _operation(path: str, method: str, operation: dict[str, Any], schemas: Schemas) -> Schema:
    name = operation["operationId"]
    parameters = [one for one in operation["parameters"] if one["in"] in ("path", "query")]
    masks = [one for one in operation["parameters"] if one["name"] == "X-Fields"]
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
    if description[:1].islower():  # The summary's sentence continues in the description.
        summary, _, description = f"{summary} {description}".partition(".")
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
        # Not for writes: the server rejects a bad mask only after it has created the object.
        "x-masked": bool(masks) and method == "get",
        "x-mask": str(masks[0].get("default") or "") if masks else "",
        "x-limits": limits_of(answers[0]) if answers else {},
        "x-successes": [
            (status, one["description"])
            for status, one in operation["responses"].items()
            # The description of a 204 carries no information.
            if status[0] == "2"
            and status != "204"
            and one.get("description", "Success") != "Success"
        ],
        "x-releases": operation["x-releases"],
        "x-dropped": operation.get("x-dropped"),
        "x-created": operation.get("x-created"),
        "x-changed": operation.get("x-changed"),
        "x-lost": operation.get("x-lost", []),
        "x-window": operation.get("x-window"),
        "x-switch": _switch(operation, schemas),
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
            "x-limits": limits_of(body),
        }
    return converted


def _switch(operation: dict[str, Any], schemas: Schemas) -> Schema | None:
    """Return the header with which an operation answers another model, if it has one."""
    headers = [one for one in operation["parameters"] if "x-answer" in one]
    if not headers:
        return None
    if len(headers) > 1:
        raise ConvertError(f"{operation['operationId']}: two headers change the answer")
    (one,) = headers
    answer = schemas.schema(one["x-answer"], owner="", name="")
    return {
        "argument": one["x-argument"],
        "header": one["name"],
        "description": one.get("description", ""),
        "answer": answer["$ref"].removeprefix(pointer("")),
    }


def _is_empty(operation: dict[str, Any]) -> bool:
    responses = operation["responses"]
    return "204" in responses or any(one.get("x-empty") for one in responses.values())


def _parameter(parameter: dict[str, Any], operation: str, schemas: Schemas) -> Schema:
    # Defaults are documented only. A default in the signature would be sent with each request,
    # even after the server has changed its own.
    description, default = parameter.get("description", ""), ""
    if parameter.get("default") is not None:
        default = json.dumps(parameter["default"])
        description = f"{_ended(description)}The portal's default is {default}."
    return {
        "in": parameter["in"],
        "name": parameter["name"],
        "required": parameter.get("required", False),
        "description": description.strip(),
        "x-default": default,
        "schema": schemas.schema(parameter, owner=operation, name=parameter["name"]),
        "x-limits": limits_of(parameter),
    }
