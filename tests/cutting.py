"""A proxy that cuts connections, and a program that uploads files through it.

python -m tests.cutting URL FOLDER uploads every file of a folder, each with a journal beside it, to
the dataset of its own folder, with the key in the environment variable DATAGOUV_API_KEY.
"""

from __future__ import annotations

import asyncio
import random
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from aiodatagouv import RetryPolicy
from aiodatagouv.files._upload.uploads import upload
from aiodatagouv.models import Resource

from .clients import client_of

POLICY = RetryPolicy(attempts=12, base=0.001)

CHUNK = 1000


class Proxy:
    """Forwards requests to a portal, and cuts some of the connections.

    Attributes:
        url: The address of the proxy.
        serving: The tasks that serve a connection.
        done: What was done with the requests, and how often.
        on_request: Called with the number of each request and the request, before it is forwarded.
    """

    def __init__(self, portal: str, share: float, seed: int) -> None:
        self.url = ""
        self.serving = set[asyncio.Task[object]]()
        self.done: Counter[str] = Counter()
        self.on_request: Callable[[int, bytes], object] = lambda _, __: None
        self._portal = httpx.URL(portal)
        self._share = share
        self._chance = random.Random(seed)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving = asyncio.current_task()
        assert serving is not None
        self.serving.add(serving)
        try:
            await self._serve(reader, writer)
        except (asyncio.CancelledError, asyncio.IncompleteReadError, ConnectionError):
            pass  # The client has disconnected or was killed, or the test is over.
        finally:
            self.serving.discard(serving)
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            headers = [line.partition(b":") for line in head.lower().split(b"\r\n")]
            size = sum(int(value) for name, _, value in headers if name == b"content-length")
            request = head + await reader.readexactly(size)
            self.on_request(self.done.total(), request)
            fate = "answered"
            if self._chance.random() < self._share:
                fate = self._chance.choice(["lost", "carried out, answer lost"])
            self.done[fate] += 1
            answer = b"" if fate == "lost" else await self._forward(request)
            if fate != "answered":
                return
            writer.write(answer)

    async def _forward(self, request: bytes) -> bytes:
        reader, writer = await asyncio.open_connection(self._portal.host, self._portal.port)
        try:
            writer.write(request.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
            answer = await reader.read()
        finally:
            writer.close()
        return answer.replace(b"Connection: close\r\n", b"", 1)


@asynccontextmanager
async def cutting(portal: str, *, share: float = 0.1, seed: int = 0) -> AsyncIterator[Proxy]:
    """Run a proxy in front of a portal."""
    proxy = Proxy(portal, share, seed)
    serving = await asyncio.start_server(proxy.serve, "127.0.0.1")
    proxy.url = f"http://127.0.0.1:{serving.sockets[0].getsockname()[1]}"
    try:
        yield proxy
    finally:
        serving.close()
        tasks = [*proxy.serving]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks)


async def upload_all(url: str, key: str | None, folder: Path) -> list[Resource]:
    """Upload every file in the folders of a folder, several at once.

    The name of a folder is the id of the dataset that gets its files.
    """
    free = asyncio.Semaphore(8)
    async with client_of(url, api_key=key, retry=POLICY) as client:

        async def one(path: Path) -> Resource:
            dataset, journal = path.parent.name, path.with_suffix(".journal")
            async with free:
                return await upload(client, dataset, path, chunk_size=CHUNK, journal=journal)

        return await asyncio.gather(*map(one, sorted(folder.rglob("*.csv"))))


if __name__ == "__main__":
    asyncio.run(upload_all(sys.argv[1], None, Path(sys.argv[2])))
