"""Writers: they create, edit and delete objects of one kind while a list is read."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from itertools import count
from typing import Any

import httpx
from attrs import define, field, frozen

from aiodatagouv import OPERATIONS, Client
from aiodatagouv.api import datasets

from ..portal import Portal, serves
from .serving import lists, swagger_at


@frozen
class Kind:
    """A kind of object that the administrator creates, edits and deletes.

    Attributes:
        path: The path of its list, to create one.
        text: The field that is edited.
        body: The rest of the body that creates one, given a number.
        verb: The HTTP method of an edit.
        publish: The rest of the path to publish a new one, without which it is not in the list.
        always: The rest of the body of each write.
        version: The version of the API that has it.
    """

    path: str
    text: str
    body: Callable[[int], dict[str, Any]]
    verb: str = "PUT"
    publish: str | None = None
    always: dict[str, Any] = field(factory=dict[str, Any])
    version: int = 1


def kinds(portal: Portal) -> dict[str, Kind]:
    """Return the kinds of objects of a portal, by the operation that lists them."""
    ids = portal.parameters
    (organization,), _ = ids(OPERATIONS["list_organization_datasets"])
    (dataset,), _ = ids(OPERATIONS["list_dataset_followers"])
    url = "https://example.org/{}".format
    # Without the slash until 10.4.3.
    publish = (
        "publish/" if "/posts/{post}/publish/" in swagger_at(portal.url)["paths"] else "publish"
    )
    made = {
        "list_community_resources": Kind(
            "datasets/community_resources/",
            "title",
            lambda number: {
                "dataset": dataset,
                "type": "other",
                "filetype": "remote",
                "format": "csv",
                "url": url(f"{number}.csv"),
            },
        ),
        "list_dataservices": Kind(
            "dataservices/",
            "title",
            lambda number: {"description": "Une API", "base_api_url": url(f"api-{number}")},
            "PATCH",
        ),
        "list_datasets": Kind(
            "datasets/", "title", lambda _: {"description": "Où boire", "frequency": "annual"}
        ),
        "list_organization_datasets": Kind(
            "datasets/",
            "title",
            lambda _: {
                "description": "Où boire",
                "frequency": "annual",
                "organization": organization,
            },
        ),
        "list_organizations": Kind("organizations/", "name", lambda _: {"description": "Régie"}),
        "list_posts": Kind(
            "posts/", "name", lambda _: {"content": "Peu", "kind": "news"}, publish=publish
        ),
        "list_reuses": Kind(
            "reuses/",
            "title",
            lambda number: {
                "description": "Une carte",
                "topic": "others",
                "type": "visualization",
                "url": url(f"reuse-{number}"),
            },
        ),
        "list_visualizations": Kind(
            "visualizations/",
            "title",
            lambda _: {
                "description": "Par année",
                "x_axis": {"column_x": "annee", "type": "discrete"},
                "series": [{"resource_id": "27f2b8b6-0000-4000-8000-000000000001"}],
            },
            "PATCH",
        ),
    }
    topics = Kind(
        "topics/",
        "name",
        lambda _: {"description": "Eau"},
        always={"tags": ["eau"]},  # 14.13.0 requires them of updates as well.
        version=2,
    )
    made |= {
        "v2.get_topics_api": topics,
        "v2.list_datasets": made["list_datasets"],
        "v2.list_reuses": made["list_reuses"],
        "v2.my_org_topics": topics,
    }
    served = {operation.id for operation, _ in lists(portal)}
    if not serves(portal.release, OPERATIONS["v2.create_topic"]):
        served -= {name for name, kind in made.items() if kind is topics}
    return {name: kind for name, kind in made.items() if name in served}


_numbers = count(1)


@define
class Writer:
    """Creates, edits and deletes objects of one kind.

    Attributes:
        client: The client of the administrator.
        kind: The kind.
        ids: The ids of the objects that it may edit and delete.
        created: The ids of those that it has created and not deleted.
        gone: The ids of those that it has deleted.
        writes: The number of writes in turn.
        chance: The random number generator.
    """

    client: Client
    kind: Kind
    ids: list[str] = field(factory=list[str])
    created: set[str] = field(factory=set[str])
    gone: set[str] = field(factory=set[str])
    writes: int = 0
    chance: random.Random = field(factory=lambda: random.Random(6))

    async def create(self) -> str:
        number = next(_numbers)
        body = {self.kind.text: f"Nouveau {number}", **self.kind.body(number)}
        response = await self._send("POST", "", body | self.kind.always)
        key: str = response.json()["id"]
        if self.kind.publish is not None:
            await self._send("POST", f"{key}/{self.kind.publish}")
        self.ids.append(key)
        self.created.add(key)
        return key

    async def edit(self, key: str) -> None:
        body = {self.kind.text: f"Autre {next(_numbers)}"}
        await self._send(self.kind.verb, f"{key}/", body | self.kind.always)

    async def delete(self, key: str) -> None:
        # The end of a walk may cancel this, though the portal carries it out.
        self.gone.add(key)
        self.ids.remove(key)
        self.created.discard(key)
        await self._send("DELETE", f"{key}/")

    async def _send(self, method: str, rest: str, body: dict[str, Any] | None = None) -> Any:
        path, version = f"{self.kind.path}{rest}", self.kind.version
        return await self.client.request(method, path, json=body, version=version)

    async def write(self) -> None:
        """Do one of these, in turn."""
        self.writes += 1
        if self.writes % 4 == 1 or not self.ids:
            await self.create()
        elif self.writes % 4 == 2:
            await self.edit(self.chance.choice(self.ids))
        else:
            await self.delete(self.chance.choice(self.ids))


class Meanwhile(httpx.AsyncBaseTransport):
    """Transport that makes a random write before it sends each request."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._one = asyncio.Lock()
        self._transport = httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        async with self._one:
            await self._writer.write()
        return await self._transport.handle_async_request(request)

    async def aclose(self) -> None:
        await self._transport.aclose()


async def writer_of(portal: Portal, admin: Client, name: str, kind: Kind) -> Writer:
    """Make a writer with some objects to edit and delete: its own, and most datasets."""
    writer = Writer(admin, kind)
    if name == "list_datasets":
        spared = {value for given in portal.ids.values() for value in given.values()}
        async for one in datasets.list_datasets(admin, fields="id,doi,deleted"):
            # A dataset with a DOI cannot be deleted.
            if not one.to_dict().get("doi") and not one.deleted and one.id not in spared:
                writer.ids.append(str(one.id))
    for _ in range(6):
        await writer.create()
    writer.created.clear()
    return writer
