"""Proxies: those of the argument and of the environment, and how their failures are told."""

from __future__ import annotations

import asyncio
import base64
import functools
import logging
import pickle
import ssl
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme

from aiodatagouv import APIError, Client, NetworkError, RetryPolicy, TimeoutError, UnreachableError
from aiodatagouv._http.proxies import Proxy, is_exempt
from aiodatagouv.api import datasets

from .clients import client_of
from .servers import OK, Answer, redirects, says, server, tunnels
from .test_secrets import chain, everything_in, shown

PASSWORD = "the-password-of-the-proxy"
PORTAL = "https://portal.example"
ANSWER = says(OK + b'Content-Length: 11\r\n\r\n{"id": "1"}')
AGAIN = RetryPolicy(attempts=3, base=0)


def found(text: str | None = None) -> Proxy | None:
    return Proxy.find(text).check("https", has_key=True)


@pytest.mark.parametrize(
    ("environment", "url"),
    [
        ({"HTTPS_PROXY": "host:3128"}, "http://host:3128"),
        ({"https_proxy": "host:3128"}, "http://host:3128"),
        ({"https_proxy": "one:1", "HTTPS_PROXY": "two:2"}, "http://one:1"),
        ({"HTTPS_PROXY": "http://host:3128/"}, "http://host:3128"),
        ({"HTTPS_PROXY": "https://host"}, "https://host:443"),
        ({"HTTPS_PROXY": "HTTP://Host"}, "http://host:80"),
        ({"HTTPS_PROXY": "[::1]:3128"}, "http://[::1]:3128"),
        ({"HTTPS_PROXY": "me:hidden@host:3128"}, "http://host:3128"),
        ({"HTTPS_PROXY": "http://bücher.example"}, "http://xn--bcher-kva.example:80"),
        ({"HTTPS_PROXY": " host:3128 "}, "http://host:3128"),
        ({"HTTPS_PROXY": ""}, None),
        ({"HTTPS_PROXY": "  "}, None),
        ({"HTTP_PROXY": "host:3128"}, None),
        ({"ALL_PROXY": "host:3128"}, "http://host:3128"),
        ({"all_proxy": "http://host:3128"}, "http://host:3128"),
        ({"ALL_PROXY": "all:1", "HTTPS_PROXY": "https:2"}, "http://https:2"),
        ({"ALL_PROXY": "all:1", "HTTPS_PROXY": " "}, "http://all:1"),
        ({"https_proxy": "", "HTTPS_PROXY": "two:2"}, None),
        ({"all_proxy": "one:1", "ALL_PROXY": "two:2"}, "http://one:1"),
    ],
)
def test_the_proxy_of_the_environment_is_read_as_others_read_it(
    environment: dict[str, str], url: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    proxy = found()
    assert (proxy and proxy.url) == url
    assert found("") is None
    assert Proxy.find(None).check("http", has_key=False) is None
    given = found("given:1")
    assert given
    assert given.url == "http://given:1"


def test_user_and_password_are_percent_decoded() -> None:
    proxy = found("http://me:a%40b%2F%C3%A9@host:3128")
    assert proxy
    assert base64.b64decode(proxy.authorization.split()[1]).decode() == "me:a@b/é"


WRONG = [
    f"socks5://me:{PASSWORD}@host:1080",
    f"socks5h://me:{PASSWORD}@host:1080",
    f"socks4://{PASSWORD}@host",
    f"ftp://me:{PASSWORD}@host",
    f"me:{PASSWORD}://host",
    f"http://me:{PASSWORD}/@host:3128",
    f"http://me:{PASSWORD}#@host:3128",
    f"http://me:{PASSWORD}@host:port",
    f"http://me:{PASSWORD}@host:99999",
    f"http://me:{PASSWORD}@host:0",
    f"http://me:{PASSWORD}@:3128",
    f"http://me:{PASSWORD}@a..b",
    f"http://me:{PASSWORD}@ho st:3128",
    f"http://me:{PASSWORD}@host\n:3128",
    f"http://me:{PASSWORD}@[::x]:3128",
    f"http://me:{PASSWORD}@[::1:3128",
    "http://",
]


@pytest.mark.parametrize("text", WRONG)
@pytest.mark.parametrize("name", ["proxy", "HTTPS_PROXY", "all_proxy"])
def test_a_proxy_that_cannot_be_used_is_refused_at_once(
    name: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments: dict[str, Any] = {"proxy": text} if name == "proxy" else {}
    if not arguments:
        monkeypatch.setenv(name, text)
    with pytest.raises(ValueError, match=f"^{name}: ") as caught:
        Client(base_url=PORTAL, **arguments)
    if "socks" in text:
        assert f"a SOCKS proxy ({text.split(':')[0]}) is not supported" in str(caught.value)
    for error in chain(caught.value):
        assert PASSWORD not in shown(error) + everything_in(error)


@pytest.mark.parametrize("wrong", [{"base_url": "nowhere"}, {"verify": "nowhere"}, {"rate": 0}])
def test_a_refused_client_does_not_show_the_password(wrong: dict[str, Any]) -> None:
    arguments: dict[str, Any] = {"base_url": PORTAL, "proxy": f"me:{PASSWORD}@host:1", **wrong}
    with pytest.raises(ValueError, match=next(iter(wrong))) as caught:
        Client(**arguments)
    assert PASSWORD not in shown(caught.value)
    with pytest.raises(ValueError, match=r"^proxy: "):
        Client(base_url=PORTAL, proxy=5)  # type: ignore[arg-type]


def test_a_proxy_shows_its_address_only() -> None:
    proxy = found(f"me:{PASSWORD}@host:3128")
    assert repr(proxy) == "Proxy(host:3128)"
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(proxy)


def test_a_transport_has_a_proxy_and_certificates_of_its_own() -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200))
    Client(base_url=PORTAL, transport=transport, proxy="")
    refused: list[dict[str, Any]] = [{"proxy": "host:1"}, {"verify": False}]
    for arguments in refused:
        with pytest.raises(ValueError, match="no effect on a transport"):
            Client(base_url=PORTAL, transport=transport, **arguments)


def test_no_proxy_of_an_http_portal_gets_the_key() -> None:
    with pytest.raises(ValueError, match="an API key is only sent through a proxy over https"):
        Client(base_url="http://127.0.0.1:7000", api_key="a-very-secret-key", proxy="host:1")


@pytest.mark.parametrize(
    ("exceptions", "host", "port", "exempt"),
    [
        ("*", "portal.example", 443, True),
        ("other.example, *", "portal.example", 443, True),
        ("example.org", "example.org", 443, True),
        ("example.org", "www.example.org", 443, True),
        ("example.org", "badexample.org", 443, False),
        ("example.org", "example.org.evil.example", 443, False),
        (".example.org", "www.example.org", 443, True),
        (".example.org", "example.org", 443, True),
        ("*.example.org", "www.example.org", 443, True),
        ("EXAMPLE.org.", "WWW.example.ORG.", 443, True),
        ("a.example,example.org", "example.org", 443, True),
        ("a.example example.org", "example.org", 443, True),
        ("example.org:443", "www.example.org", 443, True),
        ("example.org:8443", "example.org", 443, False),
        ("https://example.org", "example.org", 443, True),
        ("http://example.org", "example.org", 443, False),
        ("bücher.example", "xn--bcher-kva.example", 443, True),
        ("localhost", "localhost", 443, True),
        ("127.0.0.1", "127.0.0.1", 443, True),
        ("127.0.0.1:443", "127.0.0.1", 443, True),
        ("127.0.0.1:80", "127.0.0.1", 443, False),
        ("0.0.1", "127.0.0.1", 443, False),
        ("10.0.0.0/8", "10.1.2.3", 443, True),
        ("10.1.2.3/8", "10.3.2.1", 443, True),
        ("10.0.0.0/8", "11.1.2.3", 443, False),
        ("10.0.0.0/8", "10.example", 443, False),
        ("::1", "::1", 443, True),
        ("[::1]", "::1", 443, True),
        ("[::1]:443", "[::1]", 443, True),
        ("[::1]:8443", "::1", 443, False),
        ("0:0:0:0:0:0:0:1", "::1", 443, True),
        ("fd00::/8", "fd12::1", 443, True),
        ("[fd00::]/8", "fd12::1", 443, True),
        ("10.0.0.0/99, a..b, :, /", "10.0.0.1", 443, False),
        ("10.0.0.0/99, a..b, :, /", "portal.example", 443, False),
        ("", "portal.example", 443, False),
    ],
)
def test_no_proxy_names_hosts_domains_addresses_and_networks(
    exceptions: str, host: str, port: int, exempt: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert is_exempt(host, port, exceptions) is exempt
    monkeypatch.setenv("HTTPS_PROXY", "proxy:3128")
    monkeypatch.setenv("NO_PROXY", exceptions)
    proxy = found()
    assert proxy
    assert proxy.serves(host, port) is not exempt
    given = found("proxy:3128")
    assert given
    assert given.serves(host, port)


@pytest.fixture
def authority(tmp_path: Path) -> tuple[trustme.CA, str]:
    """A certificate authority, and the path of its certificate."""
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return ca, str(tmp_path / "ca.pem")


def tls_of(ca: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    return context


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


@pytest.mark.parametrize("secure", [False, True])
async def test_only_the_proxy_receives_its_password_and_only_the_portal_the_key(
    secure: bool, authority: tuple[trustme.CA, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ca, pem = authority
    heads: list[str] = []
    asked: list[str] = []
    key = "a-very-secret-key"
    tls = tls_of(ca)
    async with server(ANSWER, heads, tls) as url:
        tunnel = functools.partial(tunnels, port=port_of(url))
        async with server(tunnel, asked, tls if secure else None) as proxy:
            monkeypatch.setenv("HTTPS_PROXY", proxy.replace("://", f"://me:{PASSWORD}@"))
            async with client_of(url, api_key=key, verify=pem) as client:
                assert (await datasets.get_dataset(client, "velos")).id == "1"
            monkeypatch.setenv("NO_PROXY", "127.0.0.0/8")
            async with client_of(url, api_key=key, verify=pem) as client:
                assert (await datasets.get_dataset(client, "velos")).id == "1"
    (connect,) = asked
    authorization = base64.b64encode(f"me:{PASSWORD}".encode()).decode()
    assert connect.startswith(f"CONNECT 127.0.0.1:{port_of(url)} ")
    assert f"proxy-authorization: Basic {authorization}" in connect
    assert key not in connect
    assert len(heads) == 2
    assert all("proxy-authorization" not in head.lower() and key in head for head in heads)


async def test_an_http_portal_is_called_through_the_proxy_of_the_argument_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    heads: list[str] = []
    async with server(ANSWER, heads) as proxy:
        address = proxy.removeprefix("http://")
        monkeypatch.setenv("ALL_PROXY", "127.0.0.1:9")
        async with client_of("http://portal.example", proxy=f"me:x@{address}") as client:
            await datasets.get_dataset(client, "velos")
    (head,) = heads
    assert head.startswith("GET http://portal.example/api/1/datasets/velos/ ")
    assert "proxy-authorization: Basic bWU6eA==" in head


def refuses(status: int) -> Answer:
    echo = f"HTTP/1.1 {status} No {PASSWORD}\r\nX: {PASSWORD}\r\n".encode()
    return says(echo + b"Content-Length: 0\r\n\r\n")


@pytest.mark.parametrize("status", [302, 400, 401, 403, 404, 407, 429, 500, 502, 503, 504, 599])
async def test_a_refusal_of_the_proxy_is_told_as_its_own(
    status: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.NOTSET)
    asked: list[str] = []
    async with server(refuses(status), asked) as proxy:
        named = proxy.replace("://", f"://me:{PASSWORD}@")
        async with client_of(PORTAL, api_key="k" * 20, retry=AGAIN, proxy=named) as client:
            assert PASSWORD not in everything_in(client) + repr(vars(client))
            with pytest.raises(
                NetworkError, match=f"the proxy {proxy.removeprefix('http://')} answered {status}"
            ) as caught:
                await datasets.get_dataset(client, "velos")
    assert isinstance(caught.value, UnreachableError) is (status not in (429, 502, 503, 504))
    assert len(asked) == caught.value.attempts == (3 if status in (429, 502, 503, 504) else 1)
    assert not caught.value.is_sent
    encoded = base64.b64encode(f"me:{PASSWORD}".encode()).decode()
    for error in chain(caught.value):
        seen = shown(error) + everything_in(error) + pickle.dumps(error).decode("latin-1")
        assert PASSWORD not in seen + caplog.text
        assert encoded not in seen + caplog.text


async def test_a_tunnel_that_breaks_before_the_portal_answers_has_sent_nothing() -> None:
    opened = b"HTTP/1.1 200 Connection established\r\n\r\n"

    async def garbles(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(opened)
        await reader.read(1)
        writer.write(b"no TLS" * 9)

    for answer in (says(opened), garbles):
        asked: list[str] = []
        async with (
            server(answer, asked) as proxy,
            client_of(PORTAL, proxy=proxy, retry=AGAIN) as client,
        ):
            with pytest.raises(NetworkError, match=r"cannot connect to portal\.example:443: ."):
                await client.request("POST", "datasets/", json={})
        assert len(asked) == 3


async def test_no_proxy_holds_for_the_target_of_a_redirect(
    authority: tuple[trustme.CA, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ca, pem = authority
    asked: list[str] = []
    heads: list[str] = []
    async with server(ANSWER, heads, tls_of(ca)) as other:
        target = other.replace("127.0.0.1", "localhost")
        async with server(redirects(f"{target}/x"), tls=tls_of(ca)) as url:
            tunnel = functools.partial(tunnels, port=port_of(url))
            async with server(tunnel, asked) as proxy:
                monkeypatch.setenv("HTTPS_PROXY", proxy)
                monkeypatch.setenv("NO_PROXY", "localhost")
                async with client_of(url, verify=pem, api_key="k" * 20) as client:
                    await datasets.get_dataset(client, "velos")
    assert [head.split()[1] for head in asked] == [f"127.0.0.1:{port_of(url)}"]
    assert [head.split()[1] for head in heads] == ["/x"]
    assert "k" * 20 not in heads[0]


async def test_a_password_that_the_proxy_of_an_http_portal_echoes_is_not_shown(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.NOTSET)
    encoded = base64.b64encode(f"me:{PASSWORD}".encode()).decode()
    body = f'{{"message": "{PASSWORD} {encoded}"}}'.encode()
    head = f"HTTP/1.1 400 {PASSWORD}\r\nX: {encoded}\r\nContent-Length: {len(body)}\r\n\r\n"
    async with (
        server(says(head.encode() + body)) as proxy,
        client_of("http://portal.example", proxy=f"me:{PASSWORD}@{proxy[7:]}") as client,
    ):
        with pytest.raises(APIError, match="400") as caught:
            await datasets.get_dataset(client, "velos")
    seen = shown(caught.value) + everything_in(caught.value) + caplog.text
    seen += pickle.dumps(caught.value).decode("latin-1")
    assert PASSWORD not in seen
    assert encoded[8:-4] not in seen


async def test_a_407_of_an_http_portal_is_the_proxys() -> None:
    async with (
        server(refuses(407)) as proxy,
        client_of("http://portal.example", retry=AGAIN, proxy=proxy) as client,
    ):
        with pytest.raises(UnreachableError, match=r"the proxy .* answered 407") as caught:
            await datasets.get_dataset(client, "velos")
    assert caught.value.attempts == 1
    async with (
        server(refuses(404)) as proxy,
        client_of("http://portal.example", proxy=proxy) as client,
    ):
        with pytest.raises(APIError, match="404"):
            await datasets.get_dataset(client, "velos")


FAULTS: dict[str, tuple[Answer, str]] = {
    "closes": (lambda _, writer: writer.close(), "closed the connection"),
    "resets": (lambda _, writer: writer.transport.abort(), "closed the connection"),
    "another protocol": (says(f"SSH-{PASSWORD}\r\n\r\n".encode()), "did not answer with HTTP"),
}


@pytest.mark.parametrize("name", FAULTS)
async def test_a_fault_of_the_proxy_is_told_as_its_own_and_retried(name: str) -> None:
    answer, problem = FAULTS[name]
    async with (
        server(answer) as proxy,
        client_of(PORTAL, retry=AGAIN, proxy=proxy) as client,
    ):
        with pytest.raises(NetworkError, match=f"the proxy {proxy[7:]} {problem}") as caught:
            await datasets.get_dataset(client, "velos")
    assert caught.value.attempts == 3
    assert not caught.value.is_sent
    assert PASSWORD not in everything_in(caught.value)


@pytest.mark.parametrize("portal", [PORTAL, "http://portal.example"])
async def test_a_proxy_that_cannot_be_reached_is_named(portal: str) -> None:
    async with server(ANSWER) as proxy:
        pass
    async with client_of(portal, retry=AGAIN, proxy=proxy) as client:
        with pytest.raises(NetworkError, match=f"the proxy {proxy[7:]} cannot be") as caught:
            await datasets.get_dataset(client, "velos")
    assert caught.value.attempts == 3
    assert not caught.value.is_sent


async def test_a_silent_proxy_is_a_timeout() -> None:
    def silence(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> object:
        return asyncio.Event().wait()

    def opens(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> object:
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        return asyncio.Event().wait()

    for answer in (silence, opens):
        async with (
            server(answer) as proxy,
            client_of(PORTAL, timeout=0.02, proxy=f"me:{PASSWORD}@{proxy[7:]}") as client,
        ):
            with pytest.raises(TimeoutError, match=r"the proxy .* did not connect in time"):
                await datasets.get_dataset(client, "velos")


async def test_a_certificate_of_the_portal_is_not_blamed_on_the_proxy(
    authority: tuple[trustme.CA, str],
) -> None:
    async with server(ANSWER, tls=tls_of(authority[0])) as url:
        tunnel = functools.partial(tunnels, port=port_of(url))
        async with server(tunnel) as proxy, client_of(url, proxy=proxy) as client:
            with pytest.raises(UnreachableError, match="certificate verify failed") as caught:
                await datasets.get_dataset(client, "velos")
            assert "the proxy" not in str(caught.value)
    async with (
        server(ANSWER, tls=tls_of(authority[0])) as proxy,
        client_of(PORTAL, proxy=proxy) as client,
    ):
        with pytest.raises(UnreachableError, match=r"the proxy .* certificate"):
            await datasets.get_dataset(client, "velos")


async def test_connections_through_the_proxy_are_used_again(
    authority: tuple[trustme.CA, str],
) -> None:
    async def answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(3):
            writer.write(OK + b"Content-Length: 2\r\n\r\n{}")
            await reader.readuntil(b"\r\n\r\n")

    asked: list[str] = []
    async with server(answers, tls=tls_of(authority[0])) as url:
        tunnel = functools.partial(tunnels, port=port_of(url))
        async with (
            server(tunnel, asked) as proxy,
            client_of(url, proxy=f"me:x@{proxy[7:]}", verify=authority[1]) as client,
        ):
            for _ in range(3):
                await datasets.get_dataset(client, "velos")
    assert len(asked) == 1
