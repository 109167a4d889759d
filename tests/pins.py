"""Documents that are pinned without a portal, and portals that have nothing but documents."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from generator import pin

from .servers import server


def stored(
    folder: Path,
    content: bytes,
    release: str,
    source: str = "here",
    *,
    second: bytes | None = None,
    force: bool = False,
) -> list[pin.Release]:
    """Pin the document of API v1, and that of API v2 if there is one, and return the entries."""
    contents = {1: content} if second is None else {1: content, 2: second}
    return pin.store(folder, contents, release, dict.fromkeys(contents, source), force=force)


@asynccontextmanager
async def portal(
    documents: Mapping[str, bytes | str], asked: list[str] | None = None
) -> AsyncIterator[str]:
    """Run a portal that has some documents by their paths, or the lines of other statuses.

    Args:
        documents: Their contents; a text is a status, such as ``502 Bad Gateway``.
        asked: Takes the paths of the requests.

    Yields:
        Its URL.
    """
    heads: list[str] = []

    def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = heads[-1].split(" ")[1]
        if asked is not None:
            asked.append(path)
        found = documents.get(path, "404 Not Found")
        status, content = (found, b"") if isinstance(found, str) else ("200 OK", found)
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(content)}\r\n\r\n"
        writer.write(head.encode() + content)

    async with server(answer, heads) as url:
        yield url
