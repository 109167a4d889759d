"""``aiodatagouv completion``: what a shell needs to complete the command line."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from . import exits
from .commands import CONTEXT
from .output import write_text

NAME = "aiodatagouv"
VARIABLE = "_AIODATAGOUV_COMPLETE"
"""Where a shell says what is to be completed, by Click's own convention."""


_HELP = """Print what makes SHELL complete commands, options and values with the tab key.

\b
bash: echo 'eval "$(aiodatagouv completion bash)"' >> ~/.bashrc
zsh:  echo 'eval "$(aiodatagouv completion zsh)"' >> ~/.zshrc
fish: aiodatagouv completion fish > ~/.config/fish/completions/aiodatagouv.fish
"""


@click.command(context_settings=CONTEXT, help=_HELP)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> int:
    """Print what a shell needs."""
    class_ = get_completion_class(shell)
    assert class_ is not None
    write_text(class_(ctx.find_root().command, {}, NAME, VARIABLE).source(), None)
    return exits.COMPLETE
