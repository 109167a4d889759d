"""Read and check the function names of openapi/names.toml: better ones, and those of before."""

from __future__ import annotations

import keyword
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path

from . import names, versions
from .errors import GenerationError

KEYS = {"reason", "names"}


class RenameError(GenerationError):
    """An entry of names.toml is malformed, has no effect, or uses an invalid or taken name."""


def read(path: Path) -> dict[str, str]:
    """Read a names file into a mapping of operation ids to function names."""
    return _mapping(path, "rename")


def read_aliases(path: Path) -> dict[str, str]:
    """Read a names file into a mapping of the old names of functions to the new ones."""
    return _mapping(path, "alias")


def _mapping(path: Path, table: str) -> dict[str, str]:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise RenameError(f"{path.name}: {error}") from error
    if unknown := content.keys() - {"rename", "alias"}:
        raise RenameError(
            f"{path.name}: unknown keys {sorted(unknown)}; expected [[rename]] and [[alias]]"
        )
    names: dict[str, str] = {}
    for entry in content.get(table, []):
        if entry.keys() != KEYS or not all(entry.values()):
            raise RenameError(f"a [[{table}]] entry must have a reason and names only: {entry}")
        for old, new in entry["names"].items():
            if old in names:
                raise RenameError(f"{old} is renamed twice: to {names[old]} and to {new}")
            names[old] = new
    return names


def check_aliases(aliases: Mapping[str, str], functions: Mapping[str, str]) -> None:
    """Check the old names of functions.

    Args:
        aliases: The old names and the new ones.
        functions: The ids of all operations and the names of their functions.

    Raises:
        RenameError: A new name is not that of a function, or an old one is not valid or taken.
    """
    taken = {*functions, *functions.values()}
    for old, new in aliases.items():
        if new not in functions.values():
            raise RenameError(f"the alias {old} is for {new}, but there is no such function")
        if old in taken:
            raise RenameError(f"the alias {old} for {new} is the name of another operation")
        if versions.is_second(old) != versions.is_second(new) or not _is_function(old):
            raise RenameError(f"the alias {old!r} for {new} is not a valid function name")
        names.checked(versions.bare(old), old, names.FUNCTIONS)


def _is_function(name: str) -> bool:
    """Return whether a text is a valid name of a function, with the mark of API v2 or without."""
    name = versions.bare(name)
    return name.isidentifier() and not keyword.iskeyword(name) and names.python_name(name) == name


def functions(ids: Iterable[str], renames: Mapping[str, str]) -> dict[str, str]:
    """Return a mapping of all operation ids to function names.

    Raises:
        RenameError: A renaming is out of date, its name is not a valid function name, or another
            operation has the name as its id or as its function.
    """
    plain = {id_: versions.python_name(id_) for id_ in ids}
    for id_, name in renames.items():
        if id_ not in plain:
            raise RenameError(f"{id_} is renamed to {name}, but there is no such operation")
        if name == plain[id_]:
            raise RenameError(f"{id_} is renamed to its default name; delete the entry")
        is_name = versions.is_second(name) == versions.is_second(id_) and _is_function(name)
        if not is_name:
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
    plain = {versions.python_name(id_) for id_ in known - renames.keys()}
    kept: dict[str, str] = {}
    for id_, name in renames.items():
        if id_ not in known:
            refused.append(f"{id_} is renamed to {name}, but there is no such operation")
        elif name in plain or name in known - {id_}:
            refused.append(f"{id_} is renamed to {name}, but that is another operation")
        else:
            kept[id_] = name
    return kept, refused


def possible_aliases(
    aliases: Mapping[str, str], functions: Mapping[str, str]
) -> tuple[dict[str, str], list[str]]:
    """Return the aliases that another release allows, and why each of the others is left out."""
    kept: dict[str, str] = {}
    refused: list[str] = []
    for old, new in aliases.items():
        try:
            check_aliases({old: new}, functions)
        except GenerationError as error:
            refused.append(str(error))
        else:
            kept[old] = new
    return kept, refused
