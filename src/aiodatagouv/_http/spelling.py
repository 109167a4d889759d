"""Spellings: the ways in which a peer may write a secret that it echoes."""

from __future__ import annotations

import base64
import functools
import re
from collections.abc import Iterable, Iterator
from html.entities import html5

_HIDDEN = b"***"


class Spellings:
    r"""The spellings of a printable ASCII text.

    They are the text itself, its hexadecimal digits, and its base64, also as a part of a longer
    text. Each character of the text or its base64 may be plain, percent-encoded, after a backslash
    (``\"``, ``\u0022``, ``\x22``, ``\042``) or an entity of HTML. Escapes may be escaped again.
    """

    def __init__(self, secret: str) -> None:
        content = secret.encode()
        encoded = (base64.b64encode(content), base64.urlsafe_b64encode(content))
        # A dict has each text once, in this order.
        self._texts = [*dict.fromkeys([content, *(one.rstrip(b"=") for one in encoded)])]
        digits = content.hex().encode()
        self._others = [*dict.fromkeys([*_base64_inside(content), digits, digits.upper()])]

    def __repr__(self) -> str:
        return "Spellings(***)"

    def redact(self, content: bytes) -> bytes:
        """Replace every spelling in a text by three asterisks."""
        if b"\0" in content:  # It may be UTF-16 or UTF-32.
            narrow = content.replace(b"\0", b"")
            if (hidden := self._hidden(narrow)) != narrow:
                return hidden
        return self._hidden(content)

    def _hidden(self, content: bytes) -> bytes:
        for text in (*self._texts, *self._others):
            content = content.replace(text, _HIDDEN)
        # Few contents have an escape of one of the characters; the whole pattern is much slower.
        if any(escape.search(content) for escape in self._escapes):
            content = self._pattern.sub(_HIDDEN, content)
        return content

    @functools.cached_property
    def _escapes(self) -> list[re.Pattern[bytes]]:
        """Match an escape of any of the characters.

        Each begins with a character of its own, to which `re` skips: one pattern would be slower.
        """
        return [re.compile(one.encode()) for one in _escapes({*b"".join(self._texts).decode()})]

    @functools.cached_property
    def _pattern(self) -> re.Pattern[bytes]:
        """Matches every spelling of the text and its base64."""
        spelled = {char: _spelled(char) for char in {*b"".join(self._texts).decode()}}
        texts = ["".join(spelled[char] for char in text.decode()) for text in self._texts]
        return re.compile("|".join(texts).encode())


def _base64_inside(content: bytes) -> Iterator[bytes]:
    """Yield the characters that a text has in the base64 of any longer text."""
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for before in range(3):
            encoded = encode(bytes(before) + content)
            # Six bits are a character: the first and the last may share one with other texts.
            yield encoded[-(-before * 8 // 6) : (before + len(content)) * 8 // 6]


def _spelled(char: str) -> str:
    """A pattern for the spellings of one character."""
    return f"(?:{'|'.join([re.escape(char), *_escapes({char})])})"


def _escapes(chars: Iterable[str]) -> list[str]:
    """Patterns for the escapes of characters: with a percent sign, a backslash or an ampersand."""
    chars = sorted(chars)
    # A backslash before a letter or a digit is not an escape of it; `(?!)` matches nothing.
    plain = "|".join(re.escape(char) for char in chars if not char.isalnum()) or "(?!)"
    hexadecimal = _hexadecimal(chars)
    octal = "|".join(f"{ord(char):o}" for char in chars)
    decimal = "|".join(f"{ord(char)}" for char in chars)
    names = [re.escape(name.rstrip(";")) for name, char in html5.items() if char in chars]
    # The repetitions are limited: else a long row of them would take quadratic time.
    percent = f"(?:25){{0,4}}(?:{hexadecimal})"
    numbers = rf"[uU]\{{?0{{0,6}}(?:{hexadecimal})\}}?|x(?:{hexadecimal})|0?(?:{octal})"
    backslash = rf"\\{{0,7}}(?:{plain}|{numbers})"
    number = f"(?:0{{0,6}}(?:{decimal})|[xX]0{{0,6}}(?:{hexadecimal}))"
    entity = f"(?:amp;){{0,4}}(?:(?:\\#|%23){number}|{'|'.join(names) or '(?!)'})(?:;|%3[Bb])?"
    # Another kind of escape may have escaped the first character of each.
    patterns = [
        f"%(?:{percent}|(?:25){{0,4}}(?:5[Cc]{backslash}|26{entity}))",
        # Without what JSON has in place of line breaks, accents and apostrophes: `re` is slower.
        rf"\\(?![nrt]|u00[89a-f]|u20)(?:{backslash}|\\{{0,7}}u00(?:25{percent}|26{entity}|5[Cc]{backslash}))",
        f"&(?:{entity}|(?:amp;){{0,4}}(?:(?:\\#37|\\#[xX]25|percnt);{percent}"
        f"|(?:\\#92|\\#[xX]5[Cc]|bsol);{backslash}))",
    ]
    return [*patterns, r"\+"] if " " in chars else patterns


def _hexadecimal(chars: Iterable[str]) -> str:
    """A pattern for the two digits of characters, by their first digit: `re` then fails early."""
    lasts: dict[int, str] = {}
    for char in chars:
        first, last = divmod(ord(char), 16)  # The first is a digit: the characters are ASCII.
        lasts[first] = f"{lasts.get(first, '')}{last:x}{last:X}"
    return "|".join(f"{first}[{last}]" for first, last in lasts.items())
