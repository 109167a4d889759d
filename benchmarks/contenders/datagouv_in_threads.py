"""datagouv-client, which is synchronous, in as many threads as there are connections.

It fetches a dataset by two requests.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any

from .call import CONNECTIONS, Call


@asynccontextmanager
async def opened(url: str, slug: str) -> AsyncIterator[Call]:
    """Open the client and its threads."""
    # Not installed where types are checked.
    client: Any = import_module("datagouv").Client(pool_maxsize=CONNECTIONS)
    client.base_url = url.removesuffix("/")

    def fetch() -> str:
        title: str = client.dataset(slug).title
        return title

    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(CONNECTIONS) as threads, client.session:

        async def call() -> str:
            return await loop.run_in_executor(threads, fetch)

        yield call
