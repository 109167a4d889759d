"""httpx, and the JSON as it is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx

from .call import CONNECTIONS, Call


def title(response: httpx.Response) -> str:
    """Return the title of a dataset."""
    found: str = response.json()["title"]
    return found


@asynccontextmanager
async def opened(
    url: str,
    slug: str,
    transport: httpx.AsyncBaseTransport | None = None,
    read: Callable[[httpx.Response], str] = title,
) -> AsyncIterator[Call]:
    """Open the client."""
    limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
    async with httpx.AsyncClient(base_url=url, limits=limits, transport=transport) as client:

        async def call() -> str:
            response = await client.get(f"api/1/datasets/{slug}/")
            return read(response.raise_for_status())

        yield call
