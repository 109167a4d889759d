"""Every way in which a call can fail.

All are :class:`DataGouvError`, print in one line and can be pickled.
"""

from __future__ import annotations

import builtins
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

from . import quota

if TYPE_CHECKING:
    from ._http import Response
    from .operation import Operation


_LINE = 500
"""Characters of a portal's words that an error prints."""

_URL = 300
"""Characters of an address that an error prints."""

_ID = 64
"""Characters of an id for the portal's support that an error prints."""

_READ = 10 * _LINE
"""Characters that are looked at for them."""

_DEPTH = 8
"""How deep a portal's words may be nested."""


class DataGouvError(Exception):
    """The parent of every error of this library.

    Attributes:
        attempts: How often the call was sent; 0 when the client refused to send it.
        waited: How many seconds it has waited for that, all attempts together.
    """

    attempts: int = 1
    waited: float = 0.0

    def _effort(self) -> str:
        """What it took to fail, when that was not just once."""
        if self.attempts == 1:
            return ""
        if not self.attempts:
            return ", not sent"
        return f", {self.attempts} attempts, waited {self.waited:.1f} s"


class NetworkError(DataGouvError):
    """The portal could not be reached, or the connection broke.

    Attributes:
        operation: The id of the operation.
        method: The HTTP method.
        url: The address that was called.
        is_sent: Whether the portal may have got the request, and carried it out.
    """

    def __init__(
        self,
        message: str,
        *,
        operation: str = "",
        method: str = "",
        url: str = "",
        is_sent: bool = True,
    ) -> None:
        super().__init__(message)
        self.operation = operation
        self.method = method
        self.url = url
        self.is_sent = is_sent

    def __str__(self) -> str:
        url = one_line(self.url, _URL)
        what = f"{self.operation}: {one_line(self.args[0])}{self._effort()}"
        return f"{what} ({self.method} {url})"


class TimeoutError(NetworkError, builtins.TimeoutError):
    """The portal took too long to connect or to answer."""


class RedirectError(NetworkError):
    """The portal redirects to where the client does not go: calling again would not help."""


class UnreachableError(NetworkError):
    """There is no such host, or it cannot prove to be it: calling again would not help."""


class MaskError(DataGouvError, ValueError):
    """The fields that were asked for cannot be had: nothing was sent."""


class OrderError(DataGouvError):
    """A list does not come in the order asked for: what has moved meanwhile cannot be found."""

    def __init__(self, operation: str, message: str) -> None:
        super().__init__(operation, message)
        self.operation = operation

    def __str__(self) -> str:
        return (
            f"{self.operation}: the list {one_line(self.args[1])}: "
            "what has moved meanwhile cannot be found"
        )


class CheckpointError(DataGouvError):
    """A harvest cannot be continued: the checkpoint is of another one, or is in use."""


class DestinationError(DataGouvError, ValueError):
    """A harvest cannot be written as asked."""


class DecodeError(DataGouvError, ValueError):
    """The answer is not what the operation declares.

    Attributes:
        operation: The id of the operation.
        path: Where in the JSON answer, as ``$.data[3].organization``.
        expected: What should have been there.
        id: The id of the object that it is in, if that has one.
        response: The answer itself; None when a model's field was read.
    """

    def __init__(
        self,
        found: str,
        *,
        operation: str = "",
        path: str = "$",
        expected: str = "",
        id: str | None = None,
        response: Response | None = None,
    ) -> None:
        super().__init__(found)
        self.operation = operation
        self.path = path
        self.expected = expected
        self.id = id
        self.response = response

    def __str__(self) -> str:
        found = one_line(self.args[0])
        where = self.path if self.id is None else f"{self.path} (id {one_line(self.id, _ID)})"
        what = f"expected {self.expected} at {where}, got {found}"
        return f"{self.operation}: {what}{self._effort()}" if self.operation else what


class MissingFieldError(DataGouvError, AttributeError):
    """A field of a model was read that the answer does not have.

    Attributes:
        model: The name of the model.
        field: The name of its attribute.
        operation: The id of the operation, None for a model that is of no answer.
        path: Where in the JSON it would be, as ``$.data[3].organization``.
        is_masked: Whether it was not asked for; otherwise this portal does not send it.
    """

    attempts = 0

    def __init__(
        self,
        model: str,
        field: str,
        *,
        operation: str | None = None,
        path: str = "$",
        is_masked: bool = False,
    ) -> None:
        # With a name of its own, Python does not make the error hold the model.
        super().__init__(model, field, name=field)
        self.model = model
        self.field = field
        self.operation = operation
        self.path = path
        self.is_masked = is_masked

    def __str__(self) -> str:
        what = f"{self.model}.{self.field} is missing"
        if self.operation is None:
            return f"{what}: the JSON has nothing at {self.path}"
        why = (
            "it is not among the fields that were asked for"
            if self.is_masked
            else "the release of udata that this portal runs does not send it here"
        )
        return f"{self.operation}: {what} at {self.path}: {why}"


class NotJSONError(DecodeError):
    """The answer is no JSON at all: it was cut off on its way, or somebody else has answered."""


class APIError(DataGouvError):
    """The portal answered that the call failed.

    Attributes:
        message: The portal's own words, or those of HTTP when it gave none.
        errors: What is wrong with each field of the body, for a failed validation.
        operation: The id of the operation.
        method: The HTTP method.
        url: The address that answered.
        status: The HTTP status.
        sentry_id: What to tell the portal's support, from ``X-Sentry-ID``.
        retry_after: How many seconds the portal asks to wait, when it says so.
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
        retry_after: float | None = None,
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
        self.retry_after = retry_after
        self.response = response

    def __str__(self) -> str:
        text = f"{self.operation}: {self.status} {one_line(self.message)}"
        if self.errors:
            wrong = [f"{name}: {_words(problem)}" for name, problem in self.errors.items()]
            text += f" [{one_line('; '.join(wrong))}]"
        if self.retry_after is not None:
            text += f", wait {round(self.retry_after, 1):g} s"
        text += self._effort()
        text += f" ({self.method} {one_line(self.url, _URL)})"
        if self.sentry_id is not None:
            text += f" [X-Sentry-ID {one_line(self.sentry_id, _ID)}]"
        return text


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
    """423: the portal is in read-only mode.

    When the client itself refuses, because the portal said so a moment ago, ``message`` is the
    portal's, ``retry_after`` says in how many seconds it would be asked again, and there is no
    ``response``.
    """


class RateLimitedError(APIError):
    """429: too many requests; see ``retry_after``.

    When the client itself refuses, because that time is not over, there is no ``response``.
    """


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


def from_response(operation: Operation, response: Response, url: str) -> APIError:
    """The error that an answer with a failing status stands for.

    Args:
        operation: What was called.
        response: The answer, its body read.
        url: Its address, as it may be shown.
    """
    status = response.status_code
    default = ServerError if status >= 500 else APIError
    body = _json_object(response.content)
    errors: Any = body.get("errors")
    # Proxies answer in HTML or not at all: then HTTP's own phrase says more than the body.
    message = _words(body.get("message") or body.get("error") or "")
    if not one_line(message):
        message = _phrase(response)
    if errors and not isinstance(errors, dict):
        message = f"{message}: {_words(errors)}"
    return _BY_STATUS.get(status, default)(
        message,
        errors=cast("dict[str, Any]", errors) if isinstance(errors, dict) else None,
        operation=operation.id,
        method=response.request.method,
        url=url,
        status=status,
        sentry_id=response.headers.get("X-Sentry-ID"),
        retry_after=quota.retry_after(response.headers, datetime.now(UTC)),
        response=response,
    )


def one_line(text: str, longest: int = _LINE) -> str:
    """A text as one line of bearable length that does nothing to a terminal."""
    text = " ".join("".join(one if one.isprintable() else " " for one in text[:_READ]).split())
    return text if len(text) <= longest else f"{text[:longest]}..."


def _words(value: Any, depth: int = 0) -> str:
    """What a portal says of a failure, which may be nested, in words."""
    if depth > _DEPTH:
        return "..."
    if isinstance(value, dict):
        several = cast("dict[str, Any]", value).items()
        return "; ".join(f"{name}: {_words(one, depth + 1)}" for name, one in several)
    if isinstance(value, list):
        return ", ".join(filter(None, (_words(one, depth + 1) for one in value)))
    return str(value)


def _phrase(response: Response) -> str:
    known = {one.value: one.phrase for one in HTTPStatus}
    return response.reason_phrase or known.get(response.status_code, "without a reason")


def _json_object(content: bytes) -> dict[str, Any]:
    try:
        # Lenient as Python is: a message with half of a surrogate pair is one too.
        body = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return cast("dict[str, Any]", body) if isinstance(body, dict) else {}
