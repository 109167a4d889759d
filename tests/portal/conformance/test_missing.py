"""Tests of the description of real portals, and of calls that their release lacks."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import httpx
import pytest
from packaging.version import Version

from aiodatagouv import OPERATIONS, APIError, Client, NotFoundError, Operation
from aiodatagouv._call.call import Call

from ...clients import client_of
from ..portal import Portal, serves

NOWHERE = "5f0000000000000000000000"

DOCUMENTS = ["GET 1/site/", "GET 1/swagger.json", "GET 2/swagger.json"]
"""The requests by which a portal is asked what it is."""

UNROUTED = {"get_avatar"}
"""The operations that have no route for an id: the size of an avatar is a number."""


def call_of(operation: Operation) -> Call:
    """Return a call of an operation for objects that do not exist, without its query."""
    path = re.sub(r"\{.*?\}", NOWHERE, operation.path).lstrip("/")
    return Call(operation, path, body=None if operation.method == "GET" else {})


async def failure_of(client: Client, operation: Operation) -> APIError | None:
    """Call an operation for objects that do not exist, and return the error, if it is one."""
    try:
        await client._read(call_of(operation), lambda response: response)
    except APIError as error:
        return error
    return None


@pytest.fixture
def requests() -> list[str]:
    """The requests of the client of a test: the method, and the path below ``api/``."""
    return []


@pytest.fixture
async def client(own_portal: Portal, requests: list[str]) -> AsyncIterator[Client]:
    def respond(response: httpx.Response) -> None:
        path = response.url.path.removeprefix("/api/")
        requests.append(f"{response.request.method} {path}")

    async with client_of(own_portal.url, api_key=own_portal.api_key, on_response=respond) as client:
        yield client


async def test_a_portal_tells_what_it_is_and_what_it_serves(
    client: Client, release: str, requests: list[str]
) -> None:
    portal = await client.portal()
    assert portal.title == "Portail d'essai"
    assert portal.release in (release, None)
    assert (portal.release is None) is (Version(release) < Version("12"))
    served = {name: portal.serves(one) for name, one in OPERATIONS.items()}
    assert served == {name: serves(release, one) for name, one in OPERATIONS.items()}
    assert requests == DOCUMENTS
    assert portal.operations_v2 is not None
    assert ("GET", "/datasets/{}/resources") in portal.operations_v2


async def test_an_operation_that_the_release_lacks_is_told_with_its_releases(
    client: Client, release: str, requests: list[str]
) -> None:
    missing = [one for one in OPERATIONS.values() if not serves(release, one)]
    assert missing
    known = (await client.portal()).release
    here = "this portal does not" if known is None else f"this portal, which runs {known}, does not"
    for operation in missing:
        error = await failure_of(client, operation)
        assert error is not None
        spans = [f"since {operation.since}"] if operation.since else []
        spans += [f"until {operation.until}"] if operation.until else []
        told = f"udata serves it {' and '.join(spans)}; {here}: "
        assert (operation.name, error.message[: len(told)]) == (operation.name, told)
    assert [one for one in requests if one in DOCUMENTS] == DOCUMENTS
    # What old releases served may be there without its slash; nothing else is asked twice.
    bare = [one for one in requests if f"{one}/" in requests]
    assert len(requests) == len(missing) + len(bare) + len(DOCUMENTS)


async def test_an_object_that_does_not_exist_costs_one_request(
    client: Client, release: str, requests: list[str]
) -> None:
    has_bare = Version(release) < Version("10.9")
    absent: dict[str, str] = {}
    for operation in OPERATIONS.values():
        if operation.method != "GET" or "{" not in operation.path or operation.name in UNROUTED:
            continue
        if serves(release, operation):
            requests.clear()
            error = await failure_of(client, operation)
            if isinstance(error, NotFoundError):
                absent[operation.name] = error.message
                first = f"GET {operation.version}/{call_of(operation).path}"
                assert requests in ([first], [first, first.rstrip("/")][: 2 if has_bare else 1])
    assert len(absent) > 30
    assert [name for name, message in absent.items() if "udata serves" in message] == []
