"""Spellings: the ways in which a peer may write a secret that it echoes."""

from __future__ import annotations

import base64
import functools
import re
from collections.abc import Iterable
from html.entities import html5

_HIDDEN = b"***"


class Spellings:
    r"""The spellings of a printable ASCII text.

    They are the text itself and its base64, with each character plain, percent-encoded, after a
    backslash (``\"``, ``\u0022``, ``\x22``, ``\042``) or as an entity of HTML. Escapes may be
    escaped again.
    """

    def __init__(self, secret: str) -> None:
        content = secret.encode()
        encoded = (base64.b64encode(content), base64.urlsafe_b64encode(content))
        # A dict has each text once, in this order.
        self._texts = [*dict.fromkeys([content, *(one.rstrip(b"=") for one in encoded)])]

    def __repr__(self) -> str:
        return "Spellings(***)"

    def redact(self, content: bytes) -> bytes:
        """Replace every spelling in a text by three asterisks."""
        for text in self._texts:
            content = content.replace(text, _HIDDEN)
        # Few contents have an escape of one of the characters; the whole pattern is much slower.
        if self._escape.search(content):
            content = self._pattern.sub(_HIDDEN, content)
        return content

    @functools.cached_property
    def _escape(self) -> re.Pattern[bytes]:
        """Matches an escape of any of the characters."""
        patterns = _escapes({*b"".join(self._texts).decode()})
        # The set at the start lets `re` skip to the next such character.
        return re.compile(rf"[%\\&+](?:{'|'.join(map(_behind, patterns))})".encode())

    @functools.cached_property
    def _pattern(self) -> re.Pattern[bytes]:
        """Matches every spelling."""
        spelled = {char: _spelled(char) for char in {*b"".join(self._texts).decode()}}
        texts = ["".join(spelled[char] for char in text.decode()) for text in self._texts]
        return re.compile("|".join(texts).encode())


def _behind(pattern: str) -> str:
    """Move the first character of a pattern to a lookbehind."""
    length = 2 if pattern.startswith("\\") else 1
    return f"(?<={pattern[:length]}){pattern[length:]}"


def _spelled(char: str) -> str:
    """A pattern for the spellings of one character."""
    return f"(?:{re.escape(char)}|{'|'.join(_escapes({char}))})"


def _escapes(chars: Iterable[str]) -> list[str]:
    """Patterns for the escapes of characters: with a percent sign, a backslash or an ampersand."""
    chars = sorted(chars)
    # A backslash before a letter or a digit is not an escape of it; `(?!)` matches nothing.
    plain = "|".join(re.escape(char) for char in chars if not char.isalnum()) or "(?!)"
    hexadecimal = "|".join(map(_hexadecimal, chars))
    octal = "|".join(f"{ord(char):o}" for char in chars)
    decimal = "|".join(f"{ord(char)}" for char in chars)
    names = [re.escape(name.rstrip(";")) for name, char in html5.items() if char in chars]
    # The repetitions are limited: else a long row of them would take quadratic time.
    patterns = [
        f"%(?:25){{0,4}}(?:{hexadecimal})",
        rf"\\\\{{0,7}}(?:{plain}|[uU]\{{?0{{0,6}}(?:{hexadecimal})\}}?|x(?:{hexadecimal})|0?(?:{octal}))",
        rf"&(?:[Aa][Mm][Pp];){{0,4}}\#(?:0{{0,6}}(?:{decimal})|[xX]0{{0,6}}(?:{hexadecimal}));?",
    ]
    if names:
        patterns.append(f"&(?:[Aa][Mm][Pp];){{0,4}}(?:{'|'.join(names)});?")
    return [*patterns, r"\+"] if " " in chars else patterns


def _hexadecimal(char: str) -> str:
    digits = f"{ord(char):x}"
    return "".join(f"[{one}{one.upper()}]" if one.isalpha() else one for one in digits)
