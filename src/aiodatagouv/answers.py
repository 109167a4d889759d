"""What comes back: one function for each kind of answer, called by the generated functions."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, get_origin, overload

from . import _http
from .client import Client
from .decoding import decode
from .errors import DecodeError, MaskError
from .operation import Call

if TYPE_CHECKING:
    from .projection import Projection

P = TypeVar("P")
T = TypeVar("T")


@overload
async def json(client: Client, call: Call) -> Any: ...
@overload
async def json(client: Client, call: Call, type_: type[T]) -> T: ...
@overload
async def json(
    client: Client, call: Call, type_: type[list[T]], into: type[P] | None = None
) -> list[T] | list[P]: ...
@overload
async def json(
    client: Client, call: Call, type_: type[T], into: type[P] | None = None
) -> T | P: ...
async def json(client: Client, call: Call, type_: Any = Any, into: Any = None) -> Any:
    """Decode a JSON answer.

    Args:
        client: The portal to call.
        call: What to call.
        type_: A model, a list of models, or a type of plain JSON.
        into: The class to decode into instead of the model; it says which fields to ask for.

    Raises:
        MaskError: ``into`` does not fit the model, or fields were given as well.
        DecodeError: The answer is not JSON, or of another type.
        APIError, NetworkError, RuntimeError, ValueError: See :meth:`Client.request`.
    """
    if into is None:
        return await fetch(client, call, partial(decode, type_=type_, mask=call.answer_mask()))
    call, filled = project(call, into)
    return await fetch(client, call, filled.many if get_origin(type_) is list else filled.one)


def project(call: Call, class_: type[P]) -> tuple[Call, Projection[P]]:
    """The call that asks for what a class wants, and how it is filled from the answer.

    Raises:
        MaskError: The class does not fit the model, or fields were given as well.
    """
    from .projection import projection  # Slow to import.

    if call.fields is not None:
        raise MaskError(
            f"{call.operation.id}: give either fields or a class to decode into: the class says "
            "which fields are wanted"
        )
    filled = projection(class_, call.operation)
    return call.with_fields(class_), filled


async def fetch(client: Client, call: Call, read: Callable[[str, bytes], T]) -> T:
    """Make a call and read the body of its answer."""
    return await client.read(call, lambda response: read(call.operation.id, response.content))


async def empty(client: Client, call: Call) -> None:
    """Make a call that answers nothing."""
    await client.request(call)


async def location(client: Client, call: Call) -> str:
    """The address that a redirect leads to; it is not followed.

    Raises:
        DecodeError: The answer is no redirect.
    """
    response = await client.request(call)
    target = response.headers.get("Location")
    found = f"status {response.status_code}" if target is None else repr(target)
    if target is not None:
        with contextlib.suppress(ValueError):
            return str(_http.join(response.url, target))
    raise DecodeError(
        found, operation=call.operation.id, path="Location", expected="an address to go to"
    )
