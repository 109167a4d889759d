"""The generator: merging, conversion, corrections, pins, renames and reproducible output."""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import json
import os
import shutil
import subprocess
import sys
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from generator import emit, origins, pin, releases, renaming
from generator.components import ConvertError
from generator.convert import convert
from generator.corrections import CorrectionError, apply, read
from generator.declarations import Field
from generator.descriptions import informative
from generator.expressions import ExpressionError
from generator.parser import GenerateError
from generator.renaming import RenameError
from generator.view import view

from .pins import stored
from .servers import OK, says, server

ROOT = Path(__file__).parents[1]
OPENAPI = ROOT / "openapi"

SWAGGER: dict[str, Any] = {
    "swagger": "2.0",
    "info": {"title": "A portal", "version": "1.0"},
    "tags": [{"name": "things", "description": "Things"}],
    "paths": {
        "/things/": {
            "get": {
                "operationId": "list_things",
                "tags": ["things"],
                "summary": "List things",
                "parameters": [
                    {"in": "query", "name": "page", "type": "integer", "default": 1},
                    {"in": "query", "name": "sort", "type": "string", "enum": ["b", "a"]},
                    {"in": "header", "name": "X-Fields", "type": "string", "format": "mask"},
                ],
                "responses": {"200": {"schema": {"$ref": "#/definitions/ThingPage"}}},
            },
            "post": {
                "operationId": "create_thing",
                "tags": ["things"],
                "parameters": [
                    {
                        "in": "body",
                        "name": "payload",
                        "schema": {"$ref": "#/definitions/Thing%20%28write%29"},
                    },
                    {"in": "header", "name": "X-Fields", "type": "string", "format": "mask"},
                ],
                "responses": {"201": {"schema": {"$ref": "#/definitions/Thing%20%28read%29"}}},
            },
        },
        "/things/{thing}/": {
            "parameters": [{"in": "path", "name": "thing", "required": True, "type": "string"}],
            "delete": {
                "operationId": "delete_thing",
                "tags": ["things"],
                "responses": {"204": {"description": "Deleted"}},
            },
        },
        "/things.csv": {
            "get": {
                "operationId": "things_csv",
                "tags": ["things"],
                "responses": {"200": {"description": "Success"}},
            }
        },
    },
    "definitions": {
        "Base": {"type": "object", "properties": {"id": {"type": "string", "readOnly": True}}},
        "Thing (read)": {
            "allOf": [
                {"$ref": "#/definitions/Base"},
                {
                    "type": "object",
                    "required": ["kind"],
                    "properties": {
                        "kind": {"type": "string", "enum": ["small", "large"]},
                        "owner": {"allOf": [{"$ref": "#/definitions/Owner"}], "readOnly": True},
                        "extras": {"type": "object"},
                        "class": {"type": "string"},
                    },
                },
            ]
        },
        "Thing (write)": {
            "type": "object",
            "required": ["kind"],
            "properties": {"kind": {"type": "string", "enum": ["large", "small"]}},
        },
        "Owner": {"type": "object", "properties": {"name": {"type": "string"}}},
        "ThingPage": {
            "type": "object",
            "properties": {
                "data": {"type": "array", "items": {"$ref": "#/definitions/Thing%20%28read%29"}},
                "page": {"type": "integer"},
                "page_size": {"type": "integer"},
                "total": {"type": "integer"},
                "next_page": {"type": "string"},
                "previous_page": {"type": "string"},
            },
        },
        "Unused": {"type": "object", "properties": {}},
    },
}


def release(name: str, api: int = 1) -> pin.Release:
    return pin.Release(name, "", "", dt.date(2026, 1, 1), "", 0, api)


def merged() -> dict[str, Any]:
    return releases.merge([(release("2.0.0"), deepcopy(SWAGGER))])


# ---- Merging releases


def test_operations_of_older_releases_only_are_kept_as_deprecated() -> None:
    older = deepcopy(SWAGGER)
    operation = {"operationId": "ping", "tags": ["old"], "responses": {"204": {}}}
    older["paths"]["/ping/"] = {"get": operation}
    older["paths"]["/things/{id}/"] = older["paths"].pop("/things/{thing}/")
    older["tags"].append({"name": "old", "description": "Old things"})
    both = releases.merge([(release("2.0.0"), deepcopy(SWAGGER)), (release("1.0.0"), older)])
    assert both["paths"]["/ping/"]["get"]["deprecated"] is True
    assert both["paths"]["/ping/"]["get"]["x-dropped"] == "2.0.0"
    assert both["paths"]["/ping/"]["get"]["x-releases"] == ["1.0.0"]
    # A renamed path parameter does not make another operation.
    assert "/things/{id}/" not in both["paths"]
    assert both["paths"]["/things/{thing}/"]["delete"]["x-releases"] == ["2.0.0", "1.0.0"]
    assert [tag["name"] for tag in both["tags"]] == ["old", "things"]


def test_a_model_has_the_fields_of_every_release() -> None:
    """Models are matched by the operations that answer or take them, not by their names."""
    older = deepcopy(SWAGGER)
    thing = older["definitions"].pop("Thing (read)")
    mark: dict[str, Any] = {"type": "object", "properties": {"status": {"type": "string"}}}
    thing["allOf"][1]["properties"] |= {
        "mark": {"$ref": "#/definitions/Mark", "description": "How it is marked."},
        "kind": {"type": "string"},
    }
    older["definitions"] |= {"Thing": thing, "Mark": mark}
    items = older["definitions"]["ThingPage"]["properties"]["data"]["items"]
    answer = older["paths"]["/things/"]["post"]["responses"]["201"]["schema"]
    items["$ref"] = answer["$ref"] = "#/definitions/Thing"
    # The older body repeats the answered fields; only its new writable fields are kept.
    body: dict[str, Any] = {"type": "object", "properties": {**thing["allOf"][1]["properties"]}}
    body["properties"] |= {"wish": {"type": "string"}, "seen": {"readOnly": True, "type": "string"}}
    older["definitions"]["Thing (write)"] = body
    both = releases.merge([(release("2.0.0"), deepcopy(SWAGGER)), (release("1.0.0"), older)])
    models = {model.name: model for model in view(convert(both), {}).models}
    assert {"Mark", "Thing", "ThingWrite"} <= set(models)
    fields = {field.name: field for field in models["Thing"].fields}
    assert fields["mark"].annotation == "Mark | None"
    assert fields["mark"].description == (
        "How it is marked. Only of portals older than udata 2.0.0."
    )
    assert fields["kind"].annotation == "ThingKind | str"
    assert {field.name for field in models["ThingWrite"].fields} == {"kind", "mark", "wish"}


def test_bodies_and_answers_are_told_apart_in_any_order_of_paths() -> None:
    """Nested fields that are only answered stay out of the body, in any order of paths."""
    newer, older = deepcopy(SWAGGER), deepcopy(SWAGGER)
    for document, properties in ((newer, {}), (older, {"seen": {"type": "string"}})):
        owner = document["definitions"]["Owner"]
        owner["properties"] |= {"seen": {"type": "string"}}
        document["definitions"]["Owner (write)"] = {
            "type": "object",
            "properties": {"name": {"type": "string"}, **properties},
        }
        taken = document["definitions"]["Thing (write)"]["properties"]
        taken["owner"] = {"$ref": "#/definitions/Owner%20%28write%29"}
    older["definitions"]["Owner (write)"]["properties"]["wish"] = {"type": "string"}
    turned = {**older, "paths": dict(reversed(older["paths"].items()))}
    for document in (older, turned):
        pins = [(release("2.0.0"), deepcopy(newer)), (release("1.0.0"), deepcopy(document))]
        models = {model.name: model for model in view(convert(releases.merge(pins)), {}).models}
        assert {field.name for field in models["OwnerWrite"].fields} == {"name", "wish"}


# ---- Conversion


def test_models_have_the_types_that_the_server_sends() -> None:
    models = {model.name: model for model in view(convert(merged()), {}).models}
    assert set(models) == {"Owner", "Thing", "ThingPage", "ThingWrite"}
    assert {field.name: field.annotation for field in models["Thing"].fields} == {
        "id": "str",
        "kind": "ThingKind | str",
        "owner": "Owner | None",
        "extras": "JsonObject | None",
        "class_": "str | None",
    }


def test_a_field_of_several_types_is_a_union() -> None:
    swagger = merged()
    thing = swagger["definitions"]["Thing (read)"]["allOf"][1]["properties"]
    several = [{"type": "string"}, {"$ref": "#/definitions/Owner"}]
    thing["owner"] = {"x-one-of": several, "description": "Its name, or all of it."}
    thing["extras"] = {
        "x-one-of": [
            {"type": "object"},
            {"type": "array", "items": {"$ref": "#/definitions/Owner"}},
        ]
    }
    (model,) = (one for one in view(convert(swagger), {}).models if one.name == "Thing")
    fields = {field.name: field for field in model.fields}
    assert fields["owner"].annotation == "str | Owner | None"
    assert fields["extras"].annotation == "JsonObject | list[Owner] | None"


@pytest.mark.parametrize(
    "several",
    [
        [{"type": "string"}, {"type": "string", "format": "date-time"}],
        [{"type": "string", "enum": ["a"]}, {"type": "string", "format": "date-time"}],
        [{"$ref": "#/definitions/Owner"}, {"type": "object"}],
    ],
)
def test_types_that_json_cannot_distinguish_are_refused(several: list[dict[str, Any]]) -> None:
    swagger = merged()
    thing = swagger["definitions"]["Thing (read)"]["allOf"][1]["properties"]
    thing["owner"] = {"x-one-of": several}
    with pytest.raises(ExpressionError, match="does not tell which"):
        view(convert(swagger), {})


def test_enums_are_named_once_and_sorted() -> None:
    enums = {enum.name: enum.values for enum in view(convert(merged()), {}).enums}
    assert enums == {"ThingKind": ["large", "small"], "ListThingsSort": ["a", "b"]}


def body_of(swagger: dict[str, Any]) -> dict[str, Field]:
    """Return the fields of the body that creates a thing."""
    (model,) = (one for one in view(convert(swagger), {}).models if one.name == "ThingWrite")
    return {field.name: field for field in model.fields}


def shared() -> dict[str, Any]:
    """Return a Swagger document in which one model is both answered and sent."""
    swagger = merged()
    del swagger["definitions"]["Thing (write)"]
    payload, _ = swagger["paths"]["/things/"]["post"]["parameters"]
    payload["schema"] = {"$ref": "#/definitions/Thing%20%28read%29"}
    swagger["definitions"]["Thing (read)"]["allOf"][1]["properties"]["owner"].pop("readOnly")
    return swagger


def test_a_model_that_is_answered_and_sent_becomes_two_models() -> None:
    """The body has the fields that are not read-only, and its nested models are bodies too."""
    swagger = shared()
    properties = swagger["definitions"]["Thing (read)"]["allOf"][1]["properties"]
    properties["id"] = {"type": "string", "readOnly": True}
    models = {model.name: model for model in view(convert(swagger), {}).models}
    assert {"Thing", "ThingWrite", "Owner", "OwnerWrite"} <= set(models)
    assert (models["Thing"].base, models["ThingWrite"].base) == ("View", "BodyOf[Thing]")
    assert "id" in {field.name for field in models["Thing"].fields}
    body = body_of(swagger)
    assert "id" not in body
    assert body["owner"].annotation == "OwnerWrite | None | Unset"


def test_an_existing_write_model_is_used_as_the_body() -> None:
    swagger = merged()
    thing = swagger["definitions"]["Thing (write)"]["properties"]
    thing["parent"] = {"$ref": "#/definitions/Thing%20%28read%29"}
    assert body_of(swagger)["parent"].annotation == "ThingWrite | None | Unset"


def test_a_body_referenced_by_two_names_is_converted_once() -> None:
    swagger = merged()
    thing = swagger["definitions"]["Thing (write)"]["properties"]
    thing["twin"] = {"$ref": "#/definitions/Thing%20%28read%29"}
    thing["note"] = {"type": "string", "x-write": {"type": "string", "x-nullable": False}}
    assert body_of(swagger)["note"].annotation == "str | Unset"


@pytest.mark.parametrize(
    ("schema", "annotation", "declaration"),
    [
        ({"type": "string", "x-nullable": False}, "str | None | Unset", "UNSET"),
        ({"type": "string", "readOnly": True, "x-write": {"type": "integer"}}, "int", "UNSET"),
        (
            {"type": "string", "x-write": {"type": "string", "x-nullable": False}},
            "str | Unset",
            "UNSET",
        ),
        ({"type": "string", "x-reference": ["Owner"]}, "str | Owner", "UNSET"),
        (
            {"type": "array", "items": {"type": "string"}, "x-reference": ["Owner"]},
            "Sequence[str | Owner] | Unset",
            "UNSET",
        ),
        (
            {"$ref": "#/definitions/Owner", "x-reference": ["Owner"], "x-bare": True},
            "str | Owner",
            "declare(bare=True, default=UNSET)",
        ),
        ({"type": "string", "x-apart": ["a"]}, "str", "declare(apart=['a'], default=UNSET)"),
        ({"type": "string", "x-absent": True}, "str | None | Unset", "UNSET"),
    ],
)
def test_a_field_may_be_sent_with_another_type_than_answered(
    schema: dict[str, Any], annotation: str, declaration: str
) -> None:
    swagger = shared()
    swagger["definitions"]["Thing (read)"]["allOf"][1]["properties"]["more"] = schema
    more = body_of(swagger)["more"]
    assert more.annotation.startswith(annotation)
    assert more.annotation.endswith("| Unset")
    assert more.declaration == declaration


def test_fields_that_an_answer_may_lack_are_declared_absent() -> None:
    swagger = merged()
    owner = swagger["definitions"]["Owner"]
    owner["x-always"] = ["name"]
    owner["properties"]["since"] = {"type": "string"}
    (model,) = (one for one in view(convert(swagger), {}).models if one.name == "Owner")
    fields = {field.name: field for field in model.fields}
    assert fields["since"].declaration == "declare(absent=True)"
    assert fields["since"].annotation == "str | None"
    assert fields["name"].declaration == ""


def test_a_field_never_hides_an_inherited_attribute() -> None:
    swagger = merged()
    for name in ("check", "to_dict", "declare"):
        swagger["definitions"]["Owner"]["properties"][name] = {"type": "string"}
    (model,) = (one for one in view(convert(swagger), {}).models if one.name == "Owner")
    fields = {field.name: field.declaration for field in model.fields}
    assert fields["check_"] == "declare(key='check')"
    assert fields["to_dict_"] == "declare(key='to_dict')"
    assert fields["declare_"] == "declare(key='declare')"


def test_an_update_lists_the_fields_that_it_may_delete() -> None:
    swagger = merged()
    swagger["paths"]["/things/"]["post"]["x-lost"] = [["kind"]]
    (operations,) = view(convert(swagger), {}).tags.values()
    assert {one.id: one.lost for one in operations}["create_thing"] == [["kind"]]


def test_complete_bodies_and_pages_have_required_fields() -> None:
    models = {model.name: model for model in view(convert(merged()), {}).models}
    body = {one.name: (one.annotation, one.declaration) for one in models["ThingWrite"].fields}
    assert body["kind"] == ("ThingKind", "")
    assert [one.name for one in models["ThingPage"].fields] == ["data"]
    assert models["ThingPage"].base == "PageView"


def test_a_partial_body_requires_no_field() -> None:
    swagger = merged()
    swagger["paths"]["/things/"]["put"] = {
        **swagger["paths"]["/things/"].pop("post"),
        "operationId": "update_thing",
    }
    (model,) = [one for one in view(convert(swagger), {}).models if one.name == "ThingWrite"]
    assert all(field.annotation.endswith("| Unset") for field in model.fields)


def test_the_kind_of_an_operation_follows_from_its_answer() -> None:
    (operations,) = view(convert(merged()), {}).tags.values()
    kinds = {operation.id: (operation.kind, operation.answer) for operation in operations}
    assert kinds == {
        "create_thing": ("json", "Thing"),
        "delete_thing": ("empty", "None"),
        "list_things": ("page", "Paginator[ThingPage, Thing]"),
        "things_csv": ("stream", "Stream"),
    }


def test_only_reads_are_masked() -> None:
    (operations,) = view(convert(merged()), {}).tags.values()
    assert [operation.id for operation in operations if operation.masked] == ["list_things"]


def test_a_default_is_documented_but_not_sent() -> None:
    (operations,) = view(convert(merged()), {}).tags.values()
    (listing,) = [operation for operation in operations if operation.id == "list_things"]
    page = listing.query_arguments[0]
    assert (page.name, page.annotation) == ("page", "int | None")
    assert page.description == "The portal's default is 1."


def test_the_documentation_of_an_operation_says_that_the_api_deprecates_it() -> None:
    swagger = merged()
    swagger["paths"]["/things.csv"]["get"]["deprecated"] = True
    text = emit.render(view(convert(swagger), {}), ["2.0.0"])["api/things.py"]
    before, _, after = text.partition(
        "Deprecated: the API says that it should no longer be called."
    )
    assert before.rstrip().endswith("``GET /things.csv``")
    assert after
    assert "Deprecated" not in after


def test_two_models_of_one_name_are_refused() -> None:
    swagger = merged()
    swagger["definitions"]["Thing"] = {"type": "object", "properties": {}}
    schema = {"$ref": "#/definitions/Thing"}
    swagger["paths"]["/things/"]["post"]["responses"]["201"]["schema"] = schema
    with pytest.raises(ConvertError, match="would become the class Thing"):
        convert(swagger)


def test_a_parser_warning_is_an_error() -> None:
    document = convert(merged())
    schema = {"$ref": "#/components/schemas/Nothing"}
    document["components"]["schemas"]["Owner"]["properties"]["name"] = schema
    with pytest.raises(GenerateError, match=r"Unable to process schema .*Owner"):
        view(document, {})


# ---- Corrections


def corrections(path: Path, change: str, place: str = '["info", "title"]') -> Path:
    path.write_text(
        f'[[correction]]\nname = "mend"\nplaces = [{place}]\n{change}\n'
        'reason = "wrong"\nevidence = "seen"\n'
    )
    return path


@pytest.mark.parametrize(
    ("change", "info"),
    [
        ('set = "Another"', {"title": "Another", "version": "1.0"}),
        ("remove = true", {"version": "1.0"}),
    ],
)
def test_a_correction_changes_the_value_at_its_place(
    tmp_path: Path, change: str, info: dict[str, str]
) -> None:
    mended = apply(SWAGGER, read(corrections(tmp_path / "c.toml", change)))
    assert mended["info"] == info
    assert SWAGGER["info"] == {"title": "A portal", "version": "1.0"}


def test_a_correction_may_merge_an_object(tmp_path: Path) -> None:
    path = corrections(tmp_path / "c.toml", 'merge = { license = "MIT" }', '["info"]')
    assert apply(SWAGGER, read(path))["info"]["license"] == "MIT"


LISTED = ["paths", "/things/", "get", "parameters"]


@pytest.mark.parametrize(
    ("change", "key", "expected"),
    [
        ("remove = true", "sort", [("page", None), ("X-Fields", None)]),
        ('merge = { description = "1 or more" }', "page", [("page", "1 or more"), ("sort", None)]),
        ('set = "By"', "sort.description", [("page", None), ("sort", "By")]),
    ],
)
def test_a_correction_finds_a_parameter_by_its_name(
    tmp_path: Path, change: str, key: str, expected: list[tuple[str, str | None]]
) -> None:
    path = corrections(tmp_path / "c.toml", change, json.dumps([*LISTED, *key.split(".")]))
    parameters = apply(SWAGGER, read(path))["paths"]["/things/"]["get"]["parameters"]
    assert [(one["name"], one.get("description")) for one in parameters][:2] == expected


@pytest.mark.parametrize(
    ("change", "place", "complaint"),
    [
        ("remove = true", json.dumps([*LISTED, "order"]), "no effect"),
        ('set = "A portal"', '["info", "title"]', "no effect"),
        ('merge = { title = "A portal" }', '["info"]', "no effect"),
        ("remove = true", '["info", "license"]', "no effect"),
        (
            'set = "x"',
            '["inf", "title"]',
            "the place does not exist; there is no 'inf', but 'info'; delete or update",
        ),
        ('set = "x"', '["nothing", "title"]', "there is no 'nothing'; delete or update"),
        ('set = "x"', '["info", "title", "x-form"]', "'title' is neither an object nor a list"),
        ('merge = { type = "x" }', '["definitions", "No"]', "does not exist; there is no 'No'"),
        ('merge = { type = "x" }', '["info", "title"]', "the value to merge into is not an object"),
    ],
)
def test_a_correction_without_effect_is_an_error(
    tmp_path: Path, change: str, place: str, complaint: str
) -> None:
    entries = read(corrections(tmp_path / "c.toml", change, place))
    with pytest.raises(CorrectionError, match=f"correction 'mend' .*{complaint}"):
        apply(SWAGGER, entries)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[[correction]\n", "c.toml: "),
        ('[[correction]]\nname = "a"\n', "exactly one of set, merge and remove"),
        ('[[correction]]\nname = "a"\nset = 1\nplaces = [["b"]]\n', "'a' lacks reason, evidence"),
        (
            '[[correction]]\nname = "a"\nset = 1\nplaces = [["b"]]\nreason = "c"\nevidence = "d"\n'
            "plcae = 1\n",
            "'a': unknown keys: plcae",
        ),
        ('[correction]\nname = "a"\n', "c.toml: entries begin with .*, in two brackets"),
    ],
)
def test_a_malformed_correction_is_refused(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "c.toml"
    path.write_text(text)
    with pytest.raises(CorrectionError, match=complaint):
        read(path)


PROPERTY = ["definitions", "Thing", "properties", "name"]


@pytest.mark.parametrize(
    ("change", "place", "complaint"),
    [
        ('set = "integer"', [*PROPERTY, "tpye"], "'tpye' is neither a key .*; .* perhaps 'type'"),
        ("merge = { x-nulable = true }", PROPERTY, "'x-nulable' .* perhaps 'x-nullable'"),
        ('merge = { items = { x-new = "x" } }', PROPERTY, "'x-new' is neither a key"),
        ('merge = { allOf = [{ propertys = "x" }] }', ["definitions", "Thing"], "'propertys'"),
        ('set = "x"', "definitions", "places must be a list of lists"),
    ],
)
def test_a_key_that_the_generator_would_ignore_is_refused(
    tmp_path: Path, change: str, place: list[str] | str, complaint: str
) -> None:
    with pytest.raises(CorrectionError, match=f"correction 'mend': .*{complaint}"):
        read(corrections(tmp_path / "c.toml", change, json.dumps(place)))


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ('merge = { tpye = { type = "string" } }', [*PROPERTY[:3]]),
        ('set = { type = "string" }', [*PROPERTY[:3], "tpye"]),
        ('set = { tpye = "x" }', [*PROPERTY, "default"]),
        ('set = { allOf = [{ properties = { tpye = { type = "string" } } }] }', PROPERTY[:2]),
    ],
)
def test_names_of_fields_and_data_may_be_any(tmp_path: Path, change: str, place: list[str]) -> None:
    assert read(corrections(tmp_path / "c.toml", change, json.dumps(place)))


def test_two_corrections_of_one_name_are_refused(tmp_path: Path) -> None:
    path = corrections(tmp_path / "c.toml", "remove = true")
    path.write_text(path.read_text() * 2)
    with pytest.raises(CorrectionError, match="two corrections have the name 'mend'"):
        read(path)


# ---- Pinning


@pytest.fixture
def pinned(tmp_path: Path) -> Path:
    """A folder with a pin of release 2.0.0, which has 20 operations."""
    swagger = deepcopy(SWAGGER)
    swagger["paths"] = {f"/{number}/": {"get": {}} for number in range(20)}
    stored(tmp_path, json.dumps(swagger).encode(), "2.0.0")
    return tmp_path


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def document(operations: int) -> bytes:
    paths: dict[str, Any] = {f"/{number}/": {"get": {}} for number in range(operations)}
    return json.dumps({**SWAGGER, "paths": paths}).encode()


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"<html>Maintenance</html>", "not JSON"),
        (document(20)[:-5], "not JSON, or truncated"),
        (b"[]", "not a Swagger 2.0"),
        (b'{"openapi": "3.1.0", "paths": {}}', "not a Swagger 2.0"),
        (b'{"swagger": "2.0"}', "truncated: missing paths, definitions, info"),
        (document(17), "lacks 3 of the 20 operations of 2.0.0, such as GET /17/"),
    ],
)
def test_a_broken_document_leaves_the_pin_untouched(
    pinned: Path, content: bytes, complaint: str
) -> None:
    before = contents(pinned)
    with pytest.raises(pin.PinError, match=complaint):
        stored(pinned, content, "2.0.0", "there")
    assert contents(pinned) == before


def test_force_accepts_the_loss_of_operations(pinned: Path) -> None:
    stored(pinned, document(17), "2.0.0", "there", force=True)
    ((entry, _),) = pin.read_pins(pinned)
    assert entry.operations == 17


def test_the_loss_of_a_few_operations_is_accepted(pinned: Path) -> None:
    (entry,) = stored(pinned, document(18), "2.0.0", "there")
    assert entry.operations == 18


def test_a_pin_keeps_the_bytes_and_the_newest_release_comes_first(pinned: Path) -> None:
    content = document(21)
    (entry,) = stored(pinned, content, "2.10.0", "there")
    assert (pinned / entry.file).read_bytes() == content
    assert entry.sha256 == hashlib.sha256(content).hexdigest()
    assert [one.release for one, _ in pin.read_pins(pinned)] == ["2.10.0", "2.0.0"]


def test_an_edited_pin_is_detected(pinned: Path) -> None:
    path = pinned / "udata-2.0.0.json"
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(pin.PinError, match=r"udata-2\.0\.0\.json does not match its sha256"):
        pin.read_pins(pinned)


@pytest.mark.parametrize("name", ["", "x", "newest"])
def test_a_release_name_must_be_a_version_number(pinned: Path, name: str) -> None:
    with pytest.raises(pin.PinError, match=r"is not a release number such as 17\.18\.0"):
        origins.from_udata(pinned, name, force=False)


def test_an_unreachable_portal_is_a_pin_error(pinned: Path) -> None:
    with pytest.raises(pin.PinError, match=r"cannot read http://127\.0\.0\.1:9/"):
        origins.from_url(pinned, "http://127.0.0.1:9/api/1", release=None, force=False)


@pytest.mark.parametrize(("name", "limit"), [("MAX_SIZE", 10), ("MAX_TIME", -1.0)])
async def test_a_document_that_does_not_end_is_a_pin_error(
    name: str, limit: float, pinned: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(origins, name, limit)
    async with server(says(OK + b"Content-Length: 20\r\n\r\n" + b" " * 20)) as url:
        with pytest.raises(pin.PinError, match=r"swagger\.json has more than .* or takes too long"):
            await asyncio.to_thread(origins.from_url, pinned, url, release=None, force=False)


# ---- Function names


def renamed(tmp_path: Path, text: str) -> dict[str, str]:
    path = tmp_path / "names.toml"
    path.write_text(text)
    return renaming.read(path)


def entry(**names: str) -> str:
    lines = [f'{id_} = "{name}"' for id_, name in names.items()]
    return "\n".join(["[[rename]]", 'reason = "Clearer."', "[rename.names]", *lines])


def test_a_rename_changes_the_function_and_the_constant(tmp_path: Path) -> None:
    renames = renamed(tmp_path, entry(things_csv="get_things_csv"))
    operations = {one.id: one for one in view(convert(merged()), renames).tags["things"]}
    operation = operations["things_csv"]
    assert (operation.function, operation.constant) == ("get_things_csv", "GET_THINGS_CSV")
    assert operations["list_things"].function == "list_things"


@pytest.mark.parametrize(
    ("names", "complaint"),
    [
        ({"gone": "get_it"}, "gone is renamed to get_it, but there is no such operation"),
        ({"things_csv": "things_csv"}, "things_csv is renamed to its default name"),
        ({"things_csv": "things-csv"}, "things_csv is renamed to 'things-csv', which is not"),
        ({"things_csv": "class"}, "things_csv is renamed to 'class', which is not"),
        ({"things_csv": "GetThings"}, "things_csv is renamed to 'GetThings', which is not"),
        ({"things_csv": "list_things"}, "both list_things and things_csv would be called"),
        # The command line takes both ids and names: delete_thing would be ambiguous.
        (
            {"things_csv": "delete_thing", "delete_thing": "remove_thing"},
            "both delete_thing and things_csv would be called delete_thing",
        ),
        (
            {"things_csv": "get_it", "delete_thing": "get_it"},
            "would be called get_it",
        ),
    ],
)
def test_an_invalid_rename_is_refused(
    tmp_path: Path, names: dict[str, str], complaint: str
) -> None:
    renames = renamed(tmp_path, entry(**names))
    with pytest.raises(RenameError, match=complaint) as refusal:
        view(convert(merged()), renames)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[[rename]", "names.toml: "),
        ("[[correction]]", r"unknown keys \['correction'\]; expected \[\[rename\]\]"),
        ('[[rename]]\nreason = "Clearer."', "must have a reason and names"),
        ('[[rename]]\nreason = ""\n[rename.names]\na = "b"', "must have a reason and names"),
        (f"{entry(a='b')}\n{entry(a='c')}", "a is renamed twice: to b and to c"),
    ],
)
def test_a_malformed_names_file_is_refused(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(RenameError, match=complaint):
        renamed(tmp_path, text)


def test_every_rename_has_a_reason() -> None:
    assert len(renaming.read(OPENAPI / "names.toml")) == 92


# ---- Documentation


@pytest.mark.parametrize(
    ("name", "function", "description", "expected_text"),
    [
        ("dataset", "get_dataset", "The dataset.", ""),
        ("id", "get_job", "A job ID.", ""),
        ("page", "list_things", "The page to fetch. By default 1.", "By default 1."),
        ("user", "list_activities", "Filter activities for that particular user.", ""),
        ("dataset", "get_dataset", "The dataset ID or slug.", "The dataset ID or slug."),
        ("q", "list_things", "The search query.", "The search query."),
        ("page", "list_things", "", ""),
    ],
)
def test_descriptions_that_only_repeat_the_name_are_left_out(
    name: str, function: str, description: str, expected_text: str
) -> None:
    assert informative(description, name, function) == expected_text


def test_a_parameter_keeps_its_place_type_and_description() -> None:
    operations = {one.id: one for one in view(convert(merged()), {}).tags["things"]}
    page, sort = operations["list_things"].query_arguments
    assert (page.place, page.type, page.required) == ("query", "int", False)
    assert page.description == "The portal's default is 1."
    assert (sort.type, sort.annotation) == ("ListThingsSort", "ListThingsSort | None")
    assert sort.description == sort.note == ""
    (thing,) = operations["delete_thing"].arguments
    assert (thing.place, thing.type, thing.required) == ("path", "Id", True)


# ---- The check command


@pytest.mark.parametrize("seed", ["1", "2"])
def test_the_output_does_not_depend_on_the_hash_seed(seed: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "generator", "check"],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": seed},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "293 operations" in done.stdout
    assert "0 warnings" in done.stdout
    assert done.stderr == ""


def test_an_edited_generated_file_is_detected(tmp_path: Path) -> None:
    for name in ("generator", "openapi", "src"):
        shutil.copytree(ROOT / name, tmp_path / name)
    model = tmp_path / "src" / "aiodatagouv" / "models" / "badge.py"
    model.write_text(model.read_text().replace("Badge", "Bagde"))
    (tmp_path / "src" / "aiodatagouv" / "models" / "stray.py").write_text("")
    done = subprocess.run(
        [sys.executable, "-m", "generator", "check"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.strip() == (
        "out of date, run `make generate`: models/badge.py, models/stray.py"
    )
