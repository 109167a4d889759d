"""Hosts with files, and a portal that links to them, which change between two synchronizations."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from attrs import define, field

from aiodatagouv.models import Resource

from .servers import server


@define
class Host:
    """A local server of files, each with an ETag.

    Attributes:
        url: Its address.
        files: The path of a file -> its content; None for a file that is answered by a 500.
        gate: The event that answers wait for, if any.
        asked: The requests, by their paths.
        sent: The bytes of files that were sent.
        at_once: The requests under way.
        most: The most requests that were ever under way at once.
    """

    url: str = ""
    files: dict[str, bytes | None] = field(factory=dict)
    gate: asyncio.Event | None = None
    asked: Counter[str] = field(factory=Counter)
    sent: int = 0
    at_once: int = 0
    most: int = 0
    heads: list[str] = field(factory=list)

    async def answer(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = self.heads.pop()
        path = head.split()[1]
        self.asked[path] += 1
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        try:
            await asyncio.sleep(0)
            if self.gate is not None:
                await self.gate.wait()
            writer.write(self._response(path, head))
            await writer.drain()
        finally:
            self.at_once -= 1

    def _response(self, path: str, head: str) -> bytes:
        if path not in self.files:
            return b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
        content = self.files[path]
        if content is None:
            return b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n"
        etag = f'"{hashlib.sha1(content).hexdigest()}"'
        if f"if-none-match: {etag}" in head.lower():
            return f"HTTP/1.1 304 Not Modified\r\nETag: {etag}\r\n\r\n".encode()
        self.sent += len(content)
        lines = ["HTTP/1.1 200 OK", f"ETag: {etag}", f"Content-Length: {len(content)}", "", ""]
        return "\r\n".join(lines).encode() + content


@asynccontextmanager
async def hosts(number: int) -> AsyncIterator[list[Host]]:
    """Run several hosts."""
    async with AsyncExitStack() as stack:
        running = []
        for _ in range(number):
            host = Host()
            host.url = await stack.enter_async_context(server(host.answer, host.heads))
            running.append(host)
        yield running


def resource(id: str, url: str, **more: Any) -> Resource:
    """A resource of the portal."""
    json = {"id": id, "url": url, "title": f"Title of {id}", "format": "csv", "filetype": "remote"}
    return Resource.from_dict({**json, **more})


def sha1(content: bytes) -> dict[str, str]:
    """A checksum, as a resource has it."""
    return {"type": "sha1", "value": hashlib.sha1(content).hexdigest()}
