"""httpx over the sockets of aiohttp, whose JSON is not read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from . import httpx_unread
from .call import Call
from .httpx_over_aiohttp import transport


@asynccontextmanager
async def opened(url: str, slug: str) -> AsyncIterator[Call]:
    """Open the client."""
    async with httpx_unread.opened(url, slug, transport()) as call:
        yield call
