"""A stack like that of the openai package: httpx, and options that are models themselves.

The options of each request are a model of pydantic, from which a request of httpx is built and
sent, again if it failed; pydantic validates what its JSON is read to.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel

from .call import CONNECTIONS, Call
from .pydantic_models import models

M = TypeVar("M", bound=BaseModel)


class Options(BaseModel):
    """The options of a request."""

    method: str
    url: str
    params: dict[str, Any] = {}
    headers: dict[str, str] = {}
    max_retries: int = 2
    timeout: float = 600


class API:
    """A client.

    Args:
        client: The client of httpx.
    """

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def get(self, url: str, cast_to: type[M]) -> M:
        """Fetch something."""
        return await self._request(Options(method="get", url=url), cast_to)

    async def _request(self, options: Options, cast_to: type[M]) -> M:
        for retry in range(options.max_retries + 1):
            try:
                response = await self._client.send(self._built(options, retry))
            except httpx.TransportError:
                if retry == options.max_retries:
                    raise
                continue
            if not response.is_server_error:
                break
        return cast_to.model_validate(response.raise_for_status().json())

    def _built(self, options: Options, retry: int) -> httpx.Request:
        headers = {
            "Accept": "application/json",
            "User-Agent": "openai-like",
            "X-Retry-Count": str(retry),
            **options.headers,
        }
        return self._client.build_request(
            options.method,
            options.url,
            params=options.params,
            headers=headers,
            timeout=options.timeout,
        )


@asynccontextmanager
async def opened(url: str, slug: str) -> AsyncIterator[Call]:
    """Open the client."""
    dataset = models().model("Dataset")
    limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
    async with httpx.AsyncClient(base_url=url, limits=limits) as client:
        api = API(client)

        async def call() -> str:
            title: str = (await api.get(f"/api/1/datasets/{slug}/", dataset)).title
            return title

        yield call
