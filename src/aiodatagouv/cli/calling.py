"""``aiodatagouv get`` and ``aiodatagouv call``: any operation, JSON in and out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from . import bodies, catalogue, exits
from .commands import Given, OperationCommand
from .groups import OperationGroup
from .output import output_option, write_json, write_stream, write_text
from .running import run

if TYPE_CHECKING:
    from ..client import Client
    from ..operation import Operation

_GET = """Read anything that the API has, by the name of its operation.

\b
aiodatagouv get dataset a-slug-or-id --fields id,title
aiodatagouv get list_reuses --topic health --page-size 5
aiodatagouv get site_datasets_csv -o datasets.csv

JSON is on stdout: indented for a terminal, in one line for a pipe. A redirect prints where it
leads.
"""

_CALL = """Call any operation of the API by its name, with JSON in and out.

\b
aiodatagouv call create_reuse --body @reuse.json
aiodatagouv call update_reuse a-slug-or-id --body '{"tags": ["velo"]}'
aiodatagouv call upload_reuse_image a-slug-or-id --file carte.png

Writes need an API key in the environment variable DATAGOUV_API_KEY.
"""


class CallCommand(OperationCommand):
    """The command of any operation, with what its body may be among its help."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The parameters, and the fields of the body."""
        super().format_options(ctx, formatter)
        body = self.operation.body
        fields = bodies.described(body.type) if body else []
        if body and fields:
            what = "a list of objects" if body.type.startswith("Sequence") else "an object"
            with formatter.section(f"Body: JSON, {what} with"):
                formatter.write_dl(fields)


def _options(operation: Operation) -> Sequence[click.Option]:
    body = [] if operation.body is None else [bodies.BODY]
    file = [bodies.FILE] if operation.multipart else []
    return [
        *body,
        *file,
        output_option("The file to write the answer into; stdout when not given."),
    ]


def _command(name: str, operation: Operation) -> click.Command:
    return CallCommand(name, operation, _call, options=_options)


def _elsewhere(operation: Operation) -> str:
    return f"{operation.name} is a {operation.method}"


get = OperationGroup(
    "get", catalogue.readable, _command, _elsewhere, help=_GET, metavar="OPERATION"
)
call = OperationGroup(
    "call", catalogue.everything, _command, _elsewhere, help=_CALL, metavar="OPERATION"
)


def _call(ctx: click.Context, given: Given) -> int:
    operation, output = given.operation, ctx.params["output"]
    keywords: dict[str, Any] = {**given.query}
    if given.fields is not None:
        keywords["fields"] = given.fields
    if given.body is not None:
        is_form = operation.multipart
        keywords["body"] = (
            bodies.read_form(ctx, given.body)
            if is_form
            else bodies.read(ctx, operation.name, given.body)
        )

    async def work(client: Client) -> None:
        called = operation.function(client, *given.path, **keywords)
        if operation.kind == "stream":
            await write_stream(called, output)
            return
        answer = await called
        if operation.kind == "redirect":
            write_text(answer, output)
        elif operation.kind != "empty":
            write_json(answer, output)

    run(ctx, work)
    return exits.COMPLETE
