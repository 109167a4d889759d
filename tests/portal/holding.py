"""A proxy in front of a portal that holds back chosen answers, to stop a command in the middle."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx

from ..servers import server


class Holding:
    """A proxy that forwards every request, and holds back the answers that a test chooses.

    Attributes:
        url: The address of the proxy.
        heads: The head of each request so far: its first line and its headers.
        chosen: Tells by its head whether the answer to a request is held back.
        share: The share of a held answer that is sent nevertheless; None if the portal does not
            get the request either.
        held: Set while an answer is held back.
    """

    def __init__(self, portal: str) -> None:
        self._portal = httpx.URL(portal)
        self.url = ""
        self.heads: list[str] = []
        self.chosen: Callable[[str], bool] = lambda _: False
        self.share: float | None = 0.0
        self.held = asyncio.Event()

    def lines(self, pattern: str) -> list[str]:
        """The first lines of the requests so far that match a pattern."""
        lines = [head.partition("\r\n")[0] for head in self.heads]
        return [line for line in lines if re.search(pattern, line)]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = self.heads[-1]
        length = re.search(r"\r\ncontent-length: *([0-9]+)", head, re.IGNORECASE)
        body = await reader.readexactly(int(length[1]) if length else 0)
        is_held = self.chosen(head)
        if not is_held:
            writer.write(await self._forwarded(head, body))
            return
        if self.share is not None:
            answer = await self._forwarded(head, body)
            writer.write(answer[: int(len(answer) * self.share)])
            await writer.drain()
        self.held.set()
        await asyncio.Event().wait()

    async def _forwarded(self, head: str, body: bytes) -> bytes:
        reader, writer = await asyncio.open_connection(self._portal.host, self._portal.port)
        head = re.sub(r"\r\nconnection: [^\r]*", "", head, flags=re.IGNORECASE)
        writer.write(head.replace("\r\n", "\r\nConnection: close\r\n", 1).encode("latin-1") + body)
        answer = await reader.read()
        writer.close()
        return answer


@asynccontextmanager
async def holding(portal: str) -> AsyncIterator[Holding]:
    """Run such a proxy."""
    proxy = Holding(portal)
    async with server(proxy.serve, proxy.heads) as url:
        proxy.url = url
        yield proxy
