"""``aiodatagouv export``: a table of the portal's catalogue."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

import click

from . import exits
from .bars import FileBar
from .operations import Package
from .output import STDOUT, output_option, write_stream
from .parameters import CONTEXT, KnownValues, shared_options
from .progress import Waiting
from .running import run
from .transfer import json_option, write_report

if TYPE_CHECKING:
    from ..client import Client
    from ..files._export.exports import ExportName
    from ..operation import Operation

_PATH = re.compile(r"/(?:site|organizations/\{org\})/(?:datasets-)?([a-z]+)\.csv")
"""The paths of exports; that of an organization's resources is ``datasets-resources.csv``."""

_HELP = """Write a table of the catalogue, as the portal exports it.

\b
aiodatagouv export datasets -o datasets.csv.gz
aiodatagouv export resources -o resources.parquet --columns id,url,filesize
aiodatagouv export datasets --organization a-slug-or-id | head

NAME is {names}.

The file's suffix is its format: .csv, .csv.gz or .parquet, with typed columns. It gets its name
once it is complete. Without -o the CSV is written to stdout as the portal sends it.
"""


def exports(package: Package) -> Mapping[str, Operation]:
    """The operation of each export, by its name; that of the whole portal if there is one."""
    found: dict[str, Operation] = {}
    for operation in package.by_name.values():
        match = _PATH.fullmatch(operation.path)
        if match and (match[1] not in found or operation.path.startswith("/site/")):
            found[match[1]] = operation
    return dict(sorted(found.items()))


def export(package: Package) -> click.Command:
    """Make the command ``export``."""
    known = exports(package)
    *names, last = known
    text = package.help(_HELP).format(names=f"{', '.join(names)} or {last}")

    @click.command("export", context_settings=CONTEXT, help=text)
    @click.pass_context
    def export(ctx: click.Context, /, **_: object) -> int:
        """Write a table."""
        return _export(ctx, known)

    export.params += [
        click.Argument(["name"], type=KnownValues([*known])),
        output_option("The file: .csv, .csv.gz or .parquet; CSV on stdout by default."),
        click.Option(
            ["organization", "--organization"],
            metavar="ID",
            help="Only what one organization publishes: its id or slug.",
        ),
        click.Option(
            ["columns", "--columns"],
            metavar="NAME,...",
            help="Only these columns, in this order. Needs a file.",
        ),
        json_option(),
        *shared_options(package.name),
    ]
    return export


def _export(ctx: click.Context, known: Mapping[str, Operation]) -> int:
    name: str = ctx.params["name"]
    output: str | None = ctx.params["output"]
    to_stdout = output in (None, STDOUT)
    for option in ("columns", "json"):
        if to_stdout and ctx.params[option]:
            raise click.UsageError(f"--{option} needs a file: give -o FILE.", ctx)
    columns: str | None = ctx.params["columns"]
    operation = known.get(name) or next(iter(known.values()))
    waiting, bar = Waiting(operation), FileBar(name)
    # Both would be mixed with the table on the same terminal.
    shown = waiting if to_stdout else bar

    async def work(client: Client) -> int:
        from .. import files

        found = files.export(
            client, cast("ExportName", name), organization=ctx.params["organization"]
        )
        with shown:
            if to_stdout:
                await write_stream(found.stream, None, waiting)
                return 0
            wanted = None if columns is None else columns.split(",")
            return await found.save(str(output), columns=wanted, progress=bar.update)

    size = run(ctx, work, operation, on_retry=shown.show_wait)
    if ctx.params["json"]:
        write_report({"export": name, "path": output, "bytes": size})
    return exits.COMPLETE
