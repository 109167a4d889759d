"""Streams: answers read in chunks, as text, as rows or into a file."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from aiodatagouv import Client, NetworkError, NotFoundError
from aiodatagouv.api import site

Scripted = Callable[..., Client]

CSV = 'id;title\r\n1;"Vélos; et\r\nbus"\r\n2;Trams\r\n'.encode()


def portal(_: httpx.Request) -> httpx.Response:
    return httpx.Response(200, content=CSV, headers={"Content-Type": "text/csv; charset=utf-8"})


async def test_a_stream_yields_chunks(scripted: Scripted) -> None:
    async with scripted(portal) as client, site.get_site_tags_csv(client) as chunks:
        assert b"".join([chunk async for chunk in chunks]) == CSV


async def test_a_stream_can_be_read_again(scripted: Scripted) -> None:
    async with scripted(portal) as client:
        stream = site.get_site_tags_csv(client)
        assert await stream.text() == await stream.text() == CSV.decode()


async def test_a_stream_cannot_be_read_twice_at_once(scripted: Scripted) -> None:
    async with scripted(portal) as client:
        stream = site.get_site_tags_csv(client)
        async with stream:
            with pytest.raises(RuntimeError, match="already being read"):
                await stream.__aenter__()


async def test_rows_are_keyed_by_the_header(scripted: Scripted) -> None:
    async with scripted(portal) as client:
        stream = site.get_site_tags_csv(client)
        rows = [row async for row in stream.rows()]
    assert rows == [{"id": "1", "title": "Vélos; et\r\nbus"}, {"id": "2", "title": "Trams"}]


async def test_a_saved_file_is_complete(scripted: Scripted, tmp_path: Path) -> None:
    async with scripted(portal) as client:
        stream = site.get_site_tags_csv(client)
        assert await stream.save(tmp_path / "tags.csv") == len(CSV)
    assert (tmp_path / "tags.csv").read_bytes() == CSV
    assert len([*tmp_path.iterdir()]) == 1


async def test_two_answers_saved_to_one_file_do_not_mix(scripted: Scripted, tmp_path: Path) -> None:
    path = tmp_path / "tags.csv"
    async with scripted(portal) as client:
        saves = [site.get_site_tags_csv(client).save(path) for _ in range(8)]
        assert await asyncio.gather(*saves) == [len(CSV)] * 8
    assert path.read_bytes() == CSV
    assert [*tmp_path.iterdir()] == [path]


class Cut(httpx.AsyncByteStream):
    """A body whose connection is reset after a few bytes."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield CSV[:9]
        raise httpx.ReadError("connection reset")


async def test_an_interrupted_download_leaves_the_old_file(
    scripted: Scripted, tmp_path: Path
) -> None:
    path = tmp_path / "tags.csv"
    path.write_bytes(b"old")
    async with scripted(lambda _: httpx.Response(200, stream=Cut())) as client:
        stream = site.get_site_tags_csv(client)
        with pytest.raises(NetworkError, match="connection reset"):
            await stream.save(path)
    assert path.read_bytes() == b"old"
    assert [*tmp_path.iterdir()] == [path]


async def test_a_failure_is_raised_before_the_first_byte(scripted: Scripted) -> None:
    async with scripted(lambda _: httpx.Response(404, json={"message": "No tags"})) as client:
        stream = site.get_site_tags_csv(client)
        with pytest.raises(NotFoundError, match="No tags"):
            await stream.text()


def test_the_repr_names_the_operation() -> None:
    stream = site.get_site_tags_csv(Client())
    assert repr(stream) == "<Stream of get_site_tags_csv>"


async def test_a_named_pipe_is_written_to_directly(scripted: Scripted, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor() as threads:
        reading = threads.submit(pipe.read_bytes)
        async with scripted(portal) as client:
            size = await site.get_site_tags_csv(client).save(pipe)
        assert reading.result() == CSV
    assert size == len(CSV)
    assert pipe.is_fifo()
