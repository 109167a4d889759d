"""The command of an operation: its parameters and its help come from the operation's data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, TypeAlias

import click
from attrs import frozen

from ..operation import Operation, Parameter
from .parameters import fields_option, spelled, to_click
from .settings import shared_options


def _dashed(name: str) -> str:
    return name.replace("_", "-")


CONTEXT: dict[str, Any] = {
    "help_option_names": ["-h", "--help"],
    "max_content_width": 100,
    # Names with underscores, as the API has them, are understood as well.
    "token_normalize_func": _dashed,
}


@frozen
class Given:
    """What the command line says of a call.

    Attributes:
        operation: What to call.
        path: The parameters of its path, in order.
        query: Its other parameters, those that were given.
        fields: The fields wanted; all of them when None.
        body: The type of its body as its function has it, None if it has none.
    """

    operation: Operation
    path: Sequence[Any]
    query: Mapping[str, Any]
    fields: str | list[str] | None
    body: str | None


Work: TypeAlias = Callable[[click.Context, Given], int]
"""What a command does; it returns the exit status."""


class OperationCommand(click.Command):
    """The command of an operation.

    Its parameters are made when they are first needed.

    Args:
        name: Its name.
        operation: The operation.
        work: What it does.
        options: Options of its own, given the operation.
        left_out: The names of parameters that it does not offer.
    """

    def __init__(
        self,
        name: str,
        operation: Operation,
        work: Work,
        *,
        options: Callable[[Operation], Sequence[click.Option]],
        left_out: Sequence[str] = (),
    ) -> None:
        super().__init__(name, short_help=summary(operation), context_settings=CONTEXT)
        self.operation = operation
        self._work = work
        self._options = options
        self._left_out = {*left_out, "body"}

    @cached_property
    def offered(self) -> Sequence[Parameter]:
        """The operation's own parameters that can be given one by one."""
        return [one for one in self.operation.parameters if one.name not in self._left_out]

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """All parameters: those of the operation, and what comes from here."""
        if not self.params:
            own = [to_click(one) for one in self.offered]
            masked = [fields_option(self.operation)] if self.operation.masked else []
            self.params = [*own, *masked, *self._options(self.operation), *shared_options()]
        return super().get_params(ctx)

    def invoke(self, ctx: click.Context) -> int:
        """Do it, and return the exit status."""
        values = [(one, ctx.params[one.name]) for one in self.offered]
        body = self.operation.body
        given = Given(
            self.operation,
            path=[value for one, value in values if one.place == "path"],
            query={
                one.name: value
                for one, value in values
                if one.place == "query" and value is not None
            },
            fields=ctx.params.get("fields"),
            body=body.type if body else None,
        )
        return self._work(ctx, given)

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """What the operation does, and what its path takes."""
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text("\n\n".join(_paragraphs(self.operation)))
        places = [
            (spelled(one).upper(), one.description)
            for one in self.offered
            if one.place == "path" and one.description
        ]
        if places:
            with formatter.section("Arguments"):
                formatter.write_dl(places)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The operation's own parameters, apart from the others."""
        records: dict[bool, list[tuple[str, str]]] = {True: [], False: []}
        own = {one.name for one in self.offered}
        for one in self.get_params(ctx):
            record = one.get_help_record(ctx)
            if record is not None and isinstance(one, click.Option):
                records[one.name in own].append(record)
        for title, is_own in (("Parameters of the operation", True), ("Options", False)):
            if records[is_own]:
                with formatter.section(title):
                    formatter.write_dl(records[is_own])


def _paragraphs(operation: Operation) -> Iterator[str]:
    yield operation.summary
    yield f"{operation.method} {operation.path}"
    if operation.deprecated:
        yield (
            f"Portals that run udata {operation.deprecated} or newer no longer serve it; "
            f"{operation.releases[0]} does."
        )
    if operation.description:
        yield operation.description


def summary(operation: Operation) -> str:
    """What an operation does, in a line."""
    return operation.summary + (" (Older portals only.)" if operation.deprecated else "")
