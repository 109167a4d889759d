"""Scripts: answers and faults that a test states beforehand."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, get_args

from attrs import define, frozen

from .. import _http
from .._checks import check_count, is_number
from .._encoding.parameters import QueryValue, pairs
from .._encoding.values import to_json
from .._http import Cut, Reply
from .._names import suggestion
from .._views.view import json_of
from ..api.operations import OPERATIONS
from ..operation import Operation

_MESSAGES = {
    401: "Invalid API token",
    403: "You don't have the permission to access the requested resource.",
    404: "The requested URL was not found on the server.",
    410: "The object has been deleted",
    423: "Due to security reasons, the creation of new content is currently disabled.",
    429: "Too many requests",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
}

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")

_STATUSES = range(200, 600)

_DEFAULTS = {"page": ["1"]}
"""The values of parameters that are not sent."""


@define
class Fault:
    """A fault of an operation.

    Attributes:
        target: The name of the operation, or a method and a URL; None for all requests.
        reply: The answer; without a status, the one that there would be without the fault.
        left: How many calls it is left for, None for all.
    """

    target: str | None
    reply: Reply
    left: int | None

    def takes(self, targets: Sequence[str]) -> bool:
        """Whether a call of some targets meets it; if so, it is left for one call less."""
        if self.target not in (None, *targets) or self.left == 0:
            return False
        self.left = None if self.left is None else self.left - 1
        return True


@frozen
class Stated:
    """The answer of an operation, or of a URL, as a test states it.

    Attributes:
        target: The name of the operation, or a method and a URL.
        answer: The answer: JSON, text or bytes.
        status: The HTTP status, None for the usual one.
        parameters: The parameters of the path or the query, with their texts, of the calls that it
            is for.
    """

    target: str
    answer: Any
    status: int | None
    parameters: Sequence[tuple[str, str]]

    def is_for(self, target: str, given: Mapping[str, list[str]]) -> bool:
        """Whether it is the answer of a call with some parameters."""
        return target == self.target and all(
            one in given.get(name, _DEFAULTS.get(name, [])) for name, one in self.parameters
        )


def state(
    target: str, answer: Any, status: int | None, parameters: Mapping[str, QueryValue]
) -> Stated:
    """State an answer, after a check of everything.

    Raises:
        ValueError: Something is wrong with an argument.
    """
    if status is not None and status not in _STATUSES:
        raise ValueError(f"answer: status is {status!r}: it must be from 200 to 599")
    if " " not in target:
        values = texts(known(target), parameters)
    elif parameters:
        raise ValueError(f"answer: {target} has no operation, and so no parameters")
    else:
        values = []
    value = answer if isinstance(answer, bytes) else plain(answer, f"answer: {target}: ")
    return Stated(target_of(target), value, status, values)


def target_of(target: str) -> str:
    """The name of an operation, or a method and a URL as they are compared.

    Raises:
        ValueError: It is neither.
    """
    method, space, address = target.partition(" ")
    if not space:
        return known(target).name
    if method not in _METHODS:
        raise ValueError(
            f"{target!r} is no operation, and no method and URL, such as "
            "'GET https://files.example/stops.csv'"
        )
    return f"{method} {plain_url(_http.parse_url(address))}"


def plain_url(url: _http.URL) -> _http.URL:
    """An address as it is compared: without a fragment, a password or an empty query."""
    return url.copy_with(fragment=None, userinfo=b"", path=url.path or "/", query=url.query or None)


def check_fault(
    status: int,
    headers: Mapping[str, str] | None,
    retry_after: int | None,
    cut: str | None,
    delay: float,
    times: int | None,
) -> None:
    """Check the arguments of a fault.

    Raises:
        ValueError: One of them is wrong.
    """
    if status and status not in _STATUSES:
        raise ValueError(f"status is {status!r}: it must be from 200 to 599")
    for name, value in (headers or {}).items():
        if not isinstance(value, str):
            raise ValueError(f"the header {name} is {value!r}: it must be a text")
    if retry_after is not None:
        check_count("retry_after", retry_after, least=0)
    if cut not in (None, *get_args(Cut)):
        raise ValueError(f"cut is {cut!r}: it must be one of {', '.join(get_args(Cut))}")
    if not (is_number(delay) and 0 <= delay < math.inf):
        raise ValueError(f"delay is {delay!r}: it must be 0 seconds or more")
    if times is not None:
        check_count("times", times)


def plain(value: Any, where: str = "") -> Any:
    """The JSON of a value that is stated as models, dates or plain JSON.

    Raises:
        ValueError: It is nothing of these.
    """
    try:
        found = to_json(json_of(value))
        json.dumps(found)
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"{where}{error}") from None
    return found


def reply_of(status: int, value: Any, headers: Mapping[str, str] | None = None) -> Reply:
    """Make an answer of JSON."""
    content = json.dumps(value, ensure_ascii=False).encode()
    return Reply(status, {"Content-Type": "application/json", **(headers or {})}, content)


def body_of_fault(status: int) -> dict[str, str]:
    """The body that a status usually comes with."""
    return {"message": _MESSAGES.get(status, f"Status {status}")}


def known(name: str) -> Operation:
    """The operation of a name."""
    operations = {one.name: one for one in OPERATIONS.values()}
    if name not in operations:
        raise ValueError(f"no operation is called {name!r}.{suggestion(name, operations)}")
    return operations[name]


def texts(operation: Operation, parameters: Mapping[str, QueryValue]) -> list[tuple[str, str]]:
    """The parameters of an operation as they are sent."""
    keys = {one.name: one.key for one in operation.parameters if one.place in ("path", "query")}
    for name in parameters:
        if name not in keys:
            has = ", ".join(keys) or "none"
            raise ValueError(f"{operation.name} has no parameter {name!r}: it has {has}")
    return pairs({keys[name]: value for name, value in parameters.items()}, operation)
