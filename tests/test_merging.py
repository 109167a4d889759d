"""Any number of releases in one Swagger: which models are the same, and what each is called."""

from __future__ import annotations

import datetime as dt
import json
from copy import deepcopy
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generator import __main__ as command
from generator import corrections, document, names, pin
from generator.build import attempt, build
from generator.components import ConvertError
from generator.convert import convert
from generator.corrections import CorrectionError
from generator.declarations import Model, Operation, View
from generator.releases import merge
from generator.schemas import (
    Swagger,
    answer_of,
    body_of,
    fields_of,
    model_name,
    operations,
    reference,
    shape,
)
from generator.view import view

from .pins import stored
from .test_releases import OPENAPI

TEXT = {"type": "string"}


def ref(name: str) -> Swagger:
    return {"$ref": reference(name)}


def listed(name: str) -> Swagger:
    return {"type": "array", "items": ref(name)}


def fields(*keys: str, **schemas: Swagger) -> Swagger:
    return {"type": "object", "properties": {**dict.fromkeys(keys, TEXT), **schemas}}


def page(item: str) -> Swagger:
    numbers = {key: {"type": "integer"} for key in ("page", "page_size", "total")}
    return fields("next_page", "previous_page", **numbers, data=listed(item))


def operation(
    id_: str, answer: Swagger | None = None, body: Swagger | None = None
) -> dict[str, Any]:
    declared: dict[str, Any] = {"operationId": id_, "tags": ["things"]}
    declared["parameters"] = [{"in": "body", "name": "payload", "schema": body}] if body else []
    declared["responses"] = {"200": {"schema": answer} if answer else {}}
    return declared


def api(definitions: dict[str, Swagger], *served: tuple[str, str, dict[str, Any]]) -> Swagger:
    """Return a Swagger with some operations: method, path and declaration of each."""
    paths: dict[str, Any] = {}
    for method, path, declared in served:
        paths.setdefault(path, {})[method] = declared
    return {
        "swagger": "2.0",
        "info": {"title": "A portal", "version": "1.0"},
        "tags": [{"name": "things"}],
        "paths": paths,
        "definitions": definitions,
    }


def releases(*documents: Swagger) -> list[tuple[pin.Release, Swagger]]:
    """Return documents, newest first, as pins: of the releases 3, 2, 1 if there are three."""
    return [
        (pin.Release(str(number), "", "", dt.date(2026, 1, 1), "", 0), deepcopy(one))
        for number, one in zip(range(len(documents), 0, -1), documents, strict=True)
    ]


def merged(*documents: Swagger) -> Swagger:
    return merge(releases(*documents))


def declared(swagger: Swagger) -> View:
    document.check(swagger, merged=True)
    return view(convert(swagger), {})


def models(swagger: Swagger) -> dict[str, Model]:
    return {one.name: one for one in declared(swagger).models}


def functions(swagger: Swagger) -> dict[str, Operation]:
    return declared(swagger).by_name


def notes(model: Model) -> dict[str, str]:
    """Return the fields of a model that have a description."""
    return {one.name: one.description for one in model.fields if one.description}


GET = ("get", "/things/", operation("get_thing", ref("Thing")))


# ---- Which models are the same


def test_a_model_of_another_name_is_that_of_the_operations_that_answer_and_take_it() -> None:
    """An operation that only the older release has refers to it by the older name."""
    newest = api(
        {"Thing (read)": fields("id", "a"), "Thing (write)": fields("a")},
        ("put", "/things/", operation("put", ref("Thing (read)"), ref("Thing (write)"))),
    )
    thing = fields("a", "b", id={"type": "string", "readOnly": True})
    older = api(
        {"Thing": thing},
        ("put", "/things/", operation("put", ref("Thing"), ref("Thing"))),
        ("post", "/things/", operation("post", ref("Thing"), ref("Thing"))),
    )
    both = merged(newest, older)
    post = functions(both)["post"]
    assert (post.answer, post.body and post.body.annotation) == ("Thing", "ThingWrite")
    found = models(both)
    assert {*found} == {"Thing", "ThingWrite"}
    assert [one.name for one in found["ThingWrite"].fields] == ["a", "b"]


def test_a_model_that_no_common_operation_has_is_the_one_of_its_name_if_it_is_alike() -> None:
    newest = api({"Thing": fields("a"), "Badge (read)": fields("kind", "a")}, GET)
    newest["definitions"]["Thing"]["properties"]["badge"] = ref("Badge (read)")
    older = api(
        {"Badge": fields("kind", "a", "since")}, ("get", "/b/", operation("b", ref("Badge")))
    )
    both = merged(newest, older)
    assert functions(both)["b"].answer == "Badge"
    assert notes(models(both)["Badge"]) == {"since": "Only of portals older than udata 2."}


def test_another_model_of_the_same_name_is_named_after_its_release() -> None:
    newest = api({"Thing": fields("a", "b"), "Part": fields("c")}, GET)
    older = api(
        {"Thing": fields("x", "y", parts=listed("Part")), "Part": fields("c")},
        ("get", "/old/", operation("old", ref("Thing"))),
    )
    both = merged(newest, older)
    assert functions(both)["old"].answer == "ThingOf1"
    assert {one.name: one.annotation for one in models(both)["ThingOf1"].fields} == {
        "x": "str | None",
        "y": "str | None",
        "parts": "list[Part]",
    }
    assert [one.name for one in models(both)["Thing"].fields] == ["a", "b"]


def test_answer_and_body_of_another_model_have_one_name() -> None:
    newest = api({"Thing": fields("a", "b")}, GET)
    older = api(
        {"Thing (read)": fields("x", "y"), "Thing (write)": fields("x")},
        ("post", "/old/", operation("old", ref("Thing (read)"), ref("Thing (write)"))),
    )
    old = functions(merged(newest, older))["old"]
    assert (old.answer, old.body and old.body.annotation) == ("ThingOf1", "ThingOf1Write")


def test_a_model_of_a_middle_release_is_not_looked_up_in_the_newest() -> None:
    """The newest release has no such model, or another one, and the oldest has more fields."""
    gone = ("post", "/gone/", operation("gone", ref("Page"), ref("Page")))
    middle, oldest = (api({"Page": fields("a", *more)}, gone) for more in ([], ["b"]))
    for definitions in ({}, {"Page": fields("x", "y")}):
        newest = api({"Thing": fields("a"), **definitions}, GET)
        three = merged(newest, middle, oldest)
        gone_now = functions(three)["gone"]
        assert (gone_now.releases, gone_now.dropped) == (["2", "1"], "3")
        assert notes(models(three)[gone_now.answer]) == {"b": "Only of portals older than udata 2."}


def test_models_that_refer_to_themselves_are_merged() -> None:
    newest = api({"Thing": fields("a", parts=listed("Thing"))}, GET)
    older = api(
        {"Thing": fields("a", "b", parts=listed("Thing")), "Node": fields(next=ref("Node"))},
        GET,
        ("get", "/node/", operation("node", ref("Node"))),
    )
    found = models(merged(newest, older))
    assert [one.name for one in found["Thing"].fields] == ["a", "parts", "b"]
    assert [one.annotation for one in found["Node"].fields] == ["Node | None"]


def test_items_of_a_list_are_those_of_the_page_that_it_became() -> None:
    newest = api({"Thing": fields("a"), "ThingPage": page("Thing")})
    newest["paths"]["/things/"] = {"get": operation("list_things", ref("ThingPage"))}
    older = api({"Item": fields("a", "b")}, ("get", "/things/", operation("get", listed("Item"))))
    for one, other, kind in ((newest, older, "page"), (older, newest, "json")):
        both = merged(one, other)
        (function,) = functions(both).values()
        assert (function.kind, function.releases) == (kind, ["2", "1"])
        (item,) = (model for model in models(both).values() if not model.is_page)
        assert notes(item) == (
            {"b": "Only of portals older than udata 2."} if kind == "page" else {}
        )


def test_responses_that_only_older_releases_share_are_kept() -> None:
    older = api({}, ("get", "/old/", operation("old")))
    older["paths"]["/old/"]["get"]["responses"]["410"] = {"$ref": "#/responses/Gone"}
    older["responses"] = {"Gone": {"description": "It is gone."}}
    both = merged(api({"Thing": fields("a")}, GET), older)
    assert functions(both)["old"].errors == [("GoneError", "It is gone.")]


# ---- Fields of some releases


@pytest.mark.parametrize(
    ("having", "older_than"),
    [("1", "2"), ("21", "3"), ("2", "3"), ("321", "4"), ("31", "4"), ("4", None), ("41", None)],
)
def test_a_field_says_since_which_pinned_release_it_is_gone(
    having: str, older_than: str | None
) -> None:
    four = [api({"Thing": fields("a", *(["f"] if one in having else []))}, GET) for one in ("4321")]
    said = f"Only of portals older than udata {older_than}."
    assert notes(models(merged(*four))["Thing"]) == ({"f": said} if older_than else {})


def test_the_newest_release_wins_where_types_differ() -> None:
    kinds: list[Swagger] = [{"type": "integer"}, TEXT, {"type": "boolean"}]
    three = merged(*(api({"Thing": fields(a=kind)}, GET) for kind in kinds))
    assert [one.annotation for one in models(three)["Thing"].fields] == ["int | None"]


# ---- Operations that moved, or that share an id


def test_an_operation_that_moved_is_that_of_the_newest_address() -> None:
    three = merged(
        *(
            api({model: fields("a")}, ("get", f"/{model}/", operation("get", ref(model))))
            for model in ("C", "B", "A")
        )
    )
    (function,) = functions(three).values()
    assert (function.path, function.answer, function.releases) == ("/C/", "C", ["3"])


def test_an_operation_whose_id_moved_is_kept_under_an_older_one() -> None:
    """The id of one operation became that of another."""
    newest, middle, oldest = (
        api({}, *(("get", path, operation(id_)) for path, id_ in ids))
        for ids in ([("/b/", "get")], [("/a/", "get")], [("/a/", "get_a"), ("/c/", "get")])
    )
    found = functions(merged(newest, middle, oldest))
    assert {one.path: (name, one.releases, one.dropped) for name, one in found.items()} == {
        "/b/": ("get", ["3"], None),
        "/a/": ("get_a", ["2", "1"], "3"),
    }


def test_operations_of_an_older_release_that_share_an_id_are_named_after_their_addresses() -> None:
    older = api(
        {},
        ("delete", "/things/{id}/spam/", operation("unspam")),
        ("delete", "/things/{id}/parts/{part}/spam/", operation("unspam")),
    )
    for path, item in older["paths"].items():
        item["delete"]["responses"] = {"204": {}}
        item["parameters"] = [
            {"in": "path", "name": one, "type": "string", "required": True}
            for one in ("id", "part")
            if f"{{{one}}}" in path
        ]
    newest = api({"Thing": fields("a")}, GET)
    both = merged(newest, older)
    assert {*functions(both)} == {
        "get_thing",
        "delete_things_id_spam",
        "delete_things_id_parts_part_spam",
    }
    # Where a newer release gives them ids of their own, these are used.
    middle = deepcopy(older)
    for id_, item in zip(("one", "two"), middle["paths"].values(), strict=True):
        item["delete"]["operationId"] = id_
    assert {*functions(merged(newest, middle, older))} == {"get_thing", "one", "two"}


# ---- What a release declares twice


def twice() -> Swagger:
    """Return what udata 16.6.1 and older declare twice: a model, and an id."""
    organization = fields("id", requests=listed("MembershipRequest (read)"))
    return api(
        {
            "Organization (read)": organization,
            "MembershipRequest": fields("id", "comment", "assignments"),
            "MembershipRequest (read)": fields("id", "comment", "handled_by"),
        },
        ("get", "/organizations/", operation("get_organization", ref("Organization (read)"))),
        ("get", "/requests/", operation("list_requests", listed("MembershipRequest"))),
    )


def test_a_model_that_an_older_release_declares_twice_is_one() -> None:
    newest = api(
        {"MembershipRequest": fields("id", "comment")},
        ("get", "/requests/", operation("list_requests", listed("MembershipRequest"))),
    )
    found = models(merged(newest, twice()))
    assert {*found} == {"Organization", "MembershipRequest"}
    request = [one.name for one in found["MembershipRequest"].fields]
    assert sorted(request) == ["assignments", "comment", "handled_by", "id"]


def test_a_model_that_the_newest_release_declares_twice_needs_a_correction() -> None:
    pins = releases(twice())
    with pytest.raises(ConvertError, match="would become the class MembershipRequest"):
        build(pins, [], {})
    seen = attempt(pins, corrections.read(OPENAPI / "older.toml"), {}).view
    answers = {one.function: one.answer for one in seen.by_name.values()}
    assert answers["list_requests"] == "list[MembershipRequest]"
    (organization,) = (one for one in seen.models if one.name == "Organization")
    assert organization.fields[1].annotation == "list[OrganizationRequest]"


def test_an_id_that_the_newest_release_declares_twice_needs_a_correction() -> None:
    spam = [
        (path, [one.strip("{}") for one in path.split("/") if one.startswith("{")])
        for path in ("/discussions/{id}/spam/", "/discussions/{id}/comments/{cidx}/spam/")
    ]
    swagger = api(
        {"Thing": fields("a")}, *(("delete", one, operation("unspam")) for one, _ in spam)
    )
    for path, keys in spam:
        swagger["paths"][path]["parameters"] = [
            {"in": "path", "name": key, "type": "string", "required": True} for key in keys
        ]
        swagger["paths"][path]["delete"]["responses"] = {"204": {}}
    with pytest.raises(document.DocumentError, match="'unspam' is also that of"):
        build(releases(swagger), [], {})
    seen = attempt(releases(swagger), corrections.read(OPENAPI / "older.toml"), {}).view
    assert {*seen.by_name} == {"unspam_discussion", "unspam_discussion_comment"}


# ---- Pins


def sized(count: int, first: int = 0) -> bytes:
    paths = [("get", f"/{one}/", operation(f"op{one}")) for one in range(first, first + count)]
    return json.dumps(api({"Thing": fields("a")}, *paths)).encode()


def test_the_order_of_pinning_does_not_matter(tmp_path: Path) -> None:
    """An older release need not have most of the operations of the newest one."""
    contents = {"1.0": sized(20), "2.0": sized(30), "10.0": sized(50)}
    written = set[str]()
    for index, order in enumerate(permutations(contents)):
        folder = tmp_path / str(index)
        for one in order:
            stored(folder, contents[one], one)
        written.add((folder / "pin.toml").read_text())
        assert [entry.release for entry, _ in pin.read_pins(folder)] == ["10.0", "2.0", "1.0"]
    assert len(written) == 1


def test_a_release_between_others_is_compared_with_the_one_before_it(tmp_path: Path) -> None:
    for name, count in (("1.0", 20), ("3.0", 100)):
        stored(tmp_path, sized(count), name)
    with pytest.raises(pin.PinError, match="lacks 15 of the 20 operations of"):
        stored(tmp_path, sized(5), "2.0")


ENTRY = """
[[correction]]
name = "{name}"
places = [["definitions", "{model}", "properties", "a"]]
set = {{ type = "integer" }}
reason = "It is a number."
evidence = "GET /things/ returns it."
"""


def corrected(folder: Path, newest: str) -> str:
    """Generate with corrections that are written for the release 3, and return the model."""
    openapi = folder / "openapi"
    openapi.mkdir(parents=True)
    stored(openapi, json.dumps(api({"Thing": fields("a")}, GET)).encode(), newest, "", force=True)
    for name, entries in (
        ("corrections.toml", 'releases = ["3"]\n' + ENTRY.format(name="gone", model="Gone")),
        ("older.toml", ENTRY.format(name="older", model="Thing")),
        ("names.toml", ""),
    ):
        (openapi / name).write_text(entries)
    command._emit(openapi, folder)
    return (folder / "src/aiodatagouv/models/thing.py").read_text()


def test_corrections_for_other_pins_are_skipped_and_listed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "    a: str | None" in corrected(tmp_path / "newer", "4")
    place = "definitions > Gone > properties > a"
    (skipped, _) = capsys.readouterr().out.splitlines()
    assert skipped.startswith(f"does not apply to these pins: correction 'gone' at {place}: ")
    # The newest release mends what is in older.toml: a portal older than that needs it.
    assert "    a: int | None" in corrected(tmp_path / "older", "2")


def test_corrections_for_the_pins_must_have_an_effect(tmp_path: Path) -> None:
    with pytest.raises(CorrectionError, match=r"'gone' .* the place does not exist"):
        corrected(tmp_path, "3")


def test_the_corrections_are_written_for_the_pinned_releases() -> None:
    pinned = {one.release for one in pin.read_entries(OPENAPI)}
    written = corrections.written_for(OPENAPI / "corrections.toml")
    assert written
    assert {*written} <= pinned


def test_a_correction_may_say_what_the_pins_show_of_a_dropped_operation() -> None:
    older = api({}, ("get", "/old/", operation("old")))
    pins = releases(api({"Thing": fields("a")}, GET), older)
    place = ["paths", "/old/", "get", "x-dropped"]
    for dropped in ("2", "1.5"):
        entry = corrections.Correction("dropped", [place], "set", dropped, "", "")
        assert build(pins, [entry], {}).by_name["old"].dropped == dropped


def test_a_field_that_is_secret_in_one_model_is_secret_in_all() -> None:
    newest = api({"Thing": fields("a", "token")}, GET)
    older = api({"Key": fields("token")}, ("get", "/key/", operation("get_key", ref("Key"))))
    entry = corrections.Correction(
        name="token",
        places=[["definitions", "Thing", "properties", "token"]],
        change="merge",
        value={"x-secret": True},
        reason="",
        evidence="",
    )
    seen = build(releases(newest, older), [entry], {})
    (key,) = (one for one in seen.models if one.name == "Key")
    assert [one.declaration for one in key.fields] == ["declare(secret=True)"]


# ---- Any releases


KEYS = st.sets(st.sampled_from("abcdef"), min_size=1)
MODELS = ("Badge", "Part", "Thing")
ADDRESSES = tuple((method, f"/{one}/") for one in "xyz" for method in ("get", "post"))


@st.composite
def documents(draw: st.DrawFn) -> Swagger:
    """Return a release: operations, and models of one name or two that refer to each other."""
    definitions: dict[str, Swagger] = {}
    for model in MODELS:
        endings = draw(st.sampled_from([("",), (" (read)", " (write)")]))
        definitions |= {f"{model}{end}": fields(*sorted(draw(KEYS))) for end in endings}
    known = st.sampled_from(sorted(definitions))
    for definition in definitions.values():
        for key in draw(st.sets(st.sampled_from("mno"), max_size=2)):
            schema = draw(st.sampled_from([ref, listed]))(draw(known))
            definition["properties"][key] = schema
    served = draw(st.lists(st.sampled_from(ADDRESSES), min_size=1, unique=True))
    ids = draw(st.permutations([f"do_{one}" for one in range(len(ADDRESSES))]))
    answered = st.one_of(st.none(), known.map(ref), known.map(listed))
    return api(
        definitions,
        *(
            (*one, operation(id_, draw(answered), draw(st.one_of(st.none(), known.map(ref)))))
            for one, id_ in zip(served, ids, strict=False)
        ),
    )


ANY = st.lists(documents(), min_size=1, max_size=5)


def by_address(swagger: Swagger) -> dict[tuple[str, str], dict[str, Any]]:
    return {(method, shape(path)): one for path, method, one in operations(swagger)}


@settings(max_examples=40, deadline=None)
@given(ANY)
def test_each_operation_says_which_releases_serve_it(served: list[Swagger]) -> None:
    pins = releases(*served)
    all_ = by_address(merge(pins))
    moved = {one["operationId"] for one in all_.values()}
    for _, one in pins:
        for address, declared in by_address(one).items():
            if address not in all_:
                assert declared["operationId"] in moved
                continue
            serving = [other.release for other, two in pins if address in by_address(two)]
            assert all_[address]["x-releases"] == serving
            newer = [other.release for other, _ in pins if int(other.release) > int(serving[0])]
            assert all_[address].get("x-dropped") == (newer[-1] if newer else None)


@settings(max_examples=40, deadline=None)
@given(ANY)
def test_the_newest_release_is_in_the_merged_one_as_it_is(served: list[Swagger]) -> None:
    newest, all_ = served[0], merged(*served)
    for name in newest["definitions"]:
        own = fields_of(name, newest["definitions"])
        assert own.items() <= fields_of(name, all_["definitions"]).items()
    for address, declared in by_address(newest).items():
        assert answer_of(by_address(all_)[address]) == answer_of(declared)
        assert body_of(by_address(all_)[address]) == body_of(declared)


@settings(max_examples=40, deadline=None)
@given(ANY)
def test_no_field_of_an_answer_is_lost(served: list[Swagger]) -> None:
    all_ = merged(*served)
    for one in served:
        for address, declared in by_address(one).items():
            if address in by_address(all_):
                kept = answer_of(by_address(all_)[address])
                assert_holds(kept, answer_of(declared), all_["definitions"], one["definitions"])


def assert_holds(kept: Any, schema: Any, merged: Swagger, own: Swagger) -> None:
    """Check that a schema has the fields of another, as far as the kinds of both are the same."""
    waiting, seen = [(kept, schema)], set[tuple[str, str]]()
    while waiting:
        kept, schema = waiting.pop()
        if kept is None or schema is None:
            continue
        if kept.get("type") == schema.get("type") == "array":
            kept, schema = kept["items"], schema["items"]
        name, other = model_name(kept), model_name(schema)
        if name is None or other is None or (name, other) in seen:
            continue
        seen.add((name, other))
        has, had = fields_of(name, merged), fields_of(other, own)
        assert had.keys() <= has.keys(), (name, other)
        waiting += [(has[key], had[key]) for key in had]


@settings(max_examples=40, deadline=None)
@given(ANY)
def test_code_can_be_generated_from_any_releases(served: list[Swagger]) -> None:
    """Every reference has a definition, and no two of them become one class."""
    all_ = merged(*served)
    document.check(all_, merged=True)
    converted = convert(all_)
    assert {one["operationId"] for _, _, one in operations(all_)} == {
        one["operationId"] for item in converted["paths"].values() for one in item.values()
    }
    for name in all_["definitions"]:
        assert names.class_name(name)
