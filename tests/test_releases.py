"""Pins by their meaning, and generated code in which a new release changes little."""

from __future__ import annotations

import asyncio
import inspect
import json
import random
import warnings
from copy import deepcopy
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest

from aiodatagouv import NotFoundError
from aiodatagouv._renamed import renamed
from aiodatagouv.api import datasets, operations
from aiodatagouv.cli.operations import Package
from generator import corrections, pin, releases, renaming, safe
from generator.build import build
from generator.canonical import canonical
from generator.emit import render
from generator.errors import GenerationError
from generator.renaming import RenameError

from .clients import client_of
from .pins import portal, stored
from .test_generator import SWAGGER, contents, release
from .test_generator import document as sized

OPENAPI = Path(__file__).parents[1] / "openapi"

PINS = pin.read_pins(OPENAPI)

NEWEST, SECOND = PINS[0][1], PINS[1][1]
"""The documents of the newest release: those of API v1 and of API v2."""


def reordered(node: Any, chance: random.Random, key: str = "") -> Any:
    """Return the same API as another process of the server writes it."""
    if isinstance(node, dict):
        pairs = [(name, reordered(value, chance, name)) for name, value in node.items()]
        chance.shuffle(pairs)
        again = dict(pairs)
        if isinstance(again.get("enum"), list) and "example" in again:
            again["example"] = chance.choice(again["enum"])
        return again
    if isinstance(node, list):
        items = [reordered(one, chance) for one in node]
        if key in ("enum", "required", "tags", "parameters"):
            chance.shuffle(items)
        return items
    return node


def elsewhere(seed: int) -> list[tuple[pin.Release, dict[str, Any]]]:
    """Return the pins as a portal at another address would have served them."""
    chance = random.Random(seed)
    place = {"host": f"portal{seed}.example", "schemes": ["http"], "basePath": "/data/api/1"}
    return [(one, reordered(swagger, chance) | place) for one, swagger in PINS]


Pin = tuple[pin.Release, dict[str, Any]]


def pairs(pins: list[Pin]) -> list[tuple[Pin, Pin]]:
    """Return the documents of each release: those of API v1 and of API v2."""
    return [*zip(pins[::2], pins[1::2], strict=True)]


def texts(pins: list[tuple[pin.Release, dict[str, Any]]], **aliases: str) -> dict[str, str]:
    fixes = corrections.read(OPENAPI / "corrections.toml")
    seen = build(pins, fixes, renaming.read(OPENAPI / "names.toml"), aliases)
    return render(seen, pin.release_names(pins))


@pytest.fixture(scope="module")
def generated() -> dict[str, str]:
    return texts(PINS)


def lines_changed(before: dict[str, str], after: dict[str, str]) -> list[str]:
    return [
        line
        for name in before.keys() | after.keys()
        for line in {*before.get(name, "").splitlines()} ^ {*after.get(name, "").splitlines()}
    ]


# ---- The same API


@pytest.mark.parametrize("seed", range(3))
def test_the_same_api_gives_the_same_code(seed: int, generated: dict[str, str]) -> None:
    assert texts(elsewhere(seed)) == generated


def test_a_pinned_api_is_not_pinned_again(tmp_path: Path) -> None:
    for name in ("pin.toml", *(one.file for one, _ in PINS)):
        (tmp_path / name).write_bytes((OPENAPI / name).read_bytes())
    before = contents(tmp_path)
    for (entry, first), (other, second) in pairs(elsewhere(1)):
        content, more = (json.dumps(one).encode() for one in (first, second))
        assert stored(tmp_path, content, entry.release, "there", second=more) == [entry, other]
    # Nor is a new release with the same API.
    content, more = (json.dumps(one).encode() for one in (NEWEST, SECOND))
    found = stored(tmp_path, content, "99.0", "there", second=more)
    assert found == [entry for entry, _ in PINS[:2]]
    assert contents(tmp_path) == before


def test_a_changed_api_is_pinned_again(tmp_path: Path) -> None:
    stored(tmp_path, sized(20), "2.0.0")
    changed = json.loads(sized(20))
    changed["paths"]["/1/"]["get"]["summary"] = "Another one"
    content = json.dumps(changed).encode()
    (entry,) = stored(tmp_path, content, "2.0.0", "there")
    assert (entry.source, (tmp_path / entry.file).read_bytes()) == ("there", content)


async def test_the_pin_command_says_that_nothing_has_changed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from generator import __main__ as command

    (newest, _), *_ = pins = elsewhere(2)[:2]
    first, second = (json.dumps(one).encode() for _, one in pins)
    before = contents(OPENAPI)
    served = {"/api/1/swagger.json": first, "/api/2/swagger.json": second}
    async with portal({**served, "/api/1/site/": b"{}"}) as url:
        monkeypatch.setattr(
            "sys.argv", ["generator", "pin", f"--url={url}", f"--release={newest.release}"]
        )
        await asyncio.to_thread(command.main)
    said = f"unchanged: the API is that of {newest.release}, which is pinned\n"
    assert capsys.readouterr().out == said
    assert contents(OPENAPI) == before


def test_false_is_not_zero(tmp_path: Path) -> None:
    contents: list[bytes] = []
    for default in (False, 0):
        swagger = json.loads(sized(20))
        swagger["paths"]["/1/"]["get"]["parameters"] = [{"name": "a", "default": default}]
        contents.append(json.dumps(swagger).encode())
        stored(tmp_path, contents[-1], "2.0.0")
    assert (tmp_path / "udata-2.0.0.json").read_bytes() == contents[1]


def test_an_edited_document_is_replaced_by_the_next_pin_of_its_release(tmp_path: Path) -> None:
    stored(tmp_path, sized(20), "2.0.0")
    (tmp_path / "udata-2.0.0.json").write_bytes(sized(21))
    (entry,) = stored(tmp_path, sized(21), "2.0.0")
    assert pin.read_pins(tmp_path)[0][0] == entry


def test_a_field_called_example_or_enum_is_kept() -> None:
    fields = {"enum": {"type": "string"}, "example": {"type": "string"}}
    definition = {"type": "object", "properties": fields}
    assert canonical({"definitions": {"A": definition}}) == {"definitions": {"A": definition}}


# ---- A new release


def newer(change: Any = None) -> list[tuple[pin.Release, dict[str, Any]]]:
    """Return the pins and a newer release, whose document is changed."""
    swagger = deepcopy(NEWEST)
    if change is not None:
        change(swagger)
    return [(release("99.0.0"), swagger), (release("99.0.0", 2), SECOND), *PINS]


def test_a_release_without_changes_changes_a_line_of_each_version(
    generated: dict[str, str],
) -> None:
    changed = lines_changed(generated, texts(newer()))
    assert all(line.startswith("RELEASES: Final = (") for line in changed)
    assert len(changed) == 4


def test_a_retyped_field_changes_a_few_lines(generated: dict[str, str]) -> None:
    def retype(swagger: dict[str, Any]) -> None:
        swagger["definitions"]["License"]["properties"]["title"] = {"type": "integer"}

    changed = {line.strip() for line in lines_changed(generated, texts(newer(retype)))}
    assert {"title: int | None", "title: str | None", "title: int", "title: str"} & changed
    assert len(changed) <= 8


def test_what_was_dropped_names_the_same_release_after_the_next_one(
    generated: dict[str, str],
) -> None:
    later = texts(newer())
    for name, text in generated.items():
        assert text.count("99.0.0") == 0
        assert later[name].count("99.0.0") == (name in ("api/ops.py", "api/v2/ops.py"))


RELEASES = ["4", "3", "2", "1"]


@pytest.mark.parametrize(
    ("served", "code"),
    [
        (["4", "3", "2", "1"], "RELEASES"),
        (["4", "3"], "RELEASES[:-2]"),
        (["4"], "RELEASES[:-3]"),
        (["2", "1"], "RELEASES[-2:]"),
        (["1"], "RELEASES[-1:]"),
        (["3", "2"], "RELEASES[-3:-1]"),
        (["4", "1"], '("4", "1", )'),
        (["3", "1"], '("3", "1", )'),
    ],
)
def test_the_releases_of_an_operation_are_a_part_of_all(served: list[str], code: str) -> None:
    assert safe.span(served, RELEASES) == code
    assert [*eval(code, {"RELEASES": (*RELEASES,)})] == served


# ---- Old names


def test_an_alias_is_generated_beside_its_function() -> None:
    made = texts(PINS, fetch_dataset="get_dataset")
    assert 'fetch_dataset = renamed(get_dataset, "fetch_dataset")' in made["api/datasets.py"]
    assert '"fetch_dataset": "get_dataset"' in made["api/ops.py"]
    assert not [name for name in made if name != "api/ops.py" and made[name].count("renamed(") > 1]


def test_the_constant_of_an_old_name_works_and_warns() -> None:
    module = ModuleType("aiodatagouv.api.ops")
    module.__package__ = "aiodatagouv.api"
    made = texts(PINS, list_sets="list_datasets")["api/ops.py"]
    exec(compile(made, "ops.py", "exec", dont_inherit=True), vars(module))
    with pytest.warns(DeprecationWarning, match="LIST_SETS is called LIST_DATASETS now") as warned:
        assert module.LIST_SETS is module.LIST_DATASETS
    assert warned[0].filename == __file__
    with pytest.raises(AttributeError, match="has no attribute 'LIST_BAGS'"):
        _ = module.LIST_BAGS
    assert "__getattr__" not in texts(PINS)["api/ops.py"]


def test_commands_have_their_old_names_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also without the verb, as the present names."""
    monkeypatch.setattr(operations, "ALIASES", {"list_sets": "list_datasets"})
    names = [Package().current(name) for name in ("list_sets", "list-sets", "sets", "datasets")]
    assert names == ["list_datasets", "list_datasets", "list_datasets", "datasets"]


@pytest.mark.parametrize(
    ("aliases", "complaint"),
    [
        ({"old": "nothing"}, "the alias old is for nothing, but there is no such function"),
        ({"get_dataset": "get_reuse"}, "the alias get_dataset for get_reuse is the name of ano"),
        ({"reuse_image": "get_reuse"}, "the alias reuse_image for get_reuse is the name of ano"),
        ({"Old-One": "get_reuse"}, "the alias 'Old-One' for get_reuse is not a valid function"),
        ({"class": "get_reuse"}, "the alias 'class' for get_reuse is not a valid function"),
        ({"renamed": "get_reuse"}, "'renamed' would become renamed, which generated code uses"),
        ({"v2.old": "get_reuse"}, "the alias 'v2.old' for get_reuse is not a valid function"),
    ],
)
def test_an_invalid_alias_is_refused(aliases: dict[str, str], complaint: str) -> None:
    functions = {"get_reuse": "get_reuse", "get_dataset": "get_dataset", "reuse_image": "upload"}
    with pytest.raises((RenameError, GenerationError), match=complaint):
        renaming.check_aliases(aliases, functions)


async def test_an_old_name_works_and_warns() -> None:
    old = renamed(datasets.get_dataset, "fetch_dataset")
    assert inspect.signature(old) == inspect.signature(datasets.get_dataset)
    transport = httpx.MockTransport(lambda _: httpx.Response(404))
    async with client_of("https://portal.example/", transport=transport) as client:
        with (
            pytest.warns(DeprecationWarning, match="is called get_dataset now") as warned,
            pytest.raises(NotFoundError),
        ):
            await old(client, "a")
        assert warned[0].filename == __file__
        with warnings.catch_warnings(action="error"), pytest.raises(NotFoundError):
            await datasets.get_dataset(client, "a")


# ---- Three releases


def test_operations_of_a_middle_release_keep_their_models() -> None:
    """A model that only the middle release answers and takes, and the oldest one too."""
    older, middle, newest = (deepcopy(SWAGGER) for _ in range(3))
    ping = {
        "operationId": "ping",
        "tags": ["things"],
        "parameters": [{"in": "body", "name": "payload", "schema": {"$ref": "#/definitions/Ping"}}],
        "responses": {"200": {"schema": {"$ref": "#/definitions/Ping"}}},
    }
    for swagger, fields in ((middle, ["a"]), (older, ["a", "b"])):
        swagger["paths"]["/ping/"] = {"post": deepcopy(ping)}
        properties = {name: {"type": "string"} for name in fields}
        swagger["definitions"]["Ping"] = {"type": "object", "properties": properties}
    pins = [(release(name), one) for name, one in (("3", newest), ("2", middle), ("1", older))]
    merged = releases.merge(pins)
    operation = merged["paths"]["/ping/"]["post"]
    assert (operation["x-releases"], operation["x-dropped"]) == (["2", "1"], "3")
    fields = merged["definitions"]["Ping"]["properties"]
    assert fields["b"]["description"] == "Only of portals older than udata 2."
