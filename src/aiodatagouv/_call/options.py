"""The options of a client, checked: of all its calls, or of a derived client's."""

from __future__ import annotations

import math

from attrs import field, frozen

from .. import _http
from .._checks import check_callback, check_language, check_limit, checked
from .._events import Observer, OnResponse, OnRetry
from .._limits.line import Queue
from .._unset import Unset
from ..retry import NEVER, RETRY, RetryPolicy


def _timeout(timeout: float | _http.Timeout | Unset | None) -> _http.Timeout:
    if isinstance(timeout, Unset):
        return _http.Timeout(30, connect=10, pool=None)
    if isinstance(timeout, _http.Timeout):
        return timeout
    check_limit("timeout", timeout, most=1e9)
    return _http.Timeout(timeout, pool=None)


def _policy(retry: RetryPolicy | Unset | None) -> RetryPolicy:
    if isinstance(retry, Unset):
        return RETRY
    if retry is None:
        return NEVER
    if not isinstance(retry, RetryPolicy):
        raise TypeError(f"retry is {retry!r}: it must be a RetryPolicy, or None")
    return retry


def _limit(limit: float | None) -> float:
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
    lang: str | None = field(validator=checked(check_language))
    max_size: float = field(converter=_limit, validator=checked(check_limit))
    max_time: float = field(converter=_limit, validator=checked(check_limit))
    on_response: OnResponse | None = field(validator=checked(check_callback))
    on_retry: OnRetry | None = field(validator=checked(check_callback))
    queues: tuple[Queue, ...] = ()
    observer: Observer | None = None
