"""Checks of arguments that several functions take: before anything is sent, and with their name."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any, TypeGuard

_LANGUAGE = re.compile(r"[a-z]{2,3}([_-]\w{2,8})*", re.ASCII | re.IGNORECASE)


def check_count(name: str, value: object, least: int = 1) -> None:
    """Check a whole number.

    Raises:
        ValueError: It is not one, or below the least.
    """
    if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
        raise ValueError(f"{name} is {value!r}: it must be a whole number, at least {least}")


def check_limit(name: str, value: object, most: float = math.inf) -> None:
    """Check a number of seconds or bytes, None for no limit.

    Raises:
        ValueError: It is not a number above 0.
    """
    if value is not None and not (is_number(value) and 0 < value <= most):
        end = "" if most == math.inf else f" and at most {most:,.0f}"
        raise ValueError(f"{name} is {value!r}: it must be a number above 0{end}, or None")


def is_number(value: object) -> TypeGuard[float]:
    """Whether a value is a number, and no boolean."""
    return isinstance(value, Real) and not isinstance(value, bool)


def check_text(name: str, value: object) -> None:
    """Check a text that is sent.

    Raises:
        TypeError: It is not text.
        ValueError: It cannot be sent.
    """
    if not isinstance(value, str):
        raise TypeError(f"{name} is a {type(value).__name__}: it must be text")
    if not is_utf8(value):
        problem = "it has a byte that is not UTF-8, or half of a character"
        raise ValueError(f"{name} is {value!r}: {problem}")


def is_utf8(text: str) -> bool:
    """Whether UTF-8 can encode a text: a name of a file may have bytes that are no characters."""
    return text.isascii() or not any("\ud800" <= one <= "\udfff" for one in text)


def check_callback(name: str, value: object) -> None:
    """Check a function that is called later, None if there is none.

    Raises:
        TypeError: It cannot be called.
    """
    if value is not None and not callable(value):
        raise TypeError(f"{name} is {value!r}: it must be a function, or None")


def check_language(name: str, value: object) -> None:
    """Check the code of a language, None for none. The portal ignores one that it does not know.

    Raises:
        ValueError: It is not one.
    """
    if value is not None and not (isinstance(value, str) and _LANGUAGE.fullmatch(value)):
        raise ValueError(f"{name} is {value!r}: it must be the code of a language, such as 'fr'")


def checked(check: Callable[[str, object], None]) -> Callable[[object, Any, Any], None]:
    """Make a check the validator of a field of an attrs class."""
    return lambda _, field, value: check(field.name, value)
