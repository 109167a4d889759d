"""The comparison of two releases: what it finds, and the class of each change for a caller."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from attrs import evolve

from generator import corrections, pin, releases, renaming
from generator.build import Attempt, attempt
from generator.convert import convert
from generator.declarations import View
from generator.diff import Change, Status, compare, compare_attempts, status_of
from generator.diff.assignment import Verdict, answered, parse, sent
from generator.diff.rules import RULES, How
from generator.schemas import ENVELOPE
from generator.view import view

from .test_generator import SWAGGER, release

ROOT = Path(__file__).parents[1]
OPENAPI = ROOT / "openapi"
FIXES = corrections.read(OPENAPI / "corrections.toml")
NAMES = renaming.read(OPENAPI / "names.toml")

Document = dict[str, Any]

S, D, C, B = Status.SAME, Status.DOCUMENTATION, Status.COMPATIBLE, Status.BREAKING
TYPES, CALLED, SILENTLY = How.TYPES, How.CALLED, How.SILENTLY


@cache
def pinned(name: str) -> bytes:
    return (OPENAPI / f"udata-{name}.json").read_bytes()


def built(document: Document) -> Attempt:
    return attempt([(release("0"), document)], FIXES, NAMES)


def part(document: Document) -> Document:
    """Leave out what no mutation touches: the rest is built in a fraction of the time."""
    paths = {path: one for path, one in document["paths"].items() if PART.match(path)}
    return {**document, "paths": paths}


PART = re.compile(
    r"/(contacts|licenses|posts|site|me/($|api_tokens)|reuses/($|{)|dataservices/$|datasets/($|licenses|badges))"
)


@cache
def part_of_pin() -> Attempt:
    return built(part(json.loads(pinned("17.18.0"))))


@cache
def of_pin(name: str) -> Attempt:
    return built(json.loads(pinned(name)))


@cache
def part_of_all_pins() -> Attempt:
    return attempt(parts_of_pins(), FIXES, NAMES)


def parts_of_pins() -> list[tuple[pin.Release, Document]]:
    return [(one, part(document)) for one, document in pin.read_pins(OPENAPI)]


# ---- Mutations of the newest release


def operation(document: Document, path: str, method: str) -> Document:
    found: Document = document["paths"][path][method]
    return found


def parameter(document: Document, path: str, name: str) -> Document:
    found: Document = next(
        one for one in operation(document, path, "get")["parameters"] if one["name"] == name
    )
    return found


def properties(document: Document, definition: str) -> Document:
    found: Document = document["definitions"][definition]["properties"]
    return found


def remove_an_operation(document: Document) -> None:
    del document["paths"]["/datasets/licenses/"]["get"]


def rename_an_operation(document: Document) -> None:
    operation(document, "/datasets/licenses/", "get")["operationId"] = "all_licenses"


def change_a_method(document: Document) -> None:
    item = document["paths"]["/contacts/{contact_point}/"]
    item["patch"] = item.pop("put")


def change_a_path(document: Document) -> None:
    document["paths"]["/licenses/"] = document["paths"].pop("/datasets/licenses/")


def move_an_operation(document: Document) -> None:
    operation(document, "/datasets/licenses/", "get")["tags"] = ["site"]


def require_a_parameter(document: Document) -> None:
    parameter(document, "/posts/", "kind")["required"] = True


def remove_a_parameter(document: Document) -> None:
    parameters = operation(document, "/posts/", "get")["parameters"]
    parameters.remove(parameter(document, "/posts/", "kind"))


def retype_a_parameter(document: Document) -> None:
    parameter(document, "/posts/", "with_drafts")["type"] = "integer"


def change_a_default(document: Document) -> None:
    parameter(document, "/posts/", "page_size")["default"] = 50


def retype_an_answer(document: Document) -> None:
    responses = operation(document, "/datasets/licenses/", "get")["responses"]
    responses["200"]["schema"] = {"$ref": "#/definitions/License"}


def empty_an_answer(document: Document) -> None:
    operation(document, "/datasets/licenses/", "get")["responses"] = {"204": {"description": ""}}


def retype_a_field(document: Document) -> None:
    properties(document, "License")["title"]["type"] = "integer"


def remove_a_field(document: Document) -> None:
    del properties(document, "License")["maintainer"]


def rename_a_field(document: Document) -> None:
    fields = properties(document, "License")
    fields["keeper"] = fields.pop("maintainer")


def make_a_field_nullable(document: Document) -> None:
    document["definitions"]["License"]["required"].remove("title")


def add_a_value_to_answers(document: Document) -> None:
    properties(document, "ContactPoint (read)")["role"]["enum"].append("editor")


def remove_a_value_from_answers(document: Document) -> None:
    properties(document, "ContactPoint (read)")["role"]["enum"].remove("user")


def add_a_value_to_bodies(document: Document) -> None:
    properties(document, "ContactPoint (write)")["role"]["enum"].append("editor")


def remove_a_value_from_bodies(document: Document) -> None:
    properties(document, "ContactPoint (write)")["role"]["enum"].remove("user")


def add_an_optional_field_to_a_body(document: Document) -> None:
    properties(document, "ContactPoint (write)")["phone"] = {"type": "string"}


def add_a_required_field_to_a_body(document: Document) -> None:
    definition = document["definitions"]["ApiToken (write)"]
    definition["properties"]["reason"] = {"type": "string"}
    definition.setdefault("required", []).append("reason")


def add_a_field_that_only_creations_require(document: Document) -> None:
    """An update may omit it, so that the class of the body has it as optional."""
    properties(document, "Reuse (write)")["phone"] = {"type": "string"}
    document["definitions"]["Reuse (write)"]["required"].append("phone")


def require_a_field_of_creations(document: Document) -> None:
    document["definitions"]["Reuse (write)"]["required"].append("private")


def change_a_description(document: Document) -> None:
    properties(document, "License")["title"]["description"] = "The title."


def change_the_order(document: Document) -> None:
    """Reverse every list and object whose order has no meaning."""
    for name in ("paths", "definitions"):
        document[name] = dict(reversed(document[name].items()))
    for definition in document["definitions"].values():
        for one in definition.get("properties", {}).values():
            one.get("enum", []).reverse()
        definition["properties"] = dict(reversed(definition.get("properties", {}).items()))
        definition.get("required", []).reverse()
    for item in document["paths"].values():
        for one in item.values():
            if isinstance(one, dict):
                one.get("parameters", []).reverse()
                one["responses"] = dict(reversed(one["responses"].items()))


def add_an_operation(document: Document) -> None:
    document["paths"]["/datasets/licenses/newest/"] = {
        "get": {
            "operationId": "get_newest_license",
            "tags": ["datasets"],
            "responses": {"200": {"schema": {"$ref": "#/definitions/License"}}},
        }
    }


def add_a_model(document: Document) -> None:
    document["definitions"]["Clause"] = {"properties": {"text": {"type": "string"}}}
    properties(document, "License")["clauses"] = {
        "type": "array",
        "items": {"$ref": "#/definitions/Clause"},
    }


def add_a_model_that_nothing_uses(document: Document) -> None:
    document["definitions"]["Clause"] = {"properties": {"text": {"type": "string"}}}


def body_of_contacts(document: Document) -> Document:
    return properties(document, "ContactPoint (write)")


def deprecate_an_operation(document: Document) -> None:
    operation(document, "/datasets/licenses/", "get")["deprecated"] = True


def need_a_key(document: Document) -> None:
    operation(document, "/datasets/licenses/", "get")["security"] = [{"apikey": []}]


def need_a_key_everywhere_but_here(document: Document) -> None:
    document["security"] = [{"apikey": []}]
    for item in document["paths"].values():
        for method, one in item.items():
            if method != "parameters":
                one["security"] = [{"apikey": []}, {}]
    del operation(document, "/datasets/licenses/", "get")["security"]


def declare_no_key(document: Document) -> None:
    del document["securityDefinitions"]


def lock_an_operation(document: Document) -> None:
    responses = operation(document, "/contacts/{contact_point}/", "put")["responses"]
    responses["423"] = {"description": "The portal is read-only"}


def limit_a_parameter(document: Document) -> None:
    parameter(document, "/posts/", "page_size")["maximum"] = 20


def unlimit_a_parameter(document: Document) -> None:
    one = parameter(document, "/posts/", "page_size")
    del one["minimum"], one["exclusiveMinimum"]


def shorten_a_field_of_a_body(document: Document) -> None:
    body_of_contacts(document)["name"]["maxLength"] -= 1


def lengthen_a_field_of_a_body(document: Document) -> None:
    body_of_contacts(document)["name"]["maxLength"] += 1


def give_a_field_of_a_body_a_format(document: Document) -> None:
    body_of_contacts(document)["name"]["format"] = "email"


def show_a_field_of_a_body_otherwise(document: Document) -> None:
    body_of_contacts(document)["name"]["format"] = "markdown"


def limit_the_items_of_an_answer(document: Document) -> None:
    properties(document, "License")["alternate_titles"]["items"]["pattern"] = "^[a-z]+$"


def give_an_object_fields(document: Document) -> None:
    properties(document, "Dataset")["extras"]["properties"] = {"a": {"type": "string"}}


def leave_a_field_out_by_default(document: Document) -> None:
    site = document["definitions"]["Site (read)"]
    site["x-mask"] = site["x-mask"].replace("keywords,", "")


def answer_another_field_by_default(document: Document) -> None:
    site = document["definitions"]["Site (read)"]
    site["x-mask"] = site["x-mask"].replace("keywords", "keywords,datasets_blocs")


def mask_one_list_by_default(document: Document) -> None:
    parameter(document, "/posts/", "X-Fields")["default"] = "data{id,name}"


def rename_the_items_of_a_page(document: Document) -> None:
    fields = properties(document, "PostPage")
    fields["items"] = fields.pop("data")


Mutation = Callable[[Document], None]

MUTATIONS: list[tuple[Mutation, Status, How | None, set[tuple[str, str, str]]]] = [
    (
        remove_an_operation,
        B,
        TYPES,
        {("operation-removed", "list_licenses", ""), ("model-removed", "License", "")},
    ),
    (rename_an_operation, B, TYPES, {("operation-renamed", "all_licenses", "")}),
    (change_a_method, B, CALLED, {("method-changed", "update_contact_point", "")}),
    (change_a_path, B, CALLED, {("path-changed", "list_licenses", "")}),
    (move_an_operation, B, TYPES, {("operation-moved", "list_licenses", "")}),
    (require_a_parameter, B, TYPES, {("parameter-required", "list_posts", "kind")}),
    (remove_a_parameter, B, TYPES, {("parameter-removed", "list_posts", "kind")}),
    (retype_a_parameter, B, TYPES, {("parameter-retyped", "list_posts", "with_drafts")}),
    (change_a_default, B, SILENTLY, {("parameter-default", "list_posts", "page_size")}),
    (retype_an_answer, B, TYPES, {("answer-retyped", "list_licenses", "")}),
    (
        empty_an_answer,
        B,
        TYPES,
        {("kind-changed", "list_licenses", ""), ("model-removed", "License", "")},
    ),
    (retype_a_field, B, TYPES, {("field-retyped", "License", "title")}),
    (remove_a_field, B, TYPES, {("field-removed", "License", "maintainer")}),
    (rename_a_field, B, TYPES, {("field-renamed", "License", "keeper")}),
    (make_a_field_nullable, B, TYPES, {("field-nullable", "License", "title")}),
    (add_a_value_to_answers, C, None, {("enum-value-added", "ContactPointRole", "editor")}),
    (
        remove_a_value_from_answers,
        B,
        SILENTLY,
        {("enum-answer-removed", "ContactPointRole", "user")},
    ),
    (add_a_value_to_bodies, C, None, {("enum-value-added", "ContactPointWriteRole", "editor")}),
    (
        remove_a_value_from_bodies,
        B,
        TYPES,
        {("enum-value-removed", "ContactPointWriteRole", "user")},
    ),
    (
        add_an_optional_field_to_a_body,
        C,
        None,
        {("body-field-added", "ContactPointWrite", "phone")},
    ),
    (
        add_a_required_field_to_a_body,
        B,
        TYPES,
        {("body-field-added-required", "ApiTokenWrite", "reason")},
    ),
    (
        add_a_field_that_only_creations_require,
        B,
        CALLED,
        {("body-field-added-demanded", "ReuseWrite", "phone")},
    ),
    (
        require_a_field_of_creations,
        B,
        CALLED,
        {("body-field-demanded", "ReuseWrite", "private")},
    ),
    (change_a_description, D, None, {("field-described", "License", "title")}),
    (change_the_order, S, None, set()),
    (add_an_operation, C, None, {("operation-added", "get_newest_license", "")}),
    (
        add_a_model,
        C,
        None,
        {("model-added", "Clause", ""), ("field-added", "License", "clauses")},
    ),
    (add_a_model_that_nothing_uses, S, None, set()),
    (deprecate_an_operation, C, None, {("operation-deprecated", "list_licenses", "")}),
    (need_a_key, B, CALLED, {("key-required", "list_licenses", "")}),
    (need_a_key_everywhere_but_here, B, CALLED, {("key-required", "list_licenses", "")}),
    (declare_no_key, B, CALLED, {("key-undeclared", "api_key", "")}),
    (
        lock_an_operation,
        C,
        None,
        {
            ("lock-declared", "update_contact_point", ""),
            ("responses-described", "update_contact_point", ""),
        },
    ),
    (limit_a_parameter, B, CALLED, {("parameter-limited", "list_posts", "page_size")}),
    (unlimit_a_parameter, C, None, {("parameter-unlimited", "list_posts", "page_size")}),
    (
        shorten_a_field_of_a_body,
        B,
        CALLED,
        {("body-field-limited", "ContactPointWrite", "name")},
    ),
    (
        lengthen_a_field_of_a_body,
        C,
        None,
        {("body-field-unlimited", "ContactPointWrite", "name")},
    ),
    (
        give_a_field_of_a_body_a_format,
        B,
        CALLED,
        {("body-field-limited", "ContactPointWrite", "name")},
    ),
    (
        show_a_field_of_a_body_otherwise,
        D,
        None,
        {("body-field-format", "ContactPointWrite", "name")},
    ),
    (limit_the_items_of_an_answer, D, None, {("field-limits", "License", "alternate_titles")}),
    (
        give_an_object_fields,
        B,
        SILENTLY,
        {("object-changed", one, "extras") for one in ("Dataset", "DatasetFull", "DatasetWrite")},
    ),
    (leave_a_field_out_by_default, B, CALLED, {("default-mask-narrowed", "Site", "")}),
    (answer_another_field_by_default, C, None, {("default-mask-widened", "Site", "")}),
    (mask_one_list_by_default, B, CALLED, {("default-mask-narrowed", "list_posts", "")}),
    (
        rename_the_items_of_a_page,
        B,
        TYPES,
        {
            ("kind-changed", "list_posts", ""),
            ("model-rebased", "PostPage", ""),
            ("field-renamed", "PostPage", "items"),
            *(("field-added", "PostPage", one) for one in sorted(ENVELOPE.keys() - {"data"})),
        },
    ),
]


@pytest.mark.parametrize(
    ("mutate", "status", "how", "expected"),
    MUTATIONS,
    ids=[one[0].__name__ for one in MUTATIONS],
)
def test_each_mutation_of_the_newest_release_has_its_class(
    mutate: Mutation, status: Status, how: How | None, expected: set[tuple[str, str, str]]
) -> None:
    document = json.loads(pinned("17.18.0"))
    mutate(document)
    changes = compare(part_of_pin().view, built(part(document)).view)
    assert status_of(changes) is status
    assert {one.how for one in changes if one.status is Status.BREAKING} == {how} - {None}
    # An enum whose values differ between two places has two names, which is told as well.
    found = [one for one in changes if one.rule != "enum-split"]
    assert {(one.rule, one.owner, one.name) for one in found} == expected
    assert len(found) == len(expected)


BESIDE_OLDER: dict[Mutation, tuple[How, set[tuple[str, str, str]]]] = {
    remove_an_operation: (CALLED, {("operation-dropped", "list_licenses", "")}),
    remove_a_field: (CALLED, {("field-older", "License", "maintainer")}),
    rename_a_field: (
        CALLED,
        {("field-older", "License", "maintainer"), ("field-added", "License", "keeper")},
    ),
    rename_the_items_of_a_page: (
        CALLED,
        {("field-older", "PostPage", "data"), ("field-added", "PostPage", "items")},
    ),
}
"""The mutations whose class is another one beside older pins, which keep what the newest lost."""


HEIR = "v2.DatasetLicense"
"""The model that inherits the fields of License, by a correction."""

OF_HEIR = {"alternate_titles", "alternate_urls"}
"""Those that it has of its own."""


def as_in_v1(mutated: Document) -> Document:
    """Return the document of API v2, with what it has in common with v1 as a mutated v1 has it."""
    before: Document = json.loads(pinned("17.18.0"))
    second: Document = json.loads(pinned("17.18.0-v2"))
    if "securityDefinitions" not in mutated:
        del second["securityDefinitions"]
    old, new, own = (one["definitions"] for one in (before, mutated, second))
    for name in [*own]:
        if own[name] == old.get(name) and name in new:
            own[name] = new[name]
    own |= {name: new[name] for name in new.keys() - old.keys()}
    return second


@pytest.mark.parametrize(
    ("mutate", "status", "how", "expected"),
    MUTATIONS,
    ids=[one[0].__name__ for one in MUTATIONS],
)
def test_each_mutation_has_its_class_beside_older_pins(
    mutate: Mutation, status: Status, how: How | None, expected: set[tuple[str, str, str]]
) -> None:
    document = json.loads(pinned("17.18.0"))
    mutate(document)
    both = [(release("99.0.0"), part(document)), (release("99.0.0", 2), part(as_in_v1(document)))]
    mutated = attempt([*both, *parts_of_pins()], FIXES, NAMES)
    how, expected = BESIDE_OLDER.get(mutate, (how, expected))
    expected |= {
        (rule, HEIR, name)
        for rule, owner, name in expected
        if owner == "License" and rule.startswith("field") and name not in OF_HEIR
    }
    changes = compare(part_of_all_pins().view, mutated.view)
    assert status_of(changes) is status
    assert {one.how for one in changes if one.status is Status.BREAKING} == {how} - {None}
    found = {(one.rule, one.owner, one.name) for one in changes if one.rule != "enum-split"}
    assert found == expected


def test_a_change_of_a_model_is_told_once_with_the_functions_that_it_reaches() -> None:
    document = json.loads(pinned("17.18.0"))
    del properties(document, "Follow (read)")["since"]
    (change,) = compare(of_pin("17.18.0").view, built(document).view)
    assert (change.rule, change.owner, change.name) == ("field-removed", "Follow", "since")
    assert change.reached == (
        "list_dataservice_followers",
        "list_dataset_followers",
        "list_organization_followers",
        "list_reuse_followers",
        "list_user_followers",
    )


def test_a_correction_without_a_place_does_not_stop_the_comparison() -> None:
    document = json.loads(pinned("17.18.0"))
    del document["definitions"]["Checksum"]
    del document["paths"]["/me/metrics/"]
    for definition in document["definitions"].values():
        for part in [definition, *definition.get("allOf", [])]:
            part.get("properties", {}).pop("checksum", None)
    made = built(document)
    before = {(one.name, *one.place) for one in of_pin("17.18.0").unapplied}
    assert ("my-metrics-object", "paths", "/me/metrics/") in {
        (one.name, *one.place[:2]) for one in made.unapplied if (one.name, *one.place) not in before
    }
    assert any("my_metrics is renamed to get_my_metrics" in one for one in made.unnamed)


def test_a_change_that_a_correction_hides_is_reported() -> None:
    """The declarations are the same, but the correction may have become wrong."""
    document = json.loads(pinned("17.18.0"))
    document["definitions"]["TransferRequest"]["required"].append("deadline")
    made = built(document)
    assert compare(of_pin("17.18.0").view, made.view) == []
    (change,) = compare_attempts(of_pin("17.18.0"), made)
    assert (change.rule, change.owner) == ("correction-outdated", "transfer-without-a-comment")
    assert change.name == "definitions > TransferRequest > required"
    assert change.before == '["comment", "recipient", "subject"]'
    assert change.after == '["comment", "deadline", "recipient", "subject"]'
    assert status_of([change]) is B


def test_a_schema_that_a_correction_leaves_for_answers_only_is_hidden_in_bodies() -> None:
    document = json.loads(pinned("17.18.0"))
    post = operation(document, "/dataservices/{dataservice}/datasets/", "post")
    (payload,) = (one for one in post["parameters"] if one["in"] == "body")
    payload["schema"]["type"] = "string"
    (change,) = compare_attempts(of_pin("17.18.0"), built(document))
    assert (change.rule, change.owner) == ("correction-outdated", "datasets-of-a-dataservice")


def test_a_correction_hides_no_order_and_no_description() -> None:
    document = json.loads(pinned("17.18.0"))
    document["definitions"]["TransferRequest"]["required"].reverse()
    schema = operation(document, "/me/metrics/", "get")["responses"]["200"]["schema"]
    schema["description"] = "Figures."
    change_the_order(document)
    assert compare_attempts(of_pin("17.18.0"), built(document)) == []


# ---- Two pinned releases, and a count that is made of the documents alone


@cache
def of_releases() -> list[Change]:
    return compare(of_pin("14.13.0").view, of_pin("17.18.0").view)


def test_the_newest_release_added_35_operations_and_removed_10() -> None:
    rules = [one.rule for one in of_releases()]
    assert rules.count("operation-added") == 35
    assert rules.count("operation-removed") == 10
    assert "operation-renamed" not in rules


def test_the_way_back_has_the_same_operations_and_fields() -> None:
    back = compare(of_pin("17.18.0").view, of_pin("14.13.0").view)
    rules = [one.rule for one in back]
    assert rules.count("operation-added") == 10
    assert rules.count("operation-removed") == 35
    there = [one.rule for one in of_releases()]
    assert rules.count("field-removed") == there.count("field-added")
    assert rules.count("field-added") == there.count("field-removed")
    assert rules.count("parameter-removed") == there.count("parameter-added")


Found = set[tuple[str, str, str]]


def told(*kinds: str) -> Found:
    """Return what the comparison found: owner, name, and + or -."""
    kept: Found = set()
    for one in of_releases():
        if one.rule in [f"{kind}-renamed" for kind in kinds]:
            kept |= {(one.owner, one.before, "-"), (one.owner, one.after, "+")}
        for sign, word in (("+", "added"), ("-", "removed")):
            if any(one.rule.startswith(f"{kind}-{word}") for kind in kinds):
                kept.add((one.owner, one.name, sign))
    return kept


def differences(old: Document, new: Document, name: str) -> Found:
    gone, come = old.keys() - new.keys(), new.keys() - old.keys()
    return {(name, key, "-") for key in gone} | {(name, key, "+") for key in come}


def shape(path: str) -> str:
    return re.sub(r"{.*?}", "{}", path)


def raw(name: str) -> dict[tuple[str, str], Document]:
    """Return the operations of a document by method and shape of the path."""
    document = json.loads(pinned(name))
    return {
        (method, shape(path)): {
            **one,
            "parameters": [*item.get("parameters", []), *one.get("parameters", [])],
        }
        for path, item in document["paths"].items()
        for method, one in item.items()
        if method != "parameters"
    }


def test_every_parameter_that_the_documents_added_or_removed_is_found() -> None:
    functions = {
        (one.method.lower(), shape(one.path)): one.function
        for each in of_pin("17.18.0").view.tags.values()
        for one in each
    }
    old, new = raw("14.13.0"), raw("17.18.0")
    counted: Found = set()
    for key in old.keys() & new.keys():
        left, right = (
            {one["name"]: one for one in each[key]["parameters"] if one["in"] in ("path", "query")}
            for each in (old, new)
        )
        counted |= differences(left, right, functions[key])
    # The server of 14.13.0 takes them too, or that of 17.18.0 ignores them: corrections say so.
    corrected = {
        ("list_organization_contact_points", "owner", "+"),
        ("list_organization_contact_points", "organization", "+"),
        ("list_organization_datasets", "access_type", "+"),
        ("list_user_contact_points", "owner", "+"),
        ("list_user_contact_points", "organization", "+"),
        ("redirect_organization_catalog", "credit", "+"),
        ("redirect_organization_catalog", "sort", "+"),
    }
    # A header of corrections, whose answers 14.13.0 has no definitions for.
    headers = {
        (name, "full_objects", "+")
        for name in ("get_dataset", "list_datasets", "list_organization_datasets")
    }
    assert len(counted) == 53
    assert told("parameter") == counted - corrected | headers


def referred(schema: Document) -> str | None:
    (inner,) = schema["allOf"] if len(schema.get("allOf", [])) == 1 else [schema]
    return unquote(inner["$ref"]).rpartition("/")[2] if "$ref" in inner else None


def declared(document: Document, name: str, *, is_sent: bool) -> Document:
    definition = document["definitions"][name]
    fields: Document = {}
    for part in definition.get("allOf", []):
        parent = referred(part)
        fields |= declared(document, parent, is_sent=is_sent) if parent else part["properties"]
    fields |= definition.get("properties", {})
    return {key: one for key, one in fields.items() if not (is_sent and one.get("readOnly"))}


def schemas(operation: Document) -> Iterator[tuple[bool, Document]]:
    answers = [one for status, one in operation["responses"].items() if status[0] == "2"]
    yield from ((False, one["schema"]) for one in answers if "schema" in one)
    yield from ((True, one["schema"]) for one in operation["parameters"] if one["in"] == "body")


def fields_by_hand() -> Found:
    """Follow the answers and bodies of each operation in both documents at once."""
    before, after = json.loads(pinned("14.13.0")), json.loads(pinned("17.18.0"))
    old, new = raw("14.13.0"), raw("17.18.0")
    waiting = [
        (is_sent, one, other)
        for key in old.keys() & new.keys()
        for is_sent, one in schemas(old[key])
        for is_also_sent, other in schemas(new[key])
        if is_sent == is_also_sent
    ]
    counted: Found = set()
    seen = set()
    while waiting:
        is_sent, one, other = waiting.pop()
        if "items" in one and "items" in other:
            waiting.append((is_sent, one["items"], other["items"]))
            continue
        names = referred(one), referred(other)
        if names[0] is None or names[1] is None or (is_sent, *names) in seen:
            continue
        seen.add((is_sent, *names))
        left = declared(before, names[0], is_sent=is_sent)
        right = declared(after, names[1], is_sent=is_sent)
        owner = re.sub(r" \(.*", "", names[1]) + ("Write" if is_sent else "")
        counted |= differences(left, right, owner)
        waiting += [(is_sent, left[key], right[key]) for key in left.keys() & right.keys()]
    return counted


def of(owner: str, sign: str, *names: str) -> Found:
    return {(owner, name, sign) for name in names}


def test_every_field_that_the_documents_added_or_removed_is_found() -> None:
    """The exceptions are places where a correction says what the servers do, and names."""
    named = {
        # A keyword of Python, and a model that is only sent.
        ("Discussion", "class", "-"): ("Discussion", "class_", "-"),
        ("DiscussionResponseWrite", "organization", "+"): (
            "DiscussionResponse",
            "organization",
            "+",
        ),
    }
    counted = {named.get(one, one) for one in fields_by_hand()}
    found = told("field", "body-field")
    assert found - counted == {
        # Forms are no definitions in the documents.
        ("FileUpload", "partbyteoffset", "-"),
        # A correction describes the object: a user or an organization, with the fields of both.
        ("TransferParty", "deleted", "+"),
        ("TransferParty", "permissions", "+"),
        # Of messages, the document of 14.13.0 does not declare it.
        ("Message", "spam", "-"),
    }
    assert counted - found == {
        # The document of 17.18.0 has the wrong model for the items of a page of datasets.
        *of("HarvestDatasetMetadata", "+", "archived_at", "backend", "created_at", "domain"),
        *of("HarvestDatasetMetadata", "+", "issued_at", "last_update", "modified_at"),
        *of("HarvestDatasetMetadata", "+", "remote_id", "remote_url", "source_id"),
        # They are sent as ids.
        *of("OrganizationReferenceWrite", "-", "logo", "logo_thumbnail"),
        *of("OrganizationReferenceWrite", "+", "name"),
        *of("UserReferenceWrite", "-", "avatar", "avatar_thumbnail"),
        *of("UserReferenceWrite", "+", "first_name", "last_name"),
        # The function takes or answers another model: the change is told of the function.
        *of("DiscussionEditWrite", "-", "comment"),
        *of("DiscussionEditWrite", "+", "title"),
        # Both servers have it, one document does not.
        *of("HarvestError", "-", "level"),
        *of("User", "-", "apikey"),
        *of("UserWrite", "-", "active", "roles"),
    }
    assert len(counted) == 115


@pytest.mark.parametrize("name", ["14.13.0", "17.18.0"])
def test_a_release_does_not_differ_from_itself(name: str) -> None:
    assert compare(of_pin(name).view, built(json.loads(pinned(name))).view) == []


# ---- Renames, and what the merged releases tell


def small(mutate: Mutation = lambda _: None, renames: dict[str, str] | None = None) -> View:
    document = deepcopy(SWAGGER)
    mutate(document)
    return view(convert(releases.merge([(release("2.0.0"), document)])), renames or {})


def found(mutate: Mutation, before: Mutation = lambda _: None) -> set[tuple[str, str, str, str]]:
    changes = compare(small(before), small(mutate))
    return {(one.rule, one.owner, one.name, one.how or "") for one in changes}


def test_a_renamed_operation_names_its_alias() -> None:
    def mutate(document: Document) -> None:
        item = document["paths"].pop("/things/{thing}/")
        item["delete"]["operationId"] = "destroy_thing"
        document["paths"]["/things/{thing}/"] = item

    (change,) = compare(small(), small(mutate))
    assert change.alias == ("delete_thing", "destroy_thing")


def test_two_operations_that_swap_their_ids_are_replaced() -> None:
    def mutate(document: Document) -> None:
        one = document["paths"]["/things.csv"]["get"]
        other = document["paths"]["/things/{thing}/"]["delete"]
        one["operationId"], other["operationId"] = other["operationId"], one["operationId"]

    changes = compare(small(), small(mutate))
    replaced = {
        (one.owner, one.before, one.after) for one in changes if one.rule == "operation-replaced"
    }
    assert replaced == {
        ("things_csv", "GET /things.csv", "DELETE /things/{thing}/"),
        ("delete_thing", "DELETE /things/{thing}/", "GET /things.csv"),
    }
    assert [one.alias for one in changes if one.alias] == []


def test_an_alias_for_another_function_is_a_replaced_operation() -> None:
    before = evolve(small(), aliases={"remove": "delete_thing"})
    after = evolve(small(), aliases={"remove": "things_csv"})
    (change,) = compare(before, after)
    assert (change.rule, change.owner, change.how) == ("operation-replaced", "remove", SILENTLY)
    assert compare(before, before) == []


def test_a_new_id_of_the_same_function_is_found_too() -> None:
    def mutate(document: Document) -> None:
        document["paths"]["/things.csv"]["get"]["operationId"] = "csv"

    (change,) = compare(small(), small(mutate, {"csv": "things_csv"}))
    assert (change.rule, change.before, change.after) == ("operation-id", "things_csv", "csv")


def test_a_renamed_parameter_of_the_path_is_no_other_operation() -> None:
    def mutate(document: Document) -> None:
        item = document["paths"].pop("/things/{thing}/")
        item["parameters"][0]["name"] = "id"
        document["paths"]["/things/{id}/"] = item

    assert found(mutate) == {("parameter-renamed", "delete_thing", "id", "at type checking")}


def test_parameters_of_a_path_that_change_places_break_silently() -> None:
    def nest(document: Document, path: str = "/things/{thing}/of/{owner}/") -> None:
        item = document["paths"].pop("/things/{thing}/")
        item["parameters"].append({**item["parameters"][0], "name": "owner"})
        document["paths"][path] = item

    changed = found(lambda one: nest(one, "/things/{owner}/of/{thing}/"), nest)
    assert changed == {("parameters-reordered", "delete_thing", "", "silently")}


def test_another_spelling_in_the_api_of_the_same_name_is_compatible() -> None:
    def mutate(document: Document) -> None:
        document["paths"]["/things/"]["get"]["parameters"][0]["name"] = "Page"
        fields = document["definitions"]["Owner"]["properties"]
        fields["Name"] = fields.pop("name")

    assert found(mutate) == {
        ("parameter-key", "list_things", "page", ""),
        ("field-key", "Owner", "name", ""),
    }


def test_a_renamed_model_is_one_change_and_its_fields_are_compared() -> None:
    def mutate(document: Document) -> None:
        definition = document["definitions"].pop("Owner")
        document["definitions"]["Person"] = definition
        definition["properties"]["born"] = {"type": "string", "format": "date"}
        thing = document["definitions"]["Thing (read)"]["allOf"][1]["properties"]
        thing["owner"]["allOf"] = [{"$ref": "#/definitions/Person"}]

    assert found(mutate) == {
        ("model-renamed", "Person", "", "at type checking"),
        ("field-added", "Person", "born", ""),
    }


def test_a_form_instead_of_json_is_an_added_model_and_a_retyped_body() -> None:
    def mutate(document: Document) -> None:
        post = document["paths"]["/things/"]["post"]
        post["parameters"] = [{"in": "formData", "name": "file", "type": "file", "required": True}]

    assert ("body-retyped", "create_thing", "", "at type checking") in found(mutate)


def test_the_default_of_a_field_breaks_bodies_and_documents_answers() -> None:
    def mutate(document: Document) -> None:
        document["definitions"]["Thing (write)"]["properties"]["kind"]["default"] = "small"
        document["definitions"]["Owner"]["properties"]["name"]["default"] = "nobody"

    assert found(mutate) == {
        ("body-field-default", "ThingWrite", "kind", "silently"),
        ("field-described", "Owner", "name", ""),
    }


def test_a_mask_that_is_no_longer_accepted_breaks_at_type_checking() -> None:
    def mutate(document: Document) -> None:
        document["paths"]["/things/"]["get"]["parameters"].pop()

    assert found(mutate) == {("mask-removed", "list_things", "", "at type checking")}


def test_another_media_type_of_a_stream_breaks_silently() -> None:
    def mutate(document: Document) -> None:
        document["paths"]["/things.csv"]["get"]["produces"] = ["text/tab-separated-values"]

    assert found(mutate) == {("media-type-changed", "things_csv", "", "silently")}


def test_an_operation_that_only_older_releases_serve_is_reported_as_dropped() -> None:
    """Its function stays as long as one of the pinned releases has it."""
    newer = deepcopy(SWAGGER)
    del newer["paths"]["/things.csv"]
    both = releases.merge([(release("3.0.0"), newer), (release("2.0.0"), deepcopy(SWAGGER))])
    (change,) = compare(small(), view(convert(both), {}))
    assert (change.rule, change.owner, change.how) == ("operation-dropped", "things_csv", CALLED)
    (change,) = compare(view(convert(both), {}), small())
    assert (change.rule, change.status) == ("operation-restored", C)


def test_a_field_that_only_older_releases_answer_is_reported() -> None:
    newer = deepcopy(SWAGGER)
    del newer["definitions"]["Owner"]["properties"]["name"]
    newer["definitions"]["Owner"]["properties"]["label"] = {"type": "string"}
    both = releases.merge([(release("3.0.0"), newer), (release("2.0.0"), deepcopy(SWAGGER))])
    changes = compare(small(), view(convert(both), {}))
    assert {(one.rule, one.name, one.how) for one in changes} == {
        ("field-older", "name", CALLED),
        ("field-added", "label", None),
    }


def test_a_field_that_only_older_releases_take_is_reported() -> None:
    older = deepcopy(SWAGGER)
    older["definitions"]["Thing (write)"]["properties"]["note"] = {"type": "string"}
    alone = releases.merge([(release("2.0.0"), deepcopy(older))])
    both = releases.merge([(release("3.0.0"), deepcopy(SWAGGER)), (release("2.0.0"), older)])
    (change,) = compare(view(convert(alone), {}), view(convert(both), {}))
    assert (change.rule, change.name, change.how) == ("body-field-older", "note", SILENTLY)


# ---- Types


@pytest.mark.parametrize(
    ("old", "new", "for_answers", "for_bodies"),
    [
        ("str", "str", Verdict.SAME, Verdict.SAME),
        ("str | None", "None | str", Verdict.SAME, Verdict.SAME),
        ("str | None", "str", Verdict.FITS, Verdict.DIFFERS),
        ("str", "str | None", Verdict.DIFFERS, Verdict.FITS),
        ("float", "int", Verdict.FITS, Verdict.DIFFERS),
        ("int", "bool", Verdict.DIFFERS, Verdict.DIFFERS),
        ("dt.date", "dt.datetime", Verdict.DIFFERS, Verdict.DIFFERS),
        ("str", "Kind", Verdict.FITS, Verdict.DIFFERS),
        ("Kind | str", "str", Verdict.FITS, Verdict.FITS),
        ("str", "Other", Verdict.DIFFERS, Verdict.DIFFERS),
        ("Any", "Other", Verdict.DIFFERS, Verdict.DIFFERS),
        ("Other", "Any", Verdict.UNTYPED, Verdict.FITS),
        ("list[Other]", "list[Any]", Verdict.UNTYPED, Verdict.FITS),
        ("list[str]", "str", Verdict.DIFFERS, Verdict.DIFFERS),
        ("list[str | None]", "list[str]", Verdict.FITS, Verdict.DIFFERS),
        ("Sequence[str]", "list[str]", Verdict.SAME, Verdict.SAME),
        ("Paginator[A, B]", "Paginator[A, C]", Verdict.DIFFERS, Verdict.DIFFERS),
    ],
)
def test_types_are_compared_as_a_type_checker_does(
    old: str, new: str, for_answers: Verdict, for_bodies: Verdict
) -> None:
    assert answered(parse(old), parse(new), {"Kind"}) is for_answers
    assert sent(parse(old), parse(new), {"Kind"}) is for_bodies


def test_a_query_takes_one_text_where_it_takes_several() -> None:
    assert sent(parse("str"), parse("Sequence[str]"), set()) is Verdict.DIFFERS
    assert sent(parse("str"), parse("Sequence[str]"), set(), in_query=True) is Verdict.FITS


def test_every_breaking_rule_tells_how_and_every_rule_is_documented() -> None:
    text = (ROOT / "docs" / "generator.md").read_text(encoding="utf-8")
    for name, rule in RULES.items():
        assert (rule.how is not None) == (rule.status is Status.BREAKING), name
        class_ = rule.how or rule.status.name.lower()
        assert f"| `{name}` | {rule.label} | {class_} |" in text, name
