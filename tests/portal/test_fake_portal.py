"""The portal in memory, held against the real one: the same calls, with the same outcomes."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, TypeAlias

import pytest
from attrs import frozen

from aiodatagouv import APIError, Client, models
from aiodatagouv._views.view import json_of
from aiodatagouv.api import dataservices, datasets, organizations, reuses, v2
from aiodatagouv.models import (
    DataserviceWrite,
    DatasetWrite,
    OrganizationWrite,
    ResourceWrite,
    ReuseWrite,
)
from aiodatagouv.models.v2 import TopicWrite
from aiodatagouv.testing import FakePortal

from ..clients import client_of
from .portal import Portal

_VARYING = re.compile(
    r"[0-9a-f]{24}|[0-9a-f-]{36}|\d{4}-\d\d-\d\dT[\d:.+]+(Z|[+-]\d\d:?\d\d)?|https?://\S+"
)

URL = "https://www.data.gouv.fr/a.csv"


@frozen
class Both:
    """A real portal, and one in memory with the same objects: clients with and without a key."""

    real: Portal
    fake: FakePortal

    def clients(self, *, key: bool) -> Iterator[Client]:
        for url, api_key, options in (
            (self.real.url, self.real.api_key, {}),
            (self.fake.url, self.fake.api_key, {"transport": self.fake.transport}),
        ):
            yield client_of(url, api_key=api_key if key else "", **options)


Call: TypeAlias = Callable[[Client], Awaitable[Any]]


async def paired(own_portal: Portal) -> Both:
    """The real portal as it is, and one in memory that is filled with what it answers."""
    fake = FakePortal()
    async with client_of(own_portal.url, api_key="") as visitor:
        lists = (
            datasets.list_datasets(visitor, sort="created"),
            reuses.list_reuses(visitor, sort="created"),
            organizations.list_organizations(visitor, sort="created"),
            dataservices.list_dataservices(visitor, sort="created"),
            v2.topics.list_topics(visitor, sort="created"),
        )
        for one in lists:
            async for item in one:
                fake.add(item)
    return Both(own_portal, fake)


@pytest.fixture
async def both(own_portal: Portal) -> Both:
    """The two portals, for a test that writes to them."""
    return await paired(own_portal)


@pytest.fixture(scope="module")
def at_rest(own_portal: Portal) -> Both:
    """The two portals, for the tests that read only: they come before all others."""
    return asyncio.run(paired(own_portal))


def plain(value: Any) -> Any:
    """An outcome without its ids, dates and addresses, which differ between portals."""
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [plain(one) for one in value]
    return _VARYING.sub("*", value) if isinstance(value, str) else value


async def outcome(client: Client, call: Call) -> Any:
    """The answer of a call as JSON, or the class and status of its error."""
    try:
        return plain(json_of(await call(client)))
    except APIError as error:
        return type(error).__name__, error.status


async def outcomes(both: Both, call: Call, *, key: bool = False) -> list[Any]:
    found: list[Any] = []
    for client in both.clients(key=key):
        async with client:
            found.append(await outcome(client, call))
    return found


def path(path: str, **query: Any) -> Call:
    async def call(client: Client) -> Any:
        return (await client.request("GET", path, params=query)).json()

    return call


def listing(**query: Any) -> Call:
    return lambda client: datasets.list_datasets(client, **query)


def reading(name: str) -> Call:
    return lambda client: datasets.get_dataset(client, name)


async def ids(client: Client) -> Any:
    walk = datasets.list_datasets(client, fields="id", sort="created")
    return [one.id async for one in walk]


MASK = "id,title,organization{name},owner{id,slug},extras{nothing},resources{id,checksum{type}}"

READS: dict[str, Call] = {
    "all pages": ids,
    "a page": lambda client: datasets.list_datasets(client, page=2, page_size=7),
    "default order": lambda client: datasets.list_datasets(client, page_size=5),
    "of reuses": lambda client: reuses.list_reuses(client, page_size=5),
    "of organizations": lambda client: organizations.list_organizations(client, page_size=5),
    "of dataservices": lambda client: dataservices.list_dataservices(
        client, sort="-created", page_size=5
    ),
    "of topics": lambda client: v2.topics.list_topics(client, sort="-created", fields="id,name"),
    "masked": lambda client: datasets.list_datasets(client, page_size=9, fields=MASK),
    "by title": lambda client: datasets.list_datasets(client, sort="-title", fields="title"),
    "by title, up": lambda client: reuses.list_reuses(client, sort="title", fields="title"),
    "featured": lambda client: datasets.list_datasets(client, featured=True, fields="id"),
    "not featured": lambda client: reuses.list_reuses(client, featured=False, fields="id"),
    "no such page": lambda client: datasets.list_datasets(client, page=99),
    "nothing": lambda client: datasets.list_datasets(client, tag=["no-such-tag"]),
    "no such dataset": lambda client: datasets.get_dataset(client, "nothing"),
    "none of it": lambda client: datasets.get_dataset(client, "nothing", fields="id"),
    "no such page, masked": lambda client: datasets.list_datasets(client, page=99, fields="id"),
    "a slug for an id": lambda client: datasets.list_datasets(client, organization="a-slug"),
    "no number": path("datasets/", page="x"),
}


@pytest.mark.parametrize("call", READS.values(), ids=READS)
async def test_reads_are_the_same(at_rest: Both, call: Call) -> None:
    real, fake = await outcomes(at_rest, call)
    assert fake == real


async def test_filters_are_the_same(at_rest: Both) -> None:
    async with next(at_rest.clients(key=False)) as client:
        found = (await datasets.list_datasets(client, page_size=25)).data
    organization = next(one.organization for one in found if one.organization is not None)
    tagged = next(one for one in found if len(one.tags) > 1)
    filters: list[dict[str, Any]] = [
        {"organization": organization.id},
        {"tag": tagged.tags[:1]},
        {"tag": tagged.tags[:2]},
        {"license": next(one.license for one in found if one.license != "notspecified")},
        {"owner": organization.id},
    ]
    for one in filters:
        real, fake = await outcomes(at_rest, listing(**one))
        assert fake == real


async def test_objects_are_found_by_id_and_slug(at_rest: Both) -> None:
    async with next(at_rest.clients(key=False)) as client:
        first = (await datasets.list_datasets(client, page_size=1)).data[0]
    for name in (first.id, first.slug):
        real, fake = await outcomes(at_rest, reading(name))
        assert fake == real


KEPT: dict[str, Any] = {"tags": ["ete"], "temporal_coverage": None}
NEW = DatasetWrite(title="Été à Nantes", description="Tout.", frequency="daily", tags=["ete"])
LINK = ResourceWrite(title="Pistes", url=URL, filetype="remote", type="main", format="csv")


async def written(client: Client) -> Any:
    """Create a dataset and a resource in it, change both, delete both."""
    found: list[Any] = []

    async def note(call: Call) -> Any:
        found.append(await outcome(client, call))

    dataset = await datasets.create_dataset(client, body=NEW)
    one = dataset.id
    found += [dataset.slug, dataset.title, dataset.tags, dataset.frequency, dataset.license]
    again = await datasets.create_dataset(client, body=NEW)
    found.append(again.slug)
    await datasets.delete_dataset(client, again.id)
    resource = await datasets.create_resource(client, one, body=LINK)
    found += [resource.title, resource.format, resource.type, resource.extras]
    await datasets.create_resource(client, one, body=LINK)
    body = ResourceWrite.of(resource, title="Lignes")
    await datasets.update_resource(client, one, resource.id, body=body)
    await note(lambda c: datasets.get_dataset(c, one, fields="title,resources{title}"))
    await datasets.delete_resource(client, one, resource.id)
    await note(lambda c: datasets.get_resource(c, one, resource.id))
    body_of = DatasetWrite.of
    changed = await datasets.update_dataset(
        client, one, body=body_of(dataset, title="Hiver", tags=None, acronym="H")
    )
    found += [changed.title, changed.tags, changed.acronym, changed.slug, changed.description]
    await datasets.delete_dataset(client, one)
    await note(lambda c: datasets.delete_dataset(c, one))
    await note(
        lambda c: datasets.update_dataset(c, one, body=DatasetWrite(title="Printemps", **KEPT))
    )
    await note(lambda c: datasets.get_dataset(c, one, fields="title"))
    restored = await datasets.update_dataset(client, one, body=DatasetWrite(deleted=None, **KEPT))
    found.append(restored.deleted)
    await datasets.delete_dataset(client, one)
    return found


async def test_writes_are_the_same(both: Both) -> None:
    real, fake = await outcomes(both, written, key=True)
    assert fake == real


TITLES = (
    "Œuvres d'art",
    "Base de l'eau d'Aix",
    "Données n°1 \N{EN DASH} l\N{RIGHT SINGLE QUOTATION MARK}été à 50€",
    "Straße & Ærø, Łódź",
    "Mots__soulignés / 2026",
    "Bilan 2020\N{EN DASH}2024 des agent·e·s",
    "Un naïf\N{EM DASH}tiret, ½ et № 7, 5 µm \N{MULTIPLICATION SIGN}2",
    "Đà Nẵng",
)


async def test_slugs_are_the_same(both: Both) -> None:
    async def slugs(client: Client) -> Any:
        bodies = [DatasetWrite(title=one, description="a", frequency="daily") for one in TITLES]
        made = [await datasets.create_dataset(client, body=one) for one in bodies]
        body = OrganizationWrite(name="Ville de L'Haÿ-les-Roses", description="a")
        organization = await organizations.create_organization(client, body=body)
        for one in made:
            await datasets.delete_dataset(client, one.id)
        await organizations.delete_organization(client, organization.id)
        return [one.slug for one in made], organization.slug

    real, fake = await outcomes(both, slugs, key=True)
    assert fake == real


async def test_tags_are_the_same(both: Both) -> None:
    async def tagged(client: Client) -> Any:
        body = DatasetWrite(
            title="Tags",
            description="a",
            frequency="daily",
            tags=["Vélo Été", "transport", "transport", "Bus"],
        )
        one = await datasets.create_dataset(client, body=body)
        found = [
            (await datasets.list_datasets(client, tag=[tag])).total for tag in ("velo-ete", "Bus")
        ]
        await datasets.delete_dataset(client, one.id)
        return one.tags, found

    real, fake = await outcomes(both, tagged, key=True)
    assert fake == real


REUSE = ReuseWrite(title="Carte", description="a", type="api", topic="health", url=URL)


@pytest.mark.parametrize(
    "tags",
    [["a"], [""], [" "], ["", "abc"], ["abc, def,"], ["abc,def", "ghi"], ["a" * 97]],
    ids=str,
)
async def test_odd_tags_are_the_same(both: Both, tags: list[str]) -> None:
    body = DatasetWrite(title="Tags", description="a", frequency="daily", tags=tags)

    async def tagged(client: Client) -> Any:
        one = await datasets.create_dataset(client, body=body)
        await datasets.delete_dataset(client, one.id)
        return one.tags

    real, fake = await outcomes(both, tagged, key=True)
    assert fake == real


async def written_reuse(client: Client) -> Any:
    reuse = await reuses.create_reuse(client, body=REUSE)
    changed = await reuses.update_reuse(client, reuse.id, body=ReuseWrite.of(reuse, title="Plan"))
    await reuses.delete_reuse(client, reuse.id)
    again = await outcome(client, lambda c: reuses.delete_reuse(c, reuse.id))
    return [reuse.slug, reuse.type, reuse.tags, changed.title, changed.slug, changed.url, again]


async def written_organization(client: Client) -> Any:
    body = OrganizationWrite(name="Nantes", description="a")
    one = await organizations.create_organization(client, body=body)
    changed = await organizations.update_organization(
        client, one.id, body=OrganizationWrite.of(one, name="Rennes", acronym="R")
    )
    await organizations.delete_organization(client, one.id)
    again = await outcome(client, lambda c: organizations.delete_organization(c, one.id))
    return [one.slug, one.acronym, changed.name, changed.slug, changed.acronym, again]


async def written_dataservice(client: Client) -> Any:
    one = await dataservices.create_dataservice(client, body=DataserviceWrite(title="Adresses"))
    cleared = await dataservices.update_dataservice(
        client, one.id, body=DataserviceWrite(description=None)
    )
    changed = await dataservices.update_dataservice(
        client, one.id, body=DataserviceWrite(title="Communes", description="a")
    )
    await dataservices.delete_dataservice(client, one.id)
    again = await outcome(client, lambda c: dataservices.delete_dataservice(c, one.id))
    after = [changed.title, changed.slug, changed.description]
    return [one.slug, one.license, one.description, cleared.description, after, again]


async def written_topic(client: Client) -> Any:
    body = TopicWrite(name="Transport", description="a", tags=["velo"])
    one = await v2.topics.create_topic(client, body=body)
    changed = await v2.topics.update_topic(
        client, one.id, body=TopicWrite.of(one, name="Mobilité", tags=["bus"])
    )
    await v2.topics.delete_topic(client, one.id)
    again = await outcome(client, lambda c: v2.topics.delete_topic(c, one.id))
    before = [one.name, one.slug, one.tags]
    after = [changed.name, changed.slug, changed.tags, changed.description]
    return [before, after, again]


OTHERS = [written_reuse, written_organization, written_dataservice, written_topic]


@pytest.mark.parametrize("call", OTHERS, ids=lambda one: one.__name__)
async def test_writes_of_other_kinds_are_the_same(both: Both, call: Call) -> None:
    real, fake = await outcomes(both, call, key=True)
    assert fake == real


async def test_a_deleted_dataset_is_gone_for_visitors(both: Both) -> None:
    gone: list[Any] = []
    for admin, visitor in zip(both.clients(key=True), both.clients(key=False), strict=True):
        async with admin, visitor:
            dataset = await datasets.create_dataset(admin, body=NEW)
            await datasets.delete_dataset(admin, dataset.id)
            gone.append(await outcome(visitor, reading(dataset.id)))
    assert gone == [("GoneError", 410)] * 2


REFUSED: dict[str, tuple[Call, bool]] = {
    "no key": (lambda client: datasets.create_dataset(client, body=NEW), False),
    "a dataset without a title": (
        lambda client: datasets.create_dataset(client, body=DatasetWrite(frequency="daily")),
        True,
    ),
    "a blank title": (
        lambda client: datasets.create_dataset(
            client, body=DatasetWrite(title="  ", description="b", frequency="daily")
        ),
        True,
    ),
    "a blank title of a reuse": (
        lambda client: reuses.create_reuse(
            client,
            body=ReuseWrite(title="  ", description="a", type="api", topic="health", url=URL),
        ),
        True,
    ),
    "no text for a text": (
        lambda client: client.request(
            "POST", "datasets/", json={"title": "a", "description": None, "frequency": "daily"}
        ),
        True,
    ),
    "a slug for the id of an organization": (
        lambda client: datasets.create_dataset(
            client,
            body=DatasetWrite(title="a", description="b", frequency="daily", organization="a-slug"),
        ),
        True,
    ),
    "an organization without a name": (
        lambda client: organizations.create_organization(client, body=OrganizationWrite()),
        True,
    ),
    "a reuse without anything": (
        lambda client: reuses.create_reuse(client, body=ReuseWrite()),
        True,
    ),
    "an unknown organization": (
        lambda client: datasets.create_dataset(
            client,
            body=DatasetWrite(title="a", description="b", frequency="daily", organization="0" * 24),
        ),
        True,
    ),
    "nothing to delete": (lambda client: datasets.delete_dataset(client, "nothing"), True),
}


@pytest.mark.parametrize(("call", "key"), REFUSED.values(), ids=REFUSED)
async def test_refusals_are_the_same(both: Both, call: Call, key: bool) -> None:
    real, fake = await outcomes(both, call, key=key)
    assert isinstance(real, tuple)
    assert fake == real


async def test_a_wrong_key_is_refused(both: Both) -> None:
    found: list[Any] = []
    for url, options in (
        (both.real.url, {}),
        (both.fake.url, {"transport": both.fake.transport}),
    ):
        async with client_of(url, api_key="wrong", **options) as client:
            found.append(await outcome(client, lambda c: datasets.list_datasets(c)))
    assert found == [("AuthenticationError", 401)] * 2


async def test_what_is_made_is_as_whole_as_what_the_portal_answers(both: Both) -> None:
    made = both.fake.add(models.Dataset, title="Vélos").to_dict()
    async with next(both.clients(key=False)) as client:
        first = (await datasets.list_datasets(client, page_size=1)).data[0]
    # Older releases lack some fields.
    assert {*first.to_dict()} <= {*made}
