"""The transport that tests put in place of the network, for every client without one of its own."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager

from httpx import AsyncBaseTransport, Request, Response

_replacements: dict[object, AsyncBaseTransport | None] = {}


def replacement() -> AsyncBaseTransport | None:
    """The transport that replaces the network now, None if nothing does."""
    return next(reversed(_replacements.values()), None)


@contextmanager
def replaced(transport: AsyncBaseTransport | None) -> Generator[None]:
    """Replace the network inside the block; None brings it back."""
    block = object()
    _replacements[block] = transport
    try:
        yield
    finally:
        del _replacements[block]


class Replaceable(AsyncBaseTransport):
    """A transport that gives way to the one that replaces the network.

    Args:
        make: Makes the transport to the network, for the first request that needs it.
    """

    def __init__(self, make: Callable[[], AsyncBaseTransport]) -> None:
        self._make = make
        self._made: AsyncBaseTransport | None = None

    async def handle_async_request(self, request: Request) -> Response:
        given = replacement()
        if given is None:
            given = self._made = self._made or self._make()
        return await given.handle_async_request(request)

    async def aclose(self) -> None:
        if self._made is not None:
            await self._made.aclose()
