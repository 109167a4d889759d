"""A small Swagger of 12 operations, cut from the pinned one, and hostile mutations of it."""

from __future__ import annotations

import datetime as dt
import json
import random
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from generator import schemas
from generator.adapt import Shared
from generator.build import build
from generator.declarations import View
from generator.emit import render
from generator.errors import GenerationError
from generator.pin import Release
from generator.target import OWN, Target

PINNED = Path(__file__).parents[1] / "openapi" / "udata-17.18.0.json"

GROUPS = [
    {"create_api_token", "get_site_datasets_csv", "suggest_tags"},
    {"add_dataset_badge", "delete_dataset", "rdf_dataset_format"},
    {"follow_dataset", "list_dataset_followers", "rdf_dataset"},
    {"avatars", "list_api_tokens", "my_avatar"},
]
"""The ids of the operations, in groups of which each is a document of its own."""

OPERATIONS = {id_ for group in GROUPS for id_ in group}

PAYLOAD = "__import__('canary')"
"""An import that the subprocess, which executes the generated code, would notice."""

STRINGS = [
    *(
        "",
        " ",
        "'",
        '"',
        '"""',
        "'''",
        "\\",
        "\\N{BULLET}",
        "\\x",
        "\n",
        "\r\n",
        "\t",
        "\0",
        "\x7f",
    ),
    *(f'"""\n{PAYLOAD}\n"""', f'"\n{PAYLOAD}\n#', f"'+{PAYLOAD}+'", f'"+{PAYLOAD}+"', PAYLOAD),
    *(f"x: {PAYLOAD}", f"x={PAYLOAD}", f"x = 1\n{PAYLOAD}", f'\\"""\n{PAYLOAD}\n\\"""'),
    *(f"{{{{ {PAYLOAD} }}}}", "{{", "{%", "{# x #}", "{% raw %}", f"{{{PAYLOAD}}}", "${x}", "`id`"),
    *("../../outside", "/etc/passwd", "a/b", "..", ".", "C:\\x", "#", "#/definitions/", "%2e%2e"),
    *("\u202e\u2066gnp.exe", "\u2028", "\u2029", "\x85", "\ufeff", "\xad", "\ud800", "\U000e0041"),
    *(
        "é",
        "ж",
        "Ⅷ",
        "ﬁ",
        "\U0001d431",
        "x" * 300,
        "a." * 150,
        "_",
        "__",
        "_x",
        "2",
        "2x",
        "-",
        "x-y",
    ),
    *("class", "None", "none", "match", "self", "type", "print", "str", "dt", "lambda", "async"),
    *("__init__", "__class__", "__getattr__", "__all__", "__import__", "__file__", "_ALL"),
    *("enums", "Enums", "ENUMS", "ops", "Ops", "client", "Client", "field", "Field", "con"),
    *("operations", "prepare", "answers", "sorted", "call", "T", "View", "Body", "Any", "Unset"),
    *("additional_properties", "to_dict", "declare", "UNSET", "body", "fields", "into", "id"),
    *("Datasets", "DATASETS", "datasets", "ApiToken", "api_token", "page", "data", "(write)"),
    *("text/csv\n", "*/*", "application/json", "get", "delete", "array", "object", "file"),
]

VALUES: list[Any] = [
    *(None, True, False, 0, -1, 1.5, 1e400, float("nan"), 10**400, [], {}, [[]], [None], [1]),
    *(["x", 1], {"$ref": 1}, {"$ref": "#/definitions/Nothing"}, {"$ref": "../x#/definitions/a"}),
    *({"type": "array"}, {"type": ["string"]}, {"enum": [1, "a"]}, {"allOf": [{}, {}]}, {"": ""}),
    *({"type": "object", "properties": {"x": []}}, {"in": "query"}, [{"name": "x"}], ["a", "a"]),
]


def deep(levels: int) -> Any:
    """Return a schema of lists in lists."""
    schema: Any = {"type": "string"}
    for _ in range(levels):
        schema = {"type": "array", "items": schema}
    return schema


def small(operations: set[str] = OPERATIONS) -> dict[str, Any]:
    """Return operations of the pinned Swagger, with what they need and with extensions."""
    swagger: dict[str, Any] = _pinned()
    paths: dict[str, Any] = {}
    for path, item in swagger["paths"].items():
        for method, operation in item.items():
            if isinstance(operation, dict) and operation["operationId"] in operations:
                shared = {"parameters": item["parameters"]} if "parameters" in item else {}
                paths.setdefault(path, shared)[method] = operation
    used = {
        tag for item in paths.values() for o in item.values() if "tags" in o for tag in o["tags"]
    }
    small = {
        **{key: swagger[key] for key in ("swagger", "info")},
        "responses": {"MaskError": {"description": "When any error occurs on mask"}},
        "tags": [tag for tag in swagger["tags"] if tag["name"] in used],
        "paths": paths,
        "definitions": {
            name: swagger["definitions"][name]
            for name in schemas.references(paths, swagger["definitions"])
        },
    }
    small = deepcopy(small)
    by_id = {
        one["operationId"]: one
        for item in small["paths"].values()
        for one in item.values()
        if isinstance(one, dict)
    }
    if "list_dataset_followers" in by_id:
        by_id["list_dataset_followers"] |= {
            "x-created": {"sort": "created", "date": "created"},
            "x-changed": {"sort": "since", "date": "since", "written": "last"},
            "x-dropped": "18.0.0",
        }
    if "follow_dataset" in by_id:
        by_id["follow_dataset"]["responses"] = {
            "200": {"description": "Followed"},
            "400": {"$ref": "#/responses/MaskError"},
        }
    if "create_api_token" in by_id:
        by_id["create_api_token"]["x-lost"] = [["name", "kind"]]
        small["definitions"]["ApiToken (read)"]["x-always"] = ["id"]
        small["definitions"]["ApiToken (write)"]["properties"] |= {
            "kind": {"type": "string", "enum": ["big", "small"], "x-apart": ["none"]},
            "owner": {"type": "string", "x-reference": ["User"], "x-bare": True},
            "several": {"x-one-of": [{"type": "string"}, {"type": "integer"}]},
            "other": {"type": "string", "x-write": {"type": "integer"}, "x-secret": True},
            "when": {"type": "string", "format": "date-time", "description": "When it ends."},
        }
    return small


@cache
def _pinned() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(PINNED.read_bytes())
    return document


def generated(
    swagger: Any, older: Any = None, target: Target = OWN, shared: Shared | None = None
) -> dict[str, str]:
    """Return the files of a document, not formatted."""
    pins = [(Release("17.18.0", "udata-17.18.0.json", "", dt.date(2026, 1, 1), "", 0), swagger)]
    if older is not None:
        release = Release("14.13.0", "udata-14.13.0.json", "", dt.date(2026, 1, 1), "", 0)
        pins.append((release, older))
    seen: View = build(pins, [], {}, shared=shared)
    return render(seen, [release.release for release, _ in pins], target)


def outcome(
    swagger: Any, older: Any = None, target: Target = OWN, shared: Shared | None = None
) -> dict[str, str] | str:
    """Return the files of a document, or the line that refuses it."""
    try:
        return generated(swagger, older, target, shared)
    except GenerationError as error:
        return f"{type(error).__name__}: {error}"


def _sites(node: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], bool]]:
    """Yield every place, and whether it is its key that is to change."""
    if place:
        yield place, False
    if isinstance(node, dict):
        for key, value in node.items():
            yield (*place, key), True
            yield from _sites(value, (*place, key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _sites(value, (*place, index))


def mutations(original: dict[str, Any], count: int, seed: int) -> Iterator[dict[str, Any]]:
    """Yield mutated documents. Each place and each key is changed before one is changed again."""
    chosen = random.Random(seed)
    sites = [*_sites(original)]
    for number in range(count):
        if number % len(sites) == 0:
            chosen.shuffle(sites)
        place, is_key = sites[number % len(sites)]
        yield _mutated(original, place, chosen, is_key=is_key)


def _mutated(
    original: dict[str, Any], place: tuple[Any, ...], chosen: random.Random, *, is_key: bool
) -> dict[str, Any]:
    document = deepcopy(original)
    parent: Any = document
    for key in place[:-1]:
        parent = parent[key]
    last = place[-1]
    text = chosen.choice(STRINGS)
    old = last if is_key else parent[last]
    if isinstance(old, str) and chosen.random() < 0.3:
        text = chosen.choice([old + text, text + old])
    if isinstance(old, str) and old and chosen.random() < 0.5:
        changed = _everywhere(document, old, text)  # So that references still find it.
        return changed if isinstance(changed, dict) else document
    if is_key:
        items = [(text if key == last else key, value) for key, value in parent.items()]
        parent.clear()
        parent.update(items)
    else:
        others = [*VALUES, deep(10), deep(300)]
        is_text = isinstance(old, str) and chosen.random() < 0.8
        parent[last] = text if is_text else chosen.choice([*others, text])
    return document


def _everywhere(node: Any, old: str, new: str) -> Any:
    if isinstance(node, dict):
        return {_everywhere(k, old, new): _everywhere(v, old, new) for k, v in node.items()}
    if isinstance(node, list):
        return [_everywhere(one, old, new) for one in node]
    if not isinstance(node, str):
        return node
    if node == schemas.reference(old):
        return f"#/definitions/{quote(new, errors='surrogatepass')}"
    if f"{{{old}}}" in node:
        return node.replace(f"{{{old}}}", f"{{{new}}}")
    return new if node == old else node
