"""httpx, whose JSON is not read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from . import plain_httpx
from .call import Call


def reason(response: httpx.Response) -> str:
    """Return the reason of the status, instead of a title."""
    return response.reason_phrase


@asynccontextmanager
async def opened(
    url: str, slug: str, transport: httpx.AsyncBaseTransport | None = None
) -> AsyncIterator[Call]:
    """Open the client."""
    async with plain_httpx.opened(url, slug, transport, reason) as call:
        yield call
