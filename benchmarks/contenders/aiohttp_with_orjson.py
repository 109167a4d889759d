"""aiohttp, and the JSON as orjson reads it: the floor."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import orjson

from .call import CONNECTIONS, Call


@asynccontextmanager
async def opened(url: str, slug: str) -> AsyncIterator[Call]:
    """Open the session."""
    connector = aiohttp.TCPConnector(limit=CONNECTIONS)
    async with aiohttp.ClientSession(base_url=url, connector=connector) as session:

        async def call() -> str:
            async with session.get(f"api/1/datasets/{slug}/") as response:
                response.raise_for_status()
                title: str = orjson.loads(await response.read())["title"]
                return title

        yield call
