"""Tests of datasets in version 2 of the API: links, resources in pages, ids or whole objects."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import pytest

from aiodatagouv import OPERATIONS, Client, MaskError, NotFoundError
from aiodatagouv.api import datasets as datasets_of_v1
from aiodatagouv.api import organizations
from aiodatagouv.api.v2 import datasets, reuses
from aiodatagouv.models import CommunityResourceWrite, DatasetWrite, Resource

from ..portal import Portal
from .prover import Prover
from .things import a_dataset, a_file, new_title

MANY = 100

Overloaded: TypeAlias = Callable[..., Awaitable[Any]]
"""A function whose answer depends on an argument, which the types of the prover cannot tell."""


async def test_the_resources_of_a_dataset_by_its_link(user: Client, prove: Prover) -> None:
    files = [a_file(f"Ligne {number} & co = 100 %") for number in range(MANY)]
    for number, file in enumerate(files):
        file.type = "main" if number % 2 == 0 else "documentation"
    body = DatasetWrite(title=new_title("Horaires"), description="Par ligne", resources=files)
    made = await datasets_of_v1.create_dataset(user, body=body)
    made = await datasets_of_v1.get_dataset(user, made.id)
    dataset = await prove(datasets.get_dataset, user, made.id)
    assert dataset.resources.total == MANY
    assert dataset.community_resources.total == 0

    found = [one async for one in dataset.resources.follow(user)]
    assert [one.id for one in found] == [one.id for one in made.resources]
    assert [one.to_dict() for one in found] == [one.to_dict() for one in made.resources]
    function = datasets.list_resources
    filters: list[tuple[dict[str, Any], list[Resource]]] = [
        ({"type": "main"}, found[::2]),
        # Characters that the portal does not escape in the URL of the next page.
        ({"q": "7 & CO = 100 %"}, [one for one in found if "7 & co" in str(one.title)]),
        ({"q": "[1]"}, []),
    ]
    for query, expected in filters:
        listed = [one.id async for one in function(user, made.id, page_size=20, **query)]
        assert listed == [one.id for one in expected]
    page = await prove(function, user, made.id, page=3, page_size=50)
    assert (page.data, page.total, page.next_page) == ([], MANY, None)
    assert page.previous_page is not None
    # Else each later list of all datasets has it.
    await datasets_of_v1.delete_dataset(user, made.id)


async def test_a_resource_by_its_id_alone(user: Client, visitor: Client, prove: Prover) -> None:
    dataset = await a_dataset(user)
    resource = await datasets_of_v1.create_resource(user, dataset.id, body=a_file())
    resource = await datasets_of_v1.get_resource(user, dataset.id, resource.id)
    found = await prove(datasets.get_resource, visitor, resource.id)
    assert found.dataset_id == dataset.id
    assert found.resource.to_dict() == resource.to_dict()
    url = "https://files.example.org/a.csv"
    body = CommunityResourceWrite(dataset=dataset, title="Autre", url=url, filetype="remote")
    community = await datasets_of_v1.create_community_resource(user, body=body)
    found = await prove(datasets.get_resource, visitor, community.id)
    assert (found.dataset_id, found.resource.id) == (dataset.id, community.id)
    with pytest.raises(NotFoundError):
        await datasets.get_resource(visitor, "27f2b8b6-0000-4000-8000-000000000001")
    # The link leads to version 1 of the API.
    light = await datasets.get_dataset(visitor, dataset.id)
    assert light.community_resources.total == 1
    assert [one.id async for one in light.community_resources.follow(visitor)] == [community.id]


@pytest.mark.serving("v2.list_reuses")
async def test_the_links_of_a_reuse(visitor: Client) -> None:
    followed = 0
    async for reuse in reuses.list_reuses(visitor):
        if reuse.dataservices.total:
            # The portal counts hidden objects, too.
            found = [one async for one in reuse.datasets.follow(visitor)]
            assert len(found) <= reuse.datasets.total
            served = [one async for one in reuse.dataservices.follow(visitor)]
            assert len(served) <= reuse.dataservices.total
            followed += len(found) * len(served)
        if followed > 5:
            break
    assert followed > 5


WHOLE = {"page_size": 1000}


def without_objects(dataset: Any) -> dict[str, Any]:
    """Return a dataset without what the header changes."""
    hidden = dict.fromkeys(["license", "frequency", "spatial", "metrics", "quality"])
    return {**dataset.to_dict(), **hidden}


async def test_licenses_frequencies_and_zones_are_ids_or_objects(
    admin: Client, prove: Prover
) -> None:
    """The header that asks for whole objects changes nothing else."""
    function: Overloaded = datasets.list_datasets
    ids = (await prove(function, admin, sort="created", **WHOLE)).data
    whole = (await prove(function, admin, sort="created", full_objects=True, **WHOLE)).data
    for one, other in zip(ids, whole, strict=True):
        assert other.license.id == one.license
        assert other.frequency.id == one.frequency
        if one.spatial is not None and other.spatial is not None:
            assert [zone.id for zone in other.spatial.zones] == one.spatial.zones
            assert other.spatial.granularity.id == one.spatial.granularity
        assert without_objects(one) == without_objects(other)
    unlicensed = [one for one in whole if one.license.alternate_titles is None]
    assert {one.license.id for one in unlicensed} == {"notspecified"}
    get: Overloaded = datasets.get_dataset
    single = await prove(get, admin, whole[0].id, full_objects=True)
    assert single.license.to_dict() == whole[0].license.to_dict()
    await prove(datasets.search_datasets, admin, full_objects=True)


async def test_only_zones_are_ids_or_objects_in_version_1(
    own_portal: Portal, admin: Client, prove: Prover
) -> None:
    function: Overloaded = datasets_of_v1.list_datasets
    ids = (await prove(function, admin, sort="created", **WHOLE)).data
    whole = (await prove(function, admin, sort="created", full_objects=True, **WHOLE)).data
    for one, other in zip(ids, whole, strict=True):
        assert (other.license, other.frequency) == (one.license, one.frequency)
        if one.spatial is not None and other.spatial is not None:
            assert [zone.id for zone in other.spatial.zones] == one.spatial.zones
            assert other.spatial.granularity.id == one.spatial.granularity
        assert without_objects(one) == without_objects(other)
    assert any(one.spatial and one.spatial.zones for one in whole)
    get: Overloaded = datasets_of_v1.get_dataset
    await prove(get, admin, whole[0].id, full_objects=True)
    (dataset,), _ = own_portal.parameters(OPERATIONS["get_dataset"])
    asked = await prove(get, admin, dataset, full_objects=True, fields="community_resources")
    assert asked.community_resources
    org = own_portal.ids["/organizations/{org}/"]["org"]
    await prove(organizations.list_organization_datasets, admin, org, full_objects=True)


async def test_masks_reach_into_whole_objects(admin: Client, own_portal: Portal) -> None:
    (dataset,), _ = own_portal.parameters(OPERATIONS["v2.get_dataset"])
    mask = "license{id},frequency{label},spatial{zones{name},granularity{name}},resources{total}"
    found = await datasets.get_dataset(admin, dataset, full_objects=True, fields=mask)
    assert found.license.to_dict().keys() == {"id"}
    assert found.frequency.to_dict().keys() == {"label"}
    assert found.resources.to_dict().keys() == {"total"}
    assert found.spatial is not None
    assert {key for zone in found.spatial.zones for key in zone.to_dict()} <= {"name"}
    # Without the header they are ids, of which a mask would leave nothing: it is refused.
    for inside in ("license{id}", "frequency{label}", "spatial{granularity{name}}"):
        with pytest.raises(MaskError):
            await datasets.get_dataset(admin, dataset, fields=inside)
