"""Answers: makes a call and decodes its response, by the kind of the operation.

The generated functions call :func:`json`, :func:`empty` and :func:`location`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar, get_origin, overload

from .. import _http
from .._decoding.json import decode
from ..errors import DecodeError, MaskError
from .call import Call
from .caller import Caller

if TYPE_CHECKING:
    from .._fields.projection import Projection

P = TypeVar("P")
T = TypeVar("T")


@overload
def json(client: Caller, call: Call) -> Awaitable[Any]: ...
@overload
def json(client: Caller, call: Call, type_: type[T]) -> Awaitable[T]: ...
@overload
def json(
    client: Caller, call: Call, type_: type[list[T]], into: type[P] | None = None
) -> Awaitable[list[T] | list[P]]: ...
@overload
def json(
    client: Caller, call: Call, type_: type[T], into: type[P] | None = None
) -> Awaitable[T | P]: ...
def json(client: Caller, call: Call, type_: Any = Any, into: Any = None) -> Awaitable[Any]:
    """Make a call and decode its JSON into a model, a list of models, or plain JSON.

    With ``into``, that class is decoded into instead, and says which fields are wanted.

    Raises:
        MaskError: ``into`` does not fit the model, or fields were given as well.
        DecodeError: The answer is not JSON, or of another type.
    """
    if into is None:

        def plain(response: _http.Response) -> Any:
            return decode(call.operation.name, response.content, type_, call.answer_mask)

        return client._read(call, plain)
    call, projection = project(call, into)
    read = projection.many if get_origin(type_) is list else projection.one
    return fetch(client, call, read)


def empty(client: Caller, call: Call) -> Awaitable[None]:
    """Make a call whose answer is empty."""
    return client._read(call, lambda _: None)


def location(client: Caller, call: Call) -> Awaitable[str]:
    """Make a call that answers a redirect, and return its target without following it.

    Raises:
        DecodeError: The answer is not a redirect.
    """

    def read(response: _http.Response) -> str:
        target = response.headers.get("Location")
        found = f"status {response.status_code}" if target is None else repr(target)
        if target is not None:
            with contextlib.suppress(ValueError):
                return str(_http.join(response.url, target))
        raise DecodeError(found, operation=call.operation.name, path="Location", expected="a URL")

    return client._read(call, read)


def fetch(client: Caller, call: Call, read: Callable[[str, bytes], T]) -> Awaitable[T]:
    """Make a call and decode the body of its answer; ``read`` gets the operation's name too."""
    return client._read(call, lambda response: read(call.operation.name, response.content))


def project(call: Call, class_: type[P]) -> tuple[Call, Projection[P]]:
    """Narrow a call down to the fields of a class, and prepare to decode into it.

    Raises:
        MaskError: The class does not fit the model, or fields were given as well.
    """
    from .._fields.projection import projection_of  # Slow to import.

    if call.mask is not None:
        raise MaskError(
            f"{call.operation.name}: give either fields or a class to decode into: the class says "
            "which fields are wanted"
        )
    projection = projection_of(class_, call.operation)
    return call.with_mask(projection.mask), projection
