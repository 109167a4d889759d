"""The library's own transport against misbehaving servers: every failure is a known error."""

from __future__ import annotations

import asyncio
import gzip
import json
import pickle
import socket
import ssl
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import trustme

from aiodatagouv import (
    APIError,
    Client,
    DataGouvError,
    DecodeError,
    NetworkError,
    RetryPolicy,
    Stream,
    TimeoutError,
    UnreachableError,
)
from aiodatagouv.api import datasets, proconnect, site

from .clients import client_of
from .servers import OK, Answer, redirects, says, server, stalls
from .test_secrets import chain, everything_in

KEY = "a-very-secret-key"
BREAKS: dict[str, Answer] = {
    "closes at once": lambda _, writer: writer.close(),
    "resets": lambda _, writer: writer.transport.abort(),
    "speaks another protocol": says(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"),
    "breaks off in the headers": says(b"HTTP/1.1 200 OK\r\nContent-Le"),
    "breaks off in the body": says(OK + b'Content-Length: 100\r\n\r\n{"id": "1"}'),
    "breaks off in the chunks": says(OK + b'Transfer-Encoding: chunked\r\n\r\n5\r\n{"id"\r\n'),
    "sends a broken chunk": says(OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"),
    "sends invalid gzip": says(OK + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}"),
    "sends too long a header": says(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 99_999 + b"\r\n\r\n"),
    "sends an invalid status": says(b"HTTP/1.1 abc OK\r\n\r\n"),
    "sends latin-1 in the status line": says(
        b"HTTP/1.1 200 \xe9t\xe9\r\nContent-Length: 2\r\n\r\n{}"
    ),
    "redirects to a script": redirects("javascript:alert(1)"),
    "redirects to a mail address": redirects("mailto:me@portal.example"),
    "redirects to an impossible host": redirects("http://a..b/"),
    "redirects to another protocol": redirects("ftp://127.0.0.1/file"),
}


@pytest.mark.parametrize("name", BREAKS)
async def test_a_broken_answer_is_a_network_error_in_one_line_without_the_key(name: str) -> None:
    async with server(BREAKS[name]) as url, client_of(url, api_key=KEY) as client:
        for call in (datasets.get_dataset(client, "velos"), text_of_a_stream(client)):
            with pytest.raises(NetworkError) as caught:
                await call
            assert " (GET http://" in str(caught.value)
            assert caught.value.operation in ("get_dataset", "get_site_tags_csv")
            assert "\n" not in str(caught.value)
            for error in chain(caught.value):
                assert KEY not in everything_in(error)
            assert type(pickle.loads(pickle.dumps(caught.value))) is type(caught.value)


@pytest.mark.parametrize("status", ["100 Continue", "102 Processing", "103 Early Hints"])
async def test_a_portal_that_only_announces_an_answer_does_not_hang_a_call(status: str) -> None:
    # aiohttp waits for the next status without a limit.
    def announces(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> object:
        writer.write(f"HTTP/1.1 {status}\r\n\r\n".encode())
        return asyncio.Event().wait()

    async with server(announces) as url, client_of(url, max_time=0.05) as client:
        for call in (datasets.get_dataset(client, "velos"), text_of_a_stream(client)):
            with pytest.raises(TimeoutError, match="longer than max_time"):
                await call


async def text_of_a_stream(client: Client) -> str:
    stream: Stream = site.get_site_tags_csv(client)
    return await stream.text()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 300 Choose\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 304 Not Modified\r\n\r\n",
        b"HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n",
    ],
)
async def test_a_status_other_than_success_is_an_error(answer: bytes) -> None:
    async with server(says(answer)) as url, client_of(url) as client:
        with pytest.raises(APIError):
            await text_of_a_stream(client)
        with pytest.raises(APIError):
            await datasets.delete_dataset(client, "velos")


async def test_a_stalled_answer_is_a_timeout() -> None:
    async with server(stalls) as url, client_of(url, timeout=0.05) as client:
        with pytest.raises(TimeoutError, match=url):
            await datasets.get_dataset(client, "velos")
        stream = site.get_site_tags_csv(client)
        with pytest.raises(TimeoutError, match=url):
            await stream.save(Path("never"))
    assert not Path("never").exists()


async def test_no_more_connections_are_opened_than_allowed() -> None:
    open_now = most = 0

    async def slowly(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal open_now, most
        open_now += 1
        most = max(most, open_now)
        for _turn in range(20):
            await asyncio.sleep(0)
        open_now -= 1
        writer.write(OK + b"Connection: close\r\nContent-Length: 2\r\n\r\n{}")

    async with (
        server(slowly) as url,
        client_of(url, max_connections=2) as client,
    ):
        await asyncio.gather(*[datasets.get_dataset(client, str(n)) for n in range(12)])
    assert 1 <= most <= 2


async def test_closing_the_client_ends_its_calls_with_an_error() -> None:
    async with server(stalls) as url:
        async with client_of(url, max_connections=1) as client:
            calls = [asyncio.create_task(datasets.get_dataset(client, "a")) for _ in range(3)]
            await asyncio.sleep(0.02)
        results = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(result) for result in results} <= {RuntimeError, NetworkError}
    assert any("closed" in str(result) for result in results)


async def test_an_exception_being_handled_keeps_its_traceback() -> None:
    async with server(stalls) as url, client_of(url) as client:
        first = LookupError("first")
        try:
            raise first
        except LookupError:
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(datasets.get_dataset(client, "velos"), 0.02)
            with pytest.raises(asyncio.TimeoutError):
                async with asyncio.timeout(0.02):
                    await datasets.get_dataset(client, "velos")
        assert first.__traceback__ is not None


async def test_cancelling_a_call_releases_its_connection() -> None:
    stalling = True

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if stalling:
            await stalls(reader, writer)
        writer.write(OK + b"Content-Length: 2\r\n\r\n{}")

    async with server(answer) as url, client_of(url, max_connections=1) as client:
        for _ in range(3):
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(datasets.get_dataset(client, "velos"), 0.02)
        stalling = False
        assert (await datasets.get_dataset(client, "velos")).to_dict() == {}


async def test_closing_the_client_ends_a_page_walk_with_an_error() -> None:
    async with server(stalls) as url:
        async with client_of(url) as client:
            walk = datasets.list_datasets(client).pages(concurrency=3)
            first = asyncio.create_task(anext(walk))
            await asyncio.sleep(0.02)
        # The same error as for a plain call, since the waiting task itself was not cancelled.
        with pytest.raises(RuntimeError, match="the Client was closed"):
            await first


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"id;title\r\n1\r\n", "1 cells for 2 columns before line 2"),
        (b"id;title\r\n1;a;b\r\n", "3 cells for 2 columns before line 2"),
        (b"id;id\r\n1;2\r\n", "two columns of one name"),
        (b"id;title\r\n1;\xe9t\xe9\r\n", "can't decode"),
        (b'id;title\r\n1;"a', "unexpected end of data"),
    ],
)
async def test_invalid_csv_is_a_decode_error(content: bytes, complaint: str) -> None:
    length = f"Content-Length: {len(content)}\r\n\r\n".encode()
    async with server(says(OK + length + content)) as url, client_of(url) as client:
        stream = site.get_site_tags_csv(client)
        with pytest.raises(DecodeError, match=f"get_site_tags_csv: expected a CSV.*{complaint}"):
            [row async for row in stream.rows()]


@pytest.mark.parametrize("kind", ["one cell", "many cells", "many lines"])
async def test_an_endless_row_of_a_csv_is_refused_before_it_fills_the_memory(kind: str) -> None:
    pieces = {"one cell": b"a", "many cells": b"a;", "many lines": b'"a\r\n";'}
    row = pieces[kind] * (5_000_000 // len(pieces[kind]))
    content = gzip.compress(b"id;title\r\n1;a\r\n" + row)
    head = OK + f"Content-Encoding: gzip\r\nContent-Length: {len(content)}\r\n\r\n".encode()
    async with server(says(head + content)) as url, client_of(url) as client:
        rows = site.get_site_tags_csv(client).rows()
        assert await anext(rows) == {"id": "1", "title": "a"}
        with pytest.raises(DecodeError, match=r"a row of more than 4,194,304 characters"):
            await anext(rows)


async def test_csv_may_start_with_a_bom_and_have_long_cells() -> None:
    content = gzip.compress(b"\xef\xbb\xbfid;text\r\n1;" + b"a" * 200_000 + b"\r\n")
    head = OK + f"Content-Encoding: gzip\r\nContent-Length: {len(content)}\r\n\r\n".encode()
    async with server(says(head + content)) as url, client_of(url) as client:
        stream = site.get_site_tags_csv(client)
        assert [row async for row in stream.rows()] == [{"id": "1", "text": "a" * 200_000}]


async def test_netrc_and_proxy_settings_of_the_environment_are_ignored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    received: list[bytes] = []

    async def record(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK + b"Content-Length: 2\r\n\r\n{}")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.append(await reader.readuntil(b"\r\n\r\n"))
        await record(reader, writer)
        writer.close()

    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password hidden")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    async with await asyncio.start_server(serve, "127.0.0.1") as listening:
        url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        async with client_of(url, api_key=KEY) as client:
            await datasets.get_dataset(client, "velos")
    (request,) = received
    assert b"x-api-key: " + KEY.encode() in request.lower()
    assert b"authorization" not in request.lower()


async def test_a_redirect_operation_returns_an_http_target_or_fails() -> None:
    async with server(redirects("/logout/")) as url, client_of(url) as client:
        assert await proconnect.start_proconnect_logout(client) == f"{url}/logout/"
    async with server(redirects("javascript:alert(1)")) as url, client_of(url) as client:
        with pytest.raises(DataGouvError):
            await proconnect.start_proconnect_logout(client)


async def test_an_error_before_sending_is_marked_as_not_sent() -> None:
    async with server(says(b"")) as url:
        pass
    async with client_of(url) as client:  # The server no longer listens there.
        with pytest.raises(NetworkError, match="Connect call failed") as caught:
            await datasets.get_dataset(client, "velos")
    assert not caught.value.is_sent
    assert not isinstance(caught.value, UnreachableError)


@pytest.mark.parametrize("name", ["closes at once", "resets", "breaks off in the headers"])
async def test_an_error_after_sending_is_marked_as_sent(name: str) -> None:
    async with server(BREAKS[name]) as url, client_of(url) as client:
        with pytest.raises(NetworkError) as caught:
            await datasets.get_dataset(client, "velos")
    assert caught.value.is_sent


@pytest.mark.parametrize(
    ("number", "kind"), [(socket.EAI_NONAME, UnreachableError), (socket.EAI_AGAIN, NetworkError)]
)
async def test_an_unknown_host_is_looked_up_only_once(
    number: int, kind: type[NetworkError], monkeypatch: pytest.MonkeyPatch
) -> None:
    lookups: list[object] = []

    def look_up(*name: object, **how: object) -> None:
        lookups.append(name)
        raise socket.gaierror(number, "no address")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    policy = RetryPolicy(attempts=3, base=0)
    async with client_of("http://portal.example/", api_key="", retry=policy) as client:
        with pytest.raises(NetworkError, match="no address") as caught:
            await datasets.get_dataset(client, "velos")
    assert type(caught.value) is kind
    assert not caught.value.is_sent
    assert len(lookups) == caught.value.attempts == (1 if kind is UnreachableError else 3)


async def test_an_untrusted_certificate_is_not_retried() -> None:
    requests: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(await reader.read())
        writer.close()

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    async with await asyncio.start_server(serve, "127.0.0.1", ssl=context) as listening:
        url = f"https://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        policy = RetryPolicy(attempts=3, base=0)
        async with client_of(url, api_key=KEY, retry=policy) as client:
            with pytest.raises(UnreachableError, match="certificate verify failed") as caught:
                await datasets.get_dataset(client, "velos")
    assert caught.value.attempts == 1
    assert not caught.value.is_sent
    assert not requests


async def test_a_query_arrives_unchanged() -> None:
    """Question marks are escaped, as udata 14.13.0 answers 400 to a second bare one."""
    heads: list[str] = []
    asked = "? a/b&c=d#e%f+g é"
    page = {"data": [], "page": 1, "page_size": 20, "total": 0, "next_page": None}
    answer = says(OK + b"\r\n" + json.dumps({**page, "previous_page": None}).encode())
    async with server(answer, heads) as url, client_of(url) as client:
        await datasets.list_datasets(client, q=asked)
    target = heads[0].split()[1]
    assert target.count("?") == 1
    assert parse_qs(urlsplit(target).query) == {"q": [asked]}
