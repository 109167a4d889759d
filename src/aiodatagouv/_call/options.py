"""The options of a client, checked: of all its calls, or of a derived client's."""

from __future__ import annotations

import math
import re

from attrs import field, frozen

from .. import _http
from .._events import Observer, OnResponse, OnRetry
from .._limits.line import Queue
from .._unset import Unset
from ..retry import NEVER, RETRY, RetryPolicy

_LANGUAGE = re.compile(r"[a-z]{2,3}([_-]\w{2,8})*", re.ASCII | re.IGNORECASE)


def _timeout(timeout: float | _http.Timeout | Unset | None) -> _http.Timeout:
    if isinstance(timeout, Unset):
        return _http.Timeout(30, connect=10, pool=None)
    if isinstance(timeout, _http.Timeout):
        return timeout
    if timeout is not None and not 0 < timeout < math.inf:
        raise ValueError(f"timeout is {timeout!r}: it must be a number of seconds above 0, or None")
    return _http.Timeout(timeout, pool=None)


def _policy(retry: RetryPolicy | Unset | None) -> RetryPolicy:
    if isinstance(retry, Unset):
        return RETRY
    if retry is None:
        return NEVER
    if not isinstance(retry, RetryPolicy):
        raise TypeError(f"retry is {retry!r}: it must be a RetryPolicy, or None")
    return retry


def _language(lang: str | None) -> str | None:
    # The portal silently ignores a language that it does not know.
    if lang is not None and not _LANGUAGE.fullmatch(lang):
        raise ValueError(f"lang is {lang!r}: it must be the code of a language, such as 'fr'")
    return lang


def _limit(limit: float | None) -> float:
    if limit is not None and not limit > 0:
        raise ValueError(f"max_size or max_time is {limit!r}: it must be above 0, or None")
    return math.inf if limit is None else limit


@frozen(repr=False)  # A traceback may show one that is only half made.
class Options:
    """The options that may differ between calls; :class:`aiodatagouv.Client` documents them.

    Attributes:
        queues: The queues for a rate that a request passes, its own first.
        observer: Observes each call, as :mod:`aiodatagouv.otel` does.
    """

    timeout: _http.Timeout = field(converter=_timeout)
    retry: RetryPolicy = field(converter=_policy)
    lang: str | None = field(converter=_language)
    max_size: float = field(converter=_limit)
    max_time: float = field(converter=_limit)
    on_response: OnResponse | None
    on_retry: OnRetry | None
    queues: tuple[Queue, ...] = ()
    observer: Observer | None = None
