"""Failures: requests without an answer, whatever the HTTP library that says so."""

from __future__ import annotations

import builtins
import socket
import ssl

import aiohttp
import httpx

from .coding import CodingError

_NOT_SENT = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
)
"""Errors that are raised before there is a connection."""


class Failure(Exception):
    """A request that failed, without the libraries' own error, which holds the request as sent.

    Attributes:
        timed_out: Whether it took too long.
        is_final: Whether the same request would fail again: no such host, a bad certificate.
        is_sent: Whether the server may have received the request.
    """

    def __init__(self, message: str, *, timed_out: bool, is_final: bool, is_sent: bool) -> None:
        super().__init__(message)
        self.timed_out = timed_out
        self.is_final = is_final
        self.is_sent = is_sent


class TooLongError(Exception):
    """The body of a response is longer than it may be."""


FAILURES = (
    Failure,
    CodingError,
    httpx.HTTPError,
    aiohttp.ClientError,
    builtins.TimeoutError,
    httpx.InvalidURL,
    httpx.StreamError,
    OSError,
    ValueError,  # Raised for a host or a status line that cannot be encoded, among others.
)
"""Every error by which the libraries say that a request failed."""


def failure_of(error: Exception) -> Failure:
    """Describe one of :data:`FAILURES`."""
    if isinstance(error, Failure):
        return error
    cause = cause_of(error)
    timed_out = isinstance(cause, builtins.TimeoutError | httpx.TimeoutException)
    return Failure(
        _words(cause).strip() or ("timed out" if timed_out else type(cause).__name__),
        timed_out=timed_out,
        is_final=_is_final(cause),
        is_sent=not isinstance(cause, _NOT_SENT),
    )


def cause_of(error: Exception) -> Exception:
    """The error of aiohttp: httpx-aiohttp calls a broken connection a timeout."""
    return error.__cause__ if isinstance(error.__cause__, aiohttp.ClientError) else error


def _words(cause: Exception) -> str:
    if isinstance(cause, aiohttp.ClientConnectorError):
        return f"cannot connect to {cause.host}:{cause.port}: {reason_of(os_error_of(cause))}"
    if isinstance(cause, aiohttp.ClientOSError) and isinstance(cause.__cause__, OSError):
        # Its own text may be the whole URL.
        return f"the connection broke: {reason_of(cause.__cause__)}"
    # aiohttp quotes a part of the answer, in which half of a secret is not recognized.
    if isinstance(cause, aiohttp.ServerDisconnectedError):
        return "the connection was closed before the answer"
    if isinstance(cause, aiohttp.ClientPayloadError | aiohttp.ClientResponseError):
        problem: BaseException = cause
        while problem.__cause__ is not None:
            problem = problem.__cause__
        return f"the answer breaks off or is not valid HTTP ({type(problem).__name__})"
    return str(cause)


def reason_of(error: OSError) -> str:
    """Describe an error of the system; some have no text."""
    return error.strerror or str(error) or type(error).__name__


def os_error_of(error: aiohttp.ClientConnectorError) -> OSError:
    """Return the error of the system. Before aiohttp 3.14, that of a certificate had none."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        reason = error.certificate_error
        return reason if isinstance(reason, OSError) else OSError(str(reason))
    return error.os_error


def _is_final(cause: BaseException) -> bool:
    if isinstance(cause, aiohttp.ClientConnectorError):
        cause = os_error_of(cause)
    is_unknown = isinstance(cause, socket.gaierror) and cause.errno == socket.EAI_NONAME
    return is_unknown or isinstance(cause, ssl.SSLCertVerificationError)
