"""Arguments that make no sense: each is refused before anything is sent, and named."""

from __future__ import annotations

import math
import pickle
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from aiodatagouv import Client, Rate, api, bulk, files
from aiodatagouv._environment import KEY
from aiodatagouv.api import datasets
from aiodatagouv.models import Dataset, DatasetWrite, Resource
from aiodatagouv.testing import FakePortal

HALF = "a\udc80"
"""A text that UTF-8 cannot encode, as the names of files on Linux may be."""

PAIRS: Any = [("a", 1)]
OUTSIDE: Any = "../../other"
HALF_A_PART: Any = 1.5
NOTHING: Any = None

NESTED: dict[str, Any] = {}
NESTED["a"] = NESTED

BODY: dict[str, Any] = {"title": "Vélos", "description": "a", "frequency": "daily"}

OPTIONS: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"timeout": "5"}, ValueError, "timeout is '5': it must be a number above 0"),
    ({"timeout": math.inf}, ValueError, "timeout is inf"),
    ({"max_time": 0}, ValueError, "max_time is 0: it must be a number above 0"),
    ({"max_size": math.nan}, ValueError, "max_size is nan"),
    ({"max_connections": "4"}, ValueError, "max_connections is '4': it must be a whole number"),
    ({"max_connections": math.nan}, ValueError, "max_connections is nan"),
    ({"lang": 5}, ValueError, "lang is 5: it must be the code of a language"),
    ({"user_agent": 5}, TypeError, "user_agent is a int: it must be text"),
    ({"on_response": 5}, TypeError, "on_response is 5: it must be a function"),
    ({"on_retry": 5}, TypeError, "on_retry is 5: it must be a function"),
    ({"transport": 5}, TypeError, "transport is 5: it must be an asynchronous transport"),
    ({"transport": httpx.HTTPTransport()}, TypeError, "must be an asynchronous transport"),
    ({"rate": "5"}, ValueError, "rate is '5'"),
    ({"rate": math.nan}, ValueError, "rate is nan"),
    ({"base_url": b"https://a.example"}, TypeError, "base_url is a bytes: it must be text"),
    ({"base_url": "https://a.example:99999"}, ValueError, "base_url: .* has an impossible port"),
    ({"base_url": "https://a..example"}, ValueError, "base_url: .* has an impossible host name"),
    ({"base_url": "http://127.1:80"}, ValueError, "base_url: .* in an unusual spelling"),
]


@pytest.mark.parametrize(("options", "kind", "problem"), OPTIONS, ids=lambda one: str(one)[:40])
def test_options_of_a_client(options: dict[str, Any], kind: type[Exception], problem: str) -> None:
    with pytest.raises(kind, match=problem):
        Client(**options)


def test_the_address_of_a_portal_is_shown_without_a_password() -> None:
    with pytest.raises(ValueError, match=r"^base_url: not an http .*: 'a\.example/'") as seen:
        Client(base_url="me:secret@a.example/")
    assert "secret" not in str(seen.value)


SECRET = "sekret-key-0123456789"


@pytest.mark.parametrize("key", [f"{SECRET}{HALF}", SECRET.encode(), None])
def test_a_key_that_cannot_be_sent_is_shown_nowhere(
    monkeypatch: pytest.MonkeyPatch, key: Any
) -> None:
    monkeypatch.setenv(KEY, f"{SECRET}{HALF}")  # Which counts if none is given.
    with pytest.raises(ValueError, match="the API key has a character") as refused:
        Client(api_key=key)
    frames = traceback.TracebackException.from_exception(refused.value, capture_locals=True)
    shown = [frame.locals for frame in frames.stack if frame.filename != __file__]
    assert shown
    for text in (repr(shown), str(refused.value), repr(pickle.dumps(refused.value))):
        assert "sekret" not in text


RATES: list[dict[str, Any]] = [
    {"rate": 5, "burst": math.inf},
    {"rate": 5, "burst": 10**400},
    {"rate": 5, "burst": "2"},
    {"rate": 10**400},
    {"rate": True},
]


@pytest.mark.parametrize("options", RATES, ids=str)
def test_a_rate(options: dict[str, Any]) -> None:
    # With an endless burst, a portal's Retry-After would not be heeded.
    with pytest.raises(ValueError, match=r"^(rate|burst) is "):
        Rate(**options)


async def walked(client: Client, *, concurrency: Any = 1, **options: Any) -> list[Any]:
    found = datasets.list_datasets(client, **options)
    return [one async for one in found.items(concurrency=concurrency)]


Call = Callable[[Client], Awaitable[object]]

CALLS: dict[str, tuple[Call, str]] = {
    "a page as text": (lambda one: walked(one, page="2"), "list_datasets: page is '2'"),
    "half a page": (lambda one: walked(one, page=1.5), "list_datasets: page is 1.5"),
    "a size as text": (lambda one: walked(one, page_size="9"), "page_size is '9'"),
    "no number of pages": (lambda one: walked(one, concurrency=math.nan), "concurrency is nan"),
    "a version that leads out of the API": (
        lambda one: one.request("DELETE", "x", version=OUTSIDE),
        "version is '../../other': it must be a whole number",
    ),
    "parameters as pairs": (
        lambda one: one.request("GET", "x", params=PAIRS),
        "GET x: the parameters must be a mapping",
    ),
    "version 0": (lambda one: one.request("GET", "x", version=0), "version is 0"),
    "half of a character in an id": (
        lambda one: datasets.get_dataset(one, HALF),
        "get_dataset: the path parameter dataset is .* or half of a character",
    ),
    "half of a character in a filter": (
        lambda one: walked(one, q=HALF),
        "list_datasets: the parameter q is .* or half of a character",
    ),
    "half of a character in a body": (
        lambda one: datasets.create_dataset(one, body=DatasetWrite(**{**BODY, "title": HALF})),
        "create_dataset: the body cannot be sent: .*surrogates not allowed",
    ),
    "a number that JSON lacks": (
        lambda one: datasets.create_dataset(one, body=DatasetWrite(**BODY, extras={"a": math.nan})),
        "create_dataset: the body cannot be sent: Out of range",
    ),
    "what JSON lacks": (
        lambda one: datasets.create_dataset(one, body=DatasetWrite(**BODY, extras={"a": {1}})),
        "create_dataset: the body cannot be sent: .* not JSON serializable",
    ),
    "an object in itself": (
        lambda one: datasets.create_dataset(one, body=DatasetWrite(**BODY, extras=NESTED)),
        "create_dataset: the body is nested too deeply",
    ),
    "too many parts": (
        lambda one: bulk.partition(datasets.list_datasets(one), HALF_A_PART),
        "n is 1.5: it must be a whole number",
    ),
    "a title that is no text": (lambda one: publish(one, title=5), "title is a int"),
    "half of a character in a title": (lambda one: publish(one, title=HALF), "title is "),
    "half of a character in a name": (lambda one: publish(one, name=f"{HALF}.csv"), "name is "),
    "no size of parts": (lambda one: publish(one, chunk_size=math.nan), "chunk_size is nan"),
    "a size that is no number": (lambda one: publish(one, size="x"), "size is 'x'"),
    "no function for the progress": (lambda one: publish(one, progress=5), "progress is 5"),
    "no resource": (
        lambda one: files.download(one, NOTHING, "a.csv"),
        "resource is a NoneType, not a Resource or an id",
    ),
    "no limit of a size": (lambda one: fetched(one, max_size=math.nan), "max_size is nan"),
    "a negative limit": (lambda one: fetched(one, max_size=-1), "max_size is -1"),
}


async def publish(client: Client, **options: Any) -> None:
    await files.upload(client, "velos", b"a;b\n", **{"name": "a.csv", **options})


async def fetched(client: Client, **options: Any) -> None:
    resource = Resource.from_dict({"id": "1", "title": "a", "url": "https://a.example/a.csv"})
    await files.download(client, resource, "a.csv", **options)


@pytest.mark.parametrize(("call", "problem"), CALLS.values(), ids=CALLS)
async def test_calls(call: Call, problem: str) -> None:
    portal = FakePortal()
    async with portal.client(api_key=portal.api_key) as client:
        with pytest.raises((TypeError, ValueError), match=problem):
            await call(client)
    assert portal.requests == []


async def test_a_folder_is_no_file(tmp_path: Path) -> None:
    portal = FakePortal()
    portal.answer("get_site_tags_csv", "name;count\n")
    async with portal.client() as client:
        with pytest.raises(IsADirectoryError, match="a folder, not the path of a file"):
            await api.site.get_site_tags_csv(client).save(tmp_path)
    assert portal.requests == []


async def test_more_parts_than_items_are_as_many_as_items() -> None:
    portal = FakePortal()
    for title in "abc":
        portal.add(Dataset, title=title)
    async with portal.client() as client:
        parts = await bulk.partition(datasets.list_datasets(client), 10**30)
    assert len(parts) == 3
