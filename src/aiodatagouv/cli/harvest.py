"""``aiodatagouv harvest``: a whole list, into a file or a pipe."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import CheckpointError
from . import catalogue, exits
from .commands import Given, OperationCommand
from .groups import OperationGroup
from .output import STDOUT, Lines, is_terminal, output_option
from .parameters import SinceType
from .progress import Meter, summary
from .running import run
from .settings import chosen, concurrency_option

if TYPE_CHECKING:
    from ..bulk import Report
    from ..client import Client
    from ..operation import Operation

_CONCURRENCY = 4
_CONNECTIONS = 16

_HELP = """Write every item of a list into a file, or as JSON Lines on stdout.

The file's name says what it is: .jsonl, .jsonl.gz, .jsonl.zst or .parquet. When a harvest was
interrupted, the same command goes on where it was.

\b
aiodatagouv harvest datasets -o datasets.jsonl.gz --concurrency 8
aiodatagouv harvest reuses --topic health --fields id,title | head
"""


def _options(_: Operation) -> list[click.Option]:
    return [
        output_option(
            "The file: .jsonl, .jsonl.gz, .jsonl.zst or .parquet; stdout when not given."
        ),
        click.Option(
            ["since", "--since"],
            type=SinceType(),
            metavar=SinceType.name,
            help="Only what has changed since then, merged into the file: a date, or last for "
            "the last complete harvest into it.",
        ),
        click.Option(
            ["fresh", "--fresh"],
            is_flag=True,
            help="Start anew, even if there is an interrupted harvest to go on with.",
        ),
        click.Option(
            ["page_size", "--page-size"],
            type=click.IntRange(min=1),
            metavar="N",
            help="Items of a page: 100 by default.",
        ),
        concurrency_option(),
    ]


def _command(name: str, operation: Operation) -> click.Command:
    return OperationCommand(
        name, operation, _harvest, options=_options, left_out=["page", "page_size"]
    )


def _elsewhere(operation: Operation) -> str:
    return f"{operation.name} is no list"


harvest = OperationGroup(
    "harvest",
    catalogue.lists,
    _command,
    _elsewhere,
    help=_HELP,
    metavar="LIST",
    options=[concurrency_option()],
)


def _harvest(ctx: click.Context, given: Given) -> int:
    output: str | None = ctx.params["output"]
    to_stdout = output in (None, STDOUT)
    if to_stdout and ctx.params["since"] is not None:
        raise click.UsageError("--since needs a file to merge into: give -o FILE.", ctx)
    if ctx.params["fresh"] and ctx.params["since"] is not None:
        raise click.UsageError("--since brings a file up to date, --fresh harvests it anew.", ctx)
    page_size: int | None = ctx.params["page_size"]
    query = given.query if page_size is None else {**given.query, "page_size": page_size}
    concurrency: int = chosen(ctx, "concurrency") or _CONCURRENCY
    meter = Meter(given.operation, is_shown=not (to_stdout and is_terminal()))

    async def work(client: Client) -> Report:
        from .. import bulk

        return await bulk.harvest(
            client,
            given.operation.function(client, *given.path, **query),
            Lines() if to_stdout else str(output),
            concurrency=concurrency,
            fields=given.fields,
            resume=not ctx.params["fresh"],
            since=ctx.params["since"],
            progress=meter.update,
        )

    try:
        with meter:
            connections = max(_CONNECTIONS, concurrency)
            report = run(ctx, work, max_connections=connections, on_retry=meter.show_wait)
    except exits.EXPECTED as error:
        is_over = to_stdout or exits.is_users(error) or isinstance(error, CheckpointError)
        after = "" if is_over else _kept(str(output), is_fresh=ctx.params["fresh"])
        return exits.report(error, after)
    exits.say(summary(report, None if to_stdout else output))
    return exits.COMPLETE if report.complete else exits.INCOMPLETE


def _kept(output: str, *, is_fresh: bool) -> str:
    """How to go on, if there is something to go on with."""
    if not Path(f"{output}.part").exists():
        return ""
    command = "the same command without --fresh" if is_fresh else "the same command"
    return f"{command} goes on where it was"
