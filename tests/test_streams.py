"""Streams: answers read in chunks, as text, as rows or into a file."""

from __future__ import annotations

import asyncio
import gzip
import os
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from aiodatagouv import Client, DecodeError, NetworkError, NotFoundError
from aiodatagouv.api import site
from aiodatagouv.types import Progress

from .clients import client_of
from .servers import OK, says, server

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


async def test_a_column_that_is_there_twice_is_read_once(scripted: Scripted) -> None:
    """The portal writes one column of organizations twice."""
    content = b"id;views;name;views;views\n1;2;a;2;2\n3;4;b;4;4\n"
    async with scripted(lambda _: httpx.Response(200, content=content)) as client:
        rows = [row async for row in site.get_site_organizations_csv(client).rows()]
    assert rows == [{"id": "1", "views": "2", "name": "a"}, {"id": "3", "views": "4", "name": "b"}]


async def test_two_columns_of_one_name_that_differ_are_an_error(scripted: Scripted) -> None:
    content = b"id;views;name;views\n1;2;a;2\n3;4;b;5\n"
    async with scripted(lambda _: httpx.Response(200, content=content)) as client:
        rows = site.get_site_organizations_csv(client).rows()
        assert (await anext(rows))["id"] == "1"
        with pytest.raises(DecodeError, match="two columns of one name that differ before line 3"):
            await anext(rows)


async def test_an_answer_of_nothing_is_no_csv(scripted: Scripted) -> None:
    async with scripted(lambda _: httpx.Response(200)) as client:
        with pytest.raises(DecodeError, match=r"expected a CSV at \$, got nothing"):
            await anext(site.get_site_tags_csv(client).rows())


HEAD = OK + b"Content-Type: text/csv\r\n"

CUT = {
    "a length": HEAD + b"Content-Length: 60\r\n\r\n" + CSV[:-12],
    "chunks": HEAD + b"Transfer-Encoding: chunked\r\n\r\n20\r\n" + CSV[:-12],
    "neither": HEAD + b"\r\n" + CSV[:-12],
}


@pytest.mark.parametrize("framing", CUT)
async def test_an_answer_that_is_cut_off_is_an_error_and_leaves_no_file(
    framing: str, tmp_path: Path
) -> None:
    """Of the answer without a length, only that it ends within a row tells that it is cut."""
    async with server(says(CUT[framing])) as url, client_of(url) as client:
        with pytest.raises(NetworkError):
            _ = [row async for row in site.get_site_tags_csv(client).rows()]
        with pytest.raises(NetworkError):
            await site.get_site_tags_csv(client).save(tmp_path / "tags.csv")
    assert [*tmp_path.iterdir()] == []


async def test_an_answer_without_a_length_that_ends_with_a_row_is_whole(tmp_path: Path) -> None:
    async with server(says(HEAD + b"\r\n" + CSV)) as url, client_of(url) as client:
        assert len([row async for row in site.get_site_tags_csv(client).rows()]) == 2
        assert await site.get_site_tags_csv(client).save(tmp_path / "tags.csv") == len(CSV)


async def test_a_file_with_a_length_needs_no_new_line_at_its_end(scripted: Scripted) -> None:
    async with scripted(lambda _: httpx.Response(200, content=CSV.rstrip())) as client:
        assert len([row async for row in site.get_site_tags_csv(client).rows()]) == 2


async def test_progress_tells_the_bytes_received_of_those_announced(tmp_path: Path) -> None:
    told: list[Progress] = []
    with_length = HEAD + f"Content-Length: {len(CSV)}\r\n\r\n".encode() + CSV
    async with server(says(with_length)) as url, client_of(url) as client:
        await site.get_site_tags_csv(client).save(tmp_path / "tags.csv", progress=told.append)
    assert told[-1] == Progress(len(CSV), len(CSV), "tags.csv")
    assert [one.done for one in told] == sorted({one.done for one in told})


async def test_the_total_is_not_known_without_a_length_or_of_a_compressed_answer() -> None:
    told: list[Progress] = []
    async with server(says(HEAD + b"\r\n" + CSV)) as url, client_of(url) as client:
        _ = [row async for row in site.get_site_tags_csv(client).rows(progress=told.append)]
    assert told[-1] == Progress(len(CSV), None)
    told.clear()
    packed = gzip.compress(CSV)
    head = HEAD + f"Content-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n".encode()
    async with server(says(head + packed)) as url, client_of(url) as client:
        _ = [row async for row in site.get_site_tags_csv(client).rows(progress=told.append)]
    assert told[-1] == Progress(len(CSV), None)


async def test_an_error_of_the_progress_leaves_no_file(scripted: Scripted, tmp_path: Path) -> None:
    async with scripted(portal) as client:
        with pytest.raises(ZeroDivisionError):
            await site.get_site_tags_csv(client).save(
                tmp_path / "tags.csv", progress=lambda one: 1 // (one.done - one.done)
            )
    assert [*tmp_path.iterdir()] == []


async def test_text_has_a_limit_and_the_other_ways_have_none(tmp_path: Path) -> None:
    limits = {"max_size": len(CSV) - 1}
    async with server(says(HEAD + b"\r\n" + CSV)) as url, client_of(url, **limits) as client:
        stream = site.get_site_tags_csv(client)
        with pytest.raises(DecodeError, match=r"no longer than max_size .* more than 39 bytes"):
            await stream.text()
        assert await stream.save(tmp_path / "tags.csv") == len(CSV)
        assert len([row async for row in stream.rows()]) == 2
        async with stream as chunks:
            assert b"".join([chunk async for chunk in chunks]) == CSV


async def test_a_ready_made_file_on_another_host_is_fetched_without_the_key(
    scripted: Scripted,
) -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        if request.url.host == "files.example":
            return portal(request)
        return httpx.Response(302, headers={"Location": "https://files.example/tags.csv"})

    async with scripted(answer, api_key="the-secret-key") as client:
        assert len([row async for row in site.get_site_tags_csv(client).rows()]) == 2
    assert [one.url.host for one in seen] == ["portal.example", "files.example"]
    assert "X-API-KEY" in seen[0].headers
    assert "the-secret-key" not in str(seen[1].headers)


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
