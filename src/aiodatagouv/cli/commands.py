"""One command for each operation, and the groups of such commands."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import groupby
from typing import Any, TypeAlias

import click
from attrs import frozen
from click.shell_completion import CompletionItem

from .._names import find, suggestion
from ..operation import Operation, Parameter
from . import exits
from .operations import Package, address, summary
from .parameters import CONTEXT, fields_option, shared_options, spelled, to_click


@frozen
class Given:
    """The arguments of a call, as given on the command line.

    Attributes:
        operation: The operation to call.
        path: The path parameters, in order.
        query: The other parameters that were given.
        fields: The mask of the fields wanted, or None for all fields.
    """

    operation: Operation
    path: Sequence[Any]
    query: Mapping[str, Any]
    fields: str | Sequence[str] | None


Work: TypeAlias = Callable[[click.Context, Given], int]
"""The work of a command; it returns the exit status."""


class OperationCommand(click.Command):
    """The command of one operation, with its parameters.

    The parameters are made when they are first needed.

    Args:
        name: The command's name.
        operation: The operation.
        work: The work to do.
        options: Makes the command's additional parameters, given the operation.
        left_out: Names of parameters that the command does not offer, and ``fields`` if it does
            not offer that.
    """

    own_title = "Parameters of the operation"
    """The title of the operation's parameters in help."""

    def __init__(
        self,
        name: str,
        operation: Operation,
        work: Work,
        *,
        options: Callable[[Operation], Sequence[click.Parameter]],
        left_out: Sequence[str] = (),
    ) -> None:
        super().__init__(name, short_help=summary(operation), context_settings=CONTEXT)
        self.operation = operation
        self._work = work
        self._options = options
        self._left_out = {*left_out, "body"}

    @cached_property
    def offered(self) -> Sequence[Parameter]:
        """The operation's parameters that are options or arguments of their own."""
        return [one for one in self.operation.parameters if one.name not in self._left_out]

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """All parameters: the operation's, the command's, and the shared options."""
        if not self.params:
            own = [to_click(one, self.operation) for one in self.offered]
            is_masked = self.operation.masked and "fields" not in self._left_out
            masked = [fields_option(self.operation)] if is_masked else []
            shared = shared_options(self.operation.package)
            self.params = [*own, *masked, *self._options(self.operation), *shared]
        return super().get_params(ctx)

    def invoke(self, ctx: click.Context) -> int:
        """Do the work and return the exit status."""
        values = [(one, ctx.params[one.name]) for one in self.offered]
        path = [value for one, value in values if one.place == "path"]
        query = {
            one.name: value for one, value in values if one.place != "path" and value is not None
        }
        given = ctx.params.get("fields")
        fields = given[0] if given and len(given) == 1 else given or None
        return self._work(ctx, Given(self.operation, path, query, fields))

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the operation's description and its path parameters."""
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
        """Write the operation's own parameters, then the other options."""
        records: dict[bool, list[tuple[str, str]]] = {True: [], False: []}
        own = {one.name for one in self.offered}
        for one in self.get_params(ctx):
            record = one.get_help_record(ctx)
            if record is not None and isinstance(one, click.Option):
                records[one.name in own].append(record)
        for title, is_own in ((self.own_title, True), ("Options", False)):
            if records[is_own]:
                with formatter.section(title):
                    formatter.write_dl(records[is_own])


def _paragraphs(operation: Operation) -> Iterator[str]:
    yield operation.summary
    yield address(operation)
    if operation.deprecated:
        yield (
            f"Portals that run udata {operation.deprecated} or newer no longer serve it; "
            f"{operation.releases[0]} does."
        )
    if operation.since:
        yield f"udata serves it since {operation.since}; older portals do not."
    if operation.description:
        yield operation.description


def _title(tag: str) -> str:
    """The title of a group of the API: ``Datasets``, or ``Datasets (v2)``."""
    version, _, group = tag.rpartition(".")
    return group.replace("_", " ").capitalize() + (f" ({version})" if version else "")


class Group(click.Group):
    """A group that prints its help on stderr, with status 2, when no command is given."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments."""
        if not args and not ctx.resilient_parsing:
            click.echo(ctx.get_help(), err=True)
            ctx.exit(exits.USAGE)
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            first = self.subcommand_metavar.partition(" ")[0]
            text = f"{error.format_message()} The options of {first} come after it."
            raise click.UsageError(text, ctx) from None


class OperationGroup(Group):
    """A group of commands of operations, each made when it is asked for.

    Args:
        name: The group's name.
        package: The package of the operations.
        operations: The operations, by the names of their commands.
        make: Makes the command of a name and an operation.
        help: The group's help.
        metavar: The placeholder for a command's name in help.
        options: Options besides those that all commands share.
    """

    def __init__(
        self,
        name: str,
        package: Package,
        operations: Mapping[str, Operation],
        make: Callable[[str, Operation], click.Command],
        *,
        help: str,
        metavar: str,
        options: Sequence[click.Option] = (),
    ) -> None:
        super().__init__(
            name,
            help=package.help(help),
            params=[*shared_options(package.name), *options],
            context_settings=CONTEXT,
            subcommand_metavar=f"{metavar} [ARGUMENTS] [OPTIONS]",
        )
        self._package = package
        self._operations = operations
        self._make = make

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List the names of all commands."""
        return [*self._operations]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Make the command of a name."""
        found = find(cmd_name, self._operations) or find(
            self._package.current(cmd_name), self._operations
        )
        return self._make(*found) if found else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Split arguments into the command's name, the command, and its arguments."""
        name, *others = args
        command = self.get_command(ctx, name)
        if command is None and not ctx.resilient_parsing:
            raise self._unknown(name, ctx)
        return (command.name if command else None), command, others

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List all commands by the API's groups."""
        several = self._operations.items()
        for tag, those in groupby(several, key=lambda one: one[1].tag):
            with formatter.section(_title(tag)):
                formatter.write_dl([(name, summary(one)) for name, one in those])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete the name of a command, with dashes if it was begun with dashes."""
        dashed = "-" in incomplete
        names = {
            name.replace("_", "-") if dashed else name: summary(one)
            for name, one in self._operations.items()
        }
        commands = [
            CompletionItem(name, help=text)
            for name, text in names.items()
            if name.startswith(incomplete)
        ]
        # Click's own completion of a group would make every command.
        return commands + click.Command.shell_complete(self, ctx, incomplete)

    def _unknown(self, name: str, ctx: click.Context) -> click.UsageError:
        wanted = name.replace("-", "_")
        known = self._package.by_name.get(wanted) or self._package.by_id.get(wanted)
        if known:
            is_read = known.method == "GET"
            what, verb = ("not a list", "get") if is_read else (f"a {known.method}", "call")
            return click.UsageError(
                f"{known.name} is {what}: try '{self._package.command} {verb} {known.name}'."
            )
        hint = suggestion(name, self._operations)
        return click.UsageError(f"No such command {name!r}.{hint}", ctx)
