"""The command line as a whole."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click
from click.shell_completion import shell_complete

from ..version import __version__
from . import exits
from .calling import call, get
from .commands import CONTEXT
from .completion import NAME, VARIABLE, completion
from .groups import Group
from .harvest import harvest
from .operations import operations
from .settings import concurrency_option, shared_options

_HELP = """The whole API of data.gouv.fr and every other udata portal.

\b
aiodatagouv harvest datasets -o datasets.jsonl.gz --fields id,title
aiodatagouv get dataset a-slug-or-id
aiodatagouv call create_reuse --body @reuse.json
aiodatagouv operations upload

The options may be given here or after the command. The API key is read from the environment
variable DATAGOUV_API_KEY.
"""


class _Root(Group):
    """The command itself."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands as they are, without making what is below them."""
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, one.get_short_help_str(80)) for name, one in self.commands.items()]
            )


root = click.version_option(__version__)(
    _Root(
        NAME,
        commands={str(one.name): one for one in (harvest, get, call, operations, completion)},
        params=[*shared_options(), concurrency_option()],
        help=_HELP,
        context_settings=CONTEXT,
        subcommand_metavar="COMMAND [ARGUMENTS] [OPTIONS]",
    )
)


def run(arguments: Sequence[str] | None) -> int:
    """Run the command line, and return the exit status."""
    # What is closed is None: nobody misses a message, but data that cannot be written are an error.
    nowhere = Path(os.devnull)
    with nowhere.open(encoding="utf-8") as refused, nowhere.open("w", encoding="utf-8") as ignored:
        sys.stdout, sys.stderr = sys.stdout or refused, sys.stderr or ignored
        return _run(sys.argv[1:] if arguments is None else [*arguments])


def _run(arguments: list[str]) -> int:
    try:
        status = _invoke(arguments)
        sys.stdout.flush()
    except exits.EXPECTED as error:
        return exits.report(error)
    return status


def _invoke(arguments: list[str]) -> int:
    """What Click's own ``main`` does, but for its way to end: errors of several lines."""
    instruction = os.environ.get(VARIABLE)
    if instruction:
        return shell_complete(root, {}, NAME, VARIABLE, instruction)
    try:
        with root.make_context(NAME, arguments) as ctx:
            status: int | None = root.invoke(ctx)
    except click.exceptions.Exit as end:
        return end.exit_code
    return status or exits.COMPLETE
