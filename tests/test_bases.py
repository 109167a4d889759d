"""Models with a hand-written base class, which a correction gives them: ``x-base``."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from generator.build import attempt, build
from generator.diff import Status, compare_attempts, status_of
from generator.document import DocumentError
from generator.emit import render
from generator.target import Target

from .test_generator import SWAGGER, release

Document = dict[str, Any]

THING = "#/definitions/Thing%20%28read%29"


def files(change: Callable[[Document], object], target: Target | None = None) -> dict[str, str]:
    document = deepcopy(SWAGGER)
    change(document)
    view = build([(release("2.0"), document)], [], {})
    return render(view, ["2.0"], target) if target else render(view, ["2.0"])


def give_base(document: Document, base: object = "Crawled") -> None:
    document["definitions"]["Thing (read)"]["x-base"] = base


def inherit_base(document: Document) -> None:
    give_base(document)
    definitions = document["definitions"]
    definitions["Part"] = {
        "allOf": [{"$ref": THING}, {"properties": {"size": {"type": "integer"}}}]
    }
    definitions["Owner"]["properties"]["part"] = {"$ref": "#/definitions/Part"}


def test_a_model_and_those_that_inherit_from_it_have_the_base() -> None:
    made = files(inherit_base)
    assert "class Thing(Crawled, init=False):" in made["models/thing.py"]
    assert "from .._views.crawled import Crawled" in made["models/thing.py"]
    assert "class Part(Crawled, init=False):" in made["models/part.py"]
    assert "class Owner(View, init=False):" in made["models/owner.py"]


def test_a_body_has_not() -> None:
    def send_it(document: Document) -> None:
        give_base(document)
        del document["definitions"]["Thing (write)"]
        body = document["paths"]["/things/"]["post"]["parameters"][0]
        body["schema"] = {"$ref": THING}

    made = files(send_it)
    assert "class Thing(Crawled, init=False):" in made["models/thing.py"]
    assert "class ThingWrite(BodyOf[models.Thing]):" in made["models/thing_write.py"]


def test_the_package_of_another_portal_imports_it_from_the_public_module() -> None:
    made = files(give_base, Target("dados_example_pt"))
    assert "from aiodatagouv.generated import Crawled" in made["models/thing.py"]


@pytest.mark.parametrize("base", ["View", "Any", "crawled", "", 1, None, ["Crawled"], {}])
def test_an_unknown_base_is_refused(base: object) -> None:
    with pytest.raises(DocumentError, match="Thing \\(read\\)/x-base"):
        files(lambda document: give_base(document, base))


def lose_extras(document: Document) -> None:
    give_base(document)
    del document["definitions"]["Thing (read)"]["allOf"][1]["properties"]["extras"]


def give_a_page_the_base(document: Document) -> None:
    page = document["definitions"]["ThingPage"]
    page["x-base"] = "Crawled"
    page["properties"]["extras"] = {"type": "object"}


def give_a_field_the_base(document: Document) -> None:
    document["definitions"]["Owner"]["properties"]["name"]["x-base"] = "Crawled"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lose_extras, "needs the fields extras"),
        (give_a_page_the_base, "is not for pages"),
        (give_a_field_the_base, "is for definitions only"),
    ],
)
def test_a_base_where_it_has_no_place_is_refused(
    change: Callable[[Document], object], problem: str
) -> None:
    with pytest.raises(DocumentError, match=problem):
        files(change)


def test_a_base_on_a_definition_that_inherits_from_itself_is_refused() -> None:
    def loop(document: Document) -> None:
        give_base(document)
        document["definitions"]["Thing (read)"]["allOf"].append({"$ref": THING})

    with pytest.raises(DocumentError, match="inherits from itself"):
        files(loop)


@pytest.mark.parametrize("name", ["analysis", "scan"])
def test_a_field_does_not_shadow_what_the_base_adds(name: str) -> None:
    def add(document: Document) -> None:
        give_base(document)
        own = document["definitions"]["Thing (read)"]["allOf"][1]["properties"]
        own[name] = {"type": "string"}

    assert f"    {name}_: str | None = declare(key={name!r})" in files(add)["models/thing.py"]


def test_no_model_takes_the_name_of_a_base() -> None:
    def rename(document: Document) -> None:
        definitions = document["definitions"]
        definitions["Crawled"] = definitions.pop("Owner")
        own = definitions["Thing (read)"]["allOf"][1]["properties"]
        own["owner"] = {"$ref": "#/definitions/Crawled"}

    with pytest.raises(DocumentError, match="would become Crawled, which generated code uses"):
        files(rename)


def test_to_gain_a_base_is_compatible_and_to_lose_it_is_breaking() -> None:
    plain, based = deepcopy(SWAGGER), deepcopy(SWAGGER)
    give_base(based)
    sides = [attempt([(release("2.0"), one)], [], {}) for one in (plain, based)]
    gained = compare_attempts(*sides)
    assert [(one.rule, one.owner) for one in gained] == [("model-extended", "Thing")]
    assert status_of(gained) is Status.COMPATIBLE
    lost = compare_attempts(*reversed(sides))
    assert [(one.rule, one.owner) for one in lost] == [("model-rebased", "Thing")]
    assert status_of(lost) is Status.BREAKING
