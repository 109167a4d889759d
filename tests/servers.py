"""Local servers with scripted responses, for behaviour that a real portal never shows on demand."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

OK = b"HTTP/1.1 200 OK\r\n"

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], object]


@asynccontextmanager
async def server(
    answer: Answer, heads: list[str] | None = None, tls: ssl.SSLContext | None = None
) -> AsyncIterator[str]:
    """Run a local server that reads a request, calls ``answer`` and closes the connection.

    The head of each request (request line and headers) is appended to ``heads``.
    """
    serving: set[asyncio.Task[object] | None] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.current_task())
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            if heads is not None:
                heads.append(head.decode("latin-1"))
            result = answer(reader, writer)
            if asyncio.iscoroutine(result):
                await result
        except (asyncio.CancelledError, asyncio.IncompleteReadError, ConnectionError):
            pass  # The client has disconnected, or the test is over.
        finally:
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", ssl=tls)
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    finally:
        listening.close()
        tasks = [task for task in serving if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def says(content: bytes) -> Answer:
    return lambda _, writer: writer.write(content)


def redirects(location: str) -> Answer:
    return says(f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode())


async def stalls(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(OK + b'Content-Length: 100\r\n\r\n{"id"')
    await asyncio.Event().wait()


async def tunnels(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
    """Answer a CONNECT as a proxy does, with a tunnel to a local port."""
    inside, outside = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")

    async def copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while piece := await source.read(65536):
            target.write(piece)
        target.close()

    try:
        await asyncio.gather(copy(reader, outside), copy(inside, writer))
    finally:
        outside.close()
