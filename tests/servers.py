"""Local servers with scripted responses, for behaviour that a real portal never shows on demand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], object]


@asynccontextmanager
async def server(answer: Answer, heads: list[str] | None = None) -> AsyncIterator[str]:
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

    listening = await asyncio.start_server(serve, "127.0.0.1")
    try:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
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
