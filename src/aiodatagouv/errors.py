"""Every way in which a call can fail.

All are :class:`DataGouvError`, print in one line and can be pickled.
"""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, cast

import msgspec

if TYPE_CHECKING:
    from ._http import Response
    from .operation import Operation


class DataGouvError(Exception):
    """The parent of every error of this library."""


class NetworkError(DataGouvError):
    """The portal could not be reached, or the connection broke."""


class TimeoutError(NetworkError, builtins.TimeoutError):
    """The portal took too long to connect or to answer."""


class MaskError(DataGouvError, ValueError):
    """The ``fields`` that were asked for cannot be."""


class DecodeError(DataGouvError, ValueError):
    """The answer is not what the operation declares.

    Attributes:
        operation: The id of the operation.
        path: Where in the JSON answer, as ``$.data[3].organization``.
        expected: What should have been there.
    """

    def __init__(
        self, found: str, *, operation: str = "", path: str = "$", expected: str = ""
    ) -> None:
        super().__init__(found)
        self.operation = operation
        self.path = path
        self.expected = expected

    def __str__(self) -> str:
        return f"{self.operation}: expected {self.expected} at {self.path}, got {self.args[0]}"


class APIError(DataGouvError):
    """The portal answered that the call failed.

    Attributes:
        message: The portal's own words, or those of HTTP when it gave none.
        errors: What is wrong with each field of the body, for a failed validation.
        operation: The id of the operation.
        method: The HTTP method.
        url: The address that was called.
        status: The HTTP status.
        sentry_id: What to tell the portal's support, from ``X-Sentry-ID``.
        response: The answer itself, its body read.
    """

    def __init__(
        self,
        message: str,
        *,
        errors: Mapping[str, Any] | None = None,
        operation: str = "",
        method: str = "",
        url: str = "",
        status: int = 0,
        sentry_id: str | None = None,
        response: Response | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.errors = dict(errors or {})
        self.operation = operation
        self.method = method
        self.url = url
        self.status = status
        self.sentry_id = sentry_id
        self.response = response

    def __str__(self) -> str:
        text = f"{self.operation}: {self.status} {self.message} ({self.method} {self.url})"
        if self.errors:
            text += " " + "; ".join(f"{name}: {problem}" for name, problem in self.errors.items())
        return text if self.sentry_id is None else f"{text} [X-Sentry-ID {self.sentry_id}]"


class BadRequestError(APIError):
    """400: the request is wrong; see ``errors``."""


class AuthenticationError(APIError):
    """401: no key, or a bad, revoked or expired one."""


class PermissionDeniedError(APIError):
    """403: the key's owner may not do this."""


class NotFoundError(APIError):
    """404: there is nothing there, or nothing that the key's owner may see."""


class GoneError(APIError):
    """410: it was deleted."""


class LockedError(APIError):
    """423: the portal is in read-only mode."""


class RateLimitedError(APIError):
    """429: too many requests."""

    @property
    def retry_after(self) -> float | None:
        """How long the portal asks to wait, in seconds, when it says so."""
        text = "" if self.response is None else self.response.headers.get("Retry-After", "")
        if text.strip().isdecimal():
            return float(text)
        try:
            moment = parsedate_to_datetime(text)
        except ValueError:
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return max(0.0, (moment - datetime.now(UTC)).total_seconds())


class ServerError(APIError):
    """5xx: the portal, or a proxy before it, failed."""


_BY_STATUS: dict[int, type[APIError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    410: GoneError,
    423: LockedError,
    429: RateLimitedError,
}


def from_response(operation: Operation, response: Response) -> APIError:
    """The error that an answer with a failing status stands for. Its body has been read."""
    status = response.status_code
    default = ServerError if status >= 500 else APIError
    body = _json_object(response.content)
    errors: Any = body.get("errors")
    # Proxies answer in HTML or not at all: then HTTP's own phrase says more than the body.
    message = body.get("message") or body.get("error") or response.reason_phrase
    return _BY_STATUS.get(status, default)(
        str(message),
        errors=cast("dict[str, Any]", errors) if isinstance(errors, dict) else None,
        operation=operation.id,
        method=response.request.method,
        url=str(response.url),
        status=status,
        sentry_id=response.headers.get("X-Sentry-ID"),
        response=response,
    )


def _json_object(content: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(content, type=dict[str, Any])
    except msgspec.DecodeError:
        return {}
