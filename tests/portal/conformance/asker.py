"""Queries for lists, in any response format, with a cache of the responses."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

import httpx
from attrs import evolve, frozen

from aiodatagouv import OPERATIONS, Client, Operation

from ...clients import client_of
from ..portal import NEWEST, PROJECT, Portal, path_of, route_of

FEED_SIZE = 20
"""The number of entries of a feed."""

CATALOGS = {
    "rdf_organization",
    "rdf_organization_format",
    "get_site_rdf_catalog",
    "get_site_rdf_catalog_format",
}
FEED = "recent_datasets_atom_feed"

WHOLE_IN_VERSION_1 = {"v2.list_datasets", "v2.list_reuses"}
"""The lists whose items have links, of which version 1 of the API has the objects themselves."""

BASE: dict[str, dict[str, Any]] = {
    "suggest_users": {"q": "", "size": 20},
    **{
        operation: {"q": "", "size": 10_000}
        for operation in OPERATIONS
        if operation.startswith("suggest_") and operation != "suggest_users"
    },
}
"""The query with which an operation returns all its items."""


def name_in_query(parameter: str) -> str:
    """Return the query name of a function's keyword argument: ``for_`` becomes ``for``."""
    return parameter.rstrip("_")


def parameters_of(operation: Operation) -> list[str]:
    """Return the keyword arguments of an operation's function that are sent in the query."""
    keywords = inspect.signature(operation.function).parameters.values()
    names = [one.name for one in keywords if one.kind is one.KEYWORD_ONLY]
    return [name for name in names if name not in ("fields", "full_objects", "into")]


@cache
def swagger(release: str, version: int) -> dict[str, Any]:
    end = "" if version == 1 else f"-v{version}"
    path = Path(PROJECT) / "openapi" / f"udata-{release}{end}.json"
    data: dict[str, Any] = json.loads(path.read_text())
    return data


@cache
def declared(release: str, operation: Operation) -> dict[str, dict[str, Any]]:
    """Return the query parameters that the Swagger of a release declares."""
    (item,) = [
        item
        for path, item in swagger(release, operation.version)["paths"].items()
        if route_of(path) == route_of(operation.path) and "get" in item
    ]
    every = [*item.get("parameters", []), *item["get"].get("parameters", [])]
    return {one["name"]: one for one in every if one["in"] == "query"}


def values_at(value: Any, path: str) -> list[Any]:
    """Return the values at a dotted path, looking into lists and skipping null."""
    name, _, rest = path.partition(".")
    if value is None:
        return []
    if isinstance(value, list):
        return [found for item in value for found in values_at(item, path)]
    if not name:
        return [value]
    return values_at(value.get(name) if isinstance(value, dict) else getattr(value, name), rest)


def identity(item: Any) -> Any:
    """Return a key that identifies an item within its list."""
    if isinstance(item, str):
        return item
    for name in ("id", "remote_id", "text"):
        if isinstance(value := getattr(item, name, None), str):
            return value
    return repr(item)


def identities(items: list[Any]) -> list[Any]:
    return [identity(item) for item in items]


@frozen
class Asker:
    """Queries for one operation of one portal.

    Attributes:
        portal: The portal. Its responses are cached, so nothing else may write to it.
        client: The administrator's client, which can read everything.
        operation: The operation to query.
        path: The values of its path parameters.
        parameter: The query parameter under test.
        answers: The cache: request -> the items of the response.
    """

    portal: Portal
    client: Client
    operation: Operation
    path: tuple[str, ...]
    parameter: str
    answers: dict[str, list[Any]]

    def to(self, operation: str, *path: str) -> Asker:
        """Return an Asker for another operation."""
        return evolve(self, operation=OPERATIONS[operation], path=path)

    async def __call__(self, **query: Any) -> list[Any]:
        """Return the items of the response, in order."""
        given = self.base() | query
        key = f"{self.operation.id} {self.path} {sorted(given.items())}"
        if key not in self.answers:
            self.answers[key] = await self._ask(given)
        return self.answers[key]

    def base(self) -> dict[str, Any]:
        """Return the query that is part of every request of the operation."""
        given = self.portal.ids.get(path_of(self.operation), {})
        needed = {name: given[name] for name in parameters_of(self.operation) if name in given}
        paged = {"page_size": 1000} if "page_size" in parameters_of(self.operation) else {}
        return needed | paged | BASE.get(self.operation.id, {})

    async def population(self) -> list[Any]:
        """Return all items that the operation filters."""
        if self.operation.id == "suggest_users":
            return await self.to("list_users")()
        if self.operation.id in WHOLE_IN_VERSION_1:
            return await self.to(self.operation.id.removeprefix("v2."))()
        if self.operation.id not in {FEED, *CATALOGS}:
            return await self()
        return [
            dataset
            for dataset in await self.to("list_datasets")()
            if not (dataset.private or dataset.archived or dataset.deleted)
            if "{org}" not in self.operation.path
            or self.path[0] in values_at(dataset, "organization.id")
        ]

    def shown(self, items: list[Any]) -> list[Any]:
        """Return the part of the matching items that the response contains."""
        if self.operation.id != FEED:
            return items
        newest = sorted(items, key=lambda one: one.internal.created_at_internal, reverse=True)
        return newest[:FEED_SIZE]

    def enum(self) -> list[str]:
        """Return the declared values of the parameter, from this release or else the newest."""
        for release in (self.portal.release, NEWEST):
            schemas = (
                declared(release, self.operation) if release in self.operation.releases else {}
            )
            if schema := schemas.get(name_in_query(self.parameter)):
                return list(schema.get("enum", []))
        return []

    async def _ask(self, query: dict[str, Any]) -> list[Any]:
        requests: list[httpx.Request] = []
        client = self.client.with_options(on_response=lambda one: requests.append(one.request))
        called = self.operation.function(client, *self.path, **query)
        answer = called if self.operation.kind == "stream" else await called
        items = await self._items(answer, query)
        sent = {name_in_query(name) for name in query if name != "fields"}
        assert sent <= set(requests[0].url.params)
        return items

    async def _items(self, answer: Any, query: dict[str, Any]) -> list[Any]:
        if self.operation.kind == "page":
            assert answer.page == query.get("page", 1)
            assert answer.page_size == query["page_size"]
            assert len(answer.data) <= answer.page_size
            return list(answer.data)
        if self.operation.kind == "stream":
            async with answer as chunks:
                text = b"".join([chunk async for chunk in chunks]).decode()
            return await self._datasets(text)
        if self.operation.id in CATALOGS:
            async with httpx.AsyncClient(headers={"X-API-KEY": self.portal.api_key}) as client:
                # N-Triples, which regular expressions can parse.
                response = await client.get(answer.replace("/catalog.xml?", "/catalog.nt?"))
            assert response.status_code == 200
            return await self._datasets(response.text)
        return list(answer) if isinstance(answer, list) else [answer]

    async def _datasets(self, text: str) -> list[Any]:
        """Return the datasets in a feed or a catalogue, in order."""
        by_key: dict[str, Any] = {}
        for dataset in await self.to("list_datasets")():
            by_key[dataset.id] = by_key[dataset.title] = dataset
        if self.operation.id == FEED:
            keys = re.findall(r"<id>[^<]*/datasets/(\w+)</id>", text)
        else:
            subjects = re.findall(
                r"^(<\S+>) \S+ <http://www.w3.org/ns/dcat#Dataset> \.$", text, re.M
            )
            titles = dict(re.findall(r'^(<\S+>) <\S+/terms/title> "(.*)" \.$', text, re.M))
            keys = [titles[subject] for subject in subjects]
        return [by_key[key] for key in keys]


@asynccontextmanager
async def asking(
    portal: Portal, operation: Operation, parameter: str, answers: dict[str, list[Any]]
) -> AsyncIterator[Asker]:
    """Open an Asker with the administrator's key and the example path of the operation."""
    async with client_of(portal.url, api_key=portal.api_key) as client:
        yield Asker(portal, client, operation, example_path(portal, operation), parameter, answers)


def example_path(portal: Portal, operation: Operation) -> tuple[str, ...]:
    given = portal.ids.get(path_of(operation), {})
    names = [part.split("}")[0] for part in operation.path.split("{")[1:]]
    return tuple("nt" if name == "_format" else given[name] for name in names)


View = Callable[[list[Any]], Any]
"""Extracts from the items of a response the value to compare."""
