"""Tests behind a proxy that injects faults into one of five requests, without losses or repeats."""

from __future__ import annotations

import asyncio
import math
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager

import httpx
import pytest

from aiodatagouv import Client, DataGouvError, NetworkError, RetryPolicy
from aiodatagouv._http.transport import default_transport
from aiodatagouv.api import datasets
from aiodatagouv.models import Dataset, DatasetWrite

from ..clients import client_of
from .portal import Portal, running_portal

POLICY = RetryPolicy(attempts=12, base=0.01)


@pytest.fixture(scope="module")
def own_portal() -> Iterator[Portal]:
    with running_portal(datasets=60) as running:
        yield running


Writer = asyncio.StreamWriter


def status(line: str, body: str = "", kind: str = "text/html") -> bytes:
    head = f"HTTP/1.1 {line}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return (head + body).encode()


async def reset_before(_: bytes, writer: Writer) -> None:
    writer.transport.abort()


async def reset_within(answer: bytes, writer: Writer) -> None:
    writer.write(answer[:-1])
    await writer.drain()
    writer.transport.abort()


async def close_within(answer: bytes, writer: Writer) -> None:
    writer.write(answer[:-1])
    writer.close()


async def cut_off(answer: bytes, writer: Writer) -> None:
    _, _, body = answer.partition(b"\r\n\r\n")
    writer.write(status("200 OK", body[: len(body) // 2].decode("latin-1"), "application/json"))


async def slow(answer: bytes, writer: Writer) -> None:
    for start in range(0, len(answer), 7):
        writer.write(answer[start : start + 7])
        await asyncio.sleep(0)


def says(content: bytes) -> Callable[[bytes, Writer], Awaitable[None]]:
    async def answers(_: bytes, writer: Writer) -> None:
        writer.write(content)

    return answers


FAULTS: dict[str, Callable[[bytes, Writer], Awaitable[None]]] = {
    "reset before the answer": reset_before,
    "reset within the body": reset_within,
    "closed within the body": close_within,
    "truncated JSON": cut_off,
    "slow bytes": slow,
    "500": says(status("500 Internal Server Error", '{"message": "oops"}', "application/json")),
    "502 with HTML": says(status("502 Bad Gateway", "<h1>Bad gateway</h1>")),
    "503": says(status("503 Service Unavailable")),
    "504": says(status("504 Gateway Timeout")),
    "empty 429": says(status("429 Too Many Requests")),
}
"""Name of a fault -> a function that writes the response, given the portal's response."""

HARMLESS = {"slow bytes"}


class Proxy:
    """A proxy that forwards requests to the portal, and injects a fault into one of five."""

    def __init__(self, portal: Portal, seed: int) -> None:
        self._portal = httpx.URL(portal.url)
        self._chance = random.Random(seed)
        self.done: Counter[str] = Counter()

    async def serve(self, reader: asyncio.StreamReader, writer: Writer) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                await self._answer(head, reader, writer)
                if writer.is_closing():
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # The client has disconnected, or the test is over.
        finally:
            writer.close()

    async def _answer(self, head: bytes, reader: asyncio.StreamReader, writer: Writer) -> None:
        lengths = [
            int(line.partition(b":")[2])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length:")
        ]
        request = head + await reader.readexactly(sum(lengths))
        fault = self._chance.choice([*FAULTS]) if self._chance.random() < 0.2 else "none"
        self.done[fault] += 1
        # A rejected request (429) is never carried out; after any other fault it may have been.
        is_rejected = fault == "empty 429"
        is_lost = fault != "none" and fault not in HARMLESS and self._chance.random() < 0.5
        answer = b"" if is_rejected or is_lost else await self._forward(request)
        if fault == "none":
            writer.write(answer)
        else:
            await FAULTS[fault](answer or status("200 OK", "{}"), writer)

    async def _forward(self, request: bytes) -> bytes:
        reader, writer = await asyncio.open_connection(self._portal.host, self._portal.port)
        writer.write(request.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
        answer = await reader.read()
        writer.close()
        return answer.replace(b"Connection: close\r\n", b"", 1)


class SometimesRefused(httpx.AsyncBaseTransport):
    """The default transport of the library, with some connections refused."""

    def __init__(self, url: str, port: int, seed: int) -> None:
        self._inner = default_transport(16)
        self._closed_port = port
        self._chance = random.Random(seed)
        self.refused = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self._chance.random() < 0.02:
            self.refused += 1
            request = httpx.Request(
                request.method,
                request.url.copy_with(port=self._closed_port),
                headers=request.headers,
                stream=request.stream,
                extensions=request.extensions,
            )
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self._inner.aclose()


@asynccontextmanager
async def spoiled(portal: Portal, seed: int) -> AsyncIterator[tuple[Client, Counter[str]]]:
    """Open a client of the portal behind the proxy; yield it and the counts of the faults."""
    proxy = Proxy(portal, seed)
    unused = await asyncio.start_server(lambda *_: None, "127.0.0.1")
    port = unused.sockets[0].getsockname()[1]
    unused.close()
    serving = await asyncio.start_server(proxy.serve, "127.0.0.1")
    url = f"http://127.0.0.1:{serving.sockets[0].getsockname()[1]}/api/1/"
    transport = SometimesRefused(url, port, seed)
    key = portal.user_api_key
    async with serving, client_of(url, api_key=key, retry=POLICY, transport=transport) as client:
        yield client, proxy.done
        proxy.done["refused"] = transport.refused


async def test_2000_reads_agree_with_the_truth(own_portal: Portal) -> None:
    async with client_of(own_portal.url, rate=math.inf) as client:
        truth = {
            one.id: one.to_dict()
            async for one in datasets.list_datasets(client, fields="id,title,slug")
        }
    ids = [id for id in truth if id]
    async with spoiled(own_portal, seed=1) as (client, done):
        calls = [
            datasets.get_dataset(client, ids[number % len(ids)], fields="id,title,slug")
            for number in range(2000)
        ]
        found = await asyncio.gather(*calls)
    for number, dataset in enumerate(found):
        assert dataset.to_dict() == truth[ids[number % len(ids)]]
    assert done.keys() == {"none", "refused", *FAULTS}
    assert 0.18 < 1 - done["none"] / (done.total() - done["refused"]) < 0.22


async def test_500_creates_are_made_once_or_not_at_all(own_portal: Portal) -> None:
    async def create(client: Client, number: int) -> Dataset | DataGouvError:
        body = DatasetWrite(
            title=f"Fontaine {number:03}", description="Où boire", frequency="annual"
        )
        try:
            return await datasets.create_dataset(client, body=body)
        except DataGouvError as error:
            return error

    async with spoiled(own_portal, seed=2) as (client, done):
        results = await asyncio.gather(*(create(client, number) for number in range(500)))

    async with client_of(own_portal.url, api_key=own_portal.user_api_key) as client:
        titles = Counter(
            [str(one.title) async for one in datasets.list_datasets(client, fields="title")]
        )
    for number, result in enumerate(results):
        there = titles[f"Fontaine {number:03}"]
        if isinstance(result, Dataset):
            assert there == 1
        else:  # After an error the dataset may or may not exist.
            assert there <= 1
            assert str(result).startswith("create_dataset: ")
            assert not (isinstance(result, NetworkError) and not result.is_sent)
    failed = [one for one in results if isinstance(one, DataGouvError)]
    assert 20 < len(failed) < 120
    assert any("Fontaine" in title for title in titles)
    # Requests that were certainly not carried out were retried.
    assert done["refused"]
    assert done["empty 429"]
    assert not [one for one in failed if getattr(one, "status", None) == 429]
