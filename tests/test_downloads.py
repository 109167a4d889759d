"""Downloads of files from other hosts: whole, verified, alone at their path."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import logging
import os
import pickle
import zlib
from pathlib import Path
from typing import Any

import httpx
import pytest

from aiodatagouv import Client, RetryPolicy
from aiodatagouv.errors import (
    DestinationError,
    DownloadError,
    IntegrityError,
    NetworkError,
    TimeoutError,
    TooLargeError,
)
from aiodatagouv.files._download.checksums import Checksum
from aiodatagouv.files._download.downloads import download
from aiodatagouv.files._download.fetch import fetch
from aiodatagouv.files._download.wanted import Download, NotModified, Wanted
from aiodatagouv.models import Resource
from aiodatagouv.types import Progress

from .hosts import KEY, PORTAL, Host, header, names, resource, serving, sha1, visitor
from .servers import OK, says, server

CONTENT = b"stop;name\n" + b"1;Bellecour\n" * 50_000
DATE, LATER = "Mon, 02 Mar 2026 10:00:00 GMT", "Mon, 02 Mar 2026 11:00:00 GMT"


async def get(client: Client, one: Resource, path: Path, **options: Any) -> Download:
    return await download(client, one, path, **{"allow_private": True, **options})


async def test_a_file_is_written_whole_and_alone(tmp_path: Path) -> None:
    host, seen = Host(CONTENT, {"ETag": '"1"', "Last-Modified": DATE}), list[Progress]()
    async with serving(host) as client:
        one = resource(host.file, checksum=sha1(CONTENT))
        done = await get(client, one, tmp_path / "stops.csv", progress=seen.append)
    assert (tmp_path / "stops.csv").read_bytes() == CONTENT
    assert names(tmp_path) == ["stops.csv"]
    digest = Checksum("sha1", hashlib.sha1(CONTENT).hexdigest())
    assert done == Download(
        tmp_path / "stops.csv", len(CONTENT), digest, host.file, '"1"', DATE, 0, digest
    )
    assert seen[-1] == Progress(len(CONTENT), len(CONTENT), "stops.csv")
    assert [one.done for one in seen] == sorted(one.done for one in seen)


async def test_a_host_is_asked_without_the_key_and_without_cookies(tmp_path: Path) -> None:
    host = Host(CONTENT, {"Set-Cookie": "session=1; Path=/"})
    async with serving(host) as client:
        for _ in range(2):
            await get(client, resource(host.file), tmp_path / "x")
    for head in host.requests:
        lines = head.split("\r\n")
        assert lines[0] == "GET /file.csv HTTP/1.1"
        given = {line.partition(":")[0].lower() for line in lines[1:] if line}
        assert given == {"host", "user-agent", "accept", "accept-encoding"}
        assert header(head, "Accept-Encoding") == "identity"
        assert (header(head, "User-Agent") or "").startswith("aiodatagouv/")
        assert KEY not in head


async def test_a_replaced_file_keeps_its_permissions_and_a_link_is_followed(tmp_path: Path) -> None:
    path, link = tmp_path / "x", tmp_path / "link"
    path.write_bytes(b"old")
    path.chmod(0o640)
    link.symlink_to(path)
    host = Host(CONTENT)
    async with serving(host) as client:
        done = await get(client, resource(host.file), link)
    assert (done.path, link.is_symlink(), path.read_bytes()) == (path, True, CONTENT)
    assert path.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("size", [0, 1, 4 << 20, (4 << 20) + 1])
async def test_files_of_all_sizes(size: int, tmp_path: Path) -> None:
    host = Host(os.urandom(size))
    async with serving(host) as client:
        one = resource(host.file, filetype="file", filesize=size, checksum=sha1(host.content))
        done = await get(client, one, tmp_path / "x")
    assert done.size == size
    assert (tmp_path / "x").read_bytes() == host.content


CHECKSUMS = {
    "sha1": ("sha1", hashlib.sha1(CONTENT).hexdigest()),
    "SHA1, upper case": ("SHA1", hashlib.sha1(CONTENT).hexdigest().upper()),
    "sha256": ("sha256", hashlib.sha256(CONTENT).hexdigest()),
    "sha2 of 224 bits": ("sha2", hashlib.sha224(CONTENT).hexdigest()),
    "sha2 of 256 bits": ("sha2", hashlib.sha256(CONTENT).hexdigest()),
    "sha2 of 384 bits": ("sha2", hashlib.sha384(CONTENT).hexdigest()),
    "sha2 of 512 bits": ("sha2", hashlib.sha512(CONTENT).hexdigest()),
    "md5": ("md5", f" {hashlib.md5(CONTENT).hexdigest()}\n"),
    "crc": ("crc", f"{zlib.crc32(CONTENT):08X}"),
    "crc, as C has it": ("crc", f"{zlib.crc32(CONTENT):#x}"),
}


@pytest.mark.parametrize("name", CHECKSUMS)
async def test_a_checksum_is_compared(name: str, tmp_path: Path) -> None:
    kind, value = CHECKSUMS[name]
    host = Host(CONTENT)
    async with serving(host) as client:
        one = resource(host.file, checksum={"type": kind, "value": value})
        done = await get(client, one, tmp_path / "x")
        assert done.checksum is not None
        assert done.checksum.value in value.lower()
        host.content = CONTENT[:-1] + b"?"
        with pytest.raises(IntegrityError, match=f"y: its {done.checksum.type} is ") as caught:
            await get(client, one, tmp_path / "y")
    assert caught.value.expected == done.checksum.value
    assert names(tmp_path) == ["x"]
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


async def test_a_crc_without_its_first_zeros(tmp_path: Path) -> None:
    content = next(b"%d" % n for n in range(1000) if zlib.crc32(b"%d" % n) < 1 << 24)
    host = Host(content)
    async with serving(host) as client:
        checksum = {"type": "crc", "value": f"{zlib.crc32(content):X}"}
        done = await get(client, resource(host.file, checksum=checksum), tmp_path / "x")
    assert done.checksum == Checksum("crc32", f"{zlib.crc32(content):08x}")


@pytest.mark.parametrize(
    "checksum",
    [
        {"type": "sha1", "value": "not hexadecimal, of forty characters, xx"},
        {"type": "sha1", "value": "12"},
        {"type": "whirlpool", "value": "0" * 128},
        {"type": 1, "value": None},
        "sha1",
        None,
    ],
)
async def test_a_checksum_that_nothing_can_have_is_not_compared(
    checksum: Any, tmp_path: Path
) -> None:
    host = Host(CONTENT)
    async with serving(host) as client:
        done = await get(client, resource(host.file, checksum=checksum), tmp_path / "x")
    assert done.checksum is None
    assert done.digest == Checksum("sha256", hashlib.sha256(CONTENT).hexdigest())


async def test_the_size_is_compared_if_the_portal_has_the_file(tmp_path: Path) -> None:
    host, size = Host(CONTENT), len(CONTENT) + 1
    async with serving(host) as client:
        with pytest.raises(IntegrityError, match=f"its size is .* bytes, not {size:,} bytes"):
            await get(client, resource(host.file, filetype="file", filesize=size), tmp_path / "x")
        assert names(tmp_path) == []
        # Other hosts replace their files without telling the portal.
        await get(client, resource(host.file, filetype="remote", filesize=size), tmp_path / "x")
        unverified = resource(host.file, filetype="file", filesize=size, checksum=sha1(b""))
        done = await get(client, unverified, tmp_path / "y", verify=False)
    assert done.checksum is None


def crawled(content: bytes, **extras: Any) -> dict[str, Any]:
    return {
        "analysis:checksum": hashlib.sha1(content).hexdigest(),
        "analysis:content-length": len(content),
        **{name.replace("_", ":", 1).replace("_", "-"): one for name, one in extras.items()},
    }


async def test_the_checksum_of_the_crawler_is_compared(tmp_path: Path) -> None:
    host = Host(CONTENT)
    async with serving(host) as client:
        for extras, differs in [
            (crawled(CONTENT), None),
            (crawled(b"other"), "size"),
            ({"analysis:checksum": crawled(b"other")["analysis:checksum"]}, "sha1"),
        ]:
            one = resource(host.file, extras=extras)
            if differs is None:
                assert (await get(client, one, tmp_path / "x")).checksum is not None
                continue
            with pytest.raises(IntegrityError, match=f"its {differs} is"):
                await get(client, one, tmp_path / "y")
    assert names(tmp_path) == ["x"]


@pytest.mark.parametrize(
    ("extras", "modified", "is_compared"),
    [
        ({"analysis_last_modified_at": "2026-03-02T10:00:00+00:00"}, DATE, True),
        ({"analysis_last_modified_at": "2026-03-02T10:00:00"}, LATER, False),
        ({"check_date": "2026-03-02T10:30:00.5+00:00"}, DATE, True),
        ({"check_date": "2026-03-02T10:30:00+00:00"}, LATER, False),
        ({"check_date": "2026-03-02T10:30:00+00:00"}, None, True),
        ({"check_date": "yesterday"}, LATER, False),
        ({"check_date": 7}, LATER, False),
        ({"check_date": "9999999-01-01"}, LATER, False),
        ({}, DATE, False),
        ({}, None, True),
    ],
)
async def test_the_checksum_of_the_crawler_is_not_that_of_a_later_version(
    extras: dict[str, Any], modified: str | None, is_compared: bool, tmp_path: Path
) -> None:
    host = Host(CONTENT, {"Last-Modified": modified} if modified else {})
    async with serving(host) as client:
        one = resource(host.file, extras=crawled(b"older", **extras))
        if is_compared:
            with pytest.raises(IntegrityError):
                await get(client, one, tmp_path / "x")
        else:
            assert (await get(client, one, tmp_path / "x")).checksum is None


@pytest.mark.parametrize("value", [None, True, -1, 1.5, "javascript:alert(1)", [], {"a": 1}])
async def test_extras_that_owners_have_written_do_no_harm(value: Any, tmp_path: Path) -> None:
    host = Host(CONTENT)
    keys = ["checksum", "content-length", "last-modified-at", "parsing:parquet_url"]
    async with serving(host) as client:
        for extras in ({f"analysis:{key}": value for key in keys}, value):
            one = resource(host.file, extras=extras, format=value, filesize=value, filetype="file")
            assert (await get(client, one, tmp_path / "x")).checksum is None


async def test_fields_that_were_not_asked_for_are_not_compared(tmp_path: Path) -> None:
    host = Host(CONTENT)
    async with serving(host) as client:
        await get(client, Resource.from_dict({"url": host.file}), tmp_path / "x")
        with pytest.raises(ValueError, match="has no file"):
            await get(client, Resource.from_dict({"id": "1", "url": ""}), tmp_path / "y")


PAGE = b"\n<!DOCTYPE html>\n<title>Page introuvable</title>"


async def test_a_web_page_in_the_place_of_data_is_an_error(tmp_path: Path) -> None:
    host = Host(PAGE, {"Content-Type": "text/html; charset=utf-8"})
    async with serving(host) as client:
        with pytest.raises(IntegrityError, match="its format is a web page, not csv"):
            await get(client, resource(host.file, format="CSV"), tmp_path / "x")
        assert names(tmp_path) == []
        for fields in ({"format": "html"}, {}, {"format": "csv", "checksum": sha1(PAGE)}):
            await get(client, resource(host.file, **fields), tmp_path / "x")
        # Some hosts declare every file as a page.
        host.content = CONTENT
        await get(client, resource(host.file, format="csv"), tmp_path / "x")


async def test_a_file_that_is_too_large_is_not_received(tmp_path: Path) -> None:
    host, most = Host(CONTENT), len(CONTENT) - 1
    chunked = OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"5\r\n01234\r\n" * 99 + b"0\r\n\r\n"
    packed = gzip.compress(b"0" * 10_000_000)
    bomb = OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed) + packed
    async with serving(host) as client, server(says(chunked)) as a, server(says(bomb)) as b:
        for url, limit in [(host.file, most), (a, 400), (b, 1_000_000)]:
            with pytest.raises(TooLargeError, match=f"larger than max_size, {limit:,} bytes"):
                await get(client, resource(url), tmp_path / "x", max_size=limit)
        assert names(tmp_path) == []
        await get(client, resource(host.file), tmp_path / "x", max_size=len(CONTENT))
        await get(client, resource(b), tmp_path / "y", max_size=None)
    assert (tmp_path / "y").read_bytes() == b"0" * 10_000_000


async def test_a_host_that_compresses_all_the_same_is_understood(tmp_path: Path) -> None:
    packed = gzip.compress(CONTENT)
    head = b'ETag: "1"\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n' % len(packed)
    heads: list[str] = []
    answers = [OK + head + packed[:900], OK + head + packed]

    def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answers.pop(0))

    async with server(answer, heads) as url, visitor(retry=RetryPolicy(base=0)) as client:
        one = resource(url, checksum=sha1(CONTENT), filetype="file", filesize=len(CONTENT))
        done = await get(client, one, tmp_path / "x")
    assert done.size == len(CONTENT)
    # Its bytes are not those of the file: the rest of them cannot be asked for.
    assert [header(head, "Range") for head in heads] == [None, None]


async def test_a_failing_status_is_an_error_that_policies_decide_on(tmp_path: Path) -> None:
    host, retried = Host(CONTENT), list[str]()
    policy = RetryPolicy(base=0, attempts=3, max_wait=10)
    async with serving(host) as plain:
        client = plain.with_options(
            retry=policy, on_retry=lambda one: retried.append(f"{one.operation.id} {one.error}")
        )
        host.edit = [lambda *_: 503, lambda _, headers: headers.update({"Retry-After": "0"}) or 429]
        await get(client, resource(f"{host.file}?signature=1"), tmp_path / "x")
        assert retried == [
            f"download {host.file} answered {status}"
            for status in (503, "429, 2 attempts, waited 0.0 s")
        ]
        for status, requests in [(404, 1), (403, 1), (500, 3), (204, 1), (206, 1), (304, 1)]:
            host.requests.clear()
            host.cuts = [0] * requests
            host.edit = [lambda *_, status=status: status] * 3
            with pytest.raises(DownloadError, match=f"answered {status}") as caught:
                await get(client, resource(f"{host.file}?signature=1"), tmp_path / "y")
            assert "signature" not in str(caught.value)
            assert caught.value.attempts == len(host.requests) == requests
        host.edit = [lambda _, headers: headers.update({"Retry-After": "11"}) or 503]
        with pytest.raises(DownloadError, match="answered 503"):
            await get(client, resource(host.file), tmp_path / "y")
    assert names(tmp_path) == ["x"]


async def test_a_host_that_sends_nothing_or_for_ever_is_left(tmp_path: Path) -> None:
    async def stalls(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK + b"Content-Length: 9\r\n\r\n1")
        await asyncio.Event().wait()

    async def drips(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK + b"\r\n")
        while True:
            writer.write(b"1")
            await asyncio.sleep(0)

    async with server(stalls) as silent, server(drips) as endless, visitor() as client:
        impatient = client.with_options(timeout=0.05)
        with pytest.raises(TimeoutError, match="GET http"):
            await get(impatient, resource(silent), tmp_path / "x")
        with pytest.raises(TimeoutError, match="longer than max_time"):
            await get(client.with_options(max_time=0.1), resource(endless), tmp_path / "x")
    assert names(tmp_path) == []


async def test_two_downloads_to_one_path_do_not_mix(tmp_path: Path) -> None:
    host = Host(CONTENT)
    async with serving(host) as client:
        one = resource(host.file)
        both = [get(client, one, tmp_path / "x") for _ in range(2)]
        outcomes = await asyncio.gather(*both, return_exceptions=True)
    refused, done = sorted(outcomes, key=lambda one: isinstance(one, Download))
    assert isinstance(done, Download)
    assert isinstance(refused, DestinationError)
    assert "in use" in str(refused)
    assert names(tmp_path) == ["x"]


async def test_files_of_others_are_left_alone(tmp_path: Path) -> None:
    host, other = Host(CONTENT), tmp_path / "other"
    other.write_bytes(b"mine")

    async def refused(match: str) -> None:
        async with serving(host) as client:
            with pytest.raises(DestinationError, match=match):
                await get(client, resource(host.file), tmp_path / "x")
        assert host.requests == []
        assert other.read_bytes() == b"mine"

    for name in ("x.part", "x.part.journal", "x.part.lock"):
        (tmp_path / name).symlink_to(other)
        await refused("is not a file|is a symbolic link")
        (tmp_path / name).unlink()
    for name, problem in [
        ("x.part", "no journal of a download knows it"),
        ("x.part.journal", "is not the journal of a download"),
    ]:
        (tmp_path / name).write_bytes(b"mine too")
        await refused(problem)
        assert (tmp_path / name).read_bytes() == b"mine too"
        (tmp_path / name).unlink()
    (tmp_path / "x").mkdir()
    await refused("is not a file")
    (tmp_path / "x").rmdir()
    async with serving(host) as client:
        with pytest.raises(DestinationError, match="is not a folder"):
            await get(client, resource(host.file), tmp_path / "missing" / "x")
    assert names(tmp_path) == ["other"]


async def test_the_longest_names_have_temporary_files_too(tmp_path: Path) -> None:
    host = Host(CONTENT)
    async with serving(host) as client:
        for name in ("a" * 255, "é" * 127, "a" * 240):
            await get(client, resource(host.file), tmp_path / name)
            (tmp_path / name).unlink()
    assert names(tmp_path) == []


async def test_closing_the_client_ends_its_downloads(tmp_path: Path) -> None:
    async def stalls(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK + b"Content-Length: 9\r\n\r\n1")
        started.set()
        await asyncio.Event().wait()

    started = asyncio.Event()
    async with server(stalls) as url:
        async with visitor() as client:
            running = asyncio.create_task(get(client, resource(url), tmp_path / "x"))
            await started.wait()
        with pytest.raises(RuntimeError, match="closed during a download"):
            await running
        with pytest.raises(RuntimeError, match="the Client is closed"):
            await get(client, resource(url), tmp_path / "x")
    assert names(tmp_path) == []


async def test_a_transport_given_to_the_client_serves_downloads_too(tmp_path: Path) -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        if request.url.host == "first.example":
            return httpx.Response(302, headers={"Location": "https://second.example/b?x=1#part"})
        return httpx.Response(200, content=CONTENT, headers={"ETag": 'W/"1"'})

    async with visitor(transport=httpx.MockTransport(answer)) as client:
        done = await download(client, resource("https://first.example/a"), tmp_path / "x")
    assert [str(one.url) for one in seen] == [
        "https://first.example/a",
        "https://second.example/b?x=1",
    ]
    assert not any("x-api-key" in one.headers for one in seen)
    assert (done.url, done.etag, done.size) == (str(seen[1].url), 'W/"1"', len(CONTENT))
    assert "x=1" not in repr(done)


async def test_the_id_of_a_resource_is_enough(tmp_path: Path) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.host == "host.example":
            return httpx.Response(200, content=CONTENT)
        assert request.url == f"{PORTAL}api/2/datasets/resources/1/"
        one = resource("https://host.example/x", checksum=sha1(CONTENT)).to_dict()
        return httpx.Response(200, json={"resource": one, "dataset_id": "2"})

    async with visitor(transport=httpx.MockTransport(answer)) as client:
        done = await download(client, "1", tmp_path / "x")
    assert done.checksum is not None


async def test_a_version_that_is_there_already_is_not_fetched(tmp_path: Path) -> None:
    host = Host(CONTENT, {"ETag": '"1"', "Last-Modified": DATE})
    async with serving(host) as client:
        for known in (Wanted(etag='"1"'), Wanted(last_modified=DATE)):
            same = await fetch(client, host.file, tmp_path / "x", evolved(known))
            assert isinstance(same, NotModified)
        new = await fetch(client, host.file, tmp_path / "x", evolved(Wanted(etag='"0"')))
        assert isinstance(new, Download)
    asked = [
        (header(head, "If-None-Match"), header(head, "If-Modified-Since")) for head in host.requests
    ]
    assert asked == [('"1"', None), (None, DATE), ('"0"', None)]
    assert names(tmp_path) == ["x"]


def evolved(wanted: Wanted) -> Wanted:
    return Wanted(etag=wanted.etag, last_modified=wanted.last_modified, allow_private=True)


async def test_signed_addresses_are_in_no_log_and_no_error(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    host = Host(CONTENT, cuts=[10, 10])
    with caplog.at_level(logging.DEBUG):
        async with serving(host) as plain:
            client = plain.with_options(retry=RetryPolicy(base=0, attempts=2))
            with pytest.raises(NetworkError) as caught:
                await get(client, resource(f"{host.file}?signature=s3cret"), tmp_path / "x")
    texts = [
        str(caught.value),
        repr(caught.value.__dict__),
        *(one.getMessage() for one in caplog.records),
    ]
    assert any("again in" in text for text in texts)
    assert not any("s3cret" in text for text in texts)
    assert not any(b"s3cret" in (tmp_path / name).read_bytes() for name in names(tmp_path))
