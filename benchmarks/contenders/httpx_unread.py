"""httpx, whose answer is fetched, but whose JSON is not read: the least that a call can take."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from .call import Call


@asynccontextmanager
async def opened(
    url: str, slug: str, transport: httpx.AsyncBaseTransport | None = None
) -> AsyncIterator[Call]:
    """Open the client. Its calls return the reason of the status, because they have no title."""
    async with httpx.AsyncClient(base_url=url, transport=transport) as client:

        async def call() -> str:
            return (await client.get(f"api/1/datasets/{slug}/")).reason_phrase

        yield call
