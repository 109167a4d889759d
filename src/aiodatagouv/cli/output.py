"""Where answers go: stdout, a file, or a terminal, which must not be at the mercy of a portal."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from .._view import json_of
from ..files import written

if TYPE_CHECKING:
    from ..streams import Stream

STDOUT = "-"

_UNSAFE = re.compile(r"[^\x20-\x7e\n\t\xa0-\U0010ffff]")
"""What may be a command to a terminal: the control characters."""


def stdout() -> BinaryIO:
    """Standard output, for bytes."""
    return sys.stdout.buffer


def is_terminal() -> bool:
    """Whether standard output is read by somebody."""
    return sys.stdout.isatty()


def output_option(help: str) -> click.Option:
    """``-o``."""
    path = click.Path(dir_okay=False, allow_dash=True)
    return click.Option(["output", "-o", "--output"], type=path, help=help)


def write_json(value: Any, output: str | None) -> None:
    """Write JSON: for people when they read it from a terminal, otherwise in one line."""
    to_people = output in (None, STDOUT) and is_terminal()
    text = json.dumps(json_of(value), ensure_ascii=False, indent=2 if to_people else None)
    _write(f"{harmless_json(text) if to_people else text}\n", output)


def write_text(text: str, output: str | None) -> None:
    """Write a line."""
    _write(f"{text}\n", output)


def harmless_json(text: str) -> str:
    """The same JSON, with everything escaped that a terminal may take as a command."""
    return _UNSAFE.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


async def write_stream(stream: Stream, output: str | None) -> None:
    """Write an answer that is no JSON, as it arrives.

    Raises:
        UsageError: It would be written on a terminal, and is no text.
    """
    if output not in (None, STDOUT):
        await stream.save(Path(output))
        return
    async with stream as chunks:
        async for chunk in _harmless(chunks) if is_terminal() else chunks:
            stdout().write(chunk)
    stdout().flush()


async def _harmless(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async for chunk in chunks:
        if b"\0" in chunk:
            raise click.UsageError("The answer is no text: say -o FILE, or > FILE.")
        # A character that is cut by the end of a chunk is a question mark, on a terminal only.
        yield _UNSAFE.sub("?", chunk.decode(errors="replace").replace("\r\n", "\n")).encode()


def _write(text: str, output: str | None) -> None:
    # Half of a surrogate pair, which extras may contain, is escaped as JSON has it.
    content = text.encode(errors="backslashreplace")
    if output not in (None, STDOUT):
        with written(Path(output)) as file:
            file.write(content)
        return
    stdout().write(content)
    stdout().flush()


class Lines:
    """Standard output as the destination of a harvest: JSON Lines, and no way to go on later."""

    checkpoint: Path | None = None

    def __init__(self) -> None:
        self._file = stdout()
        self._is_terminal = is_terminal()

    def open(self, state: object | None) -> None:
        """Nothing to open."""

    def write(self, items: Sequence[bytes]) -> None:
        """Write some items."""
        lines = b"".join(b"%b\n" % item for item in items)
        self._file.write(harmless_json(lines.decode()).encode() if self._is_terminal else lines)
        self._file.flush()

    def commit(self) -> object:
        """Nothing that could be continued."""
        return None

    def finish(self) -> None:
        """Nothing to finish: each page was written."""

    def close(self) -> None:
        """Standard output is not this one's to close."""
