"""The errors of the library. Each is a :class:`DataGouvError`, prints as one line and pickles."""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from ._http import Response

_MESSAGE = 500
"""Maximum length of a message in the text of an error."""

_URL = 300
"""Maximum length of a URL there."""

_ID = 64
"""Maximum length of an id there."""

_DEPTH = 8
"""Maximum depth of nested JSON in the text of an error."""


class DataGouvError(Exception):
    """The base class of all errors of this library.

    Attributes:
        attempts: The number of times that the call was sent; 0 if the client refused to send it.
        waited: Seconds that the call waited to be sent, before and between its attempts.
    """

    attempts: int = 1
    waited: float = 0.0

    def _effort(self) -> str:
        """Attempts made and seconds waited, unless the call was sent exactly once."""
        if self.attempts == 1:
            return ""
        if not self.attempts:
            return ", not sent"
        return f", {self.attempts} attempts, waited {self.waited:.1f} s"


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
        return f"{text} ({self.method} {one_line(self.url, _URL)})"


class TimeoutError(NetworkError, builtins.TimeoutError):
    """The portal did not accept the connection, or did not answer, in time."""


class RedirectError(NetworkError):
    """The portal redirects to a URL that the client does not follow. Retrying does not help."""


class UnreachableError(NetworkError):
    """The host does not exist, or its certificate is invalid. Retrying does not help."""


class MaskError(DataGouvError, ValueError):
    """The fields wanted are invalid for the operation. No request was sent."""

    attempts = 0


class OrderError(DataGouvError):
    """A list is not in the sort order requested, so a walk may have missed items that moved.

    Args:
        operation: The name of the operation that lists the items.
        problem: The rest of a sentence that begins with "the list".
        advice: The consequence, or what to do instead.
    """

    def __init__(self, operation: str, problem: str, advice: str = "items may be missing") -> None:
        super().__init__(operation, problem, advice)
        self.operation = operation
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.operation}: the list {one_line(self.problem)}: {self.args[2]}"


class UnknownOrderError(OrderError):
    """The portal answered 400 to the sort order that a walk needs: its release does not know it."""


class TooManyResultsError(DataGouvError, ValueError):
    """A search has more results than the portal lets its pages reach.

    It is raised at the first page, before anything is yielded or written; later only if the search
    has grown meanwhile.

    Attributes:
        operation: The name of the operation that searches.
        total: The number of results; about, if the portal tells it by facets only.
        window: The most results that pages reach.
        advice: What to do instead.
    """

    def __init__(self, operation: str, total: int, window: int, advice: str) -> None:
        super().__init__(operation, total, window, advice)
        self.operation = operation
        self.total = total
        self.window = window
        self.advice = advice

    def __str__(self) -> str:
        reach = f"{self.total:,} results, of which pages reach only {self.window:,}"
        return f"{self.operation}: {reach}: {one_line(self.advice)}"


class MissingResultsError(DataGouvError):
    """A search was read in parts, which together lack some of its results.

    It is raised after all results that were found.

    Attributes:
        operation: The name of the operation that searches.
        missing: The number of results that are missing.
        total: The number of results.
        gone: The most of them that may be objects which the portal counts and no longer has.
    """

    def __init__(self, operation: str, missing: int, total: int, gone: int) -> None:
        super().__init__(operation, missing, total, gone)
        self.operation = operation
        self.missing = missing
        self.total = total
        self.gone = gone

    def __str__(self) -> str:
        text = f"{self.missing:,} of {self.total:,} results are in no part that was read"
        gone = f", unless they no longer exist (up to {self.gone:,} do not)" if self.gone else ""
        return f"{self.operation}: {text}{gone}: split it by other facets"


class CheckpointError(DataGouvError):
    """A harvest cannot be resumed: its checkpoint is invalid, in use, or of another harvest."""

    attempts = 0


class DestinationError(DataGouvError, ValueError):
    """A harvest cannot be written to its destination."""

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
        path = self.path if self.id is None else f"{self.path} (id {one_line(self.id, _ID)})"
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
        text += f" ({self.method} {one_line(self.url, _URL)})"
        if self.sentry_id is not None:
            text += f" [X-Sentry-ID {one_line(self.sentry_id, _ID)}]"
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


def one_line(text: str, longest: int = _MESSAGE) -> str:
    """Put a text on one line, without control characters, truncated to a maximum length."""
    # The text may be huge: enough of it is read to fill the line after whitespace is removed.
    text = "".join(char if char.isprintable() else " " for char in text[: 10 * _MESSAGE])
    text = " ".join(text.split())
    return text if len(text) <= longest else f"{text[:longest]}..."


def text_of(value: Any, depth: int = 0) -> str:
    """Format JSON that describes a failure, such as nested validation errors, as text."""
    if depth > _DEPTH:
        return "..."
    if isinstance(value, dict):
        pairs = cast("dict[str, Any]", value).items()
        return "; ".join(f"{name}: {text_of(one, depth + 1)}" for name, one in pairs)
    if isinstance(value, list):
        return ", ".join(filter(None, (text_of(one, depth + 1) for one in value)))
    return str(value)
