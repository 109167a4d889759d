"""Names of operations, and ``aiodatagouv operations``, which searches them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cached_property
from importlib import import_module

import click
from attrs import define

from .._names import lists_of, spellings, suggestion
from ..operation import Operation
from . import exits
from .output import is_terminal, write_text
from .parameters import CONTEXT, OWN

_SHOWN = (
    "name",
    "id",
    "version",
    "method",
    "path",
    "tag",
    "kind",
    "item",
    "summary",
    "masked",
    "deprecated",
)


@define(slots=False)
class Package:
    """A package whose operations are commands.

    Attributes:
        name: Its name: this package, or one that was generated for another portal.
    """

    name: str = OWN

    @property
    def command(self) -> str:
        """The name of its command line."""
        return self.name.replace("_", "-")

    @cached_property
    def by_id(self) -> Mapping[str, Operation]:
        """Every operation, by its id in the API."""
        operations: Mapping[str, Operation] = import_module(
            f"{self.name}.api.operations"
        ).OPERATIONS
        return operations

    @cached_property
    def by_name(self) -> dict[str, Operation]:
        """Every operation, by the name of its function."""
        return {one.name: one for one in self.by_id.values()}

    @property
    def lists(self) -> dict[str, Operation]:
        """Each list, by its short name, such as ``community-resources`` or ``v2.topics``."""
        return lists_of(self.by_name)

    def current(self, name: str) -> str:
        """Return the present name of an operation that was renamed; any other name as it is.

        The old name may lack ``get_`` or ``list_``, as those of operations.
        """
        aliases: Mapping[str, str] = import_module(f"{self.name}.api.operations").ALIASES
        old = spellings(name.replace("-", "_"))
        return next((aliases[one] for one in old if one in aliases), name)

    def help(self, text: str) -> str:
        """Return a help text, with the name of this command line in its examples."""
        return text.replace(OWN, self.command)


def summary(operation: Operation) -> str:
    """Summarize an operation in one line."""
    return operation.summary + (" (Older portals only.)" if operation.deprecated else "")


def address(operation: Operation) -> str:
    """Return the method and the path, which begins with the version unless that is the first."""
    version = "" if operation.version == 1 else f"/api/{operation.version}"
    return f"{operation.method} {version}{operation.path}"


def operations(package: Package) -> click.Command:
    """Make the command ``operations``."""

    @click.command(context_settings=CONTEXT)
    @click.argument("words", nargs=-1)
    def operations(words: tuple[str, ...]) -> int:
        """Search the operations of the API for those that match all WORDS.

        Name, id, path, group, model and summary are searched. The result is a table on a terminal,
        and JSON Lines otherwise.
        """
        return _search(package.by_name, words)

    return operations


def _search(known: Mapping[str, Operation], words: tuple[str, ...]) -> int:
    found = [one for one in known.values() if _matches(one, words)]
    if not found:
        hint = suggestion("_".join(words), known)
        exits.say(f"No operation matches {' and '.join(words)}.{hint}")
    elif is_terminal():
        _print_table(found)
    else:
        for one in found:
            shown = {name: getattr(one, name) for name in _SHOWN}
            write_text(json.dumps(shown, ensure_ascii=False), None)
    return exits.COMPLETE


def _matches(operation: Operation, words: Iterable[str]) -> bool:
    names = (operation.name, operation.id, address(operation), operation.tag, operation.item or "")
    text = " ".join([*names, operation.summary]).lower()
    return all(word.lower().replace("-", "_") in text or word.lower() in text for word in words)


def _print_table(operations: Iterable[Operation]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    # Names are never cut, so that they can be copied.
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for one in operations:
        answer = one.kind if one.item is None else f"{one.kind} of {one.item}"
        how = Text(f"{address(one)} ({answer})", style="dim")
        table.add_row(Text(one.name, style="bold"), Text.assemble(summary(one), "\n", how))
    Console(highlight=False).print(table)
