"""The root command, shell completion, and the run from arguments to exit status."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click
from click.shell_completion import get_completion_class, shell_complete

from ..version import __version__
from . import exits
from .call import call, get
from .commands import Group
from .harvest import harvest
from .operations import operations
from .output import write_text
from .parameters import CONTEXT, concurrency_option, shared_options

_NAME = "aiodatagouv"

_COMPLETE = "_AIODATAGOUV_COMPLETE"
"""The environment variable in which a shell asks for completions, as Click names it."""

_HELP = """The whole API of data.gouv.fr and every other udata portal.

\b
aiodatagouv harvest datasets -o datasets.jsonl.gz --fields id,title
aiodatagouv get dataset a-slug-or-id
aiodatagouv call create_reuse --body @reuse.json
aiodatagouv operations upload

Options may be given before or after the command. The API key is read from the environment
variable DATAGOUV_API_KEY.
"""

_COMPLETION = """Print the script that makes SHELL complete commands, options and values.

\b
bash: echo 'eval "$(aiodatagouv completion bash)"' >> ~/.bashrc
zsh:  echo 'eval "$(aiodatagouv completion zsh)"' >> ~/.zshrc
fish: aiodatagouv completion fish > ~/.config/fish/completions/aiodatagouv.fish
"""


@click.command(context_settings=CONTEXT, help=_COMPLETION)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> int:
    """Print a shell's completion script."""
    class_ = get_completion_class(shell)
    assert class_ is not None
    write_text(class_(ctx.find_root().command, {}, _NAME, _COMPLETE).source(), None)
    return exits.COMPLETE


class _Root(Group):
    """The command ``aiodatagouv``."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands, without making their subcommands."""
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, one.get_short_help_str(80)) for name, one in self.commands.items()]
            )


root = click.version_option(__version__)(
    _Root(
        _NAME,
        commands={str(one.name): one for one in (harvest, get, call, operations, completion)},
        params=[*shared_options(), concurrency_option()],
        help=_HELP,
        context_settings=CONTEXT,
        subcommand_metavar="COMMAND [ARGUMENTS] [OPTIONS]",
    )
)


def run(arguments: Sequence[str] | None) -> int:
    """Run the command line and return its exit status."""
    # A closed stream is None in Python. Messages may be lost, but data must not be: an error.
    nowhere = Path(os.devnull)
    with nowhere.open(encoding="utf-8") as refused, nowhere.open("w", encoding="utf-8") as ignored:
        sys.stdout, sys.stderr = sys.stdout or refused, sys.stderr or ignored
        try:
            status = _invoke(sys.argv[1:] if arguments is None else [*arguments])
            sys.stdout.flush()
        except exits.EXPECTED as error:
            return exits.report(error)
        return status


def _invoke(arguments: list[str]) -> int:
    """Do the same as Click's own ``main``, but leave errors to :func:`exits.report`."""
    instruction = os.environ.get(_COMPLETE)
    if instruction:
        return shell_complete(root, {}, _NAME, _COMPLETE, instruction)
    try:
        with root.make_context(_NAME, arguments) as ctx:
            status: int | None = root.invoke(ctx)
    except click.exceptions.Exit as end:
        return end.exit_code
    return status or exits.COMPLETE
