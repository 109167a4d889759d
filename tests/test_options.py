"""Options of a derived client, the response callback and logging."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable

import httpx
import pytest

from aiodatagouv import Client, NotFoundError, RetryPolicy
from aiodatagouv.api import site
from aiodatagouv.api.datasets import get_recent_datasets_atom_feed

from .versions import datasets, named, path

Scripted = Callable[..., Client]


pytestmark = pytest.mark.usefixtures("version")


class Portal:
    def __init__(self, *statuses: int) -> None:
        self.requests: list[httpx.Request] = []
        self._statuses = [*statuses]

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        status = self._statuses.pop(0) if self._statuses else 200
        body = httpx.ByteStream(b'{"id":"1"}')
        return httpx.Response(status, stream=body, headers={"Set-Cookie": "session=1"})


async def test_a_client_with_other_options_shares_the_connections(scripted: Scripted) -> None:
    portal = Portal()
    client = scripted(portal, lang="fr", timeout=7)
    other = client.with_options(timeout=3, lang=None)
    async with client:
        for each in (client, other, other.with_options(lang="en")):
            await datasets.get_dataset(each, "velos")
    timeouts = [request.extensions["timeout"]["read"] for request in portal.requests]
    assert timeouts == [7, 3, 3]
    assert [str(request.url.query, "ascii") for request in portal.requests] == [
        "lang=fr",
        "",
        "lang=en",
    ]
    with pytest.raises(RuntimeError, match="closed"):
        await datasets.get_dataset(other, "velos")


async def test_a_derived_client_cannot_be_entered(scripted: Scripted) -> None:
    client = scripted(Portal())
    with pytest.raises(RuntimeError, match="the Client that this one was derived from"):
        await client.with_options(lang="fr").__aenter__()


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"timeout": 0}, "timeout is 0: it must be a number above 0"),
        ({"rate": 0}, "rate is 0: it must be requests a second above 0"),
        ({"rate": "fast"}, "rate is 'fast': it must be a number, 'auto' or None"),
        ({"lang": "french please"}, "lang is 'french please': it must be the code of a language"),
        ({"lang": ""}, "it must be the code of a language, such as 'fr'"),
    ],
)
def test_invalid_options_are_refused(wrong: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Client(**wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=complaint):
        Client().with_options(**wrong)  # type: ignore[arg-type]


async def test_the_language_is_added_to_the_query(scripted: Scripted) -> None:
    portal = Portal()
    async with scripted(portal, lang="pt-BR") as client:
        await get_recent_datasets_atom_feed(client, q="bus").text()
        await datasets.get_dataset(client, "velos")
    assert [request.url.params.multi_items() for request in portal.requests] == [
        [("q", "bus"), ("lang", "pt-BR")],
        [("lang", "pt-BR")],
    ]


async def test_none_disables_the_timeout(scripted: Scripted) -> None:
    portal = Portal()
    async with scripted(portal, timeout=None, rate=None) as client:
        await datasets.get_dataset(client, "velos")
        await datasets.get_dataset(client.with_options(timeout=3), "velos")
        await datasets.get_dataset(client.with_options(timeout=3).with_options(timeout=None), "x")
    timeouts = [request.extensions["timeout"]["read"] for request in portal.requests]
    assert timeouts == [None, 3, None]


async def test_on_response_is_called_with_every_response(scripted: Scripted) -> None:
    seen: list[httpx.Response] = []
    portal = Portal(200, 503, 404)
    async with scripted(portal, retry=RetryPolicy(base=0)) as client:
        watched = client.with_options(on_response=seen.append)
        await datasets.get_dataset(watched, "velos")
        with pytest.raises(NotFoundError) as caught:
            await datasets.get_dataset(watched, "nothing")
        await site.get_site_tags_csv(watched).text()
        await datasets.get_dataset(client, "velos")
    assert [response.status_code for response in seen] == [200, 503, 404, 200]
    assert seen[0].json() == {"id": "1"}
    assert seen[0].request.url.path == path("datasets/velos/")
    assert caught.value.response is seen[2]
    # A session cookie is as sensitive as the key.
    assert not [response for response in seen if "Set-Cookie" in response.headers]


async def test_an_exception_of_a_callback_propagates(scripted: Scripted) -> None:
    def refuse(response: httpx.Response) -> None:
        raise LookupError("raised by the callback")

    async with scripted(Portal(), on_response=refuse) as client:
        with pytest.raises(LookupError, match="raised by the callback"):
            await datasets.get_dataset(client, "velos")


async def test_each_request_is_logged_in_one_line(
    scripted: Scripted, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    caplog.set_level(logging.DEBUG, "aiodatagouv")
    async with scripted(Portal(503), retry=RetryPolicy(base=0)) as client:
        await datasets.get_dataset(client, "velos")
    async with scripted(refuse) as client:
        with pytest.raises(Exception, match="refused"):
            await datasets.get_dataset(client, "velos")
    name, sent = named("get_dataset"), f"GET https://portal.example{path('datasets/velos/')}"
    lines = [record.message for record in caplog.records if record.name == "aiodatagouv"]
    assert [re.sub(r"\d+ ms", "N ms", line) for line in lines] == [
        f"{name}: 503, attempt 1, waited N ms, took N ms, 10 bytes",
        f"{name}: 503 Service Unavailable ({sent}); again in 0.0 s",
        f"{name}: 200, attempt 2, waited N ms, took N ms, 10 bytes",
        f"{name}: no answer, attempt 1, waited N ms, took N ms, 0 bytes",
    ]
    levels = [record.levelname for record in caplog.records if record.name == "aiodatagouv"]
    assert levels == ["DEBUG", "INFO", "DEBUG", "DEBUG"]
