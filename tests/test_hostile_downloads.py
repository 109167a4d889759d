"""Hostile hosts: a clear error, no file left, and nothing sent to where it must not be."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import httpx
import pytest

from aiodatagouv import Client, DataGouvError
from aiodatagouv._http.addresses import is_public
from aiodatagouv.errors import AddressError, IntegrityError, NetworkError
from aiodatagouv.files._download.downloads import download

from .clients import client_of
from .hosts import KEY, PORTAL, Host, names, resource, serving, sha1, visitor
from .servers import OK, Answer, redirects, says, server

CONTENT = b"id;name\n1;Bellecour\n"

CONNECT = asyncio.SelectorEventLoop.sock_connect

PUBLIC = ["93.184.216.34", "8.8.8.8", "2606:2800:220:1::1", "::ffff:8.8.8.8", "64:ff9b::808:808"]

PRIVATE = [
    *("127.0.0.1", "127.9.9.9", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1"),
    *("169.254.169.254", "100.64.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1"),
    *("255.255.255.255", "::1", "::", "fe80::1", "fe80::1%1", "fc00::1", "fd12::1", "fec0::1"),
    *("ff02::1", "2001:db8::1", "3fff::1", "100::1", "::127.0.0.1", "4000::1"),
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "2002:7f00:1::1", "2002:a00:1::", "2001::1"),
    *("192.88.99.1", "192.88.99.255", "::ffff:192.88.99.1", "2002:c058:6301::"),
    *("64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b:1::808:808"),
]


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_of_the_internet(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_inside_of_a_network(address: str) -> None:
    assert not is_public(ip_address(address))


REFUSED = [
    *("file:///etc/passwd", "ftp://host.example/x", "data:text/csv,1", "javascript:alert(1)"),
    *("//host.example/x", "/x", "", "x.csv", "http://", "http:///x", "https:x", "mailto:a@b.c"),
    *("http://user@host.example/x", "https://user:secret@host.example/x", "http://:80/"),
    *("http://localhost/", "http://LOCALHOST./", "http://a.localhost/", "http://127.0.0.1/"),
    *("http://[::1]/", "http://[fe80::1]/", "http://[fe80::1%25eth0]/", "http://[::ffff:7f00:1]/"),
    *("http://0x7f.1/", "http://2130706433/", "http://017700000001/", "http://127.1/"),
    *("http://0177.0.0.1/", "http://127.0.0.1./", "http://0/", "http://0x7f000001/"),
    *("http://1.2.3.4.5/", "http://8.8.8.08/", "http://999.1.1.1/", "http://[::1/", "http://a b/"),
    *("http://127。0。0。1/", "http://\u2460\u2461\u2466.0.0.1/", "http://169.254.169.254/latest"),
    *("http://10.0.0.1:80/", "http://[64:ff9b::7f00:1]/", "http://host.example:99999/"),
    *("http://a..b/", "http://.a.example/", "http://a../", f"http://{'a' * 64}.example/"),
    f"http://{'a.' * 127}example/",
]


def unreachable(request: httpx.Request) -> httpx.Response:
    raise AssertionError(f"a request to {request.url}")


@pytest.mark.parametrize("url", [*filter(None, REFUSED), "\ud800", "http://a\udfff/"])
async def test_an_address_that_is_refused(url: str, tmp_path: Path) -> None:
    async with visitor(transport=httpx.MockTransport(unreachable)) as client:
        with pytest.raises(AddressError) as caught:
            await download(client, resource(url), tmp_path / "x")
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert str(caught.value).encode()  # Half a character cannot be printed.
    assert caught.value.attempts in (0, 1)
    assert names(tmp_path) == []


@pytest.mark.parametrize("location", REFUSED)
async def test_a_redirect_to_where_no_file_is_fetched_from(location: str, tmp_path: Path) -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url.host))
        if len(asked) > 11:
            raise AssertionError("too many redirects were followed")
        return httpx.Response(302, headers=[(b"Location", location.encode())])

    async with visitor(transport=httpx.MockTransport(answer)) as client:
        with pytest.raises(AddressError):
            await download(client, resource("https://host.example/a?b=c"), tmp_path / "x")
    assert {*asked} == {"host.example"}
    assert names(tmp_path) == []


async def test_ten_redirects_are_followed_and_no_more(tmp_path: Path) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        left = int(request.url.path[1:])
        if not left:
            return httpx.Response(200, content=CONTENT)
        return httpx.Response(302 + left % 2 * 5, headers={"Location": f"{left - 1}"})

    async with visitor(transport=httpx.MockTransport(answer)) as client:
        done = await download(client, resource("https://host.example/10"), tmp_path / "x")
        assert done.url == "https://host.example/0"
        with pytest.raises(AddressError, match="more than 10 redirects"):
            await download(client, resource("https://host.example/11"), tmp_path / "y")
    assert names(tmp_path) == ["x"]


async def test_a_redirect_from_https_to_http_is_followed_from_the_portal_only(
    tmp_path: Path,
) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.scheme == "http":
            return httpx.Response(200, content=CONTENT)
        return httpx.Response(302, headers={"Location": "http://host.example/x"})

    async with visitor(transport=httpx.MockTransport(answer)) as client:
        await download(client, resource(f"{PORTAL}fr/datasets/r/1"), tmp_path / "x")
        with pytest.raises(AddressError, match=r"is http: .*redirected from https://other"):
            await download(client, resource("https://other.example/a"), tmp_path / "y")
    assert names(tmp_path) == ["x"]


async def test_a_host_on_this_machine_is_not_called(tmp_path: Path) -> None:
    inside, outside = list[str](), list[str]()
    async with (
        server(says(OK + b"Content-Length: 2\r\n\r\nhi"), inside) as private,
        server(redirects(private), outside) as redirecting,
        visitor() as client,
        client_of(redirecting, api_key=KEY) as home,
    ):
        for url in (private, private.replace("127.0.0.1", "localhost")):
            with pytest.raises(AddressError, match="allow_private=True"):
                await download(client, resource(url), tmp_path / "x")
        # The portal is where its user says, but does not lead to others there.
        with pytest.raises(AddressError, match=f"redirected from {redirecting}"):
            await download(home, resource(f"{redirecting}/x"), tmp_path / "x")
        assert (inside, len(outside)) == ([], 1)
        await download(home, resource(f"{redirecting}/x"), tmp_path / "x", allow_private=True)
    assert not any(KEY in head or "x-api-key" in head.lower() for head in inside + outside)


async def test_the_portal_itself_may_be_on_this_machine_but_not_after_another_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = Host(CONTENT)
    async with (
        server(host.answer, host.requests) as host.url,
        server(redirects(host.file)) as other,
        client_of(host.url, api_key=KEY) as client,
    ):
        await download(client, resource(host.file), tmp_path / "x")
        assert KEY not in host.requests[0]
        resolve(monkeypatch, ["93.184.216.34"], port_of(other))
        with pytest.raises(AddressError, match=r"redirected from http://other\.example"):
            await download(client, resource("http://other.example/"), tmp_path / "y")
    assert len(host.requests) == 1
    assert names(tmp_path) == ["x"]


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


def resolve(
    monkeypatch: pytest.MonkeyPatch,
    answers: list[str],
    port: int,
    connected: list[str] | None = None,
) -> list[str]:
    """Resolve every name to the next address, and connect to a local port instead of public ones.

    Returns the names that were resolved.
    """
    asked: list[str] = []

    def getaddrinfo(host: str, asked_port: int, *_: Any, **__: Any) -> list[Any]:
        asked.append(host)
        found = answers.pop(0).split() if len(answers) > 1 else answers[0].split()
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, asked_port)) for address in found
        ]

    async def sock_connect(loop: Any, sock: socket.socket, address: Any) -> None:
        if connected is not None:
            connected.append(address[0])
        await CONNECT(loop, sock, ("127.0.0.1", port))

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(asyncio.SelectorEventLoop, "sock_connect", sock_connect)
    return asked


async def test_a_name_is_refused_if_one_of_its_addresses_is_private(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = Host(CONTENT)
    async with serving(host) as client:
        connected: list[str] = []
        for addresses in ("10.0.0.1", "93.184.216.34 169.254.169.254", "127.0.0.1 93.184.216.34"):
            resolve(monkeypatch, [addresses], port_of(host.url), connected)
            with pytest.raises(AddressError, match=r"has the address .*, which is not an address"):
                await download(client, resource("http://host.example/file"), tmp_path / "x")
        assert connected == host.requests == []
        resolve(monkeypatch, ["93.184.216.34"], port_of(host.url), connected)
        await download(client, resource("http://other.example/file"), tmp_path / "x")
        assert connected == ["93.184.216.34"]


async def test_a_name_that_resolves_to_a_private_address_the_second_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The first answer redirects to the same name at another port, which is resolved again.
    heads, connected = list[str](), list[str]()
    async with server(redirects("http://host.example:81/x"), heads) as url, visitor() as client:
        asked = resolve(monkeypatch, ["93.184.216.34", "127.0.0.1"], port_of(url), connected)
        with pytest.raises(AddressError, match=r"127\.0\.0\.1, which is not an address"):
            await download(client, resource("http://host.example/x"), tmp_path / "x")
    assert asked == ["host.example", "host.example"]
    assert connected == ["93.184.216.34"]  # The address that was checked is the one called.
    assert len(heads) == 1
    assert names(tmp_path) == []


async def test_a_connection_to_a_private_host_is_not_reused_by_a_call_that_may_not_make_it(
    tmp_path: Path,
) -> None:
    heads: list[str] = []

    async def stays_open(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK + b"Content-Length: 2\r\n\r\nhi")
        await reader.read()

    async with server(stays_open, heads) as url, visitor() as client:
        await download(client, resource(url), tmp_path / "x", allow_private=True)
        with pytest.raises(AddressError):
            await download(client, resource(url), tmp_path / "y")
    assert len(heads) == 1


async def test_through_a_proxy_addresses_are_refused_that_can_be_told_here(tmp_path: Path) -> None:
    proxied: list[str] = []
    answer = says(OK + b"Content-Length: 2\r\n\r\nhi")
    async with server(answer, proxied) as proxy:
        url = proxy.replace("http://", "http://user:pass-word-1@")
        async with client_of(PORTAL, proxy=url) as client:
            for private in ("http://127.0.0.1/", "http://localhost/", "http://10.0.0.1/"):
                with pytest.raises(AddressError):
                    await download(client, resource(private), tmp_path / "x")
            assert proxied == []
            await download(client, resource("http://host.example/x"), tmp_path / "x")
    assert proxied[0].startswith("GET http://host.example/x HTTP/1.1\r\n")
    assert "proxy-authorization: Basic" in proxied[0]


async def test_a_transport_of_the_caller_is_given_names_but_no_private_addresses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def resolve(*_: Any, **__: Any) -> list[Any]:
        raise AssertionError("the transport resolves names, not the client")

    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(200, content=b"hi")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    async with visitor(transport=httpx.MockTransport(answer)) as client:
        for private in ("http://127.0.0.1/", "http://localhost/", "http://[::1]/"):
            with pytest.raises(AddressError):
                await download(client, resource(private), tmp_path / "x")
        await download(client, resource("http://host.internal/x"), tmp_path / "x")
    assert asked == ["http://host.internal/x"]


async def test_a_name_that_does_not_exist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def getaddrinfo(*_: Any, **__: Any) -> list[Any]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    async with visitor() as client:
        with pytest.raises(NetworkError, match="Name or service not known"):
            await download(client, resource("https://host.example/x"), tmp_path / "x")
    assert names(tmp_path) == []


def endless(head: bytes, piece: bytes) -> Answer:
    """Send something for ever."""

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        while True:
            writer.write(piece)
            await writer.drain()

    return answer


LYING: dict[str, tuple[Answer, type[DataGouvError]]] = {
    "less than it says": (says(OK + b"Content-Length: 20\r\n\r\n" + CONTENT[:9]), NetworkError),
    "more than it says": (
        says(OK + b"Connection: close\r\nContent-Length: 9\r\n\r\n" + CONTENT),
        DataGouvError,
    ),
    "another length": (says(OK + b"Content-Length: 180\r\n\r\n" + CONTENT * 9), IntegrityError),
    "no length, and less": (says(OK + b"\r\n" + CONTENT[:9]), IntegrityError),
    "no length, and more": (says(OK + b"\r\n" + CONTENT * 2), IntegrityError),
    "two lengths": (
        says(OK + b"Content-Length: 9\r\nContent-Length: 20\r\n\r\n" + CONTENT),
        NetworkError,
    ),
    "a negative length": (says(OK + b"Content-Length: -1\r\n\r\n" + CONTENT), NetworkError),
    "a chunk too few": (
        says(OK + b"Transfer-Encoding: chunked\r\n\r\n9\r\n123456789\r\n"),
        NetworkError,
    ),
    "other bytes": (says(OK + b"Content-Length: 20\r\n\r\n" + CONTENT[::-1]), IntegrityError),
    "another coding": (
        says(OK + b"Content-Encoding: br\r\nContent-Length: 20\r\n\r\n" + CONTENT),
        NetworkError,
    ),
    "half of its gzip": (
        says(OK + b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00"),
        NetworkError,
    ),
    "huge headers": (says(OK + b"X: " + b"a" * 999_999 + b"\r\n\r\n"), NetworkError),
    "headers for ever": (endless(OK, b"X: 1\r\n" * 100), NetworkError),
    "a body for ever": (endless(OK + b"\r\n", CONTENT * 1000), IntegrityError),
    "announcements for ever": (endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), NetworkError),
    "nothing": (lambda _, writer: writer.close(), NetworkError),
    "another protocol": (says(b"SSH-2.0-OpenSSH_9.2\r\n"), NetworkError),
}


@pytest.mark.parametrize("name", LYING)
async def test_a_host_that_lies_leaves_no_file(name: str, tmp_path: Path) -> None:
    answer, kind = LYING[name]
    heads: list[str] = []
    async with server(answer, heads) as url, visitor(timeout=0.2) as client:
        fields = {"filetype": "file", "filesize": len(CONTENT), "checksum": sha1(CONTENT)}
        one = resource(f"{url}/x?signature=1", **fields)
        with pytest.raises(kind) as caught:
            await download(client, one, tmp_path / "x", allow_private=True)
    assert "\n" not in str(caught.value)
    assert "signature" not in str(caught.value)
    assert names(tmp_path) == []
    assert KEY not in heads[0]


async def test_downloads_do_not_wait_for_the_limits_of_the_portal(
    tmp_path: Path, scripted: Callable[..., Client]
) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.url.host == "host.example"
        return httpx.Response(200, content=CONTENT)

    # A rate that would make the second call wait for days.
    client = scripted(answer, rate=0.00001)
    one = resource("https://host.example/x")
    async with client, asyncio.timeout(30):
        for number in range(3):
            await download(client, one, tmp_path / f"{number}")
    assert len(names(tmp_path)) == 3
