"""How the command line ends: the exit status, and the one line that says why."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from io import UnsupportedOperation

import click

from ..errors import AuthenticationError, CheckpointError, DataGouvError, DecodeError, one_line

COMPLETE, FAILED, USAGE, INCOMPLETE = range(4)

KEY = "DATAGOUV_API_KEY"
"""The environment variable that has the API key."""

BROKEN_PIPE = 128 + 13
"""As if SIGPIPE had ended it, which Python ignores and not every system has."""

_LINE = 2000
"""Characters of a line: an error of the library has the portal's words and an address."""


class Interrupted(Exception):
    """Somebody asked the command to stop: Ctrl-C, or SIGTERM."""

    def __init__(self, number: signal.Signals) -> None:
        super().__init__(number)
        self.number = number

    @property
    def status(self) -> int:
        """130 for Ctrl-C, 143 for SIGTERM: what a shell makes of them."""
        return 128 + self.number


EXPECTED = (click.UsageError, Interrupted, DataGouvError, OSError, ValueError)
"""What a command may end with that is the user's, the portal's or the machine's, not a mistake of
this program."""


def say(text: str) -> None:
    """Print a line on stderr. That nobody reads it is no reason to end otherwise."""
    with suppress(OSError):
        print(one_line(text, _LINE), file=sys.stderr, flush=True)


def report(error: Exception, after: str = "") -> int:
    """Say in a line how the command has failed.

    Args:
        error: How.
        after: What else to say.

    Returns:
        The exit status.
    """
    end = f"; {after}" if after else ""
    if isinstance(error, click.UsageError):
        say(f"Error: {_usage(error)}")
        return USAGE
    if isinstance(error, Interrupted):
        if sys.stderr.isatty():
            print(file=sys.stderr)  # A terminal shows ^C where it was.
        say(f"Interrupted{end}.")
        return error.status
    if isinstance(error, BrokenPipeError):
        _flush_stdout()
        return BROKEN_PIPE
    say(f"Error: {_words(error)}{end}")
    if isinstance(error, OSError):
        _flush_stdout()
    return USAGE if is_users(error) else FAILED


def _usage(error: click.UsageError) -> str:
    """What is wrong with the command, and where to read how it is right."""
    message = error.format_message()
    if error.ctx is None:
        return message
    end = "" if message.endswith((".", "?")) else "."
    return f"{message}{end} Try '{error.ctx.command_path} --help'."


def _words(error: Exception) -> str:
    """What an error says; the number of the system's own says nothing to anybody."""
    if isinstance(error, UnsupportedOperation):
        return "stdout is closed"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    if isinstance(error, CheckpointError):
        # It speaks of an argument of the library, which is an option here.
        return str(error).replace("without resuming", "with --fresh and without --since")
    if isinstance(error, AuthenticationError) and not os.environ.get(KEY):
        return f"{error}; no key was sent: put one into the environment variable {KEY}"
    return str(error)


def is_users(error: Exception) -> bool:
    """Whether an error is about what the user has written: a name, a mask, a path, a date."""
    return isinstance(error, ValueError) and not isinstance(error, DecodeError | OSError)


def _flush_stdout() -> None:
    """Write what is still to be written; if that fails let nothing be left, for Python to try."""
    try:
        sys.stdout.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
