"""The API key: sent only to the portal's own origin, and never shown."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import copy
import gc
import html
import io
import json
import logging
import pickle
import re
import traceback
import types
from collections.abc import Awaitable, Callable, Iterator
from html.entities import codepoint2name
from urllib.parse import quote, quote_plus, unquote

import httpx
import pytest

from aiodatagouv import (
    AuthenticationError,
    Client,
    DataGouvError,
    NotFoundError,
    RedirectError,
    RetryPolicy,
    files,
    models,
)
from aiodatagouv._call.auth import ApiKey
from aiodatagouv.api import datasets, me, organizations, reuses, site, v2
from aiodatagouv.models import ApiTokenCreated, ReuseWrite
from aiodatagouv.models.v2 import TopicWrite

from .answers import Pieces
from .clients import client_of
from .servers import OK, Answer, redirects, says, server, stalls

KEY = "the-key-that-nobody-else-may-see"

Call = Callable[[Client], Awaitable[object]]


async def read_stream(client: Client) -> str:
    return await site.get_site_datasets_csv(client).text()


async def read_rdf(client: Client) -> str:
    return await datasets.get_dataset_rdf(client, "velos", "ttl").text()


async def rows(client: Client) -> list[object]:
    return [row async for row in site.get_site_tags_csv(client).rows()]


async def exported(client: Client) -> list[object]:
    return [row async for row in files.export(client, "tags").rows()]


async def write(client: Client) -> object:
    body = ReuseWrite(title="a", description="b", topic="others", type="api", url="c")
    return await reuses.create_reuse(client, body=body)


async def write_topic(client: Client) -> object:
    return await v2.topics.create_topic(client, body=TopicWrite(name="a", description="b"))


async def follow_link(client: Client) -> object:
    href = f"{client.base_url}api/2/datasets/velos/resources/"
    link = models.v2.Dataset.from_dict({"resources": {"href": href}}).resources
    return await anext(aiter(link.follow(client)))


CALLS: dict[str, Call] = {
    "the file of a resource": lambda client: datasets.redirect_resource(client, "1"),
    "RDF": lambda client: datasets.redirect_dataset_rdf(client, "velos"),
    "RDF in a format": read_rdf,
    "the catalogue": lambda client: site.redirect_site_catalog(client),
    "an organization's catalogue": lambda client: organizations.redirect_organization_catalog(
        client, "nantes"
    ),
    "a slug": lambda client: datasets.get_dataset(client, "velos", fields="id"),
    "a list": lambda client: datasets.list_datasets(client, q="bus").__aiter__().__anext__(),
    "CSV": read_stream,
    "a write": write,
    "the current user": lambda client: me.get_me(client),
    "a slug, in API v2": lambda client: v2.datasets.get_dataset(client, "velos", fields="id"),
    "a list, in API v2": lambda client: v2.topics.list_topics(client).__aiter__().__anext__(),
    "a link": follow_link,
    "a write, in API v2": write_topic,
    "a deletion with a body": lambda client: v2.datasets.delete_dataset_extras(
        client, "velos", body=["a"]
    ),
}


NOT_FOLLOWED = {
    "the file of a resource",
    "RDF",
    "the catalogue",
    "an organization's catalogue",
    "a write",
    "a write, in API v2",
    "a deletion with a body",
}
"""Calls that do not follow the redirect: they return its target, or write."""


LOCATIONS = [
    "{hostile}",
    "{hostile}/datasets/?X-API-KEY=",
    "//{host}:{port}/",
    "HTTP://LOCALHOST:{port}/",
    "http://me:you@{host}:{port}/",
]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("name", CALLS)
async def test_no_redirect_sends_the_key_or_a_cookie_to_another_origin(
    name: str, status: int
) -> None:
    cookie = b"Set-Cookie: %b=1; Path=/\r\n"
    answers = says(OK + cookie % b"hostile" + b"Content-Length: 2\r\n\r\n{}")
    for location in LOCATIONS:
        sent: list[str] = []
        received: list[str] = []
        async with server(answers, received) as hostile:
            host, port = "127.0.0.1", hostile.rpartition(":")[2]
            target = location.format(hostile=hostile, host=host, port=port)
            leads_there = f"HTTP/1.1 {status} Elsewhere\r\nLocation: {target}\r\n".encode()
            redirect = leads_there + cookie % b"session" + b"Content-Length: 0\r\n\r\n"
            async with server(says(redirect), sent) as url, client_of(url, api_key=KEY) as client:
                for _ in range(2):
                    await asyncio.gather(CALLS[name](client), return_exceptions=True)
        assert len(sent) == 2
        assert all(f"x-api-key: {KEY}" in head.lower() for head in sent)
        assert len(received) == (0 if name in NOT_FOLLOWED else 2)
        for head in received:
            assert KEY not in head
            assert "x-api-key" not in head.split("\r\n", 1)[1].lower()
            assert head.startswith("GET ")
        assert not [head for head in sent + received if "\ncookie:" in head.lower()]


ECHO = f"X-Received: X-API-KEY: {KEY}\r\n".encode()
HTML = f"<html>You sent X-API-KEY: {KEY}</html>".encode()


def answer(status: str, body: bytes) -> Answer:
    head = f"HTTP/1.1 {status}\r\n".encode() + ECHO
    return says(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)


SITUATIONS: dict[str, Answer] = {
    "a success": answer("200 OK", b'{"id": "1"}'),
    "a refusal": answer("401 Unauthorized", b'{"message": "Bad key %b"}' % KEY.encode()),
    "a validation error": answer("400 Bad", b'{"errors": {"a": ["%b"]}}' % KEY.encode()),
    "a proxy that echoes the request": answer("502 Bad Gateway", HTML),
    "a proxy that echoes it as a success": answer("200 OK", HTML),
    "a value of the wrong type": answer("200 OK", b'{"organization": "%b"}' % KEY.encode()),
    "an invalid date": answer("200 OK", b'{"created_at": "%b"}' % KEY.encode()),
    "a 429": answer("429 Slow", b""),
    "a connection that closes": lambda _, writer: writer.close(),
    "another protocol": says(b"SSH-2.0-OpenSSH\r\n"),
    "a redirect without end": says(
        b"HTTP/1.1 302 F\r\nLocation: /api/1/datasets/x/\r\nContent-Length: 0\r\n\r\n"
    ),
    "a redirect to a mail address": says(
        b"HTTP/1.1 302 F\r\nLocation: mailto:x\r\nContent-Length: 0\r\n\r\n"
    ),
    "an echo in the reason phrase": answer(f"502 You sent {KEY}", b""),
    "an echo in the reason phrase of a success": answer(f"200 {KEY}", b'{"id": "1"}'),
    "an echo in a broken status line": says(f"HTTP/1.1 {KEY}\r\n\r\n".encode()),
    "an echo as the protocol": says(f"{KEY}/1.1 200 OK\r\n\r\n".encode()),
    "an echo in a broken header": says(OK + f"{KEY}\r\n\r\n".encode()),
    "an echo in the broken name of a header": says(OK + f"{KEY} : 1\r\n\r\n".encode()),
    "an echo as the name of a header": says(
        OK + f"{KEY}: 1\r\nContent-Length: 2\r\n\r\n{{}}".encode()
    ),
    "an echo as the name of a header of an error": says(
        f"HTTP/1.1 404 No\r\n{KEY}: 1\r\nContent-Length: 0\r\n\r\n".encode()
    ),
    "an echo in an error in UTF-16": answer("404 No", f'{{"message": "{KEY}"}}'.encode("utf-16")),
    "an echo in an error in UTF-32": answer("404 No", f'{{"message": "{KEY}"}}'.encode("utf-32")),
    "an echo as the columns of a CSV": answer("200 OK", f"{KEY};{KEY}\r\n1;2\r\n".encode()),
    "an echo in a number of a CSV": answer("200 OK", f"name;reuses\r\na;{KEY}\r\n".encode()),
    "an echo in a CSV that is not UTF-8": answer("200 OK", f"a\r\n{KEY}\r\n\xe9".encode("latin-1")),
    "an echo in a stream that breaks off": says(
        OK + f"Content-Length: 999\r\n\r\na\r\n{KEY}\r\n".encode()
    ),
    "an echo as the length": says(OK + f"Content-Length: {KEY}\r\n\r\n".encode()),
    "an echo as the encoding": says(
        OK + f"Content-Encoding: {KEY}\r\nContent-Length: 2\r\n\r\n{{}}".encode()
    ),
    "an echo in a broken chunk": says(OK + f"Transfer-Encoding: chunked\r\n\r\n{KEY}\r\n".encode()),
    "an echo in a redirect": redirects(f"https://a..b/{KEY}"),
    "an echo in a redirect to a script": redirects(f"javascript:{KEY}"),
    "an echo in a redirect without end": redirects(f"/api/1/datasets/?key={KEY}"),
    "an echo in a redirect to a closed port": redirects(f"http://127.0.0.1:9/{KEY}?key={KEY}"),
    "an answer that stalls": stalls,
    "silence": lambda *_: asyncio.Event().wait(),
}


ENDLESS = [SITUATIONS["an answer that stalls"], SITUATIONS["silence"]]


@pytest.mark.parametrize("name", SITUATIONS)
async def test_no_repr_error_log_or_output_contains_the_key(
    name: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.NOTSET)
    for logger in ("httpx", "httpcore", "aiohttp", "asyncio", "aiodatagouv"):
        caplog.set_level(logging.DEBUG, logger)
    asyncio.get_running_loop().set_debug(True)
    seen: list[str] = []
    async with server(SITUATIONS[name]) as url, client_of(url, api_key=KEY) as client:
        seen += [
            repr(client),
            str(client),
            repr(vars(client)),
            repr(client.with_options(lang="fr")),
            repr(client._pipeline()),
        ]
        with pytest.raises(TypeError, match="cannot be pickled"):
            pickle.dumps(client)
        with pytest.raises(TypeError, match="cannot be pickled"):
            copy.deepcopy(client)
        stream = site.get_site_tags_csv(client)
        seen += [repr(stream), repr(datasets.list_datasets(client)), repr(vars(stream))]
        calls = (
            datasets.get_dataset(client, "velos"),
            v2.datasets.get_dataset(client, "velos", full_objects=True),
            write(client),
            write_topic(client),
            stream.text(),
            rows(client),
            exported(client),
        )
        for call in calls:
            task = asyncio.ensure_future(call)
            seen.append(repr(task))
            if SITUATIONS[name] in ENDLESS:
                for _ in range(50):
                    await asyncio.sleep(0)
                seen.append(repr(task.get_stack()))
                task.cancel()
            try:
                await task
            except (DataGouvError, asyncio.CancelledError) as error:
                for one in chain(error):
                    seen += [everything_in(one), shown(one)]
                    seen.append(pickle.dumps(one).decode("latin-1"))
                    seen.append(everything_in(pickle.loads(pickle.dumps(one))))
    out, err = capfd.readouterr()
    seen += [out, err, caplog.text, *(repr(vars(record)) for record in caplog.records)]
    assert "aiodatagouv" in caplog.text
    everything = "\n".join(seen)
    assert KEY not in everything
    assert len(everything) > 1000


ODD = r"""<a "key" & \ it's 100%+/= ~ >"""


SPELLINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "percent-encoded": lambda key: quote(key, safe=""),
    "percent-encoded, lower case": lambda key: "".join(f"%{ord(one):02x}" for one in key),
    "percent-encoded in part": lambda key: f"%{ord(key[0]):X}{key[1:]}",
    "percent-encoded twice": lambda key: quote(quote(key, safe=""), safe=""),
    "a form": quote_plus,
    "JSON": lambda key: json.dumps(key)[1:-1],
    "JSON in JSON": lambda key: json.dumps(json.dumps(key))[3:-3],
    "JSON with slashes escaped": lambda key: json.dumps(key)[1:-1].replace("/", r"\/"),
    "JSON's numbers": lambda key: "".join(f"\\u{ord(one):04x}" for one in key),
    "JSON's numbers, upper case": lambda key: "".join(f"\\u{ord(one):04X}" for one in key),
    "Python's repr": lambda key: repr(key.encode())[2:-1],
    "hexadecimal escapes": lambda key: "".join(f"\\x{ord(one):02x}" for one in key),
    "octal escapes": lambda key: "".join(f"\\{ord(one):03o}" for one in key),
    "HTML": html.escape,
    "HTML's names": lambda key: "".join(
        f"&{name};" if (name := codepoint2name.get(ord(one))) else one for one in key
    ),
    "HTML's numbers": lambda key: "".join(f"&#{ord(one)};" for one in key),
    "HTML's hexadecimal numbers": lambda key: "".join(f"&#X{ord(one):04x};" for one in key),
    "HTML in HTML": lambda key: html.escape("".join(f"&#{ord(one)};" for one in key)),
    "base64": lambda key: base64.b64encode(key.encode()).decode(),
    "base64 for URLs": lambda key: base64.urlsafe_b64encode(key.encode()).decode(),
    "base64 in a URL": lambda key: quote(base64.b64encode(key.encode()).decode(), safe=""),
    "base64 without padding": lambda key: base64.b64encode(key.encode()).decode().rstrip("="),
    "hexadecimal digits": lambda key: key.encode().hex(),
    "hexadecimal digits, upper case": lambda key: key.encode().hex().upper(),
}


MIXED: dict[str, Callable[[str], str]] = {
    "JSON, percent-encoded": lambda key: quote("".join(f"\\u{ord(one):04x}" for one in key)),
    "JSON in HTML": lambda key: "".join(f"&#92;u{ord(one):04x}" for one in key),
    "percent-encoded in JSON": lambda key: "".join(f"\\u0025{ord(one):02x}" for one in key),
    "percent-encoded in HTML": lambda key: "".join(f"&percnt;{ord(one):02x}" for one in key),
    "HTML in JSON, as Go writes it": lambda key: "".join(f"\\u0026#{ord(one)};" for one in key),
    "HTML, percent-encoded": lambda key: quote("".join(f"&#{ord(one)};" for one in key)),
}


@pytest.mark.parametrize("key", [KEY, ODD, "q2345678", "~~~~???>>>>"])
@pytest.mark.parametrize("name", SPELLINGS)
def test_every_spelling_of_the_key_is_redacted(name: str, key: str) -> None:
    spelled = SPELLINGS[name](key)
    redacted = ApiKey(key).redact(f'a {spelled}" b'.encode())
    assert re.fullmatch(rb'a \*\*\*=*(%3D)*" b', redacted)


@pytest.mark.parametrize("key", [KEY, "q2345678", "~~~~???>>>>"])
@pytest.mark.parametrize("name", MIXED)
def test_escapes_of_several_kinds_are_redacted(name: str, key: str) -> None:
    assert ApiKey(key).redact(f'a {MIXED[name](key)}" b'.encode()) == b'a ***" b'


@pytest.mark.parametrize("key", [KEY, f"{KEY}?", f"{KEY}>>"])
@pytest.mark.parametrize("before", ["", "a", "me:", "X-API-KEY: "])
def test_the_key_inside_of_a_longer_base64_is_redacted(before: str, key: str) -> None:
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for after in ("", "a", "ab", "abc"):
            encoded = encode(f"{before}{key}{after}".encode())
            start, _, end = ApiKey(key).redact(encoded).partition(b"***")
            assert end != encoded
            # No character is left that the key alone decides.
            assert len(start) <= -(-len(before) * 4 // 3)
            assert len(end.rstrip(b"=")) <= -(-len(after) * 4 // 3) + 1


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_the_key_is_redacted_from_wide_encodings(encoding: str) -> None:
    for spelled in (KEY, SPELLINGS["percent-encoded, lower case"](KEY)):
        redacted = ApiKey(KEY).redact(f'{{"a": "{spelled}"}}'.encode(encoding))
        assert redacted.endswith(b'{"a": "***"}')
    image = "no key in it".encode(encoding)
    assert ApiKey(KEY).redact(image) == image


LINES = {
    "the reason phrase": "HTTP/1.1 502 {line}\r\n\r\n",
    "a header": "HTTP/1.1 200 OK\r\nX: {line}\r\n\r\n",
    "a trailer": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: {line}\r\n\r\n",
    "a head that breaks off": "HTTP/1.1 200 OK\r\nX: {half}",
}


@pytest.mark.parametrize("name", LINES)
async def test_no_half_of_the_key_is_quoted(name: str) -> None:
    half = KEY[: len(KEY) // 2]
    # aiohttp quotes the first 100 bytes of a line that is too long.
    line = "a" * (100 - len(half)) + KEY + "a" * 99_999
    async with (
        server(says(LINES[name].format(line=line, half=half).encode())) as url,
        client_of(url, api_key=KEY) as client,
    ):
        with pytest.raises(DataGouvError) as caught:
            await datasets.get_dataset(client, "velos")
    for error in chain(caught.value):
        assert half[:8] not in shown(error) + everything_in(error)


@pytest.mark.parametrize("before", [1, 8, len(KEY) - 1])
async def test_no_half_of_the_key_is_left_where_an_error_is_cut(before: int) -> None:
    most, half = 1 << 20, len(KEY) // 2
    first = b"." * (most - before) + KEY[:half].encode()
    pieces = (first, KEY[half:].encode(), b"." * most, KEY[:half].encode(), KEY[half:].encode())
    transport = httpx.MockTransport(lambda _: httpx.Response(404, stream=Pieces(*pieces)))
    async with client_of("https://portal.example", api_key=KEY, transport=transport) as client:
        with pytest.raises(NotFoundError) as caught:
            await datasets.get_dataset(client, "velos")
    assert caught.value.response is not None
    content = caught.value.response.content
    assert len(content) == most
    assert {*content} == {*b".*"}


def test_other_texts_are_left_as_they_are() -> None:
    text = rf'{{"a": "{KEY[:-1]}", "b": "%74%68 \u0074 &#116; {KEY[1:]}"}}'.encode()
    assert ApiKey(KEY).redact(text) == text
    assert ApiKey("").redact(text) == text


@pytest.mark.parametrize("name", [*SPELLINGS, *MIXED])
async def test_no_spelling_of_an_echoed_key_is_shown(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.NOTSET)
    spelled = {**SPELLINGS, **MIXED}[name](KEY)
    seen: list[str] = []

    def keep(response: httpx.Response) -> None:
        seen.extend([everything_in(response.headers), response.reason_phrase, str(response.url)])
        if response.is_stream_consumed or response.is_closed:
            seen.append(response.text)

    content = spelled.encode()
    length = b"Content-Length: %d\r\nX-Sentry-ID: %b\r\n\r\n%b" % (len(content), content, content)
    for answer in (
        says(f"HTTP/1.1 502 {spelled}\r\n".encode() + length),
        says(f"HTTP/1.1 200 {spelled}\r\nX: {spelled}\r\n".encode() + length),
        says(f"HTTP/1.1 200 OK\r\n{spelled}\r\n\r\n".encode()),
        redirects(f"ftp://elsewhere/{spelled}?{spelled}"),
        redirects(f"/{spelled}?{spelled}"),
    ):
        async with (
            server(answer) as url,
            client_of(url, api_key=KEY, on_response=keep) as client,
        ):
            for call in (datasets.get_dataset(client, "velos"), write(client)):
                with pytest.raises(DataGouvError) as caught:
                    await call
                for error in chain(caught.value):
                    seen += [everything_in(error), shown(error)]
                    seen.append(pickle.dumps(error).decode("latin-1"))
            with contextlib.suppress(DataGouvError):
                async with site.get_site_tags_csv(client):
                    pass
    everything = "\n".join([*seen, caplog.text])
    assert len(everything) > 1000
    assert KEY not in unquote(everything)
    assert spelled.rstrip("=") not in everything


def test_no_attribute_of_a_client_shows_the_key() -> None:
    client = Client(api_key=KEY, base_url="https://portal.example")
    holders = [one for one in vars(client).values() if KEY in repr(one) or KEY in str(one)]
    assert holders == []


def test_a_key_from_the_environment_is_protected_alike(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATAGOUV_API_KEY", KEY)
    with pytest.raises(ValueError, match="only sent over https") as caught:
        Client(base_url="http://portal.example")
    assert KEY not in shown(caught.value)
    Client(base_url="http://portal.example", api_key="")


async def test_the_key_is_not_sent_after_a_redirect_back_from_another_origin() -> None:
    home = "https://portal.example/api/1/"
    asked: list[tuple[str, bool]] = []

    def web(request: httpx.Request) -> httpx.Response:
        asked.append((str(request.url), request.headers.get("X-API-KEY") == KEY))
        if request.url.host == "hostile.example":
            return httpx.Response(302, headers={"Location": f"{home}me/"})
        if request.url.path == "/api/1/me/":
            return httpx.Response(401, json={"message": "Who are you?"})
        return httpx.Response(302, headers={"Location": "https://hostile.example/"})

    async with client_of(home, api_key=KEY, transport=httpx.MockTransport(web)) as client:
        with pytest.raises(AuthenticationError):
            await datasets.get_dataset(client, "velos")
    assert asked == [
        (f"{home}datasets/velos/", True),
        ("https://hostile.example/", False),
        (f"{home}me/", False),
    ]


@pytest.mark.parametrize(("version", "other"), [(1, 2), (2, 1)])
async def test_the_key_is_sent_after_a_redirect_to_the_other_version_of_the_api(
    version: int, other: int
) -> None:
    target = f"https://portal.example/open/api/{other}/datasets/velos/"
    asked: list[tuple[str, str | None]] = []

    def portal(request: httpx.Request) -> httpx.Response:
        asked.append((str(request.url), request.headers.get("X-API-KEY")))
        if str(request.url) == target:
            return httpx.Response(200, json={})
        return httpx.Response(308, headers={"Location": target})

    async with client_of(
        "https://portal.example/open/", api_key=KEY, transport=httpx.MockTransport(portal)
    ) as client:
        await client.request("GET", "datasets/velo/", version=version)
    first = f"https://portal.example/open/api/{version}/datasets/velo/"
    assert asked == [(first, KEY), (target, KEY)]


@pytest.mark.parametrize("key", [KEY, ""])
@pytest.mark.parametrize("host", ["portal.example", "elsewhere.example"])
async def test_a_redirect_from_https_to_http_is_not_followed(host: str, key: str) -> None:
    asked: list[httpx.URL] = []

    def web(request: httpx.Request) -> httpx.Response:
        asked.append(request.url)
        if request.url.path.endswith("/elsewhere/"):
            return httpx.Response(302, headers={"Location": f"https://{host}/deeper/"})
        return httpx.Response(308, headers={"Location": f"HTTP://{host}/"})

    options = {"transport": httpx.MockTransport(web), "retry": RetryPolicy(attempts=3, base=0)}
    async with client_of("https://portal.example", api_key=key, **options) as client:
        for slug, hops in (("velos", 1), ("elsewhere", 2)):
            asked.clear()
            with pytest.raises(RedirectError, match=f"from https to http://{host}/"):
                await datasets.get_dataset(client, slug)
            assert [url.scheme for url in asked] == ["https"] * hops


async def test_a_password_in_a_redirect_is_not_sent() -> None:
    def web(request: httpx.Request) -> httpx.Response:
        assert "Authorization" not in request.headers
        if request.url.path.endswith("/velos/"):
            target = "https://me:hidden@portal.example/api/1/datasets/1/"
            return httpx.Response(302, headers={"Location": target})
        return httpx.Response(200, json={"id": "1"})

    transport = httpx.MockTransport(web)
    async with client_of("https://portal.example", api_key=KEY, transport=transport) as client:
        assert (await datasets.get_dataset(client, "velos")).id == "1"


@pytest.mark.parametrize(
    ("url", "trusted"),
    [
        ("https://portal.example/api/1/me/", True),
        ("https://portal.example:443/elsewhere", True),
        ("HTTPS://PORTAL.EXAMPLE/", True),
        ("http://portal.example/api/1/me/", False),
        ("https://portal.example:8443/api/1/me/", False),
        ("https://portal.example.hostile.example/", False),
        ("https://portal.example@hostile.example/", False),
        ("https://www.portal.example/", False),
        ("https://portal.example./", False),
    ],
)
def test_the_key_is_sent_to_one_scheme_host_and_port_only(url: str, trusted: bool) -> None:
    headers = ApiKey(KEY).headers(httpx.URL(url), httpx.URL("https://portal.example/api/1/"))
    assert (headers == {"X-API-KEY": KEY}) is trusted
    assert bool(headers) is trusted
    assert KEY not in repr(headers)


@pytest.mark.parametrize(
    "wrong",
    [
        {"base_url": "http://portal.example"},
        {"base_url": "nowhere"},
        {"lang": "???"},
        {"rate": 0},
        {"timeout": -1},
        {"timeout": float("inf")},
        {"max_connections": 0},
        {"user_agent": "été"},
        {"retry": 5},
        {"api_key": KEY + "\n" + KEY},
    ],
    ids=str,
)
def test_a_refused_client_does_not_show_the_key(wrong: dict[str, object]) -> None:
    with pytest.raises((TypeError, ValueError)) as caught:
        Client(**{"api_key": KEY, **wrong})  # type: ignore[arg-type]
    assert KEY not in shown(caught.value)
    assert "in __init__" in shown(caught.value)


async def test_an_unexpected_error_omits_the_frames_of_the_http_libraries() -> None:
    endless = httpx.Timeout(float("inf"))
    async with server(stalls) as url, client_of(url, api_key=KEY, timeout=endless) as client:
        with pytest.raises(OverflowError) as caught:
            await datasets.get_dataset(client, "velos")
    assert KEY not in shown(caught.value)


async def test_an_unexpected_transport_error_keeps_its_type_and_message() -> None:
    def broken(request: httpx.Request) -> httpx.Response:
        raise ArithmeticError("a bug in a transport")

    transport = httpx.MockTransport(broken)
    async with client_of("https://portal.example", api_key=KEY, transport=transport) as client:
        with pytest.raises(ArithmeticError, match="a bug in a transport") as caught:
            await datasets.get_dataset(client, "velos")
    assert KEY not in shown(caught.value)


def test_a_new_token_can_be_read_but_is_not_in_the_repr() -> None:
    created = ApiTokenCreated.from_dict({"token": KEY, "name": "ci"})
    assert created.token == KEY
    assert repr(created) == "ApiTokenCreated(name='ci', token='***')"


def shown(error: BaseException) -> str:
    """Format a traceback with its local variables, as the most verbose error reporters do."""
    text = io.StringIO()
    traceback.TracebackException.from_exception(error, capture_locals=True).print(file=text)
    # The test's own frames hold the key, so only other frames are checked.
    frames = text.getvalue().split("\n  File ")
    return "\n".join(frame for frame in frames if "/tests/" not in frame.split("\n")[0])


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and the errors that it is chained to."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def everything_in(value: object, depth: int = 4) -> str:
    """Return the text of an object and of all it refers to, as an error reporter dumps it."""
    if depth == 0:
        return repr(value)
    inside = list(getattr(value, "__dict__", {}).values())
    if isinstance(value, BaseException):
        inside += value.args
    if isinstance(value, list | tuple | set):
        inside += value
    if isinstance(value, dict):
        inside += [*value.keys(), *value.values()]
    if isinstance(value, httpx.Headers):
        inside.append(value.raw)
    return " ".join([repr(value), *(everything_in(one, depth - 1) for one in inside)])


async def test_the_query_of_another_host_is_not_sent_to_the_portal() -> None:
    home = "https://portal.example/api/1/"
    asked: list[str] = []

    def web(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        if request.url.host == "hostile.example":
            return httpx.Response(302, headers={"Location": f"{home}final/"})
        if request.url.path.endswith("/final/"):
            return httpx.Response(200, json={"id": "1"})
        return httpx.Response(302, headers={"Location": "https://hostile.example/?sig=SECRET"})

    async with client_of(home, transport=httpx.MockTransport(web)) as client:
        await datasets.get_dataset(client, "velos")
    assert asked[-1] == f"{home}final/"


async def test_a_key_that_a_stream_echoes_is_redacted_from_its_headers() -> None:
    def web(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"X-Received": KEY}, text="a;b")

    seen: list[httpx.Response] = []
    options = {"transport": httpx.MockTransport(web), "on_response": seen.append}
    async with (
        client_of("https://portal.example", api_key=KEY, **options) as client,
        site.get_site_tags_csv(client) as chunks,
    ):
        assert [chunk async for chunk in chunks] == [b"a;b"]
    assert KEY not in str(seen[0].headers.raw)


@pytest.mark.parametrize("problem", [asyncio.CancelledError, KeyError])
async def test_no_frame_of_a_failed_call_has_a_request_with_the_key(
    problem: type[BaseException],
) -> None:
    async def web(request: httpx.Request) -> httpx.Response:
        assert request.headers["X-API-KEY"] == KEY
        raise problem("on purpose")

    transport = httpx.MockTransport(web)
    async with client_of("https://portal.example", api_key=KEY, transport=transport) as client:
        with pytest.raises(problem) as caught:
            await datasets.get_dataset(client, "velos")
    held = [
        value
        for frame, _ in traceback.walk_tb(caught.tb)
        for value in frame.f_locals.values()
        if isinstance(value, httpx.Request) and "X-API-KEY" in value.headers
    ]
    assert held == []


@pytest.mark.parametrize("status", [200, 500])
async def test_no_frame_of_an_error_leads_to_the_answer_as_received(status: int) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(status, text=f"<p>{KEY}</p>"))
    async with client_of("https://portal.example", api_key=KEY, transport=transport) as client:
        with pytest.raises(DataGouvError) as caught:
            await datasets.get_dataset(client, "velos")
    held = [value for frame, _ in traceback.walk_tb(caught.tb) for value in frame.f_locals.values()]
    answers = [one for one in reached(held) if isinstance(one, httpx.Response)]
    assert answers
    assert not [one for one in answers if KEY in one.text]


def reached(values: list[object], depth: int = 6) -> list[object]:
    """All objects that values lead to, besides code."""
    seen: dict[int, object] = {}
    for _ in range(depth):
        code = (types.ModuleType, types.FunctionType, types.FrameType, type)
        found = {id(one): one for one in gc.get_referents(*values) if not isinstance(one, code)}
        values = [one for key, one in found.items() if key not in seen]
        seen |= found
    return [*seen.values()]
