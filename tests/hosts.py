"""A scripted host of files, which can be made to break off, to change its file and to lie."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiodatagouv import Client
from aiodatagouv.models import Resource

from .clients import client_of
from .servers import server

PORTAL = "https://portal.example/"
"""A portal that no download may call."""

KEY = "a-very-secret-key"

Headers = dict[str, str]


@dataclass
class Host:
    """A host that serves one file, and ranges of it to those who know its version.

    Attributes:
        content: The file.
        headers: The headers of the answers, such as the validators.
        cuts: The bytes of a body after which the next connections break off; None for whole ones.
        edit: Changes the status and the headers of the next answers, to lie in them.
        requests: The heads of all requests.
        sent: The bytes of bodies that were sent.
        before: Called before each answer.
    """

    content: bytes
    headers: Headers = field(default_factory=lambda: {"ETag": '"1"'})
    cuts: list[int | None] = field(default_factory=list)
    edit: list[Callable[[int, Headers], int]] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    sent: int = 0
    before: Callable[[], object] = lambda: None
    url: str = ""

    @property
    def file(self) -> str:
        """The address of the file."""
        return f"{self.url}/file.csv"

    @property
    def ranges(self) -> list[str | None]:
        """The ranges that were asked for, None for the whole file."""
        return [header(head, "Range") for head in self.requests]

    async def answer(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the last request."""
        self.before()
        status, headers, body = self._answer(self.requests[-1])
        headers["Content-Length"] = str(len(body))
        if self.edit:
            status = self.edit.pop(0)(status, headers)
        lines = [f"HTTP/1.1 {status} X", *(f"{name}: {text}" for name, text in headers.items())]
        writer.write("\r\n".join([*lines, "", ""]).encode())
        cut = self.cuts.pop(0) if self.cuts else None
        sent = body if cut is None else body[:cut]
        self.sent += len(sent)
        writer.write(sent)
        await writer.drain()

    def _answer(self, head: str) -> tuple[int, Headers, bytes]:
        headers, size = {**self.headers}, len(self.content)
        tags = {self.headers.get("ETag"), self.headers.get("Last-Modified")} - {None}
        unchanged = header(head, "If-None-Match") or header(head, "If-Modified-Since")
        if unchanged in tags:
            return 304, headers, b""
        found = re.fullmatch(r"bytes=(\d+)-", header(head, "Range") or "")
        if found is None or header(head, "If-Range") not in tags:
            return 200, headers, self.content
        start = int(found[1])
        if start >= size:
            return 416, {**headers, "Content-Range": f"bytes */{size}"}, b""
        headers["Content-Range"] = f"bytes {start}-{size - 1}/{size}"
        return 206, headers, self.content[start:]


@asynccontextmanager
async def serving(host: Host) -> AsyncIterator[Client]:
    """Run a host, and make a client of a portal elsewhere that never waits between attempts."""
    async with server(host.answer, host.requests) as host.url, visitor() as client:
        yield client


def visitor(**options: Any) -> Client:
    """Make a client with a key of a portal elsewhere."""
    return client_of(PORTAL, **{"api_key": KEY, "timeout": 5, **options})


def resource(url: str, **fields: Any) -> Resource:
    """Make a resource whose file is at an address."""
    return Resource.from_dict({"id": "1", "title": "t", "filetype": "remote", "url": url, **fields})


def sha1(content: bytes) -> dict[str, str]:
    """Return the checksum of a file, as the portal has it."""
    return {"type": "sha1", "value": hashlib.sha1(content).hexdigest()}


def header(head: str, name: str) -> str | None:
    """Return a header of a request."""
    found = re.search(rf"^{name}: (.*)\r$", head, re.MULTILINE | re.IGNORECASE)
    return found[1] if found else None


def names(folder: Path) -> list[str]:
    """Return the names of the files in a folder."""
    return sorted(path.name for path in folder.iterdir())
