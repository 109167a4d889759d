"""``aiodatagouv get`` and ``aiodatagouv call``: any operation, JSON in and out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from . import bodies, exits
from .commands import Given, OperationCommand, OperationGroup
from .operations import Package
from .output import output_option, write_json, write_stream, write_text
from .progress import Waiting
from .running import run

if TYPE_CHECKING:
    from ..client import Client
    from ..operation import Operation

_GET = """Call any operation that reads.

\b
aiodatagouv get dataset a-slug-or-id --fields id,title
aiodatagouv get list_reuses --topic health --page-size 5
aiodatagouv get get_site_datasets_csv -o datasets.csv

JSON is written to stdout: indented on a terminal, in one line for a pipe. For a redirect, its
target is printed.
"""

_CALL = """Call any operation of the API, with JSON in and out.

\b
aiodatagouv call create_reuse --body @reuse.json
aiodatagouv call update_reuse a-slug-or-id --body '{"tags": ["velo"]}'
aiodatagouv call upload_reuse_image a-slug-or-id --file carte.png

Writes need an API key in the environment variable DATAGOUV_API_KEY.
"""


class CallCommand(OperationCommand):
    """The command of one operation, with the fields of its body in its help."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, and the fields of the body."""
        super().format_options(ctx, formatter)
        if self.operation.body:
            title, rows = bodies.described(self.operation)
            with formatter.section(title):
                formatter.write_dl(rows)


def _options(operation: Operation) -> Sequence[click.Option]:
    output = output_option("The file to write the answer to; stdout by default.")
    return [*bodies.options(operation), output]


def _command(name: str, operation: Operation) -> click.Command:
    return CallCommand(name, operation, _call, options=_options)


def get(package: Package) -> OperationGroup:
    """Make the command ``get``."""
    reading = {name: one for name, one in package.by_name.items() if one.method == "GET"}
    return OperationGroup("get", package, reading, _command, help=_GET, metavar="OPERATION")


def call(package: Package) -> OperationGroup:
    """Make the command ``call``."""
    every = package.by_name
    return OperationGroup("call", package, every, _command, help=_CALL, metavar="OPERATION")


def _call(ctx: click.Context, given: Given) -> int:
    operation, output = given.operation, ctx.params["output"]
    keywords: dict[str, Any] = {**given.query}
    if given.fields is not None:
        keywords["fields"] = given.fields
    if operation.body is not None:
        keywords["body"] = bodies.read(ctx, operation)
    waiting = Waiting(operation)

    async def work(client: Client) -> None:
        with waiting:
            called = operation.function(client, *given.path, **keywords)
            if operation.kind == "stream":
                await write_stream(called, output, waiting)
                return
            answer = await called
        if operation.kind == "redirect":
            write_text(answer, output)
        elif operation.kind != "empty":
            write_json(answer, output)

    run(ctx, work, operation, on_retry=waiting.show_wait)
    return exits.COMPLETE
