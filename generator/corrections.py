"""Apply the corrections of openapi/corrections.toml to the Swagger."""

from __future__ import annotations

import tomllib
from collections import Counter
from copy import deepcopy
from pathlib import Path
from typing import Any

from attrs import define
from packaging.version import Version

from .errors import GenerationError
from .keys import KNOWN, alike, unknown
from .pin import release_number

MISSING = object()

HIDING = {"x-write", "x-reference", "x-one-of"}
"""The extensions in whose favour the rest of a schema is ignored, in bodies at least."""

DERIVED = {"x-dropped"}
"""The keys whose values depend on the pins, which may tell what an entry says already."""

NO_EFFECT = "no effect"
"""The problem of an entry whose place is already as it should be."""


class CorrectionError(GenerationError):
    """An entry of corrections.toml is malformed or no longer has an effect."""


@define(frozen=True)
class Correction:
    """One entry of corrections.toml: the same change at one or more places.

    Attributes:
        name: The name of the entry, used in error messages.
        places: The path of keys to each place, from the root of the Swagger. An element of a list
            is identified by the name of a parameter or by its index.
        change: ``set``, ``merge`` (into an object) or ``remove``.
        value: The value to set or to merge.
        reason: The error in the Swagger.
        evidence: The observed behaviour of the server, and how to reproduce it.
    """

    name: str
    places: list[list[str]]
    change: str
    value: Any
    reason: str
    evidence: str


def read(path: Path) -> list[Correction]:
    """Read a corrections file."""
    content = _content(path)
    entries = content.pop("correction", [])
    if content.keys() - {"releases"}:
        raise CorrectionError(f"{path.name}: unknown keys {[*content]}; expected [[correction]]")
    if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
        raise CorrectionError(f"{path.name}: entries begin with [[correction]], in two brackets")
    found = [_entry(entry) for entry in entries]
    counts = Counter(one.name for one in found)
    if twice := [name for name, count in counts.items() if count > 1]:
        raise CorrectionError(f"{path.name}: two corrections have the name {twice[0]!r}")
    return found


def written_for(path: Path) -> list[str]:
    """Return the releases that a corrections file is written for, newest first.

    If all of them are pinned, each entry must have an effect; otherwise those without are skipped.
    """
    releases = _content(path).get("releases", [])
    if not isinstance(releases, list):
        raise CorrectionError(f"{path.name}: releases must be a list")
    return sorted((release_number(str(one)) for one in releases), key=Version, reverse=True)


def for_newest(folder: Path, newest: str) -> list[Correction]:
    """Read the corrections for pins, of which the newest release defines the API.

    Where that is older than the newest that ``corrections.toml`` is written for, those of
    ``older.toml`` come first.
    """
    path, older = folder / "corrections.toml", folder / "older.toml"
    written = written_for(path)
    is_older = bool(written) and Version(newest) < Version(written[0]) and older.exists()
    return [*(read(older) if is_older else ()), *read(path)]


def _content(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise CorrectionError(f"{path.name}: {error}") from error


def apply(swagger: dict[str, Any], corrections: list[Correction]) -> dict[str, Any]:
    """Return the corrected Swagger.

    Raises:
        CorrectionError: An entry has no effect at one of its places, so it is out of date.
    """
    swagger = deepcopy(swagger)
    for correction in corrections:
        for place in correction.places:
            change(swagger, correction, place)
    return swagger


class _ByName(dict[str, Any]):
    """A list of parameters, indexed by name."""

    def __init__(self, parameters: list[Any]) -> None:
        super().__init__((one["name"], one) for one in parameters)
        self.list = parameters


def _by_name(value: Any) -> Any:
    """Index a list by the names of its parameters, or by number if it has no parameters."""
    if not isinstance(value, list):
        return value
    if all(isinstance(one, dict) and "name" in one for one in value):
        return _ByName(value)
    return {str(number): one for number, one in enumerate(value)}


def change(swagger: dict[str, Any], correction: Correction, place: list[str]) -> Any:
    """Make the change at one place, and return the value that it overwrites, None for none.

    A merge overwrites the keys that it has, or all of a schema, if it says what counts instead.

    Raises:
        CorrectionError: It has no effect there.
    """
    where = f"correction {correction.name!r} at {' > '.join(place)}"
    *above, last = place
    parent: Any = swagger
    for key in above:
        inner = _by_name(parent.get(key, MISSING))
        if not isinstance(inner, dict):
            raise CorrectionError(
                f"{where}: the place does not exist; {_at(key, parent)}; delete or update the entry"
            )
        parent = inner
    before = parent.get(last, MISSING)
    after: Any = MISSING if correction.change == "remove" else deepcopy(correction.value)
    if before is MISSING and correction.change == "merge":
        raise CorrectionError(
            f"{where}: the place does not exist; {_at(last, parent)}; delete or update the entry"
        )
    if correction.change == "merge":
        if not isinstance(before, dict):
            raise CorrectionError(f"{where}: the value to merge into is not an object")
        after = {**before, **after}
    if after == before and last not in DERIVED:
        raise CorrectionError(f"{where}: {NO_EFFECT}; delete the entry")
    if after is MISSING:
        del parent[last]
    else:
        parent[last] = after
    if isinstance(parent, _ByName):
        parent.list[:] = parent.values()
    if correction.change == "merge" and not HIDING & correction.value.keys():
        return {key: before[key] for key in correction.value if key in before}
    return None if before is MISSING else before


def _at(key: str, parent: dict[str, Any]) -> str:
    """Say what is wrong with a key, and which ones there are like it."""
    if key in parent:
        return f"{key!r} is neither an object nor a list"
    near = alike(key, parent)
    return f"there is no {key!r}" + (f", but {near}" if near else "")


def _entry(entry: dict[str, Any]) -> Correction:
    name = entry.get("name", entry)
    changes = [key for key in ("set", "merge", "remove") if key in entry]
    if len(changes) != 1:
        raise CorrectionError(
            f"correction {name!r}: exactly one of set, merge and remove is required"
        )
    keys = ("name", "places", "reason", "evidence")
    if missing := [key for key in keys if not entry.get(key)]:
        raise CorrectionError(f"correction {name!r} lacks {', '.join(missing)}")
    if others := sorted(entry.keys() - {*keys, *changes}):
        raise CorrectionError(f"correction {name!r}: unknown keys: {', '.join(others)}")
    for place in _places(entry["places"], name):
        key = unknown(place, entry[changes[0]])
        if key is not None:
            near = alike(key, KNOWN)
            raise CorrectionError(
                f"correction {name!r}: {key!r} is neither a key of Swagger 2.0 nor an extension"
                + (f"; meant is perhaps {near}" if near else "")
            )
    return Correction(
        name=name,
        places=entry["places"],
        change=changes[0],
        value=entry[changes[0]],
        reason=entry["reason"],
        evidence=entry["evidence"],
    )


def _places(value: object, name: str) -> list[list[str]]:
    """Check that a value is a list of places."""
    places = value if isinstance(value, list) else []
    if not places or not all(isinstance(one, list) and one for one in places):
        raise CorrectionError(
            f"correction {name!r}: places must be a list of lists, also if it is one: "
            'places = [["definitions", ...]]'
        )
    return [[str(key) for key in one] for one in places]
