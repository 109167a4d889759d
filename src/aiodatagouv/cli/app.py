"""The root command, shell completion, and the run from arguments to exit status."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click
from click.shell_completion import get_completion_class, shell_complete

from .._names import find
from ..version import __version__
from . import exits
from .call import call, get
from .commands import Group
from .diff import diff
from .download import download
from .export import export
from .harvest import harvest
from .operations import Package, operations
from .output import write_text
from .parameters import CONTEXT, OWN, concurrency_option, shared_options
from .portal import portal
from .sync import sync
from .upload import upload

_HELP = """The whole API of data.gouv.fr and every other udata portal.

\b
aiodatagouv harvest datasets -o datasets.jsonl.gz --fields id,title
aiodatagouv get dataset a-slug-or-id
aiodatagouv call create_reuse --body @reuse.json
aiodatagouv upload a-slug-or-id stops.csv
aiodatagouv sync a-slug-or-id folder
aiodatagouv diff yesterday.jsonl.gz today.jsonl.gz
aiodatagouv operations upload

Names that begin with v2. are those of version 2 of the API, which has topics and search.

Options may be given before or after the command. The API key is read from the environment
variable DATAGOUV_API_KEY.
"""

_COMPLETION = """Print the script that makes SHELL complete commands, options and values.

\b
bash: echo 'eval "$(aiodatagouv completion bash)"' >> ~/.bashrc
zsh:  echo 'eval "$(aiodatagouv completion zsh)"' >> ~/.zshrc
fish: aiodatagouv completion fish > ~/.config/fish/completions/aiodatagouv.fish
"""


def _completion(package: Package) -> click.Command:
    """Make the command ``completion``."""

    @click.command("completion", context_settings=CONTEXT, help=package.help(_COMPLETION))
    @click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
    @click.pass_context
    def completion(ctx: click.Context, shell: str) -> int:
        """Print a shell's completion script."""
        class_ = get_completion_class(shell)
        assert class_ is not None
        complete = class_(ctx.find_root().command, {}, package.command, _variable(package))
        write_text(complete.source(), None)
        return exits.COMPLETE

    return completion


def _variable(package: Package) -> str:
    """The environment variable in which a shell asks for completions, as Click names it."""
    return f"_{package.name.upper()}_COMPLETE"


class _Root(Group):
    """The command ``aiodatagouv``, or that of another package."""

    def __init__(self, package: Package, commands: Sequence[click.Command]) -> None:
        super().__init__(
            package.command,
            commands={str(one.name): one for one in commands},
            params=[*shared_options(package.name), concurrency_option()],
            help=package.help(_HELP),
            context_settings=CONTEXT,
            subcommand_metavar="COMMAND [ARGUMENTS] [OPTIONS]",
        )
        self._package = package

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Split arguments into the command's name, the command, and its arguments."""
        name = args[0]
        is_unknown = name not in self.commands and not ctx.resilient_parsing
        if is_unknown and (found := find(name, self._package.by_name)):
            operation = found[1]
            reads = "harvest" if operation.kind == "page" else "get"
            verb = reads if operation.method == "GET" else "call"
            raise click.UsageError(
                f"No such command {name!r}: try '{self._package.command} {verb} {name}'."
            )
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands, without making their subcommands."""
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, one.get_short_help_str(80)) for name, one in self.commands.items()]
            )


def root(package: Package) -> click.Command:
    """Make the command of a package."""
    calls = (harvest, get, call, upload, download, sync, export)
    commands = [one(package) for one in (*calls, diff, operations, portal, _completion)]
    return click.version_option(__version__, prog_name=OWN)(_Root(package, commands))


def run(arguments: Sequence[str], package: str) -> int:
    """Run the command line of a package and return its exit status."""
    # A closed stream is None in Python. Messages may be lost, but data must not be: an error.
    nowhere = Path(os.devnull)
    with nowhere.open(encoding="utf-8") as refused, nowhere.open("w", encoding="utf-8") as ignored:
        sys.stdout, sys.stderr = sys.stdout or refused, sys.stderr or ignored
        try:
            status = _invoke([*arguments], Package(package))
            sys.stdout.flush()
        except exits.EXPECTED as error:
            return exits.report(error)
        return status


def _invoke(arguments: list[str], package: Package) -> int:
    """Do the same as Click's own ``main``, but leave errors to :func:`exits.report`."""
    command, name, variable = root(package), package.command, _variable(package)
    instruction = os.environ.get(variable)
    if instruction:
        return shell_complete(command, {}, name, variable, instruction)
    try:
        with command.make_context(name, arguments) as ctx:
            status: int | None = command.invoke(ctx)
    except click.exceptions.Exit as end:
        return end.exit_code
    return status or exits.COMPLETE
