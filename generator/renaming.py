"""Read and check the function names of openapi/names.toml, which replace default names."""

from __future__ import annotations

import keyword
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from . import names
from .errors import GenerationError

KEYS = {"reason", "names"}


class RenameError(GenerationError):
    """An entry of names.toml is malformed, has no effect, or uses an invalid or taken name."""


def read(path: Path) -> dict[str, str]:
    """Read a names file into a mapping of operation ids to function names."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise RenameError(f"{path.name}: {error}") from error
    entries = content.pop("rename", [])
    if content:
        raise RenameError(f"{path.name}: unknown keys {[*content]}; expected [[rename]]")
    renames: dict[str, str] = {}
    for entry in entries:
        for id_, name in _names(entry).items():
            if id_ in renames:
                raise RenameError(f"{id_} is renamed twice: to {renames[id_]} and to {name}")
            renames[id_] = name
    return renames


def _names(entry: dict[str, Any]) -> Mapping[str, str]:
    if entry.keys() != KEYS or not all(entry.values()):
        raise RenameError(f"a [[rename]] entry must have a reason and names only: {entry}")
    of: Mapping[str, str] = entry["names"]
    return of


def functions(ids: Iterable[str], renames: Mapping[str, str]) -> dict[str, str]:
    """Return a mapping of all operation ids to function names.

    Raises:
        RenameError: A renaming is out of date, its name is not a valid function name, or another
            operation has the name as its id or as its function.
    """
    plain = {id_: names.python_name(id_) for id_ in ids}
    for id_, name in renames.items():
        if id_ not in plain:
            raise RenameError(f"{id_} is renamed to {name}, but there is no such operation")
        if name == plain[id_]:
            raise RenameError(f"{id_} is renamed to its default name; delete the entry")
        if not name.isidentifier() or keyword.iskeyword(name) or names.python_name(name) != name:
            raise RenameError(f"{id_} is renamed to {name!r}, which is not a valid function name")
    named = {**plain, **renames}
    for id_, name in named.items():
        # The command line also accepts the id of an operation.
        others = [other for other in named if other != id_ and name in (other, named[other])]
        if others:
            raise RenameError(f"both {others[0]} and {id_} would be called {name}")
    return named


def possible(ids: Iterable[str], renames: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Return the renamings that another release allows, and why each of the others is left out."""
    known, refused = {*ids}, list[str]()
    plain = {names.python_name(id_) for id_ in known - renames.keys()}
    kept: dict[str, str] = {}
    for id_, name in renames.items():
        if id_ not in known:
            refused.append(f"{id_} is renamed to {name}, but there is no such operation")
        elif name in plain or name in known - {id_}:
            refused.append(f"{id_} is renamed to {name}, but that is another operation")
        else:
            kept[id_] = name
    return kept, refused
