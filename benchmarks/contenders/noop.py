"""A transport that sends nothing."""

from __future__ import annotations

import httpx


class Noop(httpx.AsyncBaseTransport):
    """Answers every request at once with the same JSON.

    Args:
        content: The JSON.
    """

    def __init__(self, content: bytes) -> None:
        self._content = content

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request."""
        headers = {"Content-Type": "application/json"}
        return httpx.Response(200, headers=headers, content=self._content)
