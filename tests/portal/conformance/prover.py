"""Calls an operation of the real portal and checks all that its answer says."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Awaitable, Callable
from types import UnionType
from typing import Any, Concatenate, ParamSpec, TypeVar, Union, get_args, get_origin, get_type_hints

import httpx
from attrs import frozen
from typeguard import CollectionCheckStrategy, check_type

from aiodatagouv import Client, MissingFieldError, Operation, Paginator, Stream
from aiodatagouv._declared import declared
from aiodatagouv._http import _default_transport, parse_url
from aiodatagouv._view import View, json_of
from aiodatagouv.api import ops

from ...clients import client_of
from ..portal import Portal
from .sent import MASKED, NOT_SENT
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
"""How an answer of each kind proves its operation."""


PortalOf = Callable[..., Portal]
"""Finds the portal of a release, and of a purpose."""

Opener = Callable[[str], Awaitable[Client]]
"""Opens a client with a key."""


class Watched(httpx.AsyncBaseTransport):
    """The library's own transport to a portal, under watch: also redirects are seen."""

    def __init__(self, portal: Portal, seen: list[httpx.Response]) -> None:
        self._inner = _default_transport(parse_url(portal.url), max_connections=4)
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
    """Calls operations, checks what comes back, and notes which are proven.

    Attributes:
        portal: Who answers.
        seen: What the portal answers to the clients of the test.
        note: Is told of each operation that is proven: ``note(operation, how)``.
        note_read: Is told which fields of models were read.
    """

    portal: Portal
    seen: list[httpx.Response]
    note: Callable[[Operation, str], None]
    note_read: Callable[[set[str]], None]

    async def __call__(
        self,
        function: Callable[Concatenate[Client, P], Awaitable[T]],
        client: Client,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Call a generated function, check the answer, and hand it over.

        The request must reach the route of the operation. The answer must be of the declared type
        at any depth, hold no field that the type does not know, and give its own JSON back; so
        must what a portal of another time would have answered, and nothing that a whole answer
        of the release has may be missing.
        """
        self.seen.clear()
        operation: Operation = getattr(ops, function.__name__.upper())
        called: Any = function(client, *args, **kwargs)
        # A stream makes the call when it is read.
        answer: T = called if operation.kind == "stream" else await called
        if isinstance(answer, Stream):
            await assert_flows(answer, self.seen, self.portal)
        first, last = self.seen[0], self.seen[-1]
        self.check_route(operation, first)
        if operation.kind in ("json", "page"):
            type_ = answer_type(function)
            content = without_keys(last.content, self.portal)
            assert_fits(answer, type_, content)
            if "X-Fields" not in last.request.headers:
                assert_whole(answer, self.portal.release)
            self.note_read(fields_read(answer))
            assert unknown_fields(answer) == set()
            assert unknown_values(answer) == set()
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
        """Check that a request took the route that the release has for its operation."""
        assert self.portal.release in operation.releases
        assert route(response) == (operation.method, without_names(operation.path))


def without_keys(content: bytes, portal: Portal) -> bytes:
    """An answer as the client reads it: its own key, which 14.13.0 shows, is struck out."""
    for key in (portal.api_key, portal.user_api_key, portal.other_api_key):
        content = content.replace(key.encode(), b"***")
    return content


def client_that_is_answered(content: bytes) -> Client:
    """A client of a portal that answers everything with one JSON."""
    headers = {"Content-Type": "application/json"}
    transport = httpx.MockTransport(lambda _: httpx.Response(200, headers=headers, content=content))
    return client_of("https://portal.example/", api_key="", transport=transport)


async def assert_flows(stream: Stream, seen: list[httpx.Response], portal: Portal) -> None:
    """Check that a stream brings all that the portal sends, in pieces or not."""
    async with stream as chunks:
        received = sum([len(chunk) async for chunk in chunks])
    url, length = seen[-1].request.url, seen[-1].headers.get("Content-Length")
    if length is None:
        async with httpx.AsyncClient(headers={"X-API-KEY": portal.api_key}) as client:
            length = len((await client.get(url)).content)
    assert received == int(length) > 0


def assert_fits(answer: object, type_: Any, content: bytes) -> None:
    """Check that a decoded answer is of a type, and the same JSON as what came."""
    assert_type(answer, type_)
    # As text, for Python takes 1, 1.0 and True for the same.
    assert as_text(json_of(answer)) == as_text(json.loads(content))


def as_text(data: Any) -> str:
    return json.dumps(data, sort_keys=True, indent=1, ensure_ascii=False)


def assert_whole(answer: object, release: str) -> None:
    """Check that an answer has all that its type says, except for what the release never sends."""
    for model in models_in(answer):
        name, json = type(model).__name__, model.to_dict()
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
    """The values of all fields of a model, except for those that the portal does not send."""
    values: dict[str, Any] = {}
    for key, field in declared(type(model)).items():
        try:
            values[key] = getattr(model, field.name)
        except MissingFieldError:
            assert key not in model.to_dict()
    return values


def assert_type(value: Any, type_: Any) -> None:
    """Check a value and all that is in it against the declared types."""
    check_type(value, type_, collection_check_strategy=CollectionCheckStrategy.ALL_ITEMS)
    # To Python True is an int as well, and a datetime a date.
    assert type(value) not in (bool, dt.datetime) or type(value) in alternatives(type_)
    for model in models_in(value):
        model.check()
        for key, inside in values_of(model).items():
            assert_type(inside, declared(type(model))[key].type)


def alternatives(type_: Any) -> set[Any]:
    """The types that a union is of."""
    if type_ is Any:
        return {bool, dt.datetime}
    return {*get_args(type_)} if get_origin(type_) in (Union, UnionType) else {type_}


def models_in(value: Any) -> list[View]:
    if isinstance(value, list):
        return [model for item in value for model in models_in(item)]
    return [value] if isinstance(value, View) else []


def fields_read(value: Any) -> set[str]:
    """The fields, at any depth, that an answer has: ``Model.key``."""
    names: set[str] = set()
    for model in models_in(value):
        known = declared(type(model)).keys() & model.to_dict().keys()
        names |= {f"{type(model).__name__}.{key}" for key in known}
        for inside in values_of(model).values():
            names |= fields_read(inside)
    return names


def unknown_fields(value: Any) -> set[str]:
    """The fields, at any depth, that the declared types do not know."""
    names: set[str] = set()
    for model in models_in(value):
        names |= {f"{type(model).__name__}.{name}" for name in model.additional_properties}
        for inside in values_of(model).values():
            names |= unknown_fields(inside)
    return names


def unknown_values(value: Any) -> set[str]:
    """The values of enums, at any depth, that are not declared: enums take any string."""
    found: set[str] = set()
    for model in models_in(value):
        for name, inside in values_of(model).items():
            values = set(literals(declared(type(model))[name].type))
            texts = inside if isinstance(inside, list) else [inside]
            unknown = [
                one for one in texts if values and isinstance(one, str) and one not in values
            ]
            found |= {f"{type(model).__name__}.{name}: {one}" for one in unknown}
            found |= unknown_values(inside)
    return found


def answer_type(function: Callable[..., Any]) -> Any:
    """The type of an operation's answer; of one page for a paginator, a model for a projection."""
    answer = get_type_hints(function)["return"]
    if get_origin(answer) is Paginator:
        return get_args(answer)[0]
    types = alternatives(answer)
    # The other one is the class that an answer can be decoded into instead: it fits anything.
    (type_,) = (one for one in types if TypeVar not in map(type, (one, *get_args(one))))
    return type_


def route(response: httpx.Response) -> tuple[str, str]:
    """The method and the path of the server's own route that a request took."""
    return response.request.method, without_names(response.headers["X-Portal-Route"])


def without_names(path: str) -> str:
    """A path whose parameters have no names, as each release has its own."""
    return re.sub(r"[<{].*?[>}]", "{}", path.removeprefix("/api/1"))
