"""Every operation that reads, on the real portal.

A JSON answer must decode into the type that the function declares, hold nothing of another type at
any depth, and give the same JSON back.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from typing import Any, get_args, get_origin, get_type_hints

import httpx
import pytest
from typeguard import CollectionCheckStrategy, check_type

from aiodatagouv import OPERATIONS, Client, Operation, Paginator
from aiodatagouv._http import _default_transport, parse_url
from aiodatagouv._model import Model, to_json

from ..clients import client_of
from .portal import Portal

NOT_CALLABLE = {
    "geopf_auth": "comes back from an identity provider with its code",
    "get_proconnect_auth_api": "comes back from an identity provider with its code",
    "get_proconnect_logout_api": "needs a session at an identity provider",
    "get_site_dataservices_csv": "redirects to a file at another host",
    "get_site_datasets_csv": "redirects to a file at another host",
    "get_site_harvests_csv": "redirects to a file at another host",
    "get_site_organizations_csv": "redirects to a file at another host",
    "get_site_resources_csv": "redirects to a file at another host",
    "get_site_reuses_csv": "redirects to a file at another host",
}
"""What cannot answer without a service that the portal of the tests does not have."""

READS = [
    operation
    for operation in OPERATIONS.values()
    if operation.method == "GET" and not operation.deprecated and operation.id not in NOT_CALLABLE
]
"""Every operation that reads and can be called."""


def of_kind(*kinds: str) -> pytest.MarkDecorator:
    """Run a test with each operation of some kinds."""
    chosen = [operation for operation in READS if operation.kind in kinds]
    return pytest.mark.parametrize("operation", chosen, ids=lambda one: one.id)


class Recorder(httpx.AsyncBaseTransport):
    """Sends requests over the library's own transport and keeps the bodies of the answers."""

    def __init__(self, portal: Portal) -> None:
        self._inner = _default_transport(parse_url(portal.url), max_connections=4)
        self.bodies: list[bytes] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._inner.handle_async_request(request)
        self.bodies.append(await response.aread())
        await response.aclose()
        headers = {"Content-Type": response.headers.get("Content-Type", "")}
        if "Location" in response.headers:
            headers["Location"] = response.headers["Location"]
        return httpx.Response(response.status_code, headers=headers, content=self.bodies[-1])

    async def aclose(self) -> None:
        await self._inner.aclose()


@pytest.fixture
def recorder(portal: Portal) -> Recorder:
    return Recorder(portal)


@pytest.fixture
async def client(portal: Portal, recorder: Recorder) -> AsyncIterator[Client]:
    """The administrator's client."""
    async with client_of(portal.url, api_key=portal.api_key, transport=recorder) as opened:
        yield opened


def call(client: Client, operation: Operation, portal: Portal, **options: Any) -> Any:
    """Call an operation with parameters for which the portal has an answer."""
    given = portal.ids.get(operation.path, {})
    in_path = [given[name] for name in path_parameters(operation)]
    in_query = {k: v for k, v in given.items() if k not in path_parameters(operation)}
    return operation.function(client, *in_path, **in_query, **options)


def path_parameters(operation: Operation) -> list[str]:
    """The names of the parameters in an operation's path, in their order."""
    return [part.split("}")[0] for part in operation.path.split("{")[1:]]


@of_kind("json", "page")
async def test_json_answers_decode_into_their_type_and_back(
    operation: Operation,
    client: Client,
    recorder: Recorder,
    portal: Portal,
    record_property: Callable[[str, object], None],
) -> None:
    answer = await call(client, operation, portal)
    assert_type(answer, declared_type(operation))
    assert to_json(answer) == json.loads(recorder.bodies[-1])
    record_property("proven JSON decoded, of the declared type, and back", operation.id)


@of_kind("stream")
async def test_streams_bring_bytes(
    operation: Operation,
    client: Client,
    recorder: Recorder,
    portal: Portal,
    record_property: Callable[[str, object], None],
) -> None:
    async with await call(client, operation, portal) as chunks:
        content = b"".join([chunk async for chunk in chunks])
    assert content == recorder.bodies[-1]
    assert content
    record_property("proven streamed", operation.id)


@of_kind("redirect")
async def test_redirects_answer_their_target(
    operation: Operation,
    client: Client,
    portal: Portal,
    record_property: Callable[[str, object], None],
) -> None:
    target = await call(client, operation, portal)
    assert httpx.URL(target).is_absolute_url
    record_property("proven redirected", operation.id)


def test_at_least_95_operations_answer_json() -> None:
    assert len([one for one in READS if one.kind in ("json", "page")]) >= 95


def declared_type(operation: Operation) -> Any:
    """The type of an operation's answer; of one page for a paginator."""
    declared = get_type_hints(operation.function)["return"]
    return get_args(declared)[0] if get_origin(declared) is Paginator else declared


def assert_type(value: Any, type_: Any) -> None:
    """Check a value and all that is in it against the declared types."""
    check_type(value, type_, collection_check_strategy=CollectionCheckStrategy.ALL_ITEMS)
    for model in models_in(value):
        for name, hint in get_type_hints(type(model)).items():
            assert_type(getattr(model, name), hint)


def models_in(value: Any) -> list[Model]:
    if isinstance(value, list):
        return [model for item in value for model in models_in(item)]
    return [value] if isinstance(value, Model) else []
