"""No change of a Swagger that callers can notice passes without a word."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest

from generator.adapt import apply_possible
from generator.build import Attempt
from generator.diff import Status, compare_attempts, status_of
from generator.diff.masks import changes
from generator.errors import GenerationError
from generator.schemas import references

from .test_diff import FIXES, Document, Mutation, built, operation, pinned, properties

Place = tuple[str | int, ...]

PATHS, MUTATIONS = 30, 120
"""The paths of the sample, each of which is a document, and the changes in all of them."""

IGNORED = [
    *("swagger", "info/.*", "host", "basePath", "schemes/.*"),
    *(".*/example", "definitions/[^/]*/discriminator"),
    *(".*/readOnly", "definitions/.*/items/(description|readOnly)"),
    "paths/.*/parameters/[0-9]+/(name|required)",  # Of bodies: see `is_ignored`.
    "paths/.*/responses/(20[0-9]|3[0-9]{2})/description",
    "responses/[^/]*/.*",
    "tags/[0-9]+/.*",
    "definitions/[^/]*Page/properties/(page|page_size|total)/(minimum|description)",
    "definitions/[^/]*Page/properties/(next_page|previous_page|data)/description",
    "definitions/[^/]*Page/required/[0-9]+",
    # A correction has another text.
    "definitions/ApiTokenCreated/.*/description",
]
"""The places that docs/generator.md says are no difference, as patterns."""


def one_path(document: Document, path: str) -> Document:
    """Return a document with one path, and all that it needs."""
    kept = {**document, "paths": {path: document["paths"][path]}}
    names = references([kept["paths"], kept["responses"]], document["definitions"])
    kept["definitions"] = {name: document["definitions"][name] for name in sorted(names)}
    return deepcopy(kept)


def leaves(node: Any, place: Place = ()) -> Iterator[Place]:
    """Yield the places of all texts, numbers and truth values."""
    if isinstance(node, dict | list):
        for key, one in node.items() if isinstance(node, dict) else enumerate(node):
            yield from leaves(one, (*place, key))
    else:
        yield place


def at(document: Document, place: Place) -> Any:
    node: Any = document
    for key in place:
        node = node[key]
    return node


def other(place: Place, value: Any) -> Any:
    """Return another value that may stand at a place."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    if place[-1] == "type":
        return "boolean" if value == "integer" else "integer"  # No correction says so.
    if place[-1] == "in":
        return "header" if value == "query" else "query"
    return f"{value}x"


def paths_of(document: Document) -> list[str]:
    """Return the paths that are documents of their own, whose corrections need nothing else."""
    needing_more = re.compile("/transfer/.*|.*/assignments/")
    return [one for one in sorted(document["paths"]) if not needing_more.fullmatch(one)]


def is_ignored(document: Document, corrected: Document, place: Place) -> bool:
    """Whether the documentation says that a place is no difference."""
    text = "/".join(str(one).replace("/", "~") for one in place)
    if place[0] == "paths" and "parameters" in place:
        parameter = at(document, place[: place.index("parameters") + 2])
        if parameter["in"] == "header":  # The mask of a list is renamed: it has none any more.
            is_read = place[2] == "get" and place[-1] in ("name", "in")
            return not is_read
        if parameter["in"] != "body" and place[-1] in ("name", "required"):
            return False
    if place[0] == "definitions" and place[1] not in answered_or_sent(corrected):
        return True  # Only errors have it, or a correction has another definition instead.
    if place[0] == "definitions" and place[-2] == "required":
        key, schema = at(document, place), at(corrected, place[:-2])
        if is_never_null(key, schema.get("properties", {}).get(key, {})):
            return True
    return any(re.fullmatch(one, text) for one in IGNORED)


def answered_or_sent(document: Document) -> set[str]:
    roots = [
        part
        for item in document["paths"].values()
        for method, one in item.items()
        if method != "parameters"
        for part in (
            item.get("parameters", []),
            one.get("parameters", []),
            [each for status, each in one["responses"].items() if status[0] == "2"],
        )
    ]
    return {*references(roots, document["definitions"])}


def is_never_null(key: str, schema: Document) -> bool:
    """Whether something else than `required` says if a field may be null."""
    is_assigned = key == "id" and schema.get("readOnly", False)
    return is_assigned or schema.get("type") == "array" or "x-nullable" in schema


@pytest.fixture(scope="module")
def newest() -> Document:
    document: Document = json.loads(pinned("17.18.0"))
    return document


def verdict(before: Attempt, document: Document) -> Status | None:
    """Return the class of a change, None if the generator refuses it."""
    try:
        after = built(document)
    except GenerationError:
        return None
    return status_of(compare_attempts(before, after))


@pytest.mark.parametrize("seed", [1])
def test_each_changed_value_is_reported_or_refused_or_documented(
    newest: Document, seed: int
) -> None:
    chosen = random.Random(seed)
    silent = []
    for path in chosen.sample(paths_of(newest), PATHS):
        document = one_path(newest, path)
        before, corrected = built(document), apply_possible(document, FIXES).swagger
        places = [one for one in leaves(document) if not is_ignored(document, corrected, one)]
        for place in chosen.sample(places, min(MUTATIONS // PATHS, len(places))):
            changed = deepcopy(document)
            at(changed, place[:-1])[place[-1]] = other(place, at(document, place))
            if verdict(before, changed) is Status.SAME:
                silent.append((path, place))
    assert silent == []


# ---- What no function can send or read


def require_a_header(document: Document) -> None:
    parameters = operation(document, "/datasets/licenses/", "get").setdefault("parameters", [])
    parameters.append({"in": "header", "name": "X-Trace", "type": "string", "required": True})


def join_a_list_by_commas(document: Document) -> None:
    parameters = operation(document, "/datasets/", "get")["parameters"]
    next(one for one in parameters if one["name"] == "tag")["collectionFormat"] = "csv"


def retype_a_number_of_pages(document: Document) -> None:
    properties(document, "PostPage")["total"]["type"] = "string"


def retype_the_next_page(document: Document) -> None:
    properties(document, "PostPage")["next_page"]["type"] = "integer"


def rename_the_key(document: Document) -> None:
    document["securityDefinitions"]["apikey"]["name"] = "X-TOKEN"


def need_another_secret(document: Document) -> None:
    document["securityDefinitions"]["basic"] = {"type": "basic"}
    operation(document, "/datasets/licenses/", "get")["security"] = [{"apikey": [], "basic": []}]


def answer_xml(document: Document) -> None:
    document["produces"] = ["application/xml"]


def take_xml(document: Document) -> None:
    operation(document, "/posts/", "post")["consumes"] = ["application/xml"]


def take_a_form_without_files(document: Document) -> None:
    one = operation(document, "/me/avatar/", "post")
    one["consumes"] = ["application/x-www-form-urlencoded"]


def answer_two_things(document: Document) -> None:
    responses = operation(document, "/datasets/licenses/", "get")["responses"]
    responses["203"] = {"description": "Old", "schema": {"type": "string"}}


def define_a_text(document: Document) -> None:
    document["definitions"]["License"]["type"] = "string"


@pytest.mark.parametrize(
    ("mutate", "place", "complaint"),
    [
        (require_a_header, "#/paths/~1datasets~1licenses~1/get/parameters/", "X-Trace"),
        (join_a_list_by_commas, "#/paths/~1datasets~1/get/parameters/", "multi"),
        (retype_a_number_of_pages, "#/definitions/PostPage/properties/total", "integer"),
        (retype_the_next_page, "#/definitions/PostPage/properties/next_page", "string"),
        (rename_the_key, "#/securityDefinitions", "X-API-KEY"),
        (need_another_secret, "#/paths/~1datasets~1licenses~1/get/security", "API key"),
        (answer_xml, "#/produces", "application/json"),
        (take_xml, "#/paths/~1posts~1/post/consumes", "application/json"),
        (take_a_form_without_files, "#/paths/~1me~1avatar~1/post/consumes", "form-data"),
        (answer_two_things, "#/paths/~1datasets~1licenses~1/get/responses/203", "200"),
        (define_a_text, "#/definitions/License/type", "object"),
    ],
    ids=lambda one: one.__name__ if callable(one) else "",
)
def test_what_functions_cannot_send_or_read_is_refused(
    newest: Document, mutate: Mutation, place: str, complaint: str
) -> None:
    document = deepcopy(newest)
    mutate(document)
    with pytest.raises(GenerationError, match=complaint) as caught:
        built(document)
    assert str(caught.value).startswith(place)


# ---- Masks


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("{a,b}", "{b,a}", None),
        ("", "{*}", None),
        ("{a,b}", "{a}", "default-mask-narrowed"),
        ("", "{a}", "default-mask-narrowed"),
        ("{*}", "{*,a{id}}", "default-mask-narrowed"),
        ("data{a,b},*", "data{a},*", "default-mask-narrowed"),
        ("{a}", "{a,b}", "default-mask-widened"),
        ("{a}", "", "default-mask-widened"),
        ("{a{id},b}", "{a,b}", "default-mask-widened"),
        ("{a{id},b}", "{*}", "default-mask-widened"),
        ("data{a{id},b},*", "data{a{id,name},b},*", "default-mask-widened"),
    ],
)
def test_a_mask_that_leaves_out_more_breaks_callers(old: str, new: str, rule: str | None) -> None:
    assert [one.rule for one in changes("Site", old, new)] == ([rule] if rule else [])
