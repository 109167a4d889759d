"""The base class of the generator's errors, and the clean-up of text that is shown to a user."""

from __future__ import annotations

import unicodedata

MAX_MESSAGE = 600


class GenerationError(Exception):
    """A failure that the command line reports in one line."""

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message))


def printable(text: str) -> str:
    """Remove control, format, bidirectional and unassigned characters; keep white space."""
    return "".join(
        " " if unicodedata.category(one) in ("Zl", "Zp") else one
        for one in text
        if one in "\n\r\t" or unicodedata.category(one)[0] != "C"
    )


def one_line(text: str) -> str:
    """Return a text as one line of printable characters of limited length."""
    line = " ".join(printable(text).split())
    return line if len(line) <= MAX_MESSAGE else f"{line[:MAX_MESSAGE]}..."
