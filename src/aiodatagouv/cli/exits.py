"""Exit statuses, and the one line that explains a failure."""

from __future__ import annotations

import os
import re
import signal
import sys
from contextlib import suppress
from io import UnsupportedOperation

import click

from .._environment import KEY
from ..errors import (
    AddressError,
    AuthenticationError,
    DataGouvError,
    DecodeError,
    StoreError,
    one_line,
)

COMPLETE, FAILED, USAGE, INCOMPLETE, COMPLETE_BUT_FOR = range(5)

BROKEN_PIPE = 128 + 13
"""The status of a process that SIGPIPE ended: Python ignores that signal."""

_LINE = 2000
"""Maximum length of a line: some errors quote the portal and an address."""

_OPTIONS = (
    (r", without resuming", ", with --fresh and without --since"),
    (r"\bpartition_by\b", "--partition-by"),
    (r"\(split=True\)", "(--split)"),
    (r": since: ", ": --since: "),
    (r": fields=", ": --fields "),
    (r"\binstead of 'last'", "instead of --since last"),
    (r"^base_url: ", "--portal: "),
    (r"^the API key has", f"the API key in {KEY} has"),
    (r"pass organization=\.\.\.", "give --organization"),
    (r"leave out organization", "leave out --organization"),
    (r"allow_private=True fetches", "--allow-private fetches"),
    (r"\bmax_size, ([0-9,]+ bytes)", r"--max-size, \1"),
    (r"open it, and give the open file", "pipe it to -, with --name"),
    (r"choose another journal, or remove it", "give --fresh, or another --journal,"),
    (r"choose another place for the journal", "give another --journal"),
    (r"choose a journal in another folder", "give a --journal in another folder"),
    (r"give another name, such as name='([^']*)'", r"give another name, such as --name \1"),
    (r"api\.datasets\.list_allowed_extensions\(\)", "'aiodatagouv get allowed_extensions'"),
    (r"choose other columns as key", "choose other columns with --key"),
    (r"^key is", "--key is"),
    (r", as \w+\.of\(\.\.\.\) does", ""),
    (r", or None or \[\] to delete it", ", or null or [] to delete it"),
)
"""Patterns in the library's messages that advise programmers, and replacements for users."""


_NOT_USERS = (DecodeError, AddressError, StoreError, OSError)
"""Errors that are, or may be, a ``ValueError``, and still not about the user's input."""


class Interrupted(Exception):
    """A signal that asked the command to stop: SIGINT (Ctrl-C) or SIGTERM."""

    def __init__(self, number: signal.Signals) -> None:
        super().__init__(number)
        self.number = number

    @property
    def status(self) -> int:
        """The exit status of shells for that signal: 130 or 143."""
        return 128 + self.number


EXPECTED = (click.UsageError, Interrupted, DataGouvError, OSError, ValueError)
"""Errors of the user, the portal or the machine; any other is a bug of this program."""


def say(text: str) -> None:
    """Print a line on stderr, and ignore a stderr that cannot be written."""
    with suppress(OSError):
        print(one_line(text, _LINE), file=sys.stderr, flush=True)


def report(error: Exception, after: str = "", about: str = "") -> int:
    """Print one line about a failure.

    Args:
        error: The failure.
        after: Advice to add.
        about: The file that it concerns, if there are several.

    Returns:
        The exit status.
    """
    end = f"; {after}" if after else ""
    start = f"Error: {about}: " if about else "Error: "
    if isinstance(error, click.UsageError):
        say(f"Error: {_usage(error)}")
        return USAGE
    if isinstance(error, Interrupted):
        if sys.stderr.isatty():
            print(file=sys.stderr)  # The terminal has just shown ^C.
        say(f"Interrupted{end}.")
        return error.status
    if isinstance(error, BrokenPipeError):
        _flush_stdout()
        return BROKEN_PIPE
    say(f"{start}{words(error)}{end}")
    if isinstance(error, OSError):
        _flush_stdout()
    return USAGE if is_users(error) else FAILED


def _usage(error: click.UsageError) -> str:
    """The mistake, and how to get help."""
    message = error.format_message()
    if error.ctx is None:
        return message
    end = "" if message.endswith((".", "?")) else "."
    return f"{message}{end} Try '{error.ctx.command_path} --help'."


def words(error: Exception) -> str:
    """The message of an error, without the errno, which means nothing to a user."""
    if isinstance(error, UnsupportedOperation):
        return "stdout is closed"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    text = str(error)
    if isinstance(error, AuthenticationError) and not os.environ.get(KEY):
        return f"{text}; no key was sent: set the environment variable {KEY}"
    return translated(text)


def translated(text: str) -> str:
    """A message of the library, with the options of this program instead of parameters."""
    for pattern, replacement in _OPTIONS:
        text = re.sub(pattern, replacement, text)
    return text


def is_users(error: Exception) -> bool:
    """Whether an error is about the user's input: a name, a field, a path, a date."""
    return isinstance(error, ValueError) and not isinstance(error, _NOT_USERS)


def _flush_stdout() -> None:
    """Flush stdout; if that fails, discard the rest, or Python would try again at its end."""
    try:
        sys.stdout.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
