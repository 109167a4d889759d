"""Tests of a portal in read-only mode: the refused operations and the cool-down of the client."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from itertools import chain

import httpx
import pytest

from aiodatagouv import OPERATIONS, Client, LockedError, RetryPolicy
from aiodatagouv.api import datasets, organizations, v2
from aiodatagouv.models import DatasetWrite
from aiodatagouv.models.v2 import TopicWrite
from aiodatagouv.testing import FakePortal

from ..clients import client_of
from .portal import Portal, path_of, running_portal


def body(number: int = 0) -> DatasetWrite:
    """Return the body of a new dataset; concurrent creations must not share a title."""
    return DatasetWrite(title=f"Fontaines {number}", description="Où boire", frequency="annual")


SAYS = "the creation of new content is currently disabled"


@pytest.fixture
def own_portal() -> Iterator[Portal]:
    with running_portal(datasets=20, read_only=True) as running:
        yield running


@pytest.fixture(scope="module")
def locked_portal() -> Iterator[Portal]:
    """A portal whose mode no test ends."""
    with running_portal(datasets=20, read_only=True) as running:
        yield running


@pytest.fixture
async def user(locked_portal: Portal) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"X-API-KEY": locked_portal.user_api_key}
    async with httpx.AsyncClient(base_url=locked_portal.url, headers=headers, timeout=60) as client:
        yield client


async def test_the_operations_that_it_refuses_are_those_that_create(
    locked_portal: Portal, user: httpx.AsyncClient
) -> None:
    """The requests are sent with httpx, because the client would hold them back."""
    of_any_path = dict(chain.from_iterable(ids.items() for ids in locked_portal.ids.values()))
    refused: set[str] = set()
    posts = [one for one in OPERATIONS.values() if one.method == "POST" and not one.deprecated]
    for operation in posts:
        # A path without a GET operation takes the ids of its longest prefix that has one.
        route = path_of(operation)
        paths = [path for path in locked_portal.ids if route.startswith(path)]
        known = locked_portal.ids[max(paths, key=len)] if paths else {}
        ids = {
            name: known.get(name, of_any_path.get(name, "1"))
            for name in re.findall(r"{(\w+)}", route)
        }
        root = locked_portal.url.removesuffix("/api/1/")
        path = f"{root}/api/{operation.version}{operation.path}".format_map(ids)
        if operation.multipart:
            response = await user.post(path, files={"file": ("a.csv", b"a")})
        else:
            response = await user.post(path, json={})
        if response.status_code == 423:
            refused.add(operation.id)
            assert SAYS in response.json()["message"]
            assert "Retry-After" not in response.headers
    assert len(posts) > 60
    assert refused == {one.id for one in posts if one.creates}


async def test_a_portal_in_memory_refuses_with_the_same_error(
    locked_portal: Portal, user: httpx.AsyncClient
) -> None:
    real = await user.post("datasets/", json=body().to_dict())
    fake = FakePortal()
    fake.script("create_dataset", status=423)
    async with fake.client(api_key=fake.api_key) as client:
        with pytest.raises(LockedError) as caught:
            await datasets.create_dataset(client, body=body())
    assert real.status_code == caught.value.status == 423
    assert real.json()["message"] == caught.value.message


async def test_100_creates_of_16_tasks(own_portal: Portal) -> None:
    answers: list[httpx.Response] = []
    policy = RetryPolicy(cool_down=3600)
    left = iter(range(100))

    async def work(client: Client) -> list[LockedError]:
        errors = []
        for _ in left:
            with pytest.raises(LockedError, match=SAYS) as caught:
                await datasets.create_dataset(client, body=body())
            errors.append(caught.value)
        return errors

    key, options = own_portal.user_api_key, {"retry": policy, "on_response": answers.append}
    async with client_of(own_portal.url, api_key=key, **options) as client:
        total = (await datasets.list_datasets(client)).total
        answers.clear()
        errors = [*chain(*await asyncio.gather(*(work(client) for _ in range(16))))]
        assert len(errors) == 100
        assert 1 <= len(answers) <= 16
        assert sum(error.attempts for error in errors) == len(answers)

        # The mode is the portal's, whatever the version of the API.
        with pytest.raises(LockedError, match="not sent"):
            await v2.topics.create_topic(client, body=TopicWrite(name="Eau", description="x"))
        # Operations that create nothing still work.
        assert (await datasets.list_datasets(client)).total == total
        org = own_portal.ids["/organizations/{org}/"]["org"]
        assert (await organizations.get_organization(client, org)).id == org

        own_portal.end_read_only()
        with pytest.raises(LockedError, match="not sent"):
            await datasets.create_dataset(client, body=body())

    # A client with a cool-down of 0 sends at once.
    policy = RetryPolicy(cool_down=0)
    async with client_of(own_portal.url, api_key=key, retry=policy) as client:
        created = await asyncio.gather(
            *(datasets.create_dataset(client, body=body(n)) for n in range(16))
        )
        assert len({one.id for one in created}) == 16
        assert (await datasets.list_datasets(client)).total == total + 16


async def test_creating_works_as_soon_as_the_mode_has_ended(own_portal: Portal) -> None:
    answers: list[httpx.Response] = []
    asked = asyncio.Event()

    def note(response: httpx.Response) -> None:
        answers.append(response)
        if len(answers) > 16:  # More than the concurrent requests, so a probe was sent.
            asked.set()

    policy = RetryPolicy(cool_down=0.1, wait_for_unlock=60)
    key = own_portal.user_api_key
    async with client_of(own_portal.url, api_key=key, retry=policy, on_response=note) as client:
        creates = asyncio.gather(
            *(datasets.create_dataset(client, body=body(n)) for n in range(100))
        )
        await asked.wait()
        own_portal.end_read_only()
        created = await creates
    assert len({one.id for one in created}) == 100
    locked = sum(response.status_code == 423 for response in answers)
    assert len(answers) - locked == 100
