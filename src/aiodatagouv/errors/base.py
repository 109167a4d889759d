"""The base of all errors, and the text of an error: one line without control characters."""

from __future__ import annotations

from typing import Any, cast

_MESSAGE = 500
"""Maximum length of a message in the text of an error."""

URL = 300
"""Maximum length of a URL there."""

ID = 64
"""Maximum length of an id there."""

_DEPTH = 8
"""Maximum depth of nested JSON in the text of an error."""


class DataGouvError(Exception):
    """The base class of all errors of this library.

    Attributes:
        attempts: The number of times that the call was sent; 0 if the client refused to send it.
        waited: Seconds that the call waited to be sent, before and between its attempts.
    """

    attempts: int = 1
    waited: float = 0.0

    def _effort(self) -> str:
        """Attempts made and seconds waited, unless the call was sent exactly once."""
        if self.attempts == 1:
            return ""
        if not self.attempts:
            return ", not sent"
        return f", {self.attempts} attempts, waited {self.waited:.1f} s"


def one_line(text: str, longest: int = _MESSAGE) -> str:
    """Put a text on one line, without control characters, truncated to a maximum length."""
    # The text may be huge: enough of it is read to fill the line after whitespace is removed.
    text = "".join(char if char.isprintable() else " " for char in text[: 10 * _MESSAGE])
    text = " ".join(text.split())
    return text if len(text) <= longest else f"{text[:longest]}..."


def text_of(value: Any, depth: int = 0) -> str:
    """Format JSON that describes a failure, such as nested validation errors, as text."""
    if depth > _DEPTH:
        return "..."
    if isinstance(value, dict):
        pairs = cast("dict[str, Any]", value).items()
        return "; ".join(f"{name}: {text_of(one, depth + 1)}" for name, one in pairs)
    if isinstance(value, list):
        return ", ".join(filter(None, (text_of(one, depth + 1) for one in value)))
    return str(value)
