"""Destinations of answers: stdout, a file, or a terminal, protected from control characters."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from .._disk import is_special, written
from .._views.view import json_of

if TYPE_CHECKING:
    from ..streams import Stream
    from .progress import Waiting

STDOUT = "-"

_UNSAFE = re.compile(r"[^\x20-\x7e\n\t\xa0-\U0010ffff]")
"""Control characters, which a terminal may take as commands."""


class Destination(click.Path):
    """A file to write, checked before anything is sent.

    Args:
        is_other: Whether a value is a URL or a folder, which the command checks; by default, none
            is.
    """

    def __init__(self, is_other: Callable[[str], bool] = lambda _: False) -> None:
        super().__init__(dir_okay=False, writable=True, allow_dash=True)
        self._is_other = is_other

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Check that the file can be made, or be replaced."""
        if self._is_other(value):
            return value
        super().convert(value, param, ctx)
        if value == STDOUT:
            return value
        path = Path(value).resolve()
        folder = path.parent if Path(value).is_symlink() else Path(value).parent
        if not value:
            self.fail("The name of the file is empty.", param, ctx)
        if not folder.is_dir():
            self.fail(f"Folder {str(folder)!r} does not exist.", param, ctx)
        if not is_special(path) and not os.access(folder, os.W_OK | os.X_OK):
            self.fail(f"Folder {str(folder)!r} is not writable.", param, ctx)
        return value


def output_option(help: str, destination: Destination | None = None) -> click.Option:
    """``-o``, also ``--output``: any file by default."""
    type_ = Destination() if destination is None else destination
    return click.Option(["output", "-o", "--output"], type=type_, help=help)


def stdout() -> BinaryIO:
    """Standard output, for bytes."""
    return sys.stdout.buffer


def is_terminal() -> bool:
    """Whether standard output is a terminal."""
    return sys.stdout.isatty()


def write_json(value: Any, output: str | None) -> None:
    """Write JSON: indented on a terminal, otherwise in one line."""
    is_shown = output in (None, STDOUT) and is_terminal()
    text = json.dumps(json_of(value), ensure_ascii=False, indent=2 if is_shown else None)
    _write(f"{harmless_json(text) if is_shown else text}\n", output)


def write_text(text: str, output: str | None) -> None:
    """Write a line."""
    _write(f"{text}\n", output)


def harmless_json(text: str) -> str:
    """Escape the control characters in JSON."""
    return _UNSAFE.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


async def write_stream(stream: Stream, output: str | None, waiting: Waiting) -> None:
    """Write an answer that is not JSON as it arrives.

    Raises:
        UsageError: It is not text, and stdout is a terminal.
    """
    if output not in (None, STDOUT):
        with written(Path(output)) as file:
            async with stream as chunks:
                async for chunk in chunks:
                    waiting.count(file.write(chunk))
        return
    async with stream as chunks:
        async for chunk in _harmless(chunks) if is_terminal() else chunks:
            waiting.stop()
            stdout().write(chunk)
    stdout().flush()


async def _harmless(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async for chunk in chunks:
        if b"\0" in chunk:
            raise click.UsageError("The answer is not text: give -o FILE, or > FILE.")
        # A character cut by the end of a chunk becomes a question mark, on a terminal only.
        yield _UNSAFE.sub("?", chunk.decode(errors="replace").replace("\r\n", "\n")).encode()


def _write(text: str, output: str | None) -> None:
    # Half of a surrogate pair, which extras may contain, is escaped as in JSON.
    content = text.encode(errors="backslashreplace")
    if output not in (None, STDOUT):
        with written(Path(output)) as file:
            file.write(content)
        return
    stdout().write(content)
    stdout().flush()


class Lines:
    """Standard output as the destination of a harvest: JSON Lines, which cannot be resumed.

    Args:
        hidden: A context in which a terminal has nothing but what is written.
    """

    checkpoint: Path | None = None

    def __init__(self, hidden: Callable[[], AbstractContextManager[object]] = nullcontext) -> None:
        self._file = stdout()
        self._is_terminal = is_terminal()
        self._hidden = hidden

    def open(self, state: object | None) -> None:
        """Do nothing: stdout is open."""

    def write(self, items: Sequence[bytes]) -> None:
        """Write some items."""
        lines = b"".join(b"%b\n" % item for item in items)
        if self._is_terminal:
            values = map(json.loads, items)
            text = "".join(f"{json.dumps(value, ensure_ascii=False)}\n" for value in values)
            lines = harmless_json(text).encode()
        with self._hidden():
            self._file.write(lines)
            self._file.flush()

    def commit(self) -> object:
        """Return no state: nothing can be resumed."""
        return None

    def finish(self) -> None:
        """Do nothing: each page was written."""

    def close(self) -> None:
        """Do nothing: stdout stays open."""
