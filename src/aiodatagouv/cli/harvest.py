"""``aiodatagouv harvest``: all items of a list, to a file or a pipe."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .._disk import named
from .._meter import Meter
from ..errors import APIError, CheckpointError
from . import exits
from .commands import Given, OperationCommand, OperationGroup
from .operations import Package
from .output import STDOUT, Destination, Lines, is_terminal, output_option
from .parameters import chosen, completing, concurrency_option, read_since
from .progress import Waiting, summary
from .running import run

if TYPE_CHECKING:
    from ..bulk import Report
    from ..client import Client
    from ..operation import Operation

_CONCURRENCY = 4
_CONNECTIONS = 16

ANY = "any"
"""The value of ``--split`` without facets."""

_HELP = """Write all items of a list to a file, or as JSON Lines to stdout.

The file's suffix is its format: .jsonl, .jsonl.gz, .jsonl.zst or .parquet. After an interruption,
the same command continues the harvest.

\b
aiodatagouv harvest datasets -o datasets.jsonl.gz --concurrency 8
aiodatagouv harvest reuses --topic health --fields id,title | head
"""


def _options(operation: Operation) -> list[click.Option]:
    return [
        output_option(
            "The file, or its URL (s3://, gs://, abfs://): .jsonl, .jsonl.gz, .jsonl.zst or "
            ".parquet; stdout by default.",
            Destination(_is_other),
        ),
        click.Option(
            ["since", "--since"],
            type=read_since,
            shell_complete=completing("last"),
            metavar="DATE|last",
            help="Only the items changed since a date, merged into the file; last is the start of "
            "the last complete harvest to it, and all items the first time.",
        ),
        click.Option(
            ["strict", "--strict"],
            is_flag=True,
            help="With --since last: fail if no complete harvest to the file is known.",
        ),
        click.Option(
            ["fresh", "--fresh"],
            is_flag=True,
            help="Start again, even if an interrupted harvest could be continued.",
        ),
        click.Option(
            ["skip_broken", "--skip-broken"],
            is_flag=True,
            help="Leave out an object that makes its page an error 500 for ever, and name it in "
            "the summary; the exit status is then 4.",
        ),
        *_split_option(operation),
        _explode_option(operation),
        click.Option(
            ["only_public", "--only-public"],
            is_flag=True,
            help="Leave out what only the key shows, such as private datasets: the list is read "
            "without it.",
        ),
        click.Option(
            ["partition_by", "--partition-by"],
            metavar="EXPR,...",
            help="Write a folder of Parquet files, one for each value of year(column), "
            "month(column), day(column) or a column.",
        ),
        click.Option(
            ["page_size", "--page-size"],
            type=click.IntRange(min=1),
            metavar="N",
            help="Items per page: 100 by default.",
        ),
        concurrency_option(),
    ]


def _is_other(output: str) -> bool:
    """Whether the output is a URL, or a folder of a partitioned table."""
    path = Path(output)
    return "://" in output or (path.suffix == ".parquet" and path.is_dir())


def _split_option(operation: Operation) -> list[click.Option]:
    """The option of searches that are larger than their window."""
    if operation.window is None:
        return []
    text = f"Read more than {operation.window:,} results in parts, by some facets or by any."
    return [
        click.Option(
            ["split", "--split"], is_flag=False, flag_value=ANY, metavar="[FACET,...]", help=text
        )
    ]


def _explode_option(operation: Operation) -> click.Option:
    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
        from ..bulk.flat import lists_of  # Slow to import.

        lists = [] if operation.model is None else lists_of(operation.model)
        return completing(*lists)(ctx, param, incomplete)

    return click.Option(
        ["explode", "--explode"],
        shell_complete=complete,
        metavar="LIST",
        help="A flat table: a row for each object of this list in an item, such as resources, with "
        "the fields of the item that --fields names.",
    )


def _facets(given: str | None) -> bool | list[str]:
    """The facets to split a search by, or whether to split it by any."""
    return given == ANY if given in (None, ANY) else given.split(",")


def _command(name: str, operation: Operation) -> click.Command:
    return OperationCommand(
        name, operation, _harvest, options=_options, left_out=["page", "page_size"]
    )


def harvest(package: Package) -> OperationGroup:
    """Make the command ``harvest``."""
    return OperationGroup(
        "harvest",
        package,
        package.lists,
        _command,
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
        raise click.UsageError("--since updates a file, --fresh replaces it: give one.", ctx)
    if ctx.params["strict"] and ctx.params["since"] != "last":
        raise click.UsageError("--strict is about --since last: give both, or leave it out.", ctx)
    page_size: int | None = ctx.params["page_size"]
    query = given.query if page_size is None else {**given.query, "page_size": page_size}
    concurrency: int = chosen(ctx, "concurrency") or _CONCURRENCY
    waiting, meter = Waiting(given.operation), Meter(given.operation)
    # A bar would be mixed with the items on the same terminal.
    shown = waiting if to_stdout and is_terminal() else meter

    notes: list[str] = []

    async def work(client: Client) -> Report:
        from .. import bulk

        with shown, _noting(notes):
            return await bulk.harvest(
                given.operation.function(client, *given.path, **query),
                Lines(waiting.hidden) if to_stdout else str(output),
                concurrency=concurrency,
                fields=given.fields,
                explode=ctx.params.get("explode"),
                only_public=ctx.params["only_public"],
                resume=not ctx.params["fresh"],
                since=ctx.params["since"],
                strict=ctx.params["strict"],
                skip_broken=ctx.params["skip_broken"],
                split=_facets(ctx.params.get("split")),
                partition_by=ctx.params["partition_by"],
                progress=meter.update,
            )

    try:
        connections = max(_CONNECTIONS, concurrency)
        options = {"max_connections": connections, "on_retry": shown.show_wait}
        report = run(ctx, work, given.operation, **options)
    except exits.EXPECTED as error:
        is_over = to_stdout or exits.is_users(error) or isinstance(error, CheckpointError)
        after = "" if is_over else _kept(str(output), notes, is_fresh=ctx.params["fresh"])
        if isinstance(error, APIError) and error.status == 500 and not ctx.params["skip_broken"]:
            skipping = "--skip-broken leaves out an object that the portal cannot send"
            after = f"{after}; {skipping}" if after else skipping
        if isinstance(error, OSError) and not to_stdout:
            named(error, str(output))
        return exits.report(error, after)
    exits.say(summary(report, None if to_stdout else output))
    if report.complete_but_for:
        return exits.COMPLETE_BUT_FOR
    return exits.COMPLETE if report.complete else exits.INCOMPLETE


@contextmanager
def _noting(notes: list[str]) -> Generator[None]:
    """Keep the notes of an error, also of the one that a signal is made of."""
    try:
        yield
    except BaseException as error:
        notes += getattr(error, "__notes__", [])
        raise


def _kept(output: str, notes: list[str], *, is_fresh: bool) -> str:
    """The command that continues the harvest, if something of it was kept."""
    from ..bulk.writer import KEPT

    is_kept = KEPT in notes
    if "://" not in output:
        is_kept = Path(f"{Path(output).resolve()}.part").exists()
    if not is_kept:
        return ""
    command = "the same command without --fresh" if is_fresh else "the same command"
    return f"{command} continues the harvest"
