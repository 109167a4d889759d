"""What comes back: one function for each kind of answer, called by the generated functions."""

from __future__ import annotations

import contextlib
from typing import Any, TypeVar, overload

from . import _http
from .client import Client
from .decoding import decode
from .errors import DecodeError
from .operation import Call
from .streams import Stream

T = TypeVar("T")


@overload
async def json(client: Client, call: Call) -> Any: ...
@overload
async def json(client: Client, call: Call, type_: type[T]) -> T: ...
async def json(client: Client, call: Call, type_: Any = Any) -> Any:
    """Decode a JSON answer as a model, a list of models, or plain JSON of a certain type.

    Raises:
        DecodeError: It is not JSON, or of another type.
        APIError, NetworkError, RuntimeError, ValueError: See :meth:`Client.request`.
    """
    response = await client.request(call)
    return decode(call.operation.id, response.content, type_)


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


async def stream(client: Client, call: Call) -> Stream:
    """An answer to be read in pieces; the call is checked now, and made when it is read."""
    call.url()
    return Stream(client, call)
