"""The two versions of an API: their documents, the code of both, and their comparison."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from generator import origins, pin, served, verify
from generator.build import attempt, build
from generator.combine import by_release
from generator.declarations import View
from generator.diff import Status, compare_attempts, status_of
from generator.document import DocumentError
from generator.emit import render
from generator.errors import GenerationError
from generator.pin import PinError
from generator.project import make
from generator.regenerate import regenerate

from .pins import portal, stored
from .test_generator import SWAGGER, release

Document = dict[str, Any]
Change = Callable[[Document], object]

OPENAPI = Path(__file__).parents[1] / "openapi"

OWN: Document = {
    "swagger": "2.0",
    "info": {"title": "A portal", "version": "2.0"},
    "tags": [{"name": "things", "description": "Things, again"}],
    "responses": {"Gone": {"description": "The thing is gone."}},
    "paths": {
        "/things/": {
            "get": {
                "operationId": "list_things",
                "tags": ["things"],
                "parameters": [
                    {"in": "query", "name": "page", "type": "integer"},
                    {"in": "query", "name": "order", "type": "string", "enum": ["up", "down"]},
                    {"in": "header", "name": "X-Fields", "type": "string", "format": "mask"},
                    {"in": "header", "name": "X-Whole", "type": "boolean"},
                ],
                "responses": {
                    "200": {"schema": {"$ref": "#/definitions/ThingPage"}},
                    "410": {"$ref": "#/responses/Gone"},
                },
            },
        },
        "/things/{thing}/": {
            "parameters": [{"in": "path", "name": "thing", "required": True, "type": "string"}],
            "get": {
                "operationId": "get_thing",
                "tags": ["things"],
                "responses": {"200": {"schema": {"$ref": "#/definitions/Thing%20%28read%29"}}},
            },
        },
    },
    "definitions": {
        # Without what it inherits, as udata declares it.
        "Thing (read)": deepcopy(SWAGGER["definitions"]["Thing (read)"]["allOf"][1]),
        "Owner": deepcopy(SWAGGER["definitions"]["Owner"]),
        "ThingPage": {
            "type": "object",
            "properties": {
                **SWAGGER["definitions"]["ThingPage"]["properties"],
                "facets": {"type": "object"},
            },
        },
    },
}
"""The document of API v2, beside that of v1 in ``SWAGGER``: only the page differs."""


def changed(change: Change, document: Document = OWN) -> Document:
    copied = deepcopy(document)
    change(copied)
    return copied


def combined(second: Document = OWN, first: Document = SWAGGER) -> Document:
    ((_, swagger),) = by_release([(release("2.0"), first), (release("2.0", 2), second)])
    return swagger


def declared(second: Document = OWN, first: Document = SWAGGER) -> View:
    return build([(release("2.0"), first), (release("2.0", 2), second)], [], {})


def files(second: Document = OWN, first: Document = SWAGGER) -> dict[str, str]:
    return render(declared(second, first), ["2.0"])


def content(document: Document) -> bytes:
    return json.dumps(document).encode()


# ---- One Swagger


def test_paths_ids_tags_and_own_definitions_of_the_second_version_are_marked() -> None:
    swagger = combined()
    assert {*swagger["paths"]} - {*SWAGGER["paths"]} == {
        "/api/2/things/",
        "/api/2/things/{thing}/",
    }
    operation = swagger["paths"]["/api/2/things/"]["get"]
    assert (operation["operationId"], operation["tags"]) == ("v2.list_things", ["v2.things"])
    assert [tag["name"] for tag in swagger["tags"]] == ["things", "v2.things"]
    assert {*swagger["definitions"]} - {*SWAGGER["definitions"]} == {"V2 ThingPage"}
    assert operation["responses"]["200"]["schema"] == {"$ref": "#/definitions/V2%20ThingPage"}


def test_a_definition_that_lost_what_it_inherits_is_the_same() -> None:
    thing = combined()["paths"]["/api/2/things/{thing}/"]["get"]["responses"]["200"]
    assert thing["schema"] == {"$ref": "#/definitions/Thing%20%28read%29"}


def test_a_description_and_a_default_mask_make_no_difference() -> None:
    def describe(document: Document) -> None:
        document["definitions"]["Owner"]["description"] = "Somebody."
        document["definitions"]["Owner"]["properties"]["name"]["description"] = "As it is told."
        document["definitions"]["Owner"]["x-mask"] = "{name}"

    assert combined(changed(describe))["definitions"] == combined()["definitions"]


def test_a_field_called_description_makes_a_difference() -> None:
    def add(document: Document) -> None:
        document["definitions"]["Owner"]["properties"]["description"] = {"type": "string"}

    assert "V2 Owner" in combined(changed(add))["definitions"]


def retype_owner(document: Document) -> None:
    document["definitions"]["Owner"]["properties"]["name"]["type"] = "integer"


def test_what_refers_to_a_definition_that_differs_differs() -> None:
    """The page refers to the thing, and the thing to its owner."""
    definitions = combined(changed(retype_owner))["definitions"]
    assert {"V2 Owner", "V2 Thing (read)", "V2 ThingPage"} <= definitions.keys()
    owner = definitions["V2 Thing (read)"]["properties"]["owner"]["allOf"]
    assert owner == [{"$ref": "#/definitions/V2%20Owner"}]
    assert definitions["Thing (read)"] == combined()["definitions"]["Thing (read)"]


def test_responses_are_shared_unless_they_differ() -> None:
    first = {**SWAGGER, "responses": {"Gone": {"description": "The thing is gone."}}}
    assert {*combined(first=first)["responses"]} == {"Gone"}
    first["responses"] = {"Gone": {"description": "Elsewhere."}}
    swagger = combined(first=first)
    assert {*swagger["responses"]} == {"Gone", "V2 Gone"}
    listing = swagger["paths"]["/api/2/things/"]["get"]["responses"]
    assert listing["410"] == {"$ref": "#/responses/V2 Gone"}


KEY = {"apikey": {"type": "apiKey", "in": "header", "name": "X-API-KEY"}}


def test_an_operation_needs_the_key_as_its_own_document_says() -> None:
    first = {**SWAGGER, "securityDefinitions": KEY, "security": [{"apikey": []}]}
    second = {**OWN, "securityDefinitions": KEY}
    keyed = {one.id: one.keyed for each in declared(second, first).tags.values() for one in each}
    assert keyed["list_things"]
    assert not keyed["v2.list_things"]
    second["security"], first["security"] = first["security"], []
    keyed = {one.id: one.keyed for each in declared(second, first).tags.values() for one in each}
    assert not keyed["list_things"]
    assert keyed["v2.list_things"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("securityDefinitions", {"apikey": {"type": "apiKey", "in": "query", "name": "key"}}),
        ("consumes", ["application/xml"]),
        ("produces", ["application/xml"]),
    ],
)
def test_what_holds_for_all_operations_may_not_differ(key: str, value: object) -> None:
    first = {**SWAGGER, "securityDefinitions": KEY, "consumes": ["application/json"]}
    with pytest.raises(DocumentError, match=f"#/{key}: differs from that of API v1"):
        combined({**OWN, key: value}, first)


def rename_operation(name: str) -> Change:
    def change(document: Document) -> None:
        document["paths"]["/things/"]["get"]["operationId"] = name

    return change


def rename_owner(name: str) -> Change:
    def change(document: Document) -> None:
        document["definitions"][name] = document["definitions"].pop("Owner")
        thing = document["definitions"]["Thing (read)"]
        parts = [thing, *thing.get("allOf", [])]
        (owner,) = (one["properties"]["owner"] for one in parts if "properties" in one)
        owner["allOf"] = [{"$ref": f"#/definitions/{name}"}]

    return change


def rename_tag(name: str) -> Change:
    def change(document: Document) -> None:
        document["tags"][0]["name"] = name
        for item in document["paths"].values():
            for operation in item.values():
                if "tags" in operation:
                    operation["tags"] = [name]

    return change


def move_below(document: Document) -> None:
    document["paths"]["/api/2/things/"] = document["paths"].pop("/things/")


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (rename_owner("V2Owner"), "#/definitions/V2Owner"),
        (rename_owner("V2 Owner"), "#/definitions/V2 Owner"),
        (rename_owner("v2_owner"), "#/definitions/v2_owner"),
        (rename_operation("v2.list_things"), "#/paths/~1things~1/get"),
        (rename_operation("v2_list_things"), "#/paths/~1things~1/get"),
        (rename_tag("v2.things"), "#/tags/v2.things"),
        (move_below, "#/paths/~1api~12~1things~1"),
    ],
)
@pytest.mark.parametrize("api", [1, 2])
def test_names_of_the_second_version_are_refused_in_a_document(
    api: int, change: Change, place: str
) -> None:
    pins = [(release("2.0"), deepcopy(SWAGGER)), (release("2.0", 2), deepcopy(OWN))]
    change(pins[api - 1][1])
    with pytest.raises(DocumentError) as refusal:
        by_release(pins)
    assert str(refusal.value).endswith(f"{place}: is named as those of API v2 are")


@pytest.mark.parametrize(("tag", "module"), [("v2", "v2_"), ("V2", "v2_"), ("v2_x", "v2_x")])
def test_a_tag_does_not_take_the_folder_of_the_second_version(tag: str, module: str) -> None:
    made = files(first=changed(rename_tag(tag), SWAGGER))
    assert f"api/{module}.py" in made
    assert "api/v2/things.py" in made


@pytest.mark.parametrize("name", ["Operations", "enums"])
def test_a_tag_of_the_second_version_replaces_no_file_of_its_folder(name: str) -> None:
    with pytest.raises(GenerationError, match="generated code uses"):
        files(changed(rename_tag(name)))


@pytest.mark.parametrize("name", ["renamed", "overload", "import_module"])
def test_an_operation_called_as_what_its_module_imports_is_refused(name: str) -> None:
    with pytest.raises(DocumentError, match="which generated code uses"):
        files(changed(rename_operation(name)))


@pytest.mark.parametrize("name", ["prepare", "ops", "v2"])
def test_an_operation_shadows_no_name_of_its_module(name: str) -> None:
    assert f"def {name}_(" in files(changed(rename_operation(name)))["api/v2/things.py"]


@pytest.mark.parametrize("name", ["v2", "ops", "call", "prepare", "answers"])
def test_a_parameter_shadows_no_name_of_its_module(name: str) -> None:
    def rename(document: Document) -> None:
        document["paths"]["/things/"]["get"]["parameters"][0]["name"] = name

    code = files(changed(rename))["api/v2/things.py"]
    assert f"{name}_: int | None = None" in code
    assert f'"{name}": {name}_' in code


def test_operations_of_an_older_release_that_share_an_id_are_named_in_their_version() -> None:
    def share(document: Document) -> None:
        document["paths"] |= {
            f"/old/{name}/": {
                "get": {"operationId": "old", "tags": ["things"], "responses": {"204": {}}}
            }
            for name in ("a", "b")
        }

    older = changed(share)
    pins = [
        (release(name, api), one)
        for name, both in (("2.0", (SWAGGER, OWN)), ("1.0", (SWAGGER, older)))
        for api, one in zip((1, 2), both, strict=True)
    ]
    functions = build(pins, [], {}).functions
    assert {"v2.get_old_a", "v2.get_old_b"} <= functions.keys()
    assert functions["v2.get_old_a"] == "v2.get_old_a"


# ---- Generated files


def test_each_version_has_its_own_folders_and_shares_the_rest() -> None:
    made = files()
    assert {name for name in made if "/v2/" in name} == {
        *("api/v2/__init__.py", "api/v2/ops.py", "api/v2/things.py"),
        *("models/v2/__init__.py", "models/v2/enums.py", "models/v2/thing_page.py"),
    }
    things = made["api/v2/things.py"]
    assert "-> Paginator[v2.ThingPage, models.Thing]:" in things
    assert "from ... import models" in things
    assert "from ..ops" not in things
    ops = made["api/v2/ops.py"]
    for line in ('id="v2.list_things"', 'path="/things/"', "version=2", 'tag="v2.things"'):
        assert f"    {line},\n" in ops
    assert "v2" not in made["api/ops.py"]
    assert "v2.ListThingsOrder | None" in things


def test_without_a_second_version_nothing_is_generated_for_it() -> None:
    made = render(build([(release("2.0"), SWAGGER)], [], {}), ["2.0"])
    assert not [name for name in made if "v2" in name]
    assert not [name for name, text in made.items() if "v2" in text]


def test_the_order_of_keys_and_lists_does_not_matter() -> None:
    def turned(node: Any) -> Any:
        if isinstance(node, dict):
            return {key: turned(node[key]) for key in reversed(node)}
        return [turned(one) for one in node] if isinstance(node, list) else node

    assert files(turned(OWN), turned(SWAGGER)) == files()


def offer_whole(document: Document, page: str = "ThingPage", argument: str = "whole") -> None:
    """Let a header turn the answer of the list into another model."""
    header = document["paths"]["/things/"]["get"]["parameters"][3]
    header |= {
        "x-argument": argument,
        "x-answer": {"$ref": f"#/definitions/{page}"},
        "description": "Whether to answer whole things.",
    }


WholePage = {
    "allOf": [
        {"$ref": "#/definitions/ThingPage"},
        {
            "properties": {
                "data": {"type": "array", "items": {"$ref": "#/definitions/Owner"}},
            }
        },
    ]
}


def with_whole(document: Document) -> None:
    document["definitions"]["WholePage"] = WholePage
    offer_whole(document, "WholePage")


def test_a_header_is_an_argument_that_changes_the_type_of_the_answer() -> None:
    made = files(changed(with_whole))
    code = made["api/v2/things.py"]
    assert code.count("@overload") == 3
    things = "Paginator[v2.ThingPage, models.Thing]"
    owners = "Paginator[v2.WholePage, models.Owner]"
    for argument, answer in (
        ("whole: Literal[False] = False", things),
        ("whole: Literal[True]", owners),
        ("whole: bool,", f"{things} | {owners}"),
    ):
        start = code.index(argument)
        assert code[start:].partition("->")[2].split(":")[0].strip() == answer
    assert "ops.LIST_THINGS_WHOLE if whole else ops.LIST_THINGS" in code
    assert "whole: Whether to answer whole things." in code
    ops = made["api/v2/ops.py"]
    assert "LIST_THINGS_WHOLE: Final = LIST_THINGS.with_header(" in ops
    assert '"X-Whole", item="Owner"' in ops
    assert '"header",' in ops


def offer_twice(document: Document) -> None:
    with_whole(document)
    parameters = document["paths"]["/things/"]["get"]["parameters"]
    parameters.append({**parameters[3], "name": "X-More", "x-argument": "more"})


def offer_in_query(document: Document) -> None:
    with_whole(document)
    document["paths"]["/things/"]["get"]["parameters"][3]["in"] = "query"


def take_its_constant(document: Document) -> None:
    with_whole(document)
    document["paths"]["/things/{thing}/"]["get"]["operationId"] = "list_things_whole"


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda one: offer_whole(one, argument="ops"), "'ops' is not the name of an argument"),
        (lambda one: offer_whole(one, argument="Whole"), "is not the name of an argument"),
        (lambda one: offer_whole(one, argument="print()"), "is not the name of an argument"),
        (lambda one: offer_whole(one, argument="page"), "two parameters have the same name"),
        (lambda one: offer_whole(one, argument="fields"), "two parameters have the same name"),
        (lambda one: offer_whole(one, "Owner"), "X-Whole changes the kind of an answer, page"),
        (lambda one: offer_whole(one, "Nothing"), "which does not exist"),
        (offer_twice, "two headers change the answer"),
        (offer_in_query, "is for headers only"),
        (take_its_constant, "two operations would have the constant LIST_THINGS_WHOLE"),
    ],
)
def test_a_header_argument_that_cannot_be_generated_is_refused(
    change: Change, complaint: str
) -> None:
    with pytest.raises(GenerationError, match=complaint):
        files(changed(change))


def test_a_link_is_typed_by_the_page_that_it_leads_to() -> None:
    def link(document: Document) -> None:
        thing = document["definitions"]["Thing (read)"]["properties"]
        thing["more"] = {"type": "object", "x-link": {"$ref": "#/definitions/Owner"}}

    code = files(changed(link))["models/v2/thing.py"]
    assert "more: Link[models.Owner] | None" in code
    assert "from ...links import Link" in code
    assert "from ... import models" in code


@pytest.mark.parametrize("link", ["Owner", {"type": "string"}, {"$ref": "#/definitions/Nothing"}])
def test_a_link_to_nothing_is_refused(link: object) -> None:
    def change(document: Document) -> None:
        thing = document["definitions"]["Thing (read)"]["properties"]
        thing["more"] = {"type": "object", "x-link": link}

    with pytest.raises(DocumentError, match="more/x-link"):
        files(changed(change))


@pytest.mark.parametrize("window", [0, -1, True, "10", 1.5])
def test_a_window_is_a_number_of_items(window: object) -> None:
    def limit(document: Document) -> None:
        document["paths"]["/things/"]["get"]["x-window"] = window

    with pytest.raises(DocumentError, match="x-window: must be a number of items"):
        files(changed(limit))
    window = 10_000
    assert "    window=10000,\n" in files(changed(limit))["api/v2/ops.py"]


@pytest.mark.parametrize(
    ("file", "statement"),
    [
        ("api/v2/things.py", "import os"),
        ("api/v2/things.py", "print()"),
        ("api/v2/things.py", "from ..._http import client"),
        ("api/v2/things.py", "from ....os import path"),
        ("api/v2/things.py", "from ...models.v2 import nothing"),
        ("api/v2/things.py", "class X(View):\n    'Text.'"),
        ("api/v2/ops.py", "X: Final = Operation(id=print())"),
        ("api/v2/ops.py", "X: Final = Y.with_header(print(), item='x')"),
        ("api/v2/ops.py", "X: Final = Y.with_header('x', item=print())"),
        ("api/v2/ops.py", "X: Final = print('x', item='y')"),
        ("api/operations.py", "OPERATIONS: Final[Mapping[str, Operation]] = print()"),
        ("api/operations.py", "from os import path"),
        ("models/v2/thing.py", "class X(View):\n    print()"),
        ("models/v2/thing.py", "from ...portal import Portal"),
        ("models/v2/__init__.py", "print()"),
        ("models/v2/deeper/thing.py", "class X(View):\n    'Text.'"),
        ("api/v3/things.py", "async def f() -> None: ..."),
    ],
)
def test_files_of_the_second_version_contain_nothing_but_declarations(
    file: str, statement: str
) -> None:
    with pytest.raises(verify.VerifyError, match=file):
        verify.files({file: statement})


# ---- Pins


def both(folder: Path, second: Document = OWN) -> list[pin.Release]:
    return stored(folder, content(SWAGGER), "2.0.0", second=content(second))


def test_both_documents_are_pinned_and_read_the_first_version_first(tmp_path: Path) -> None:
    first, second = both(tmp_path)
    assert [(one.file, one.api, one.operations) for one in (first, second)] == [
        ("udata-2.0.0.json", 1, 4),
        ("udata-2.0.0-v2.json", 2, 2),
    ]
    assert pin.read_pins(tmp_path) == [(first, SWAGGER), (second, OWN)]
    assert "\napi = 2\n" in (tmp_path / "pin.toml").read_text()


def test_a_second_document_that_comes_later_is_added(tmp_path: Path) -> None:
    stored(tmp_path, content(SWAGGER), "2.0.0")
    both(tmp_path)
    assert [entry.api for entry, _ in pin.read_pins(tmp_path)] == [1, 2]


def test_only_with_force_a_second_document_is_lost(tmp_path: Path) -> None:
    both(tmp_path)
    with pytest.raises(PinError, match="lacks 2 of the 6 operations of"):
        stored(tmp_path, content(SWAGGER), "2.0.0")
    stored(tmp_path, content(SWAGGER), "2.0.0", force=True)
    assert {path.name for path in tmp_path.iterdir()} == {"pin.toml", "udata-2.0.0.json"}


def test_a_broken_second_document_leaves_the_pins_as_they_were(tmp_path: Path) -> None:
    both(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(PinError, match="not JSON, or truncated"):
        stored(tmp_path, content(SWAGGER), "2.1.0", second=b"<html>")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_an_older_file_of_pins_has_the_first_version_alone(tmp_path: Path) -> None:
    stored(tmp_path, content(SWAGGER), "2.0.0")
    path = tmp_path / "pin.toml"
    path.write_text(path.read_text().replace("api = 1\n", ""))
    ((entry, _),) = pin.read_pins(tmp_path)
    assert entry.api == 1


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("api = 2", "api = 3", "there is no API v3"),
        ("api = 2", "api = true", "api is True, not as in `api = 1`"),
        ("api = 2", "api = 1", "'udata-2.0.0-v2.json' is not the file of its release"),
        ('"udata-2.0.0-v2.json"', '"udata-2.0.0.json"', "is not the file of its release"),
        ('"udata-2.0.0-v2.json"', '"udata-2.0.0-v3.json"', "is not the file of its release"),
    ],
)
def test_an_entry_of_the_second_version_is_checked(
    tmp_path: Path, old: str, new: str, complaint: str
) -> None:
    both(tmp_path)
    path = tmp_path / "pin.toml"
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(PinError, match=complaint):
        pin.read_entries(tmp_path)


def test_the_second_version_alone_is_no_release(tmp_path: Path) -> None:
    _, second = both(tmp_path)
    pin.replace(tmp_path / "pin.toml", pin._toml([second]).encode())
    with pytest.raises(PinError, match=r"2\.0\.0 has no API v1"):
        pin.read_entries(tmp_path)


def test_a_document_has_one_entry(tmp_path: Path) -> None:
    first, second = both(tmp_path)
    pin.replace(tmp_path / "pin.toml", pin._toml([first, second, second]).encode())
    with pytest.raises(PinError, match="a document has two entries"):
        pin.read_entries(tmp_path)


SITE = b'{"version": "2.0.0"}'


async def pinned_from(folder: Path, documents: dict[str, bytes | str]) -> list[pin.Release]:
    async with portal({"/api/1/site/": SITE, **documents}) as url:
        take = origins.from_url
        return await asyncio.to_thread(take, folder, f"{url}/api/1/", release=None, force=False)


async def test_a_portal_is_pinned_with_both_versions(tmp_path: Path) -> None:
    first, second = await pinned_from(
        tmp_path, {"/api/1/swagger.json": content(SWAGGER), "/api/2/swagger.json": content(OWN)}
    )
    assert first.source.endswith("/api/1/swagger.json")
    assert second.source.endswith("/api/2/swagger.json")
    assert (tmp_path / second.file).read_bytes() == content(OWN)


async def test_a_portal_without_the_second_version_has_the_first(tmp_path: Path) -> None:
    (entry,) = await pinned_from(tmp_path, {"/api/1/swagger.json": content(SWAGGER)})
    assert entry.api == 1


@pytest.mark.parametrize(
    ("second", "complaint"),
    [
        ("502 Bad Gateway", "502 Bad Gateway"),
        ("403 Forbidden", "403 Forbidden"),
        (b"", "/api/2/swagger.json: not JSON"),
        (b"<html>", "/api/2/swagger.json: not JSON"),
    ],
)
async def test_a_second_version_that_cannot_be_read_is_not_left_out(
    second: bytes | str, complaint: str, tmp_path: Path
) -> None:
    documents = {"/api/1/swagger.json": content(SWAGGER), "/api/2/swagger.json": second}
    with pytest.raises(PinError, match=complaint):
        await pinned_from(tmp_path, documents)
    assert not [*tmp_path.iterdir()]


async def test_a_portal_without_the_first_version_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PinError, match="404 Not Found"):
        await pinned_from(tmp_path, {"/api/2/swagger.json": content(OWN)})


@pytest.mark.parametrize("is_there", [False, True])
def test_the_second_version_may_be_in_a_file_beside_the_first(
    is_there: bool, tmp_path: Path
) -> None:
    file = tmp_path / "udata-14.13.0.json"
    file.write_bytes(content(SWAGGER))
    if is_there:
        (tmp_path / "udata-14.13.0-v2.json").write_bytes(content(OWN))
    pins = tmp_path / "pins"
    entries = origins.from_file(pins, file, release=None, force=False)
    expected = [("14.13.0", 1, "the file udata-14.13.0.json")]
    expected += [("14.13.0", 2, "the file udata-14.13.0-v2.json")] if is_there else []
    assert [(one.release, one.api, one.source) for one in entries] == expected


def test_the_operations_of_both_versions_are_noted_as_served(tmp_path: Path) -> None:
    assert served.add(tmp_path, "2.0", [SWAGGER, OWN]) == 6
    assert {one for one in served.read(tmp_path)["2.0"] if "/api/2" in one} == {
        "GET /api/2/things",
        "GET /api/2/things/{}",
    }


def test_an_operation_of_the_second_version_exists_since_and_until_releases(
    tmp_path: Path,
) -> None:
    served.add(tmp_path, "1.0", [SWAGGER])
    served.add(tmp_path, "3.0", [SWAGGER, {"paths": {"/things/": OWN["paths"]["/things/"]}}])
    view = served.mark(declared(), ["2.0"], served.read(tmp_path))
    spans = {one.id: (one.since, one.until) for each in view.tags.values() for one in each}
    assert spans["v2.list_things"] == ("2.0", None)
    assert spans["v2.get_thing"] == ("2.0", "2.0")
    assert spans["list_things"] == (None, None)


# ---- A change of the second version alone


def describe(document: Document) -> None:
    document["paths"]["/things/"]["get"]["summary"] = "Look at things"


def add(document: Document) -> None:
    document["paths"]["/ping/"] = {
        "get": {"operationId": "ping", "tags": ["things"], "responses": {"204": {}}}
    }


def require(document: Document) -> None:
    document["paths"]["/things/"]["get"]["parameters"][0]["required"] = True


def lose(document: Document) -> None:
    del document["paths"]["/things/{thing}/"]


def turn(document: Document) -> None:
    document["paths"] = {key: document["paths"][key] for key in reversed(document["paths"])}
    document["host"] = "portal.example"


CHANGES = [
    (turn, Status.SAME, ""),
    (describe, Status.DOCUMENTATION, "v2.list_things"),
    (add, Status.COMPATIBLE, "v2.ping"),
    (require, Status.BREAKING, "v2.list_things"),
    (retype_owner, Status.BREAKING, "v2.get_thing"),
    (lose, Status.BREAKING, "v2.get_thing"),
]
"""Changes of the document of API v2, their classes, and the operations that the report names."""


@pytest.mark.parametrize(("change", "status", "name"), CHANGES)
def test_a_change_of_the_second_version_has_its_class(
    change: Change, status: Status, name: str
) -> None:
    before, after = (
        attempt([(release("0"), SWAGGER), (release("0", 2), second)], [], {})
        for second in (OWN, changed(change))
    )
    changes = compare_attempts(before, after)
    assert status_of(changes) is status
    assert {operation.split(".")[0] for one in changes for operation in one.reached} <= {"v2"}
    assert not name or name in str(changes)


def rename_argument(document: Document) -> None:
    document["paths"]["/things/"]["get"]["parameters"][3]["x-argument"] = "full"


def rename_header(document: Document) -> None:
    document["paths"]["/things/"]["get"]["parameters"][3]["name"] = "X-Full"


def describe_header(document: Document) -> None:
    document["paths"]["/things/"]["get"]["parameters"][3]["description"] = "Whole things."


def answer_without_it(document: Document) -> None:
    offer_whole(document)


def lose_header(document: Document) -> None:
    del document["paths"]["/things/"]["get"]["parameters"][3]


@pytest.mark.parametrize(
    ("change", "rule", "name"),
    [
        (rename_argument, "parameter-renamed", "full"),
        (rename_header, "parameter-key", "whole"),
        (describe_header, "parameter-described", "whole"),
        (answer_without_it, "answer-retyped", "whole"),
        (lose_header, "parameter-removed", "whole"),
    ],
)
def test_a_change_of_a_header_argument_is_found(change: Change, rule: str, name: str) -> None:
    old = changed(with_whole)
    before, after = (
        attempt([(release("0"), SWAGGER), (release("0", 2), one)], [], {})
        for one in (old, changed(change, old))
    )
    found = [(one.rule, one.name) for one in compare_attempts(before, after)]
    assert (rule, name) in found
    assert rule != "parameter-removed" or ("parameter-added", name) in [
        (one.rule, one.name) for one in compare_attempts(after, before)
    ]


def test_a_second_version_that_comes_is_compatible_and_one_that_goes_is_breaking() -> None:
    alone = attempt([(release("0"), SWAGGER)], [], {})
    two = attempt([(release("0"), SWAGGER), (release("0", 2), OWN)], [], {})
    assert status_of(compare_attempts(alone, two)) is Status.COMPATIBLE
    assert status_of(compare_attempts(two, alone)) is Status.BREAKING


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project without corrections, whose pins have both versions."""
    openapi = tmp_path / "openapi"
    openapi.mkdir()
    for name in ("corrections.toml", "names.toml", "older.toml"):
        (openapi / name).write_text("")
    both(openapi)
    return tmp_path


def written(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize(("change", "status", "name"), CHANGES)
@pytest.mark.parametrize("number", ["2.0.0", "2.1.0"])
def test_a_change_of_the_second_version_alone_is_regenerated(
    number: str, change: Change, status: Status, name: str, project: Path
) -> None:
    before, second = written(project), content(changed(change))

    def take(folder: Path) -> list[pin.Release]:
        return stored(folder, content(SWAGGER), number, second=second, force=True)

    found, report = regenerate(project, take)
    assert found is status
    assert name in report
    after = written(project)
    if status is Status.SAME:
        assert after == before
    else:
        assert after[f"openapi/udata-{number}-v2.json"] == second
        assert "src/aiodatagouv/api/v2/things.py" in after


def test_a_second_version_that_is_gone_leaves_no_file(project: Path) -> None:
    found, _ = regenerate(
        project, lambda folder: stored(folder, content(SWAGGER), "2.0.0", force=True)
    )
    assert found is Status.BREAKING
    assert "openapi/udata-2.0.0-v2.json" not in written(project)
    pin.check_names(project / "openapi")
    assert not [name for name in written(project) if "v2" in name]


# ---- Packages of other portals


@pytest.mark.parametrize("is_there", [False, True])
def test_a_package_has_the_versions_of_its_portal(is_there: bool, tmp_path: Path) -> None:
    second = content(OWN) if is_there else None

    def take(folder: Path) -> list[pin.Release]:
        return stored(folder, content(SWAGGER), "17.18.0", second=second)

    folder = tmp_path / "dados"
    made = make(folder, OPENAPI, take, portal="https://dados.example.pt/api/1/")
    again = make(tmp_path / "again" / "dados", OPENAPI, take, portal=made.target.portal)
    assert written(folder) == written(tmp_path / "again" / "dados")
    assert again.status is Status.SAME
    package = folder / "src" / "dados_example_pt"
    assert (package / "api" / "v2" / "things.py").exists() is is_there
    assert (folder / "openapi" / "udata-17.18.0-v2.json").exists() is is_there
    assert ('PORTAL: Final = "https://dados.example.pt/"') in (package / "client.py").read_text()


def test_a_package_follows_its_portal_to_the_second_version_and_back(tmp_path: Path) -> None:
    folder = tmp_path / "dados"
    name = "src/dados_example_pt/api/v2/things.py"

    def made(second: bytes | None) -> Status:
        return make(
            folder,
            OPENAPI,
            lambda pins: stored(pins, content(SWAGGER), "17.18.0", second=second, force=True),
            portal="https://dados.example.pt/",
        ).status

    assert made(None) is Status.SAME
    before = written(folder)
    assert made(content(OWN)) is Status.COMPATIBLE
    assert name in written(folder)
    assert made(content(OWN)) is Status.SAME
    assert made(None) is Status.BREAKING
    assert written(folder) == before
