"""Scripts: answers and faults that a test states beforehand."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import define, frozen

from .._encoding.parameters import QueryValue, pairs
from .._encoding.values import to_json
from .._http import Reply
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


@define
class Fault:
    """A fault of an operation.

    Attributes:
        operation: The name of the operation, None for all.
        reply: The answer; without a status, the one that there would be without the fault.
        left: How many calls it is left for, None for all.
    """

    operation: str | None
    reply: Reply
    left: int | None

    def takes(self, operation: str) -> bool:
        """Whether a call meets it; if so, it is left for one call less."""
        if self.operation not in (None, operation) or self.left == 0:
            return False
        self.left = None if self.left is None else self.left - 1
        return True


@frozen
class Stated:
    """The answer of an operation, or of a URL, as a test states it.

    Attributes:
        target: The name of the operation, or a method and a URL.
        answer: The answer.
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
            one in given.get(name, []) for name, one in self.parameters
        )


def plain(answer: Any) -> Any:
    """The JSON of an answer that is stated as models, dates or plain JSON."""
    return to_json(json_of(answer))


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
