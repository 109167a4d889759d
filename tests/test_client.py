"""The client: its configuration, life cycle, requests, answers and redirects."""

from __future__ import annotations

import asyncio
import json
import socket
import tracemalloc
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
from enum import Enum
from pathlib import Path
from typing import Any

import httpx
import pytest

from aiodatagouv import (
    DEMO,
    PRODUCTION,
    APIError,
    AuthenticationError,
    BadRequestError,
    Client,
    DecodeError,
    File,
    GoneError,
    LockedError,
    NetworkError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitedError,
    RedirectError,
    Retry,
    RetryPolicy,
    ServerError,
    TimeoutError,
)
from aiodatagouv.api import datasets, proconnect, reuses, site
from aiodatagouv.models import ImageUpload, ResourceWrite, ReuseWrite

from .clients import client_of

KEY = "a-very-secret-key"
Scripted = Callable[..., Client]


class Portal:
    """A portal that gives every request the same answer and records the requests."""

    def __init__(self, status: int = 200, **answer: object) -> None:
        self.requests: list[httpx.Request] = []
        self._status = status
        self._answer = answer or {"json": {}}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return httpx.Response(self._status, **self._answer)  # type: ignore[arg-type]

    @property
    def request(self) -> httpx.Request:
        (only,) = self.requests
        return only


# ---- Configuration


def test_production_is_the_default_portal_and_demo_is_available() -> None:
    assert Client().base_url == PRODUCTION == "https://www.data.gouv.fr/"
    assert Client(base_url=DEMO).base_url == "https://demo.data.gouv.fr/"


@pytest.mark.parametrize(
    ("environment", "url"),
    [
        ("demo", DEMO),
        ("production", PRODUCTION),
        ("", PRODUCTION),
        ("https://env.example", "https://env.example/"),
    ],
)
def test_the_portal_is_read_from_the_environment(
    environment: str, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATAGOUV_PORTAL", environment)
    assert Client().base_url == url
    assert Client(base_url="https://portal.example").base_url == "https://portal.example/"
    assert Client(base_url="demo").base_url == DEMO


def test_an_invalid_portal_in_the_environment_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATAGOUV_PORTAL", "data.gouv.fr")
    with pytest.raises(ValueError, match="DATAGOUV_PORTAL: not an http or https URL"):
        Client()


@pytest.mark.parametrize(
    "base_url",
    [
        "https://portal.example",
        "https://portal.example/",
        "https://portal.example/api/1",
        "https://portal.example/api/1/",
        "https://portal.example/api/2",
        "https://portal.example/api/2/",
        "https://portal.example/api/",
    ],
)
def test_the_root_of_a_portal_is_the_same_by_any_of_its_apis(base_url: str) -> None:
    assert Client(base_url=base_url).base_url == "https://portal.example/"


@pytest.mark.parametrize("path", ["api/3/", "api/1/datasets/", "api/2/topics", "open/api/1/site/"])
def test_an_address_below_the_root_of_an_api_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="is not the root of a portal, nor that of its API v1 or"):
        Client(base_url=f"https://portal.example/{path}")


@pytest.mark.parametrize("end", ["", "/", "/api/1", "/api/1/", "/api/2", "/api/2/"])
async def test_a_portal_may_be_under_another_path(end: str) -> None:
    portal = Portal(json={})
    async with client_of(
        f"https://portal.example/open/data{end}", transport=httpx.MockTransport(portal)
    ) as client:
        assert client.base_url == "https://portal.example/open/data/"
        await client.request("GET", "site/")
        assert str(portal.request.url) == "https://portal.example/open/data/api/1/site/"


@pytest.mark.parametrize(
    "base_url",
    [
        "",
        "portal.example",
        "ftp://portal.example",
        "https://",
        "https://me:secret@portal.example",
        "https://portal.example?key=1",
        "https://[x",
    ],
)
def test_an_invalid_base_url_is_refused(base_url: str) -> None:
    with pytest.raises(ValueError, match="base_url: ") as refused:
        Client(base_url=base_url)
    assert "secret" not in str(refused.value)


def test_a_key_requires_https_or_localhost() -> None:
    with pytest.raises(ValueError, match="only sent over https or to this machine"):
        Client(api_key=KEY, base_url="http://portal.example")
    Client(api_key=KEY, base_url="http://127.0.0.1:7000")
    Client(api_key=KEY, base_url="http://[::1]:7000")
    Client(api_key=KEY, base_url="http://localhost:7000")
    Client(base_url="http://portal.example")


@pytest.mark.parametrize("key", ["clé", "two\nlines", "nul\0"])
def test_a_malformed_key_is_refused_without_showing_it(key: str) -> None:
    with pytest.raises(ValueError, match="a character that no key has") as refused:
        Client(api_key=key)
    assert key not in str(refused.value)
    assert refused.value.__cause__ is refused.value.__context__ is None


@pytest.mark.parametrize("options", [{"timeout": 0}, {"timeout": -1}, {"max_connections": 0}])
def test_out_of_range_numbers_are_refused(options: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        Client(**options)  # type: ignore[arg-type]


def test_the_repr_does_not_show_the_key() -> None:
    shown = repr(Client(api_key=KEY))
    assert shown == f"Client(base_url='{PRODUCTION}', api_key=ApiKey(***))"


# ---- Life cycle


async def test_a_client_may_be_opened_by_its_first_call(scripted: Scripted) -> None:
    client = scripted(Portal())
    await datasets.get_dataset(client, "velos")
    with pytest.raises(RuntimeError, match="close the Client that this one was derived from"):
        await client.with_options(lang="fr").aclose()
    await client.aclose()
    await client.aclose()
    with pytest.raises(RuntimeError, match="is closed"):
        await datasets.get_dataset(client, "velos")


async def test_an_unused_client_can_be_closed() -> None:
    client = Client()
    await client.aclose()
    with pytest.raises(RuntimeError, match="is closed"):
        await datasets.get_dataset(client, "velos")


async def test_calls_on_a_closed_client_are_refused(scripted: Scripted) -> None:
    async with scripted(Portal()) as client:
        await datasets.get_dataset(client, "velos")
    with pytest.raises(RuntimeError, match="closed"):
        await datasets.get_dataset(client, "velos")
    with pytest.raises(RuntimeError, match="opened before"):
        await client.__aenter__()


def test_a_client_has_few_public_attributes() -> None:
    names = {name for name in dir(Client()) if not name.startswith("_")}
    assert names == {"aclose", "base_url", "portal", "request", "with_options"}


# ---- Endpoints without a function


async def test_any_endpoint_can_be_called_with_the_options_of_the_client(
    scripted: Scripted,
) -> None:
    portal = Portal(json={"a": 1})
    waits: list[Retry] = []
    seen: list[httpx.Response] = []
    options = {"api_key": KEY, "lang": "fr", "on_response": seen.append}
    async with scripted(portal, **options) as client:
        response = await client.request(
            "post", "/some/path/", params={"tag": ["a", "b"], "page": 2}, json={"title": "é"}
        )
    assert response.json() == {"a": 1}
    assert seen == [response]
    assert portal.request.method == "POST"
    assert str(portal.request.url) == (
        "https://portal.example/api/1/some/path/?tag=a&tag=b&page=2&lang=fr"
    )
    assert portal.request.headers["X-API-KEY"] == KEY
    assert json.loads(portal.request.content) == {"title": "é"}
    answers = iter([httpx.Response(503), httpx.Response(200, text="plain")])
    policy = RetryPolicy(base=0)
    async with scripted(lambda _: next(answers), retry=policy, on_retry=waits.append) as client:
        assert (await client.request("GET", "some/path")).text == "plain"
        assert [str(one.error) for one in waits] == [
            "GET some/path: 503 Service Unavailable (GET https://portal.example/api/1/some/path)"
        ]
    async with scripted(Portal(404, json={"message": "No such path"})) as client:
        with pytest.raises(NotFoundError, match="DELETE some/path: 404 No such path"):
            await client.request("DELETE", "some/path")


async def test_the_version_of_the_api_of_any_endpoint_can_be_chosen(scripted: Scripted) -> None:
    portal = Portal(json={})
    async with scripted(portal) as client:
        await client.request("GET", "topics/", params={"q": "vélo"}, version=2)
        await client.request("GET", "datasets/")
    assert [str(one.url) for one in portal.requests] == [
        "https://portal.example/api/2/topics/?q=v%C3%A9lo",
        "https://portal.example/api/1/datasets/",
    ]


async def test_a_redirect_of_any_endpoint_is_followed(scripted: Scripted) -> None:
    def portal(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/"):
            return httpx.Response(200, json={})
        return httpx.Response(308, headers={"Location": f"{request.url}/"})

    async with scripted(portal) as client:
        assert (await client.request("GET", "some/path")).url.path == "/api/1/some/path/"
        assert (await client.request("GET", "")).url.path == "/api/1/"


@pytest.mark.parametrize(
    "path",
    [
        "../2/datasets/",
        "a/../../../x",
        "%2e%2E/%2e./x",
        "a/%2e%2e/b",
        "//elsewhere.example/x",
        "a?b=c",
        "a#b",
        "/../../x",
        "a\\b",
        "vélos",
    ],
)
async def test_a_path_that_leads_out_of_the_api_is_refused(scripted: Scripted, path: str) -> None:
    portal = Portal()
    async with scripted(portal, api_key=KEY) as client:
        with pytest.raises(ValueError, match="it must be a path below the root"):
            await client.request("GET", path)
    assert portal.requests == []


async def test_an_unusable_method_is_refused(scripted: Scripted) -> None:
    portal = Portal()
    async with scripted(portal) as client:
        with pytest.raises(ValueError, match="it must be an HTTP method"):
            await client.request("GET\r\nX: 1", "x")
    assert portal.requests == []


Choice = Enum("Choice", {"FIRST": "first"}, type=str)
"""An enum that str() writes by its name, unlike a StrEnum."""


async def test_values_of_parameters_are_written_plainly(scripted: Scripted) -> None:
    portal = Portal()
    async with scripted(portal, lang="fr") as client:
        params: dict[str, Any] = {"ratio": 0.5, "lang": "en", "is": True}
        params["choice"] = Choice.FIRST
        await client.request("GET", "x", params=params)
    assert str(portal.request.url.query, "ascii") == "ratio=0.5&lang=en&is=true&choice=first"


class Pieces(httpx.AsyncByteStream):
    """A body with an empty chunk in it."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in (b'{"a":', b"", b" 1}"):
            yield piece


async def test_an_empty_chunk_does_not_end_a_body(scripted: Scripted) -> None:
    async with scripted(lambda _: httpx.Response(200, stream=Pieces())) as client:
        assert (await client.request("GET", "x")).json() == {"a": 1}
        async with site.get_site_tags_csv(client) as chunks:
            assert b"".join([one async for one in chunks]) == b'{"a": 1}'


async def test_an_exception_that_is_being_handled_keeps_its_traceback(scripted: Scripted) -> None:
    def broken(_: httpx.Request) -> httpx.Response:
        raise ArithmeticError("a bug in a transport")

    async with scripted(broken) as client:
        own = LookupError("the caller's own")
        try:
            raise own
        except LookupError:
            with pytest.raises(ArithmeticError):
                await client.request("GET", "x")
    assert own.__traceback__ is not None


async def test_a_full_url_is_treated_as_a_path(scripted: Scripted) -> None:
    portal = Portal()
    async with scripted(portal, api_key=KEY) as client:
        await client.request("GET", "https://elsewhere.example/x")
    assert portal.request.url.host == "portal.example"


# ---- Requests


async def test_a_read_is_a_get_of_the_escaped_path(scripted: Scripted) -> None:
    portal = Portal(json={"id": "1"})
    async with scripted(portal, api_key=KEY) as client:
        dataset = await datasets.get_dataset(client, "vélos & bus")
    assert dataset.id == "1"
    assert portal.request.method == "GET"
    assert portal.request.url.raw_path == b"/api/1/datasets/v%C3%A9los%20%26%20bus/"
    assert portal.request.headers["Accept"] == "application/json"
    assert portal.request.headers["User-Agent"].startswith("aiodatagouv/")


async def test_a_given_key_takes_precedence_over_the_environment(
    scripted: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str | None] = []

    def portal(request: httpx.Request) -> httpx.Response:
        sent.append(request.headers.get("X-API-KEY"))
        return httpx.Response(200, json={})

    monkeypatch.setenv("DATAGOUV_API_KEY", "the-environment's")
    for given in ("the-one-given\n", None, ""):
        async with scripted(portal, api_key=given) as client:
            await datasets.get_dataset(client, "velos")
    assert sent == ["the-one-given", "the-environment's", None]


async def test_a_query_is_encoded_without_omitted_parameters(scripted: Scripted) -> None:
    page = {"data": [], "page": 1, "page_size": 20, "total": 0}
    portal = Portal(json=page | {"next_page": None, "previous_page": None})
    async with scripted(portal) as client:
        await datasets.list_datasets(client, q="vélo & bus", tag=["a", "b"], featured=False)
    assert portal.request.url.params.multi_items() == [
        ("featured", "false"),
        ("q", "vélo & bus"),
        ("tag", "a"),
        ("tag", "b"),
    ]


async def test_a_body_is_sent_as_json(scripted: Scripted) -> None:
    portal = Portal(status=201, json={"id": "1", "title": "Carte"})
    body = ReuseWrite(
        title="Carte", description="Une carte", topic="others", type="api", url="https://x.example"
    )
    async with scripted(portal) as client:
        reuse = await reuses.create_reuse(client, body=body)
    assert reuse.title == "Carte"
    assert json.loads(portal.request.content) == body.to_dict()
    assert portal.request.headers["Content-Type"] == "application/json"


async def test_a_body_may_be_a_list(scripted: Scripted) -> None:
    portal = Portal(json=[{"id": "2"}, {"id": "1"}])
    async with scripted(portal) as client:
        answer = await datasets.reorder_resources(
            client, "velos", body=[ResourceWrite(id="2"), ResourceWrite(id="1")]
        )
    assert json.loads(portal.request.content) == [{"id": "2"}, {"id": "1"}]
    assert [resource.id for resource in answer] == ["2", "1"]


async def test_a_file_is_sent_as_a_multipart_form(scripted: Scripted) -> None:
    portal = Portal(json={"success": True, "image": "https://x.example/logo.png"})
    body = ImageUpload(file=File(b"<png>", "logo.png", "image/png"), bbox="0,0,9,9")
    async with scripted(portal) as client:
        answer = await reuses.upload_reuse_image(client, "carte", body=body)
    assert answer.success is True
    assert portal.request.headers["Content-Type"].startswith("multipart/form-data; boundary=")
    for part in (b'name="file"; filename="logo.png"', b"image/png", b"<png>", b"0,0,9,9"):
        assert part in portal.request.content


class Counting(httpx.AsyncBaseTransport):
    """A portal that counts the bytes of the bodies it is sent and keeps none of them."""

    size = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        assert isinstance(request.stream, httpx.AsyncByteStream)
        async for chunk in request.stream:
            self.size += len(chunk)
        return httpx.Response(200, json={"success": True, "image": "https://x.example/a.png"})


async def test_a_file_on_disk_is_never_in_memory_as_a_whole(tmp_path: Path) -> None:
    path, transport = tmp_path / "a.png", Counting()
    with path.open("wb") as file:
        file.truncate(32 << 20)
    async with client_of("https://portal.example/", transport=transport) as client:
        tracemalloc.start()
        try:
            body = ImageUpload(file=File.from_path(path))
            await reuses.upload_reuse_image(client, "carte", body=body)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert transport.size > 32 << 20
    assert peak < 4 << 20


async def test_a_connection_is_free_again_even_if_a_file_cannot_be_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def opened(_: File, files: ExitStack) -> bytes:
        files.callback((tmp_path / "nothing").unlink)
        return b"<png>"

    monkeypatch.setattr(File, "open", opened)
    options: dict[str, Any] = {"transport": Counting(), "max_connections": 1}
    async with client_of("https://portal.example/", **options) as client, asyncio.timeout(60):
        for _ in range(2):
            body = ImageUpload(file=File(b"", "a.png"))
            with pytest.raises(FileNotFoundError):
                await reuses.upload_reuse_image(client, "carte", body=body)


async def test_fields_are_sent_as_a_mask(scripted: Scripted) -> None:
    portal = Portal(json={"id": "1"})
    async with scripted(portal) as client:
        await datasets.get_dataset(client, "velos", fields=["id", "organization.name"])
    assert portal.request.headers["X-Fields"] == "id,organization{name}"


async def test_an_invalid_path_parameter_is_refused_before_sending(scripted: Scripted) -> None:
    portal = Portal()
    async with scripted(portal) as client:
        with pytest.raises(ValueError, match="path parameter dataset"):
            await datasets.get_dataset(client, "")
        with pytest.raises(ValueError, match="path parameter dataset"):
            datasets.get_dataset_rdf(client, "../users", "ttl")
    assert portal.requests == []


async def test_waiting_for_a_connection_is_not_limited_by_the_timeout(scripted: Scripted) -> None:
    portal = Portal()
    async with scripted(portal, timeout=7) as client:
        await datasets.get_dataset(client, "velos")
    allowed = portal.request.extensions["timeout"]
    assert allowed == {"connect": 7, "read": 7, "write": 7, "pool": None}


async def test_cookies_are_neither_kept_nor_sent(scripted: Scripted) -> None:
    portal = Portal(json={}, headers={"Set-Cookie": "session=abc; Path=/"})
    async with scripted(portal, api_key=KEY) as client:
        await datasets.get_dataset(client, "velos")
        await datasets.get_dataset(client, "velos")
    assert ["Cookie" in request.headers for request in portal.requests] == [False, False]


# ---- Answers


async def test_an_empty_answer_is_none(scripted: Scripted) -> None:
    async with scripted(Portal(status=204, content=b"")) as client:
        answer: object = await datasets.delete_dataset(client, "velos")  # type: ignore[func-returns-value]
    assert answer is None


async def test_a_redirect_operation_returns_its_target(scripted: Scripted) -> None:
    portal = Portal(status=302, headers={"Location": "https://files.example/a.csv"})
    async with scripted(portal, api_key=KEY) as client:
        assert await datasets.redirect_resource(client, "1") == "https://files.example/a.csv"
    assert len(portal.requests) == 1


async def test_the_target_of_a_resource_may_be_any_url(scripted: Scripted) -> None:
    for target in ("ftp://files.example/a.csv", "https://files.example/a.csv?sig=1#row=2"):
        portal = Portal(302, headers={"Location": target})
        async with scripted(portal) as client:
            assert await datasets.redirect_resource(client, "1") == target


async def test_a_redirect_to_another_protocol_is_not_followed(scripted: Scripted) -> None:
    portal = Portal(302, headers={"Location": "ftp://files.example/a.csv"})
    async with scripted(portal, retry=RetryPolicy()) as client:
        with pytest.raises(RedirectError, match="which is not http"):
            await datasets.get_dataset(client, "velos")
    assert len(portal.requests) == 1


async def test_a_redirect_operation_without_a_redirect_is_a_decode_error(
    scripted: Scripted,
) -> None:
    async with scripted(Portal(status=200, content=b"")) as client:
        with pytest.raises(DecodeError, match="start_proconnect_login: expected a URL"):
            await proconnect.start_proconnect_login(client)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"<html><h1>Maintenance</h1>", "'<html><h1>Maintenance</h1>'"),
        (b"", "an empty body"),
        (b'{"id": "1"', '\'{"id": "1"\''),
        (b"\xff\xfe", "'��'"),
    ],
)
async def test_an_answer_that_is_not_json_is_a_decode_error(
    scripted: Scripted, content: bytes, found: str
) -> None:
    async with scripted(Portal(content=content)) as client:
        with pytest.raises(DecodeError) as caught:
            await datasets.get_dataset(client, "velos")
    assert str(caught.value).startswith(f"get_dataset: expected JSON at $, got {found}")


# ---- Failures


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, BadRequestError),
        (401, AuthenticationError),
        (403, PermissionDeniedError),
        (404, NotFoundError),
        (409, APIError),
        (410, GoneError),
        (423, LockedError),
        (429, RateLimitedError),
        (500, ServerError),
        (502, ServerError),
    ],
)
async def test_each_status_raises_its_error(
    scripted: Scripted, status: int, kind: type[APIError]
) -> None:
    async with scripted(Portal(status=status, json={"message": "No."}), api_key=KEY) as client:
        with pytest.raises(APIError) as caught:
            await datasets.get_dataset(client, "velos")
    assert type(caught.value) is kind
    assert caught.value.status == status
    assert str(caught.value) == (
        f"get_dataset: {status} No. (GET https://portal.example/api/1/datasets/velos/)"
    )


async def test_a_refused_connection_is_a_network_error() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    async with client_of(f"http://127.0.0.1:{port}") as client:
        with pytest.raises(NetworkError) as caught:
            await datasets.get_dataset(client, "velos")
    assert f"GET http://127.0.0.1:{port}/api/1/datasets/velos/" in str(caught.value)
    assert not isinstance(caught.value, TimeoutError)


async def test_an_unanswered_request_is_a_timeout() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        base_url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        async with client_of(base_url, timeout=0.05) as client:
            with pytest.raises(TimeoutError, match=f"GET {base_url}/api/1/site/"):
                await site.get_site(client)


# ---- Redirects


class Redirecting:
    """A portal that redirects to each location in turn, then answers."""

    def __init__(self, *locations: str, status: int = 308) -> None:
        self.requests: list[httpx.Request] = []
        self._locations = [*locations]
        self._status = status

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if self._locations:
            return httpx.Response(self._status, headers={"Location": self._locations.pop(0)})
        return httpx.Response(200, content=b'{"id":"1"}')


async def test_the_portals_own_redirects_are_followed_with_the_query(scripted: Scripted) -> None:
    portal = Redirecting("/api/1/datasets/new-slug/rdf.ttl")
    async with scripted(portal, api_key=KEY) as client:
        stream = datasets.get_recent_datasets_atom_feed(client, q="bus", tag=["a", "b"])
        await stream.text()
    assert [request.url.raw_path for request in portal.requests] == [
        b"/api/1/datasets/recent.atom?q=bus&tag=a&tag=b",
        b"/api/1/datasets/new-slug/rdf.ttl?q=bus&tag=a&tag=b",
    ]


async def test_another_origin_is_never_sent_the_key(scripted: Scripted) -> None:
    portal = Redirecting("https://files.example/datasets.csv", status=302)
    async with scripted(portal, api_key=KEY) as client:
        stream = site.get_site_datasets_csv(client)
        await stream.text()
    first, second = portal.requests
    assert first.url.host == "portal.example"
    assert second.url.host == "files.example"
    assert KEY not in str(second.headers.raw)


async def test_another_origin_is_not_sent_the_query(scripted: Scripted) -> None:
    portal = Redirecting("https://files.example/datasets.csv", status=302)
    async with scripted(portal) as client:
        await datasets.get_recent_datasets_atom_feed(client, q="bus").text()
    assert [str(request.url.query, "ascii") for request in portal.requests] == ["q=bus", ""]


async def test_a_redirect_operation_follows_a_permanent_redirect_first(
    scripted: Scripted,
) -> None:
    asked: list[str] = []

    def portal(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        status, location = (308, "/api/1/datasets/new/rdf") if len(asked) == 1 else (302, "rdf.xml")
        return httpx.Response(status, headers={"Location": location})

    async with scripted(portal) as client:
        target = await datasets.redirect_dataset_rdf(client, "old")
    assert target == "https://portal.example/api/1/datasets/new/rdf.xml"
    assert asked == ["/api/1/datasets/old/rdf", "/api/1/datasets/new/rdf"]


async def test_a_write_is_not_repeated_after_an_unsafe_redirect(scripted: Scripted) -> None:
    body = ReuseWrite(title="a", description="b", topic="others", type="api", url="c")
    for location, status in (("https://other.example/", 308), ("/api/1/reuses/x/", 302)):
        portal = Redirecting(location, status=status)
        async with scripted(portal, api_key=KEY) as client:
            with pytest.raises(
                NetworkError, match="a write is only sent again to the portal itself"
            ):
                await reuses.create_reuse(client, body=body)
        assert len(portal.requests) == 1


async def test_a_write_follows_a_permanent_redirect_within_the_portal(scripted: Scripted) -> None:
    portal = Redirecting("/api/1/reuses/other/", status=308)
    async with scripted(portal) as client:
        await reuses.update_reuse(client, "old-slug", body=ReuseWrite(title="a"))
    assert [request.method for request in portal.requests] == ["PUT", "PUT"]
    assert portal.requests[1].content == b'{"title":"a"}'


async def test_the_number_of_redirects_is_limited(scripted: Scripted) -> None:
    portal = Redirecting(*["/api/1/datasets/round/"] * 9)
    async with scripted(portal) as client:
        with pytest.raises(NetworkError, match="more than 5 times"):
            await datasets.get_dataset(client, "velos")
    assert len(portal.requests) == 6
