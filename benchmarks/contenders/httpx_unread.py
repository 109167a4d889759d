"""httpx, whose JSON is not read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from .call import CONNECTIONS, Call


@asynccontextmanager
async def opened(
    url: str, slug: str, transport: httpx.AsyncBaseTransport | None = None
) -> AsyncIterator[Call]:
    """Open the client, whose calls return the reason of the status instead of a title."""
    limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
    async with httpx.AsyncClient(base_url=url, limits=limits, transport=transport) as client:

        async def call() -> str:
            response = await client.get(f"api/1/datasets/{slug}/")
            return response.raise_for_status().reason_phrase

        yield call
