"""What a client may be told about how it calls, for all calls or for some."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Literal, TypeAlias

from attrs import frozen

from . import _http
from .limits import Line
from .rate import AdaptiveRate, Rate
from .retry import NEVER, Retry, RetryPolicy

TIMEOUT = _http.Timeout(30, connect=10, pool=None)
"""Seconds: to connect 10, for the next bytes 30; waiting for a free connection has no limit."""

RETRY = RetryPolicy()
"""When a call that failed is made again, unless the client is told otherwise."""

RATE = 5.0
"""Requests a second: about half of what is known to get an address banned."""

OnResponse: TypeAlias = Callable[[_http.Response], object]
"""What is called with every answer."""

OnRetry: TypeAlias = Callable[[Retry], object]
"""What is called before each wait for another attempt."""

_LANGUAGE = re.compile(r"[a-z]{2,3}([_-]\w{2,8})*", re.ASCII | re.IGNORECASE)


@frozen
class Options:
    """What may be different for some calls; :class:`aiodatagouv.Client` says what each is."""

    timeout: _http.Timeout
    retry: RetryPolicy
    line: Line
    lang: str | None
    on_response: OnResponse | None
    on_retry: OnRetry | None


def read_timeout(timeout: float | _http.Timeout | None) -> _http.Timeout:
    """What is given as a timeout.

    Raises:
        ValueError: It is not positive.
    """
    if isinstance(timeout, _http.Timeout):
        return timeout
    if timeout is not None and not 0 < timeout < math.inf:
        raise ValueError(f"timeout is {timeout!r}: it must be a number of seconds above 0, or None")
    return _http.Timeout(timeout, pool=None)


def read_retry(retry: RetryPolicy | None) -> RetryPolicy:
    """What is given as a policy.

    Raises:
        TypeError: It is none.
    """
    if retry is None:
        return NEVER
    if not isinstance(retry, RetryPolicy):
        raise TypeError(f"retry is {retry!r}: it must be a RetryPolicy, or None")
    return retry


def read_rate(rate: float | Rate | Literal["auto"] | None) -> Line:
    """What is given as a rate.

    Raises:
        ValueError: It is not positive, or another word than ``"auto"``.
    """
    if isinstance(rate, Rate):
        return Line(rate)
    if rate == "auto":
        return Line(AdaptiveRate())
    if isinstance(rate, str):
        raise ValueError(f"rate is {rate!r}: it must be a number, 'auto' or None")
    return Line(Rate(math.inf if rate is None else rate))


def read_lang(lang: str | None) -> str | None:
    """What is given as a language.

    Raises:
        ValueError: It is none.
    """
    # The portal ignores in silence what it does not know.
    if lang is not None and not _LANGUAGE.fullmatch(lang):
        raise ValueError(f"lang is {lang!r}: it must be the code of a language, such as 'fr'")
    return lang
