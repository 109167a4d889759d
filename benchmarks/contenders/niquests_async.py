"""niquests, and the JSON as it is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any

from .call import CONNECTIONS, Call


@asynccontextmanager
async def opened(url: str, slug: str) -> AsyncIterator[Call]:
    """Open the session."""
    niquests: Any = import_module("niquests")  # Not installed where types are checked.
    async with niquests.AsyncSession(pool_maxsize=CONNECTIONS) as session:

        async def call() -> str:
            response = await session.get(f"{url}api/1/datasets/{slug}/")
            title: str = response.raise_for_status().json()["title"]
            return title

        yield call
