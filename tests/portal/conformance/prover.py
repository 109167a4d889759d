"""The prover, which calls an operation of the real portal and checks its complete response."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Awaitable, Callable
from importlib import import_module
from types import UnionType
from typing import (
    Any,
    Concatenate,
    Literal,
    ParamSpec,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_overloads,
    get_type_hints,
)

import httpx
from attrs import frozen
from typeguard import CollectionCheckStrategy, check_type

from aiodatagouv import Client, MissingFieldError, Operation, Paginator, Stream
from aiodatagouv._decoding.declared import declared
from aiodatagouv._http.transport import default_transport
from aiodatagouv._views.view import View, json_of

from ...clients import client_of
from ..portal import Portal, path_of, route_of, serves
from .sent import MASKED, NOT_SENT, OWN_VALUES, UNDECLARED, name_of
from .variants import CHANGES, changed, literals

P = ParamSpec("P")
T = TypeVar("T")

HOW = {
    "json": "decoded",
    "page": "decoded",
    "empty": "empty",
    "stream": "streamed",
    "redirect": "redirect",
}
"""Kind of operation -> how its response is checked, as shown in the table of operations."""


PortalOf = Callable[..., Portal]
"""Returns the portal of a release and, optionally, a purpose."""

Opener = Callable[[str], Awaitable[Client]]
"""Opens a client with an API key."""


class Watched(httpx.AsyncBaseTransport):
    """The default transport of the library, which records all responses, including redirects."""

    def __init__(self, portal: Portal, seen: list[httpx.Response]) -> None:
        self._inner = default_transport(4)
        self._seen = seen

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._inner.handle_async_request(request)
        response.request = request
        self._seen.append(response)
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()


@frozen
class Prover:
    """Calls operations, checks their responses, and records the proven operations.

    Attributes:
        portal: The portal to call.
        seen: The responses of the portal to the clients of the test.
        note: Called for each proven operation: ``note(operation, how)``.
        note_read: Called with the fields that were read: ``note_read(operation, fields)``.
        note_lacking: Called with the fields that a response lacks.
    """

    portal: Portal
    seen: list[httpx.Response]
    note: Callable[[Operation, str], None]
    note_read: Callable[[Operation, set[str]], None]
    note_lacking: Callable[[set[str]], None]

    async def __call__(
        self,
        function: Callable[Concatenate[Client, P], Awaitable[T]],
        client: Client,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Call a generated function, check its response, and return the result.

        The request must match the server's route of the operation. The result must be of the
        declared type at any depth, have no undeclared field, and serialize to the same JSON.
        Without a mask it must have all fields that the release sends. The response is also changed
        as an older or newer portal might, and decoded again.
        """
        self.seen.clear()
        operation = operation_of(function)
        called: Any = function(client, *args, **kwargs)
        # A stream sends its request when it is read.
        answer: T = called if operation.kind == "stream" else await called
        if isinstance(answer, Stream):
            await assert_flows(answer, self.seen, self.portal)
        first, last = self.seen[0], self.seen[-1]
        self.check_route(operation, first)
        if operation.kind in ("json", "page"):
            type_ = answer_type(function, full_objects="full_objects" in kwargs)
            content = with_envelope(operation, without_keys(last.content, self.portal))
            assert_fits(answer, type_, content)
            if "X-Fields" not in last.request.headers:
                self.check_whole(answer)
            self.note_read(operation, fields_read(answer))
            assert self.unexplained(unknown_fields(answer), UNDECLARED) == set()
            assert self.unexplained(unknown_values(answer), OWN_VALUES) == set()
            for change in CHANGES:
                data = json.dumps(changed(change, answer, json.loads(content))).encode()
                async with client_that_is_answered(data) as replayed:
                    assert_fits(await function(replayed, *args, **kwargs), type_, data)
        elif operation.kind == "empty":
            assert answer is None
            assert last.content.strip() in (b"", b'""')
        elif operation.kind == "redirect":
            assert answer == str(last.url.join(last.headers["Location"]))
        self.note(operation, HOW[operation.kind])
        return answer

    def check_route(self, operation: Operation, response: httpx.Response) -> None:
        """Check that a request matched the server's route of its operation."""
        assert serves(self.portal.release, operation)
        assert route(response) == (operation.method, route_of(path_of(operation)))

    def unexplained(self, found: set[str], own: dict[str, list[str]]) -> set[str]:
        """Return the fields of some that are not this release's own."""
        release = self.portal.release
        return {one for one in found if release not in own.get(one.split(":")[0], [])}

    def check_whole(self, answer: object) -> None:
        """Record what is missing, and check it on a pinned release."""
        self.note_lacking(fields_lacking(answer))
        if self.portal.release in NOT_SENT:
            assert_whole(answer, self.portal.release)


def operation_of(function: Callable[..., Any]) -> Operation:
    """Return the operation of a generated function."""
    module = import_module(f"{function.__module__.rpartition('.')[0]}.ops")
    operation: Operation = getattr(module, function.__name__.upper())
    return operation


def without_keys(content: bytes, portal: Portal) -> bytes:
    """Redact API keys, which 14.13.0 returns to their owners, as the client does."""
    for key in (portal.api_key, portal.user_api_key, portal.other_api_key):
        content = content.replace(key.encode(), b"***")
    return content


def with_envelope(operation: Operation, content: bytes) -> bytes:
    """Return a list that has no pages in some release as the only page, as the client does."""
    data = json.loads(content)
    if operation.kind != "page" or not isinstance(data, list):
        return content
    page = {"data": data, "page": 1, "page_size": max(len(data), 1), "total": len(data)}
    return json.dumps(page | {"next_page": None, "previous_page": None}).encode()


def client_that_is_answered(content: bytes) -> Client:
    """Create a client that receives the same JSON response to every request."""
    headers = {"Content-Type": "application/json"}
    transport = httpx.MockTransport(lambda _: httpx.Response(200, headers=headers, content=content))
    return client_of("https://portal.example/", api_key="", transport=transport)


async def assert_flows(stream: Stream, seen: list[httpx.Response], portal: Portal) -> None:
    """Check that a stream yields all bytes that the portal sends, chunked or not."""
    async with stream as chunks:
        received = sum([len(chunk) async for chunk in chunks])
    url, length = seen[-1].request.url, seen[-1].headers.get("Content-Length")
    if length is None:
        async with httpx.AsyncClient(headers={"X-API-KEY": portal.api_key}) as client:
            length = len((await client.get(url)).content)
    assert received == int(length) > 0


def assert_fits(answer: object, type_: Any, content: bytes) -> None:
    """Check the type of a decoded response, and that it serializes to the received JSON."""
    assert_type(answer, type_)
    # Compared as text, because 1, 1.0 and True are equal in Python.
    assert as_text(json_of(answer)) == as_text(json.loads(content))


def as_text(data: Any) -> str:
    return json.dumps(data, sort_keys=True, indent=1, ensure_ascii=False)


def assert_whole(answer: object, release: str) -> None:
    """Check that a response has all declared fields except those that the release never sends."""
    for model in models_in(answer):
        name, json = name_of(type(model)), model.to_dict()
        not_sent = NOT_SENT[release].get(name, set())
        for key, field in declared(type(model)).items():
            where = f"{name}.{key} of udata {release}"
            if key not in json:
                assert field.absent or key in not_sent, f"{where} is not sent"
                continue
            assert key not in not_sent, f"{where} is sent"
            inside = getattr(model, field.name)
            masked = MASKED.get((release, name, key))
            if masked is None:
                assert_whole(inside, release)
            else:
                assert all({*one.to_dict()} == masked for one in models_in(inside)), where


def values_of(model: View) -> dict[str, Any]:
    """Return the values of all fields of a model, except those that the portal did not send."""
    values: dict[str, Any] = {}
    for key, field in declared(type(model)).items():
        try:
            values[key] = getattr(model, field.name)
        except MissingFieldError:
            assert key not in model.to_dict()
    return values


def assert_type(value: Any, type_: Any) -> None:
    """Check a value against its declared type, at any depth."""
    check_type(value, type_, collection_check_strategy=CollectionCheckStrategy.ALL_ITEMS)
    # check_type accepts a bool for an int, and a datetime for a date.
    assert type(value) not in (bool, dt.datetime) or type(value) in alternatives(type_)
    for model in models_in(value):
        model.check()
        for key, inside in values_of(model).items():
            assert_type(inside, declared(type(model))[key].type)


def alternatives(type_: Any) -> set[Any]:
    """Return the members of a union, or the type itself if it is not a union."""
    if type_ is Any:
        return {bool, dt.datetime}
    return {*get_args(type_)} if get_origin(type_) in (Union, UnionType) else {type_}


def models_in(value: Any) -> list[View]:
    if isinstance(value, list):
        return [model for item in value for model in models_in(item)]
    return [value] if isinstance(value, View) else []


def fields_read(value: Any) -> set[str]:
    """Return the declared fields in a response, at any depth, as ``Model.key``."""
    names: set[str] = set()
    for model in models_in(value):
        known = declared(type(model)).keys() & model.to_dict().keys()
        names |= {f"{name_of(type(model))}.{key}" for key in known}
        for inside in values_of(model).values():
            names |= fields_read(inside)
    return names


def fields_lacking(value: Any) -> set[str]:
    """Return the declared fields that a response lacks, at any depth, as ``Model.key``."""
    names: set[str] = set()
    for model in models_in(value):
        known, there = declared(type(model)), model.to_dict().keys()
        names |= {
            f"{name_of(type(model))}.{key}" for key in known.keys() - there if not known[key].absent
        }
        for inside in values_of(model).values():
            names |= fields_lacking(inside)
    return names


def unknown_fields(value: Any) -> set[str]:
    """Return the undeclared fields in a response, at any depth."""
    names: set[str] = set()
    for model in models_in(value):
        names |= {f"{name_of(type(model))}.{name}" for name in model.additional_properties}
        for inside in values_of(model).values():
            names |= unknown_fields(inside)
    return names


def unknown_values(value: Any) -> set[str]:
    """Return the undeclared enum values in a response, which decoding accepts, at any depth."""
    found: set[str] = set()
    for model in models_in(value):
        for name, inside in values_of(model).items():
            values = set(literals(declared(type(model))[name].type))
            texts = inside if isinstance(inside, list) else [inside]
            unknown = [
                one for one in texts if values and isinstance(one, str) and one not in values
            ]
            found |= {f"{name_of(type(model))}.{name}: {one}" for one in unknown}
            found |= unknown_values(inside)
    return found


def answer_type(function: Callable[..., Any], *, full_objects: bool = False) -> Any:
    """Return the type that a function decodes; for a paginator, the type of a page."""
    answer = get_type_hints(function)["return"]
    for overload in get_overloads(function):
        hints = get_type_hints(overload)
        if hints.get("full_objects") == Literal[full_objects]:
            answer = hints["return"]
    if get_origin(answer) is Paginator:
        return get_args(answer)[0]
    types = alternatives(answer)
    # Skip the type variable of `into`, which would match any value.
    (type_,) = (one for one in types if TypeVar not in map(type, (one, *get_args(one))))
    return type_


def route(response: httpx.Response) -> tuple[str, str]:
    """Return the method and the path of the server's route that a request matched."""
    path = response.headers["X-Portal-Route"]
    return response.request.method, route_of(path.removeprefix("/api/1"))
