"""Tests of extras in version 2 of the API, which merges them and deletes them by their keys."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from attrs import frozen
from packaging.version import Version

from aiodatagouv import AuthenticationError, BadRequestError, Client, NotFoundError
from aiodatagouv.api import datasets as datasets_of_v1
from aiodatagouv.api.v2 import datasets, organizations
from aiodatagouv.models import ResourceWrite

from ..portal import NEWEST, Portal
from .prover import Prover
from .things import a_dataset, a_resource, an_organization

Function = Callable[..., Awaitable[Any]]


@frozen
class Extras:
    """The three operations on the extras of a kind of object, and the path of an object.

    Attributes:
        path: The path parameters of an object.
        get: Reads its extras.
        update: Merges some into them.
        delete: Deletes some.
        reserved: A key that only an administrator may write, if there is one.
    """

    path: tuple[str, ...]
    get: Function
    update: Function
    delete: Function
    reserved: str | None = None


async def of_a_dataset(user: Client) -> Extras:
    dataset = await a_dataset(user)
    return Extras(
        (dataset.id,),
        datasets.get_dataset_extras,
        datasets.update_dataset_extras,
        datasets.delete_dataset_extras,
        "recommendations:sources",
    )


async def of_a_resource(user: Client) -> Extras:
    dataset = await a_dataset(user)
    resource = await a_resource(user, dataset)
    return Extras(
        (dataset.id, resource.id),
        datasets.get_resource_extras,
        datasets.update_resource_extras,
        datasets.delete_resource_extras,
        "check:status",
    )


async def of_an_organization(user: Client) -> Extras:
    organization = await an_organization(user)
    return Extras(
        (organization.id,),
        organizations.get_organization_extras,
        organizations.update_organization_extras,
        organizations.delete_organization_extras,
    )


Make = Callable[[Client], Awaitable[Extras]]
EVERY: list[Make] = [of_a_dataset, of_a_resource, of_an_organization]


@pytest.mark.parametrize("make", EVERY, ids=lambda one: one.__name__)
async def test_extras_are_merged_and_deleted(
    make: Make, user: Client, visitor: Client, prove: Prover
) -> None:
    extras = await make(user)
    assert await prove(extras.get, user, *extras.path) == {}
    first = {"a": 1, "b": "deux", "c": {"d": [1, None]}, "e:f": True}
    assert await prove(extras.update, user, *extras.path, body=first) == first

    merged = await prove(extras.update, user, *extras.path, body={"a": 2, "b": None, "g": 0.5})
    assert merged == {"a": 2, "c": {"d": [1, None]}, "e:f": True, "g": 0.5}
    assert await extras.get(visitor, *extras.path) == merged
    # Null for a key that does not exist changes nothing.
    assert await extras.update(user, *extras.path, body={"z": None}) == merged

    await prove(extras.delete, user, *extras.path, body=["a", "e:f"])
    assert await extras.get(user, *extras.path) == {"c": {"d": [1, None]}, "g": 0.5}
    await extras.delete(user, *extras.path, body=[])
    with pytest.raises(AuthenticationError):
        await extras.update(visitor, *extras.path, body={"a": 1})
    with pytest.raises(AuthenticationError):
        await extras.delete(visitor, *extras.path, body=["c"])
    assert await extras.get(user, *extras.path) == {"c": {"d": [1, None]}, "g": 0.5}


@pytest.mark.parametrize("make", EVERY, ids=lambda one: one.__name__)
async def test_a_key_that_does_not_exist(make: Make, user: Client) -> None:
    """It is ignored, except for resources, of which nothing is deleted then."""
    extras = await make(user)
    await extras.update(user, *extras.path, body={"a": 1, "b": 2})
    if make is of_a_resource:
        with pytest.raises(NotFoundError, match="Key not found in existing extras"):
            await extras.delete(user, *extras.path, body=["a", "z"])
        assert await extras.get(user, *extras.path) == {"a": 1, "b": 2}
    else:
        await extras.delete(user, *extras.path, body=["a", "z"])
        assert await extras.get(user, *extras.path) == {"b": 2}


@pytest.mark.parametrize("make", [of_a_dataset, of_a_resource], ids=lambda one: one.__name__)
async def test_a_key_of_the_platform(make: Make, user: Client, admin: Client, release: str) -> None:
    """It is for administrators, except on older portals, and nothing else of the body is set."""
    extras = await make(user)
    assert extras.reserved is not None
    await extras.update(user, *extras.path, body={"a": 1})
    body = {"a": 2, extras.reserved: 200}
    if release == NEWEST:
        with pytest.raises(BadRequestError, match="reserved"):
            await extras.update(user, *extras.path, body=body)
        assert await extras.get(user, *extras.path) == {"a": 1}
    assert await extras.update(admin, *extras.path, body=body) == body
    if release == NEWEST:
        with pytest.raises(BadRequestError, match="reserved"):
            await extras.delete(user, *extras.path, body=["a", extras.reserved])
        assert await extras.get(user, *extras.path) == body
    await extras.delete(admin, *extras.path, body=[extras.reserved])
    assert await extras.get(user, *extras.path) == {"a": 2}


@pytest.mark.parametrize("make", EVERY, ids=lambda one: one.__name__)
async def test_what_is_no_body_of_extras(make: Make, user: Client, own_portal: Portal) -> None:
    """The portal refuses what the functions cannot send: no body, and a list for an object."""
    extras = await make(user)
    paths: dict[Make, str] = {
        of_a_dataset: "datasets/{}/extras/",
        of_a_resource: "datasets/{}/resources/{}/extras/",
        of_an_organization: "organizations/{}/extras/",
    }
    path = paths[make].format(*extras.path)
    found: list[int] = []
    for method, body in (("PUT", ["a"]), ("DELETE", {"a": 1})):
        with pytest.raises(BadRequestError, match="Wrong payload format"):
            await user.request(method, path, json=body, version=2)
        url = f"{own_portal.url.replace('/api/1/', '/api/2/')}{path}"
        found.append(await status_without_body(method, url, own_portal.user_api_key))
    assert found == (
        [415, 415] if Version(own_portal.release) >= Version("14.13.0") else [400, 400]
    )
    assert await extras.get(user, *extras.path) == {}


async def status_without_body(method: str, url: str, key: str) -> int:
    async with httpx.AsyncClient(headers={"X-API-KEY": key}) as client:
        return (await client.request(method, url)).status_code


async def test_the_extras_of_version_1_replace_those_there_are(user: Client) -> None:
    dataset = await a_dataset(user)
    resource = await a_resource(user, dataset)
    await datasets.update_resource_extras(user, dataset.id, resource.id, body={"a": 1})
    resource = await datasets_of_v1.get_resource(user, dataset.id, resource.id)
    assert resource.extras == {"a": 1}
    await datasets_of_v1.update_resource(
        user, dataset.id, resource.id, body=ResourceWrite.of(resource, extras={"b": 2})
    )
    assert await datasets.get_resource_extras(user, dataset.id, resource.id) == {"b": 2}
