"""Hosts with files, and a portal that links to them, which change between two synchronizations."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
from attrs import define, field

from aiodatagouv import Client
from aiodatagouv.models import Resource

from .clients import client_of
from .servers import server

PORTAL = "https://portal.example/"


@define
class Host:
    """A local server of files, each with an ETag.

    Attributes:
        url: Its address.
        files: The path of a file -> its content; None for a file that is answered by a 500.
        moved: The path of a file -> the address that it is redirected to.
        gate: The event that answers wait for, if any.
        asked: The requests, by their paths.
        sent: The bytes of files that were sent.
        at_once: The requests under way.
        most: The most requests that were ever under way at once.
    """

    url: str = ""
    files: dict[str, bytes | None] = field(factory=dict)
    moved: dict[str, str] = field(factory=dict)
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
            for _turn in range(10):  # Others come meanwhile.
                await asyncio.sleep(0)
            if self.gate is not None:
                await self.gate.wait()
            writer.write(self._response(path, head))
            await writer.drain()
        finally:
            self.at_once -= 1

    def _response(self, path: str, head: str) -> bytes:
        if path in self.moved:
            head = f"HTTP/1.1 302 Found\r\nLocation: {self.moved[path]}"
            return f"{head}\r\nContent-Length: 0\r\n\r\n".encode()
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


@define
class Files:
    """Hosts with files, and a portal, as one transport.

    Attributes:
        files: The address of a file -> its content, or the answer.
        api: The path of the portal's API -> the answer, or the error.
        asked: The addresses that were asked for, in order; those of the portal without it.
    """

    files: dict[str, bytes | httpx.Response | Exception] = field(factory=dict)
    api: dict[str, Any] = field(factory=dict)
    asked: list[str] = field(factory=list)

    def client(self, **options: Any) -> Client:
        return client_of(PORTAL, transport=httpx.MockTransport(self._answer), **options)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        url = str(request.url)
        if url.startswith(PORTAL):
            found = self.api[request.url.path.removeprefix("/api/")]
            if callable(found):
                found = found(request)
            if isinstance(found, httpx.Response):
                return found
            return httpx.Response(200, json=found)
        self.asked.append(url)
        content = self.files[url]
        if isinstance(content, Exception):
            raise content
        if isinstance(content, httpx.Response):
            return content
        etag = f'"{hashlib.sha1(content).hexdigest()}"'
        if request.headers.get("If-None-Match") == etag:
            return httpx.Response(304)
        return httpx.Response(200, content=content, headers={"ETag": etag})


def resource(id: str, url: str, **more: Any) -> Resource:
    """A resource of the portal."""
    json = {"id": id, "url": url, "title": f"Title of {id}", "format": "csv", "filetype": "remote"}
    return Resource.from_dict({**json, **more})


def sha1(content: bytes) -> dict[str, str]:
    """A checksum, as a resource has it."""
    return {"type": "sha1", "value": hashlib.sha1(content).hexdigest()}
