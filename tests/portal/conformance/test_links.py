"""Links of real answers: what they lead to is what a list with the same filter has."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from attrs import define

from aiodatagouv import Client, Link, api, bulk
from aiodatagouv._decoding.json import decode
from aiodatagouv._views.view import View
from aiodatagouv.models import CommunityResource, Dataservice, Resource, v2

from ...clients import client_of
from ..portal import Portal


class LinkedDataset(View, init=False):
    id: str
    resources: Link[Resource]
    community_resources: Link[CommunityResource]


class LinkedTopic(View, init=False):
    id: str
    elements: Link[v2.TopicElement]


class LinkedReuse(View, init=False):
    id: str
    datasets: Link[v2.Dataset]
    dataservices: Link[Dataservice]


@define
class Title:
    title: str


@pytest.fixture
async def client(own_portal: Portal) -> AsyncIterator[Client]:
    async with client_of(own_portal.url, api_key=own_portal.api_key) as client:
        yield client


async def listed(client: Client, path: str, view: Any) -> list[Any]:
    """Return the objects of a page of version 2, as views with links."""
    response = await client.request("GET", path, params={"page_size": 100}, version=2)
    return [decode("v2", msgspec.json.encode(one), view) for one in response.json()["data"]]


async def test_the_resources_of_a_dataset_are_walked_by_their_link(client: Client) -> None:
    counts: set[int] = set()
    for dataset in await listed(client, "datasets/", LinkedDataset):
        dataset.check()
        whole = await api.datasets.get_dataset(client, dataset.id)
        walk = dataset.resources.follow(client, page_size=2)
        found = [one async for one in walk]
        assert all(type(one) is Resource for one in found)
        assert [one.id for one in found] == [one.id for one in whole.resources]
        assert dataset.resources.total == len(found)
        counts.add(len(found))
    assert max(counts) > 2, "no link has several pages"


async def test_a_link_may_lead_to_the_other_version_of_the_api(client: Client) -> None:
    datasets = await listed(client, "datasets/", LinkedDataset)
    linked = [one for one in datasets if one.community_resources.total]
    assert linked
    for dataset in linked:
        walk = dataset.community_resources.follow(client)
        assert walk.call.operation.version == 1
        found = {one.id async for one in walk}
        same = api.datasets.list_community_resources(client, dataset=dataset.id)
        assert found == {one.id async for one in same}
        assert len(found) == dataset.community_resources.total


@pytest.mark.since("12.0.1")
async def test_the_elements_of_a_topic_are_walked_by_their_link(client: Client) -> None:
    topics = await listed(client, "topics/", LinkedTopic)
    assert topics
    for topic in topics:
        found = [one async for one in topic.elements.follow(client, page_size=3)]
        assert len({one.id for one in found}) == len(found) == topic.elements.total
        assert all(type(one) is v2.TopicElement for one in found)


@pytest.mark.since("17.18.0")
async def test_the_datasets_and_dataservices_of_a_reuse_are_walked_by_their_links(
    client: Client,
) -> None:
    reuses = await listed(client, "reuses/", LinkedReuse)
    assert any(one.datasets.total for one in reuses)
    for reuse in reuses:
        whole = await api.reuses.get_reuse(client, reuse.id)
        found = {one.id async for one in reuse.datasets.follow(client)}
        assert found == {one.id for one in whole.datasets}
        services = {one.id async for one in reuse.dataservices.follow(client)}
        assert services == {one.id for one in whole.dataservices}


async def test_a_link_is_harvested_and_decoded_into_a_class(client: Client, tmp_path: Path) -> None:
    dataset = (await listed(client, "datasets/", LinkedDataset))[0]
    titles = [one.title async for one in dataset.resources.follow(client).into(Title)]
    assert titles == [one.title async for one in dataset.resources.follow(client)]
    path = tmp_path / "resources.jsonl"
    report = await bulk.harvest(dataset.resources.follow(client, fields="title"), path)
    assert report.complete
    assert [msgspec.json.decode(line)["title"] for line in path.read_text().splitlines()] == titles
