"""``aiodatagouv operations``: what the API has."""

from __future__ import annotations

import json
from collections.abc import Iterable

import click

from ..operation import Operation
from . import catalogue, exits
from .commands import CONTEXT, summary
from .output import is_terminal, write_text

_SHOWN = ("name", "id", "method", "path", "tag", "kind", "item", "summary", "masked", "deprecated")


@click.command(context_settings=CONTEXT)
@click.argument("words", nargs=-1)
def operations(words: tuple[str, ...]) -> int:
    """Search the operations of the API: those that have all the WORDS somewhere.

    Their name, id, path, group, model and summary are looked at. On a terminal it is a table,
    otherwise JSON Lines.
    """
    found = [one for one in catalogue.everything().values() if _has(one, words)]
    if not found:
        near = catalogue.nearest("_".join(words), catalogue.everything())
        hint = f" Did you mean {', '.join(near)}?" if near else ""
        exits.say(f"No operation has {' and '.join(words)} in it.{hint}")
    elif is_terminal():
        _print_table(found)
    else:
        for one in found:
            shown = {name: getattr(one, name) for name in _SHOWN}
            write_text(json.dumps(shown, ensure_ascii=False), None)
    return exits.COMPLETE


def _has(operation: Operation, words: Iterable[str]) -> bool:
    names = (operation.name, operation.id, operation.path, operation.tag, operation.item or "")
    text = " ".join([*names, operation.summary]).lower()
    return all(word.lower().replace("-", "_") in text or word.lower() in text for word in words)


def _print_table(operations: Iterable[Operation]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    # Names are there to be copied: never cut, whatever the width.
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for one in operations:
        answer = one.kind if one.item is None else f"{one.kind} of {one.item}"
        how = Text(f"{one.method} {one.path} ({answer})", style="dim")
        table.add_row(Text(one.name, style="bold"), Text.assemble(summary(one), "\n", how))
    Console(highlight=False).print(table)
