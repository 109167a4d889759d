"""Random answers that no portal should send, and every kind of call that may receive them.

``python -m tests.answers 1000000`` tries so many, and prints how they end.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import random
import resource
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import msgspec

from aiodatagouv import Client, DataGouvError, File
from aiodatagouv._decoding.declared import declared
from aiodatagouv.api import datasets, me, organizations, site, tags
from aiodatagouv.models import Dataset, DatasetWrite, FileUpload

from . import clock
from .clients import client_of


class Pieces(httpx.AsyncByteStream):
    """A body in pieces, as a transport receives it."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece


WORDS = [
    b"null",
    b"true",
    b"-1",
    b"4.5",
    b'"a"',
    b"[]",
    b"{}",
    b"NaN",
    b"1e999",
    b'"\\ud800"',
    b"\xff",
]
KEYS = [
    b"data",
    b"page",
    b"page_size",
    b"total",
    b"next_page",
    b"id",
    b"title",
    b"message",
    b"errors",
]
HEADERS = [
    ("Content-Type", ["application/json", "text/html", "text/csv", "\xff", ""]),
    ("Content-Encoding", ["gzip", "deflate", "br", "identity", "gzip, gzip", "\x00"]),
    ("Location", ["/", "//[", "http://x", "\xff", "", "data:,"]),
    ("Date", ["soon", "Mon, 01 Jan 0001 00:00:00 +2359", "Thu, 26 Nov 2026 00:00:00 GMT"]),
    ("Retry-After", ["-1", "1e9", "soon", "9" * 400, "0, 0"]),
    ("X-RateLimit-Remaining", ["0", "-1", "x", "9" * 400]),
    ("X-RateLimit-Reset", ["0", "9" * 15, "x"]),
]


FIELDS = [name.encode() for name in declared(Dataset)]


def value(chance: random.Random, depth: int = 0) -> bytes:
    kind = chance.random()
    if depth > 3 or kind < 0.4:
        return chance.choice(WORDS)
    inside = [value(chance, depth + 1) for _ in range(chance.randrange(4))]
    if kind < 0.6:
        return b"[" + b",".join(inside) + b"]"
    pairs = [b'"' + chance.choice(KEYS) + b'":' + one for one in inside]
    return b"{" + b",".join(pairs) + b"}"


def body(chance: random.Random) -> bytes:
    content = value(chance)
    if chance.random() < 0.3:
        page = {
            b"data": b"[" + value(chance) + b"]",
            b"page": b"1",
            b"page_size": b"20",
            b"total": b"1",
        }
        page[chance.choice([*page])] = value(chance)
        content = b"{" + b",".join(b'"' + key + b'":' + one for key, one in page.items()) + b"}"
    elif chance.random() < 0.3:
        fields = chance.sample(FIELDS, 5)
        pairs = [b'"' + name + b'":' + value(chance) for name in fields]
        content = b"{" + b",".join(pairs) + b"}"
    if chance.random() < 0.2:
        content = content[: chance.randrange(len(content) + 1)]
    if chance.random() < 0.2:
        content = b"a;b\n" + content
    return content


def hostile(chance: random.Random) -> httpx.Response:
    content = body(chance)
    headers: list[tuple[bytes, bytes]] = []
    for name, values in HEADERS:
        if chance.random() < 0.25:
            headers.append((name.encode(), chance.choice(values).encode("latin-1")))
    if (b"Content-Encoding", b"gzip") in headers and chance.random() < 0.7:
        content = BOMB if chance.random() < 0.02 else gzip.compress(content)
        content = content[: chance.choice([None, 10, -1])]
    status = 200 if chance.random() < 0.5 else chance.choice([302, 308, 404, 429, 500])
    if chance.random() < 0.2:
        status = chance.randrange(100, 1000)
    return httpx.Response(status, headers=headers, stream=Pieces(content))


BOMB = gzip.compress(b" " * 20_000_000)
"""Few bytes that become many."""


class Row(msgspec.Struct):
    id: str


async def all_items(client: Client) -> object:
    return [one async for one in datasets.list_datasets(client).items()]


async def all_items_stably(client: Client) -> object:
    items = datasets.list_datasets(client).items(stable=True, concurrency=3)
    return [one async for one in items]


async def all_pages(client: Client) -> object:
    pages = organizations.list_organization_followers(client, "a").pages(concurrency=3)
    return [one async for one in pages]


async def all_chunks(client: Client) -> object:
    async with datasets.get_dataset_rdf(client, "velos", "ttl") as chunks:
        return [len(one) async for one in chunks]


async def all_rows(client: Client) -> object:
    return [one async for one in site.get_site_tags_csv(client).rows()]


async def checked(client: Client) -> object:
    (await datasets.get_dataset(client, "velos")).check()
    return None


NEW = DatasetWrite(title="Vélos", description="Bikes", frequency="daily")

FILE = FileUpload(file=File(b"a;b", "a.csv"))

CALLS: dict[str, Callable[[Client], Awaitable[object]]] = {
    "whole model": checked,
    "model of a class": lambda client: datasets.get_dataset(client, "velos", into=Row),
    "page": lambda client: datasets.list_datasets(client),
    "page of a class": lambda client: datasets.list_datasets(client).into(Row),
    "plain JSON": lambda client: tags.suggest_tags(client, q="a"),
    "location": lambda client: datasets.redirect_resource(client, "1"),
    "nothing": lambda client: datasets.delete_dataset(client, "velos"),
    "list": lambda client: me.list_my_datasets(client),
    "text": lambda client: site.get_site_tags_csv(client).text(),
    "request": lambda client: client.request("GET", "x"),
    "created": lambda client: datasets.create_dataset(client, body=NEW),
    "uploaded": lambda client: datasets.upload_new_dataset_resource(client, "velos", body=FILE),
    "items": all_items,
    "stable items": all_items_stably,
    "pages": all_pages,
    "rows": all_rows,
    "chunks": all_chunks,
}


async def outcome_of(call: Awaitable[object]) -> str:
    """The class of the error that a call raises, or "a value"; other errors are raised."""
    try:
        await call
    except DataGouvError as error:
        if len(str(error).splitlines()) != 1:
            raise AssertionError("the message is not one line") from error
        return type(error).__name__
    return "a value"


def outcomes(seed: int, answers: int) -> Counter[tuple[str, str]]:
    """Make calls of a portal that answers at random; count what became of each kind of call."""
    chance, found = random.Random(seed), Counter[tuple[str, str]]()

    def portal(_: httpx.Request) -> httpx.Response:
        return hostile(chance)

    async def main() -> None:
        transport = httpx.MockTransport(portal)
        options = {"transport": transport, "api_key": "a-key-of-a-test", "max_size": 8_000_000}
        for _ in range(answers):
            name = chance.choice([*CALLS])
            # A client for each: a 429 may pause one for ever.
            async with client_of("https://portal.example/", **options) as client:
                async with asyncio.timeout(100_000):  # In virtual time.
                    found[name, await outcome_of(CALLS[name](client))] += 1

    clock.run(main())
    return found


def _main() -> None:
    parser = argparse.ArgumentParser(description="Try random answers with every kind of call.")
    parser.add_argument("answers", type=int)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    outcomes(arguments.seed, 1000)  # Imports and caches.
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = outcomes(arguments.seed, arguments.answers)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    by_class = Counter[str]()
    for (_, name), number in found.items():
        by_class[name] += number
    for name, number in by_class.most_common():
        print(f"{number:>9,}  {name}")
    print(f"{found.total():>9,}  answers, {len(found)} distinct outcomes of {len(CALLS)} calls")
    print(f"{(after - before) / 1024:>9.1f}  MB more memory")


if __name__ == "__main__":
    _main()
