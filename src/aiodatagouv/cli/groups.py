"""Groups of commands with one command for each operation, made when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby

import click
from click.shell_completion import CompletionItem

from ..operation import Operation
from . import catalogue, exits
from .commands import CONTEXT, summary
from .settings import shared_options


class Group(click.Group):
    """A group of commands that shows its help, on stderr and as a mistake, when none is given."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take the arguments in."""
        if not args and not ctx.resilient_parsing:
            click.echo(ctx.get_help(), err=True)
            ctx.exit(exits.USAGE)
        return super().parse_args(ctx, args)


class OperationGroup(Group):
    """A group with a command for each of some operations.

    Args:
        name: Its name.
        operations: The name of each command -> its operation, read when it is needed.
        make: Makes a command, given its name and operation.
        elsewhere: Says why an operation is not among them.
        help: What they do.
        metavar: What the name of a command is the name of.
        options: Options besides those of every call.
    """

    def __init__(
        self,
        name: str,
        operations: Callable[[], Mapping[str, Operation]],
        make: Callable[[str, Operation], click.Command],
        elsewhere: Callable[[Operation], str],
        *,
        help: str,
        metavar: str,
        options: Sequence[click.Option] = (),
    ) -> None:
        super().__init__(
            name,
            help=help,
            params=[*shared_options(), *options],
            context_settings=CONTEXT,
            subcommand_metavar=f"{metavar} [ARGUMENTS] [OPTIONS]",
        )
        self._operations = operations
        self._make = make
        self._elsewhere = elsewhere

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all commands."""
        return [*self._operations()]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a name."""
        found = catalogue.find(cmd_name, self._operations())
        return self._make(*found) if found else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command of the first argument, its name, and the other arguments."""
        name, *others = args
        command = self.get_command(ctx, name)
        if command is None and not ctx.resilient_parsing:
            raise self._unknown(name, ctx)
        return (command.name if command else None), command, others

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """All commands, by the group of the API that they belong to."""
        several = self._operations().items()
        for tag, those in groupby(several, key=lambda one: one[1].tag):
            with formatter.section(tag.replace("_", " ").capitalize()):
                formatter.write_dl([(name, summary(one)) for name, one in those])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The commands whose names begin so, with dashes if that is how it begins."""
        dashed = "-" in incomplete
        names = {
            name.replace("_", "-") if dashed else name: summary(one)
            for name, one in self._operations().items()
        }
        commands = [
            CompletionItem(name, help=text)
            for name, text in names.items()
            if name.startswith(incomplete)
        ]
        # Options, but not the commands again: Click would make each of them.
        return commands + click.Command.shell_complete(self, ctx, incomplete)

    def _unknown(self, name: str, ctx: click.Context) -> click.UsageError:
        known = catalogue.named(name)
        if known:
            verb = "get" if known.method == "GET" else "call"
            why = f"{self._elsewhere(known)}: try 'aiodatagouv {verb} {known.name}'."
            return click.UsageError(why)
        near = catalogue.nearest(name, self._operations())
        hint = f" Did you mean {', '.join(near)}?" if near else ""
        return click.UsageError(f"No such command {name!r}.{hint}", ctx)
