"""httpx over the sockets of aiohttp, and the JSON as it is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from httpx_aiohttp import AiohttpTransport

from . import plain_httpx
from .call import CONNECTIONS, Call


def transport() -> AiohttpTransport:
    """Return the transport."""
    return AiohttpTransport(limits=httpx.Limits(max_connections=CONNECTIONS))


@asynccontextmanager
async def opened(url: str, slug: str) -> AsyncIterator[Call]:
    """Open the client."""
    async with plain_httpx.opened(url, slug, transport()) as call:
        yield call
