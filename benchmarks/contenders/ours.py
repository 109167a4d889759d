"""This client, without a rate."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from aiodatagouv import Client
from aiodatagouv.api import datasets

from .call import CONNECTIONS, Call


@asynccontextmanager
async def opened(
    url: str, slug: str, transport: httpx.AsyncBaseTransport | None = None
) -> AsyncIterator[Call]:
    """Open the client."""
    async with Client(
        base_url=url, api_key="", rate=None, max_connections=CONNECTIONS, transport=transport
    ) as client:

        async def call() -> str:
            return (await datasets.get_dataset(client, slug)).title

        yield call
