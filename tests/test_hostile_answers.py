"""Answers that no portal should send: each call returns a value or raises a DataGouvError."""

from __future__ import annotations

import asyncio
import datetime as dt
import gzip
import json
import random
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from attrs import define

from aiodatagouv import (
    Client,
    DataGouvError,
    DecodeError,
    NetworkError,
    NotFoundError,
    ServerError,
    Stream,
    TimeoutError,
    bulk,
)
from aiodatagouv.api import datasets, organizations, site

from . import answers, clock
from .answers import Pieces, all_items, all_rows, checked

Scripted = Callable[..., Client]


def answer(content: bytes, coding: str = "", kind: str = "text/csv") -> httpx.Response:
    headers = {"Content-Type": kind} | ({"Content-Encoding": coding} if coding else {})
    return httpx.Response(200, headers=headers, stream=Pieces(content))


def deflated(content: bytes, bits: int) -> bytes:
    packer = zlib.compressobj(wbits=bits)
    return packer.compress(content) + packer.flush()


CSV = b"name;count\n" + b"velo;3\n" * 1000

WHOLE = {
    "gzip": ("gzip", gzip.compress(CSV)),
    "gzip of several members": ("gzip", gzip.compress(CSV[:500]) + gzip.compress(CSV[500:])),
    "gzip padded with zeros": ("gzip", gzip.compress(CSV) + b"\0" * 9),
    "gzip by its old name": ("x-gzip", gzip.compress(CSV)),
    "deflate": ("deflate", zlib.compress(CSV)),
    "deflate without its envelope": ("deflate", deflated(CSV, -15)),
    "no coding": ("identity", CSV),
    "no coding at all": ("", CSV),
}


@pytest.mark.parametrize("name", WHOLE)
async def test_whole_bodies_are_decoded(name: str, scripted: Scripted) -> None:
    coding, content = WHOLE[name]
    for pieces in ([content], [content[n : n + 7] for n in range(0, len(content), 7)]):
        headers = {"Content-Encoding": coding, "Content-Type": "text/csv"}
        found = httpx.Response(200, headers=headers, stream=Pieces(*pieces))
        async with scripted(lambda _, found=found: found) as client:
            assert await site.get_site_tags_csv(client).text() == CSV.decode()


@pytest.mark.parametrize("name", [one for one in WHOLE if "no coding" not in one])
async def test_a_compressed_body_that_is_cut_off_is_an_error(name: str, scripted: Scripted) -> None:
    coding, content = WHOLE[name]
    content = content.rstrip(b"\0")
    for cut in (1, 5, len(content) // 3):
        async with scripted(lambda _, cut=cut: answer(content[:-cut], coding)) as client:
            with pytest.raises(NetworkError, match=r"is cut off|is not valid"):
                await site.get_site_tags_csv(client).text()


async def test_a_compressed_body_that_is_cut_off_leaves_no_file(
    scripted: Scripted, tmp_path: Any
) -> None:
    async with scripted(lambda _: answer(gzip.compress(CSV)[:-4], "gzip")) as client:
        with pytest.raises(NetworkError, match="its gzip does not end"):
            await site.get_site_tags_csv(client).save(tmp_path / "tags.csv")
    assert [*tmp_path.iterdir()] == []


async def test_a_coding_that_was_not_asked_for_is_named(scripted: Scripted) -> None:
    asked: list[httpx.Request] = []

    def portal(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return answer(b"\x1b\0", "br")

    async with scripted(portal) as client:
        with pytest.raises(NetworkError, match="content coding 'br', not asked for"):
            await site.get_site_tags_csv(client).text()
    assert asked[0].headers["Accept-Encoding"] == "gzip, deflate"


async def test_an_answer_that_grows_when_decompressed_is_limited(scripted: Scripted) -> None:
    bomb = gzip.compress(b"0" * 50_000_000)
    async with scripted(lambda _: answer(bomb, "gzip"), max_size=1_000_000) as client:
        with pytest.raises(DecodeError, match="more than 1,000,000 bytes") as caught:
            await datasets.get_dataset(client, "velos")
        assert "expected an answer no longer than max_size" in str(caught.value)
        size = 0
        async with site.get_site_tags_csv(client) as chunks:
            async for chunk in chunks:
                size += len(chunk)
        assert size == 50_000_000


async def test_the_body_of_an_error_is_cut(scripted: Scripted) -> None:
    def portal(_: httpx.Request) -> httpx.Response:
        headers = {"Content-Encoding": "gzip"}
        return httpx.Response(404, headers=headers, stream=Pieces(gzip.compress(b"0" * 9_000_000)))

    async with scripted(portal) as client:
        with pytest.raises(NotFoundError) as caught:
            await datasets.get_dataset(client, "velos")
    assert caught.value.response is not None
    assert len(caught.value.response.content) <= 2 << 20


@pytest.mark.parametrize("size", [0, -1])
def test_a_limit_that_makes_no_sense_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match=r"^max_size is .*: it must be a number above 0"):
        Client(max_size=size)
    Client(max_size=None)


@pytest.mark.parametrize("kind", ["application/json", "application/problem+json; charset=utf-8"])
async def test_a_message_is_not_taken_for_data(
    kind: str, scripted: Scripted, tmp_path: Path
) -> None:
    async with scripted(lambda _: answer(b'{"message": "later"}', kind=kind)) as client:
        with pytest.raises(DecodeError, match="expected text/csv at Content-Type, got application"):
            await site.get_site_tags_csv(client).save(tmp_path / "a.csv")
        with pytest.raises(DecodeError, match="at Content-Type"):
            await datasets.get_dataset_rdf(client, "velos", "ttl").text()
        for name in ("json", "jsonld"):  # Some proxies know no better type for it.
            assert await datasets.get_dataset_rdf(client, "velos", name).text()
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize("kind", ["text/html", "application/xhtml+xml; charset=utf-8"])
async def test_a_web_page_is_not_taken_for_data(
    kind: str, scripted: Scripted, tmp_path: Any
) -> None:
    async with scripted(lambda _: answer(b"<html>", kind=kind)) as client:
        with pytest.raises(DecodeError, match="expected text/csv at Content-Type"):
            await site.get_site_tags_csv(client).save(tmp_path / "a.csv")
        with pytest.raises(DecodeError, match="at Content-Type"):
            await datasets.get_dataset_rdf(client, "velos", "ttl").text()
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize(
    "content",
    [
        b'{"title": "V\xe9los"}',
        b'{"id": "1"}\xff',
        b"\xfe\xff{",
        '{"id": "é"}'.encode("utf-16")[:-1],
    ],
)
async def test_text_in_another_encoding_is_an_error(content: bytes, scripted: Scripted) -> None:
    @define
    class Title:
        title: str

    async with scripted(lambda _: answer(content, kind="application/json")) as client:
        for call in (
            datasets.get_dataset(client, "velos"),
            datasets.get_dataset(client, "velos", into=Title),
            datasets.list_datasets(client),
            datasets.list_datasets(client).into(Title),
        ):
            with pytest.raises(DecodeError):
                await call


@pytest.mark.parametrize("name", ["total", "page_size", "page"])
@pytest.mark.parametrize("value", ["null", '"3"', "4.5", "true", "1" + "0" * 400, "-1"])
async def test_a_number_of_a_page_that_makes_no_sense_is_an_error(
    name: str, value: str, scripted: Scripted
) -> None:
    page = {"data": [], "page": 1, "page_size": 20, "total": 0, "next_page": None}
    text = json.dumps(page | {"previous_page": None, name: "?"}).replace('"?"', value)
    async with scripted(lambda _: answer(text.encode(), kind="application/json")) as client:
        if name == "page" and value[0] in "-1":  # Nobody counts with it.
            return
        with pytest.raises(DecodeError, match=rf"\$\.{name}"):
            await datasets.list_datasets(client).items().__anext__()


async def test_a_date_header_with_a_monstrous_zone_is_ignored(scripted: Scripted) -> None:
    headers = {
        "Date": "Mon, 01 Jan 0001 00:00:00 +2359",
        "Retry-After": "Mon, 31 Dec 9999 23:59:59 -2359",
    }
    async with scripted(lambda _: httpx.Response(429, headers=headers)) as client:
        with pytest.raises(DataGouvError, match="429"):
            await datasets.get_dataset(client, "velos")


# ---- Time


class Dripping(httpx.AsyncByteStream):
    """A body that sends a little now and then, and never ends."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            await asyncio.sleep(20)
            yield b" "


@pytest.mark.parametrize("status", [200, 500])
def test_an_answer_that_never_ends_is_a_timeout(status: int, scripted: Scripted) -> None:
    async def main() -> None:
        def portal(_: httpx.Request) -> httpx.Response:
            return httpx.Response(status, stream=Dripping())

        async with scripted(portal, max_time=600) as client:
            for make in (checked, all_rows, all_items):
                started, call = asyncio.get_running_loop().time(), make(client)
                with pytest.raises((TimeoutError, ServerError)) as caught:
                    await call
                if status == 200:
                    assert "the answer takes longer than max_time" in str(caught.value)
                assert asyncio.get_running_loop().time() - started == 600

    clock.run(main())


def test_a_slow_reader_of_a_stream_takes_none_of_its_time(scripted: Scripted) -> None:
    async def main() -> None:
        def portal(_: httpx.Request) -> httpx.Response:
            return httpx.Response(200, stream=Dripping())

        chunks = 0

        async def read_slowly(stream: Stream) -> None:
            nonlocal chunks
            async with stream as pieces:
                async for _ in pieces:
                    chunks += 1
                    await asyncio.sleep(1000)

        async with scripted(portal) as client:
            stream = site.get_site_tags_csv(client.with_options(max_time=600))
            with pytest.raises(TimeoutError, match="max_time"):
                await read_slowly(stream)
        assert chunks == 29

    clock.run(main())


# ---- Lists


DATES = {"internal": {"created_at_internal": "2026-01-01"}, "last_update": "2026-01-01"}


def listed(number: int, ids: range, **facts: Any) -> httpx.Response:
    data = [{"id": str(one), **DATES} for one in ids]
    page = {"data": data, "page": number, "page_size": 20, "total": 40, "next_page": "x"}
    return httpx.Response(200, json=page | {"previous_page": None} | facts)


async def test_a_total_that_is_too_small_does_not_end_a_walk(scripted: Scripted) -> None:
    def portal(request: httpx.Request) -> httpx.Response:
        number = int(request.url.params["page"])
        more = "x" if number < 15 else None
        return listed(number, range(number * 20, number * 20 + 20), total=100, next_page=more)

    async with scripted(portal) as client:
        for concurrency in (1, 4):
            items = [
                one async for one in datasets.list_datasets(client).items(concurrency=concurrency)
            ]
            assert len(items) == 300


async def exhaust(walk: AsyncIterator[object]) -> None:
    async for _ in walk:
        pass


LISTS: dict[str, Callable[[int], httpx.Response]] = {
    "more and more items": lambda number: listed(number, range(number * 20, number * 20 + 20)),
    "the same page again": lambda number: listed(number, range(20)),
    "the same page of many": lambda number: listed(number, range(20), total=10**8),
    "two pages in turn": lambda number: listed(number, range(number % 2, 21), total=10**8),
    "empty pages": lambda number: listed(number, range(0), total=10**8),
    "empty pages of an empty list": lambda number: listed(number, range(0), total=0),
    "short pages said to be long": lambda number: listed(number, range(3), page_size=10**8),
    "long pages said to be short": lambda number: listed(number, range(99), page_size=0),
}
"""Lists whose ``next_page`` never ends, by the number of the page."""


def walks(client: Client, folder: Path) -> dict[str, Callable[[], Awaitable[object]]]:
    catalog = datasets.list_datasets(client)
    followers = organizations.list_organization_followers(client, "a")
    return {
        "items": lambda: exhaust(catalog.items()),
        "items, four pages ahead": lambda: exhaust(catalog.items(concurrency=4)),
        "items, stable": lambda: exhaust(catalog.items(stable=True)),
        "pages, stable": lambda: exhaust(catalog.pages(stable=True, concurrency=4)),
        "a harvest": lambda: bulk.harvest(catalog, folder / "a.jsonl"),
        "a harvest without an order": lambda: bulk.harvest(followers, folder / "b.jsonl"),
        "an update": lambda: bulk.harvest(catalog, folder / "c.jsonl", since=dt.date(2026, 1, 1)),
    }


@pytest.mark.parametrize("kind", LISTS)
async def test_every_walk_over_a_list_without_an_end_ends(
    kind: str, scripted: Scripted, tmp_path: Path
) -> None:
    requests = 0

    def portal(request: httpx.Request) -> httpx.Response:
        nonlocal requests
        requests += 1
        assert requests < 5000, "it never ends"
        return LISTS[kind](int(request.url.params["page"]))

    (tmp_path / "c.jsonl").write_bytes(b"")
    async with scripted(portal) as client:
        for name, walk in walks(client, tmp_path).items():
            requests = 0
            try:
                await walk()
            except DataGouvError:
                continue
            # Nothing is missing there.
            assert kind == "empty pages of an empty list", name


# ---- Whatever comes


@pytest.mark.parametrize("seed", range(10))
def test_every_outcome_is_a_value_or_an_error_of_the_library(seed: int) -> None:
    found = answers.outcomes(seed, 1000)
    assert found.total() == 1000
    assert {name for name, _ in found} == {*answers.CALLS}
    assert len({outcome for _, outcome in found}) > 8


@pytest.mark.parametrize("seed", range(60))
async def test_a_harvest_of_hostile_answers_is_whole_or_resumes(
    seed: int, scripted: Scripted, tmp_path: Path
) -> None:
    chance, is_hostile = random.Random(seed), True

    def portal(request: httpx.Request) -> httpx.Response:
        if is_hostile and chance.random() < 0.05:
            return answers.hostile(chance)
        if "page" not in request.url.params:  # Redirected elsewhere.
            return httpx.Response(404)
        number, size = int(request.url.params["page"]), int(request.url.params["page_size"])
        ids = range(1000)[(number - 1) * size : number * size]
        more = "x" if number * size < 1000 else None
        return listed(number, ids, page_size=size, total=1000, next_page=more)

    path = tmp_path / "datasets.jsonl"
    for _ in range(20):
        # A client for each run: a 429 may pause one for ever.
        async with scripted(portal) as client:
            try:
                report = await bulk.harvest(datasets.list_datasets(client, page_size=50), path)
            except DataGouvError:
                assert not path.exists()
                is_hostile = chance.random() < 0.7
                continue
        break
    else:
        raise AssertionError("it never succeeds")
    found = [json.loads(line)["id"] for line in path.read_bytes().splitlines()]
    assert len(found) == len({*found}) == report.items
    if report.complete:
        assert {*found} == {*map(str, range(1000))}
