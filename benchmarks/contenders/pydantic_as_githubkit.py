"""A stack like that of githubkit: httpx, and an answer that is validated when it is read.

A request takes its turn, is sent, and is sent again if it failed; what the caller gets is a
response with a model, which pydantic validates from the bytes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cached_property
from typing import Any, Generic, TypeVar

import httpx
from pydantic import TypeAdapter

from .call import CONNECTIONS, Call
from .pydantic_models import models

T = TypeVar("T")

ATTEMPTS = 3
HEADERS = {"Accept": "application/json", "User-Agent": "githubkit-like"}


class Response(Generic[T]):
    """An answer.

    Args:
        response: The answer of httpx.
        model: The type of its content.
    """

    def __init__(self, response: httpx.Response, model: TypeAdapter[T]) -> None:
        self._response = response
        self._model = model

    @cached_property
    def parsed_data(self) -> T:
        """The content."""
        return self._model.validate_json(self._response.content)


class Core:
    """The requests of a client.

    Args:
        client: The client of httpx.
    """

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self._throttle = asyncio.Semaphore(CONNECTIONS)

    async def request(self, method: str, url: str, model: TypeAdapter[T]) -> Response[T]:
        """Send a request, again if it failed."""
        for attempt in range(ATTEMPTS):
            try:
                async with self._throttle:
                    response = await self._client.request(method, url, headers=HEADERS)
            except httpx.TransportError:
                if attempt + 1 == ATTEMPTS:
                    raise
                continue
            if not response.is_server_error:
                break
        return Response(response.raise_for_status(), model)


@asynccontextmanager
async def opened(url: str, slug: str) -> AsyncIterator[Call]:
    """Open the client."""
    dataset: TypeAdapter[Any] = TypeAdapter(models().model("Dataset"))
    limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
    async with httpx.AsyncClient(base_url=url, limits=limits) as client:
        core = Core(client)

        async def call() -> str:
            response = await core.request("GET", f"/api/1/datasets/{slug}/", dataset)
            title: str = response.parsed_data.title
            return title

        yield call
