"""The errors of calls: no answer, an answer that cannot be decoded, an error status."""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .base import ID, URL, DataGouvError, one_line, text_of

if TYPE_CHECKING:
    from .._http import Response


class NetworkError(DataGouvError):
    """The portal could not be reached, or the connection broke.

    Attributes:
        operation: The name of the operation.
        method: The HTTP method.
        url: The URL of the request.
        is_sent: Whether the portal may have received the request and acted on it.
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
        text = f"{self.operation}: {one_line(self.args[0])}{self._effort()}"
        return f"{text} ({self.method} {one_line(self.url, URL)})"


class TimeoutError(NetworkError, builtins.TimeoutError):
    """The portal did not accept the connection, or did not answer, in time."""


class RedirectError(NetworkError):
    """The portal redirects to a URL that the client does not follow. Retrying does not help."""


class UnreachableError(NetworkError):
    """The host does not exist, or its certificate is invalid. Retrying does not help."""


class MaskError(DataGouvError, ValueError):
    """The fields wanted are invalid for the operation. No request was sent."""

    attempts = 0


class DecodeError(DataGouvError, ValueError):
    """A response does not have the format that the operation declares.

    Attributes:
        operation: The name of the operation.
        path: The position in the JSON, such as ``$.data[3].organization``.
        expected: A description of the value expected there.
        id: The id of the object that has the value, if any.
        response: The response; None if the error was found when a field of a model was read.
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
        path = self.path if self.id is None else f"{self.path} (id {one_line(self.id, ID)})"
        text = f"expected {self.expected} at {path}, got {found}"
        return f"{self.operation}: {text}{self._effort()}" if self.operation else text


class MissingFieldError(DataGouvError, AttributeError):
    """A field of a model was read that is missing in its JSON.

    Attributes:
        model: The name of the model.
        field: The name of the attribute.
        operation: The name of the operation; None if the model was not made from a response.
        path: The position in the JSON where it would be, such as ``$.data[3].organization``.
        is_masked: Whether it was not among the fields wanted; else the portal does not send it.
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
        # Without a name, Python would store the model in the error.
        super().__init__(model, field, name=field)
        self.model = model
        self.field = field
        self.operation = operation
        self.path = path
        self.is_masked = is_masked

    def __str__(self) -> str:
        text = f"{self.model}.{self.field} is missing"
        if self.operation is None:
            return f"{text}: the JSON has nothing at {self.path}"
        reason = (
            "it is not among the fields that were asked for"
            if self.is_masked
            else "the release of udata that this portal runs does not send it here"
        )
        return f"{self.operation}: {text} at {self.path}: {reason}"


class NotJSONError(DecodeError):
    """A response is not JSON: it was truncated, or it came from a proxy instead of the portal."""


class APIError(DataGouvError):
    """The portal answered with an error status.

    Attributes:
        message: The message of the portal, or the reason phrase of HTTP if there is none. Before
            it, for an operation that the portal seems to lack, which releases of udata serve it.
        errors: The problems found in the body sent: the name of each field -> its problems.
        operation: The name of the operation.
        method: The HTTP method.
        url: The URL that answered.
        status: The HTTP status.
        sentry_id: The id to give to the portal's support, from the header ``X-Sentry-ID``.
        retry_after: Seconds that the portal asks to wait, if it does.
        response: The response, with its body; None if the client refused to send the call.
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
            text += f" [{one_line(text_of(self.errors))}]"
        if self.retry_after is not None:
            text += f", wait {round(self.retry_after, 1):g} s"
        text += self._effort()
        text += f" ({self.method} {one_line(self.url, URL)})"
        if self.sentry_id is not None:
            text += f" [X-Sentry-ID {one_line(self.sentry_id, ID)}]"
        return text


class BadRequestError(APIError):
    """400: the request is invalid; see ``errors``."""


class AuthenticationError(APIError):
    """401: the API key is missing, wrong, revoked or expired."""


class PermissionDeniedError(APIError):
    """403: the owner of the API key may not do this."""


class NotFoundError(APIError):
    """404: the object does not exist, or the owner of the API key may not see it."""


class GoneError(APIError):
    """410: the object was deleted."""


class LockedError(APIError):
    """423: the portal is in read-only mode.

    The client raises it without sending the call if the portal has just answered so. Then
    ``message`` is the portal's, ``retry_after`` the seconds until the client asks it again, and
    ``response`` None.
    """


class RateLimitedError(APIError):
    """429: too many requests; see ``retry_after``.

    The client raises it without sending the call if that time is not over. Then ``response`` is
    None.
    """


class ServerError(APIError):
    """5xx: the portal, or a proxy in front of it, failed."""


_BY_STATUS: dict[int, type[APIError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    410: GoneError,
    423: LockedError,
    429: RateLimitedError,
}


def class_of(status: int) -> type[APIError]:
    """The class of the error for a failing status."""
    return _BY_STATUS.get(status, ServerError if status >= 500 else APIError)
