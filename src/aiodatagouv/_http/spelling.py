"""Spellings: the ways in which a peer may write a secret that it echoes."""

from __future__ import annotations

import base64
import functools
import html
import re
from collections.abc import Iterable, Iterator
from html.entities import html5

_HIDDEN = b"***"


_DEPTH = 8
"""How often escapes may have been escaped."""


class Spellings:
    r"""The spellings of a printable ASCII text.

    They are the text itself, its hexadecimal digits, and its base64, also as a part of a longer
    text. Each character of these may be plain, percent-encoded, after a backslash (``\"``,
    ``\u0022``, ``\x22``, ``\042``) or an entity of HTML. Escapes may be escaped again.
    """

    def __init__(self, secret: str) -> None:
        content = secret.encode()
        digits = content.hex().encode()
        # A dict has each text once, in this order.
        self._texts = [*dict.fromkeys([content, *_base64(content), digits, digits.upper()])]

    def __repr__(self) -> str:
        return "Spellings(***)"

    def redact(self, content: bytes) -> bytes:
        """Replace every spelling in a text by three asterisks.

        A text with an escaped spelling is returned without its escapes.
        """
        if b"\0" in content:  # It may be UTF-16 or UTF-32.
            narrow = content.replace(b"\0", b"")
            if (hidden := self._unescaped(narrow)) != narrow:
                return hidden
        return self._unescaped(content)

    def _unescaped(self, content: bytes) -> bytes:
        redacted = self._replaced(content)
        # Few contents have an escape of one of the characters.
        kinds = [escape for escape in self._escapes if escape.search(redacted)]
        # First each alone: the secret itself may look like an escape of another kind.
        for escapes in [*([one] for one in kinds), self._escapes] if kinds else []:
            plain = redacted
            for _ in range(_DEPTH):
                before = plain
                for escape in escapes:
                    plain = escape.sub(_character, plain)
                if plain == before:
                    break
                if (hidden := self._replaced(plain)) != plain:
                    redacted = plain = hidden
        return redacted

    def _replaced(self, content: bytes) -> bytes:
        for text in self._texts:
            content = content.replace(text, _HIDDEN)
        return content

    @functools.cached_property
    def _escapes(self) -> list[re.Pattern[bytes]]:
        """Match an escape of any of the characters, or of one that begins or ends an escape.

        Each begins with a character of its own, to which `re` skips: one pattern would be slower.
        """
        return [re.compile(one.encode()) for one in _escapes({*b"".join(self._texts).decode()})]


def _base64(content: bytes) -> Iterator[bytes]:
    """Yield the base64 of a text, and the characters that it has in that of any longer text."""
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        yield encode(content).rstrip(b"=")
        for before in range(3):
            encoded = encode(bytes(before) + content)
            # Six bits are a character: the first and the last may share one with other texts.
            yield encoded[-(-before * 8 // 6) : (before + len(content)) * 8 // 6]


def _escapes(characters: set[str]) -> list[str]:
    """Patterns for the escapes of characters: with a percent sign, a backslash or an ampersand."""
    chars = sorted(characters | {*r"%\&#;"})
    # A backslash before a letter or a digit is not an escape of it.
    plain = "|".join(re.escape(char) for char in chars if not char.isalnum())
    hexadecimal = _hexadecimal(chars)
    octal = "|".join(f"{ord(char):o}" for char in chars)
    decimal = "|".join(f"{ord(char)}" for char in chars)
    names = "|".join({re.escape(name.rstrip(";")) for name, char in html5.items() if char in chars})
    patterns = [
        f"%(?:{hexadecimal})",
        # Without what JSON has in place of line breaks, accents and apostrophes: `re` is slower.
        rf"\\(?![nrt]|u00[89a-f]|u20)(?:{plain}|[uU]\{{?0{{0,6}}(?:{hexadecimal})\}}?"
        rf"|x(?:{hexadecimal})|0?(?:{octal}))",
        rf"&(?:\#(?:0{{0,6}}(?:{decimal})|[xX]0{{0,6}}(?:{hexadecimal}))|{names});?",
    ]
    # In a form, a space is a plus sign.
    return [r"\+|" + patterns[0], *patterns] if " " in characters else patterns


def _character(escape: re.Match[bytes]) -> bytes:
    """The character of an escape."""
    return _decoded(escape[0])


@functools.cache
def _decoded(escape: bytes) -> bytes:
    text = escape.decode()
    if text == "+":
        return b" "
    if text[0] == "&":
        return html.unescape(f"{text.rstrip(';')};").encode()
    digits = text[1:].strip("uUx{}")
    if text[0] == "%" or text[1] in "uUx":
        return bytes([int(digits, 16)])
    return bytes([int(digits, 8)]) if digits.isdigit() else digits.encode()


def _hexadecimal(chars: Iterable[str]) -> str:
    """A pattern for the two digits of characters, by their first digit: `re` then fails early."""
    lasts: dict[int, str] = {}
    for char in chars:
        first, last = divmod(ord(char), 16)  # The first is a digit: the characters are ASCII.
        lasts[first] = f"{lasts.get(first, '')}{last:x}{last:X}"
    return "|".join(f"{first}[{last}]" for first, last in lasts.items())
