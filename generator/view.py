"""Parse the document with openapi-python-client and build the declarations to generate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import evolve
from openapi_python_client.parser.openapi import Endpoint
from openapi_python_client.parser.properties.list_property import ListProperty
from openapi_python_client.parser.properties.literal_enum_property import LiteralEnumProperty
from openapi_python_client.parser.properties.model_property import ModelProperty
from openapi_python_client.parser.properties.protocol import PropertyProtocol

from . import names, qualified, renaming, versions
from .components import JSON_OBJECT
from .declarations import Argument, Enum, Field, Model, Operation, Switch, View
from .descriptions import ended, informative
from .expressions import annotation, is_model, names_of, parts
from .parser import GenerateError, parse
from .schemas import ENVELOPE

ERRORS = {
    "400": "BadRequestError",
    "401": "AuthenticationError",
    "403": "PermissionDeniedError",
    "404": "NotFoundError",
    "410": "GoneError",
    "423": "LockedError",
    "429": "RateLimitedError",
}


ANSWERED = ("absent", "secret", "whole")
"""The flags that ``declare`` accepts for a field of a response."""

SENT = ("apart", "bare", "secret")
"""The flags that ``declare`` accepts for a field of a request body."""


def view(document: dict[str, Any], renames: Mapping[str, str]) -> View:
    """Parse the document and return the declarations to generate.

    Args:
        document: The OpenAPI document.
        renames: The operation ids and function names of ``openapi/names.toml``.

    Raises:
        GenerateError: The parser failed or issued a warning, or names collide.
        RenameError: A renaming is out of date, or its name is invalid or taken.
    """
    data = parse(document)
    pages = {
        str(model.class_info.name): _item_of(model) for model in data.models if _is_page(model)
    }
    schemas = document["components"]["schemas"]
    for one in [*data.models, *data.enums]:
        class_ = str(one.class_info.name)
        if class_ != JSON_OBJECT:
            names.checked(class_, class_, names.CLASSES)
        if class_ not in schemas:
            raise GenerateError(f"the parser calls a class {class_!r}, which no schema is called")
    answered = {name for name, schema in schemas.items() if not schema.get("x-sent")}
    functions = renaming.functions(operation_ids(document), renames)
    sources = _sources(document)
    operations = [
        _operation(endpoint, _raw_operation(sources, endpoint), functions, pages, answered)
        for collection in data.endpoint_collections_by_tag.values()
        for endpoint in collection.endpoints
    ]
    _refuse_same_constants(operations)
    tags: dict[str, list[Operation]] = {}
    for operation in sorted(
        operations, key=lambda one: (versions.is_second(one.tag), one.tag, one.function)
    ):
        tags.setdefault(operation.tag, []).append(operation)
    seen = View(
        models=[
            _model(model, schemas[model.class_info.name], answered)
            for model in sorted(data.models, key=lambda one: one.class_info.name)
            if model.class_info.name != JSON_OBJECT
        ],
        enums=[
            Enum(name, schemas[name]["enum"])
            for name in sorted(enum.class_info.name for enum in data.enums)
        ],
        tags=tags,
        tag_descriptions={
            versions.python_name(tag["name"]): tag.get("description") or ""
            for tag in document["tags"]
        },
        keyed=document["x-keyed"],
    )
    return qualified.qualified(seen)


def _refuse_same_constants(operations: list[Operation]) -> None:
    seen: set[tuple[bool, str]] = set()
    for one in operations:
        for name in one.constants:
            if (one.is_second, name) in seen:
                raise GenerateError(f"two operations would have the constant {name}")
            seen.add((one.is_second, name))


def operation_ids(document: dict[str, Any]) -> list[str]:
    """Return the ids of all operations of an OpenAPI document."""
    return [one["operationId"] for item in document["paths"].values() for one in item.values()]


def _sources(document: dict[str, Any]) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """Return the operations of a document by what the parser keeps: the method and the name."""
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            key = (method, names.python_name(operation["operationId"]))
            found.setdefault(key, []).append({**operation, "path": path})
    return found


def _raw_operation(
    sources: Mapping[tuple[str, str], list[dict[str, Any]]], endpoint: Endpoint
) -> dict[str, Any]:
    """Return the source of a parsed endpoint, whose ``x-`` keys the parser drops."""
    found = sources.get((endpoint.method, names.python_name(endpoint.name)), [])
    if len(found) != 1:
        raise GenerateError(f"{len(found)} operations are called {endpoint.name}")
    return found[0]


def _operation(
    endpoint: Endpoint,
    raw: dict[str, Any],
    functions: Mapping[str, str],
    pages: dict[str, PropertyProtocol],
    answered: set[str],
) -> Operation:
    declared = {(one["in"], one["name"]): one for one in raw["parameters"]}
    kind = raw["x-kind"]
    answer: PropertyProtocol | None = None
    page = None
    if kind == "json":
        answer = next(one.prop for one in endpoint.responses if one.source["return_type"] == "Any")
    if isinstance(answer, ModelProperty) and answer.class_info.name in pages:
        kind = "page"
        page = str(answer.class_info.name)
        answer = pages[page]
    items = [] if answer is None else [annotation(one) for one in parts(answer) if is_model(one)]
    body = endpoint.bodies[0].prop if endpoint.bodies else None
    is_second = versions.is_second(raw["operationId"])
    referred = _referred(_schema_of(raw["requestBody"]), answered, is_second) if body else []
    used = [*endpoint.query_parameters, *endpoint.path_parameters, *filter(None, [body, answer])]
    switch = _switch(raw["x-switch"], kind, pages) if raw["x-switch"] else None
    operation = Operation(
        id=raw["operationId"],
        function=functions[raw["operationId"]],
        method=endpoint.method.upper(),
        path=raw["path"],
        tag=versions.python_name(raw["tags"][0]),
        kind=kind,
        media_type=raw["x-media-type"],
        summary=raw["summary"],
        description=ended(raw["description"]),
        path_arguments=[
            evolve(argument, annotation="Id") if argument.annotation == "str" else argument
            for argument in (
                _argument(one, "path", declared["path", one.name.get_untrusted_value()])
                for one in endpoint.path_parameters
            )
        ],
        query_arguments=sorted(
            (
                _argument(one, "query", declared["query", one.name.get_untrusted_value()])
                for one in endpoint.query_parameters
            ),
            key=lambda one: not one.required,
        ),
        body=None if body is None else _body(body, raw["requestBody"], referred),
        multipart=bool(body) and "multipart/form-data" in raw["requestBody"]["content"],
        masked=raw["x-masked"],
        creates="423" in raw["responses"],
        answer=_answer(kind, answer, page),
        page=page,
        item=items[0] if items else None,
        successes=raw["x-successes"],
        errors=[
            (_error(status), response["description"].strip() or f"Status {status}")
            for status, response in raw["responses"].items()
            if status[0] in "45"
        ],
        releases=raw["x-releases"],
        dropped=raw["x-dropped"],
        created=raw["x-created"],
        changed=raw["x-changed"],
        lost=raw["x-lost"],
        deprecated=raw["deprecated"] and not raw["x-dropped"],
        keyed=raw["x-keyed"],
        mask=raw["x-mask"],
        limits=raw["x-limits"],
        window=raw["x-window"],
        switch=switch,
        classes=sorted(
            {*names_of(used, ModelProperty), *referred, *([page] if page else [])} - {JSON_OBJECT}
        ),
        enums=sorted(names_of(used, LiteralEnumProperty)),
    )
    by_keyword = {one.name for one in operation.query_arguments} | {
        "client",
        "body",
        "fields",
        "into",
    }
    for one in operation.path_arguments:
        one.name += "_" if one.name in by_keyword else ""
    taken = [one.name for one in operation.path_arguments + operation.query_arguments]
    taken += [switch.name] if switch else []
    if len({*taken, "client", "body", "fields", "into"}) != len(taken) + 4:
        raise GenerateError(f"{operation.id}: two parameters have the same name among {taken}")
    for one in operation.arguments:
        one.note = informative(one.description, one.name, operation.function)
    return operation


def _switch(raw: dict[str, str], kind: str, pages: dict[str, PropertyProtocol]) -> Switch:
    class_, description = raw["answer"], ended(raw["description"])
    page = class_ if class_ in pages else None
    item = annotation(pages[class_]) if page else class_
    if kind != ("page" if page else "json"):
        raise GenerateError(f"the header {raw['header']} changes the kind of an answer, {kind}")
    answer = f"Paginator[{page}, {item}]" if page else class_
    return Switch(
        raw["argument"], raw["header"], description, description, answer, page=page, item=item
    )


def _error(status: str) -> str:
    return "ServerError" if status[0] == "5" else ERRORS.get(status, "APIError")


def _answer(kind: str, answer: PropertyProtocol | None, page: str | None) -> str:
    if kind == "page":
        assert answer is not None
        return f"Paginator[{page}, {annotation(answer)}]"
    fixed = {"empty": "None", "redirect": "str", "stream": "Stream"}
    return fixed[kind] if answer is None else annotation(answer)


def _schema_of(request: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a request body, which has exactly one media type."""
    (media_type,) = request["content"].values()
    schema: dict[str, Any] = media_type["schema"]
    return schema


def _body(prop: PropertyProtocol, request: dict[str, Any], referred: list[str]) -> Argument:
    type_ = _with_references(annotation(prop), referred).replace("list[", "Sequence[")
    description, limits = ended(request["description"]), request["x-limits"]
    return Argument("body", "body", "body", type_, True, description, limits=limits)


def _argument(prop: PropertyProtocol, place: str, raw: dict[str, Any]) -> Argument:
    wire = prop.name.get_untrusted_value()
    type_ = annotation(prop).replace("list[", "Sequence[")
    if not prop.required:
        type_ = f"{type_} | None"
    name = names.python_name(wire)
    description = ended(raw["description"])
    return Argument(
        name,
        wire,
        place,
        type_,
        prop.required,
        description,
        default=raw["x-default"],
        limits=raw["x-limits"],
    )


def _model(prop: ModelProperty, raw: dict[str, Any], answered: set[str]) -> Model:
    name = str(prop.class_info.name)
    properties = {
        one.name.get_untrusted_value(): one
        for one in [*(prop.required_properties or []), *(prop.optional_properties or [])]
    }
    is_sent, references = raw["x-sent"], set[str]()
    read = (
        name.removesuffix("Write") if is_sent and name.removesuffix("Write") in answered else None
    )
    fields: list[Field] = []
    for key, schema in raw["properties"].items():
        if raw["x-page"] and key in ENVELOPE.keys() - {"data"}:
            continue  # Inherited from PageView.
        referred = _referred(schema, answered, bool(versions.CLASS.match(name))) if is_sent else []
        references |= {*referred, *([schema["x-link"]] if "x-link" in schema else [])}
        field = _field(properties[key], schema, referred, is_sent=is_sent)
        field.demanded = is_sent and key in raw["x-demanded"]
        field.limits = raw["x-limits"][key]
        fields.append(field)
    if len({one.name for one in fields}) != len(fields):
        raise GenerateError(f"{name}: two fields have the same name")
    used = list(properties.values())
    references |= {read} if read else set()
    return Model(
        name=name,
        description=raw["description"],
        is_sent=is_sent,
        is_page=raw["x-page"],
        read=read,
        fields=fields,
        mask="" if is_sent else raw["x-mask"],
        extension=None if is_sent else raw["x-base"],
        classes=sorted((names_of(used, ModelProperty) | references) - {JSON_OBJECT}),
        enums=sorted(names_of(used, LiteralEnumProperty)),
    )


def _referred(schema: dict[str, Any], answered: set[str], is_second: bool) -> list[str]:
    """Return the models that a reference field accepts: reference models and full models.

    Those of API v2 are accepted by its own bodies only, because v1 knows nothing of them.
    """
    kinds: list[str] = schema.get("x-reference", [])
    named = [name for one in kinds for name in (f"{one}Reference", one)]
    named += [f"V2{one}" for one in kinds if is_second]
    return [name for name in named if name in answered]


def _with_references(type_: str, referred: list[str]) -> str:
    """Extend the type of a reference field by the models that it accepts."""
    if not referred:
        return type_
    alone = type_.removesuffix(" | None").removeprefix("list[").removesuffix("]")
    # list is invariant: a list of one of these types is not a list of their union.
    return type_.replace(alone, " | ".join([alone, *referred])).replace("list[", "Sequence[")


def _field(
    prop: PropertyProtocol, raw: dict[str, Any], referred: list[str], *, is_sent: bool
) -> Field:
    wire = prop.name.get_untrusted_value()
    name = names.field_name(wire)
    type_ = _with_references(annotation(prop, is_open=not is_sent), referred)
    if "x-link" in raw:
        type_ = type_.replace(JSON_OBJECT, f"Link[{raw['x-link']}]")
    arguments = [] if name == wire else [f"key={wire!r}"]
    arguments += [
        f"{one}={raw[f'x-{one}']!r}"
        for one in (SENT if is_sent else ANSWERED)
        if raw.get(f"x-{one}")
    ]
    is_optional = is_sent and not prop.required
    declaration = "UNSET" if is_optional else ""
    if arguments:
        arguments += ["default=UNSET"] if is_optional else []
        declaration = f"declare({', '.join(arguments)})"
    return Field(
        name=name,
        annotation=f"{type_} | Unset" if is_optional else type_,
        description=raw.get("description", ""),
        declaration=declaration,
        default=raw.get("x-default", ""),
    )


def _is_page(prop: ModelProperty) -> bool:
    return bool((prop.data.model_extra or {}).get("x-page"))


def _item_of(page: ModelProperty) -> PropertyProtocol:
    data = next(one for one in page.required_properties or [] if one.name == "data")
    if not isinstance(data, ListProperty):
        raise GenerateError(f"{page.class_info.name} is a page whose data is not a list")
    return data.inner_property
