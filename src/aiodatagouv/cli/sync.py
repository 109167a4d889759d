"""``aiodatagouv sync``: a folder of the files of datasets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import CheckpointError
from . import exits
from .bars import FolderBar
from .commands import Given, OperationCommand
from .operations import Package
from .parameters import chosen
from .progress import size
from .running import run
from .transfer import (
    counting_option,
    json_option,
    private_option,
    size_option,
    unverified_option,
    write_report,
)

if TYPE_CHECKING:
    from ..client import Client
    from ..files import Report
    from ..operation import Operation

_HELP = """Keep a folder of the files of datasets up to date.

\b
aiodatagouv sync a-slug-or-id folder
aiodatagouv sync one-slug another-slug folder --delete
aiodatagouv sync --organization a-slug-or-id --tag transport folder

The datasets are named, or are those of a list with some filters. Only what has changed is fetched.
A file that fails never stops the others, and the same command fetches it again.
"""

_SHOWN = 20
"""The most files that failed of which each has a line."""

_LEFT_OUT = ("page", "page_size", "sort", "full_objects", "fields")


class _Command(OperationCommand):
    """The command ``sync``, whose parameters are the filters of datasets and its own."""

    own_title = "Filters of datasets"

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the help of the command, not of the operation."""
        click.Command.format_help_text(self, ctx, formatter)


def sync(package: Package) -> click.Command:
    """Make the command ``sync``."""
    listing = package.by_id["list_datasets"]
    command = _Command("sync", listing, _sync, options=_parameters, left_out=_LEFT_OUT)
    command.help = package.help(_HELP)
    command.short_help = None
    return command


def _parameters(operation: Operation) -> Sequence[click.Parameter]:
    return [
        click.Argument(["datasets"], nargs=-1, metavar="[DATASET]..."),
        click.Argument(["folder"], type=click.Path(file_okay=False)),
        click.Option(
            ["delete", "--delete"],
            is_flag=True,
            help="Delete files that were fetched and are no longer in the datasets.",
        ),
        click.Option(
            ["keep_altered", "--keep-altered"],
            is_flag=True,
            help="Leave files alone that were changed in the folder, instead of replacing them.",
        ),
        counting_option("concurrency", "Files to fetch at once: 8 by default."),
        counting_option("per-host", "Files to fetch from one host at once: 2 by default."),
        size_option("Give up a file that is larger, such as 2G: it has failed then."),
        unverified_option(),
        private_option(),
        json_option(),
    ]


def _sync(ctx: click.Context, given: Given) -> int:
    named: Sequence[str] = ctx.params["datasets"]
    query = {name: value for name, value in given.query.items() if value not in ((), [])}
    if bool(named) == bool(query):
        problem = "Datasets and filters cannot be combined" if named else "No dataset is given"
        raise click.UsageError(f"{problem}: name some datasets, or give a filter.", ctx)
    folder: str = ctx.params["folder"]
    options = {
        name: value
        for name, value in {
            "delete": ctx.params["delete"],
            "keep_altered": ctx.params["keep_altered"],
            "verify": not ctx.params["no_verify"],
            "allow_private": ctx.params["allow_private"],
            "concurrency": chosen(ctx, "concurrency"),
            "per_host": ctx.params["per_host"],
            "max_size": ctx.params["max_size"],
        }.items()
        if value is not None
    }
    shown = FolderBar(folder)

    async def work(client: Client) -> Report:
        from .. import files

        source: Any
        if len(named) == 1:
            (source,) = named
        elif named:
            source = [*named]
        else:
            source = given.operation.function(client, **query)
        with shown:
            return await files.sync(client, source, folder, progress=shown.update, **options)

    try:
        report = run(ctx, work, given.operation, on_retry=shown.show_wait)
    except exits.EXPECTED as error:
        is_users = exits.is_users(error) or isinstance(error, CheckpointError)
        is_kept = not is_users and any(Path(folder).glob("*"))
        return exits.report(error, "the same command continues" if is_kept else "")
    if ctx.params["json"]:
        write_report(report.to_dict())
    _say_failed(report)
    exits.say(_summary(report, folder))
    if report.complete:
        return exits.COMPLETE
    return exits.INCOMPLETE


def _say_failed(report: Report) -> None:
    """Print a line for each file that failed, or for the first ones."""
    failed = [one for one in report.outcomes if one.status == "failed"]
    for one in failed[:_SHOWN]:
        where = one.path or one.resource or f"dataset {one.dataset}"
        exits.say(f"Error: {where}: {exits.translated(one.reason or '')}")
    if len(failed) > _SHOWN:
        exits.say(f"... and {len(failed) - _SHOWN:,} more failed: --json names them all")


def _summary(report: Report, folder: str) -> str:
    """The run in one line."""
    counts = {
        "fetched": report.downloaded,
        "unchanged": report.unchanged,
        "failed": report.failed,
        "deleted": report.deleted,
        "left as they were": report.kept,
    }
    parts = [
        f"{report.listed:,} files",
        *(f"{count:,} {what}" for what, count in counts.items() if count),
        f"{size(report.bytes)} received",
        f"{report.seconds:.1f} s",
    ]
    status = "complete" if report.complete else "incomplete"
    reason = f" ({report.reason})" if report.reason else ""
    return f"{folder}: {', '.join(parts)}: {status}{reason}"
