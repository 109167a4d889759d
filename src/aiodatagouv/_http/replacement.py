"""The transport that tests put in place of the network, for every client without one of its own."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from httpx import AsyncBaseTransport

_replacements: list[AsyncBaseTransport] = []


def replacement() -> AsyncBaseTransport | None:
    """The transport that replaces the network now, None if nothing does."""
    return _replacements[-1] if _replacements else None


@contextmanager
def replaced(transport: AsyncBaseTransport) -> Generator[None]:
    """Replace the network inside the block, for the connections that are opened there."""
    _replacements.append(transport)
    try:
        yield
    finally:
        _replacements.remove(transport)
