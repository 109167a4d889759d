"""Links of real answers: what they lead to is what a list with the same filter has."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from attrs import define

from aiodatagouv import Client, api, bulk
from aiodatagouv.api import v2
from aiodatagouv.models import Resource
from aiodatagouv.models.v2 import TopicElement

from ...clients import client_of
from ..portal import Portal


@define
class Title:
    title: str


@pytest.fixture
async def client(own_portal: Portal) -> AsyncIterator[Client]:
    async with client_of(own_portal.url, api_key=own_portal.api_key) as client:
        yield client


async def test_the_resources_of_a_dataset_are_walked_by_their_link(client: Client) -> None:
    counts: set[int] = set()
    for dataset in (await v2.datasets.list_datasets(client, page_size=15)).data:
        whole = await api.datasets.get_dataset(client, dataset.id)
        walk = dataset.resources.follow(client, page_size=2)
        found = [one async for one in walk]
        assert all(type(one) is Resource for one in found)
        assert [one.id for one in found] == [one.id for one in whole.resources]
        assert dataset.resources.total == len(found)
        counts.add(len(found))
    assert max(counts) > 2, "no link has several pages"


async def test_a_link_may_lead_to_the_other_version_of_the_api(client: Client) -> None:
    datasets = v2.datasets.list_datasets(client, fields="id,community_resources")
    linked = [one async for one in datasets if one.community_resources.total]
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
    topics = [one async for one in v2.topics.list_topics(client)]
    assert topics
    for topic in topics:
        found = [one async for one in topic.elements.follow(client, page_size=3)]
        assert len({one.id for one in found}) == len(found) == topic.elements.total
        assert all(type(one) is TopicElement for one in found)


@pytest.mark.since("17.18.0")
async def test_the_datasets_and_dataservices_of_a_reuse_are_walked_by_their_links(
    client: Client,
) -> None:
    reuses = [one async for one in v2.reuses.list_reuses(client)]
    assert any(one.datasets.total for one in reuses)
    for reuse in reuses:
        whole = await api.reuses.get_reuse(client, reuse.id)
        found = {one.id async for one in reuse.datasets.follow(client)}
        assert found == {one.id for one in whole.datasets}
        services = {one.id async for one in reuse.dataservices.follow(client)}
        assert services == {one.id for one in whole.dataservices}


async def test_a_link_is_harvested_and_decoded_into_a_class(client: Client, tmp_path: Path) -> None:
    dataset = (await v2.datasets.list_datasets(client, page_size=1)).data[0]
    titles = [one.title async for one in dataset.resources.follow(client).into(Title)]
    assert titles == [one.title async for one in dataset.resources.follow(client)]
    path = tmp_path / "resources.jsonl"
    report = await bulk.harvest(dataset.resources.follow(client, fields="title"), path)
    assert report.complete
    assert [msgspec.json.decode(line)["title"] for line in path.read_text().splitlines()] == titles
