"""The facts of the crawler in the extras of resources, on every release."""

from __future__ import annotations

import datetime as dt

import pytest

from aiodatagouv import BadRequestError, Client, MissingFieldError
from aiodatagouv.api import datasets
from aiodatagouv.api.v2 import datasets as datasets_of_v2
from aiodatagouv.errors import AddressError, NoTableError
from aiodatagouv.models import CommunityResource, CommunityResourceWrite, Resource, ResourceWrite
from aiodatagouv.types import JsonObject

from ..portal import NEWEST, OLDEST
from .things import a_dataset, a_file, a_resource

PARQUET = "analysis:parsing:parquet_url"

FACTS: JsonObject = {
    "check:available": True,
    "check:date": "2026-03-01T10:00:00",
    "check:status": 200,
    "check:headers:content-type": "text/csv",
    "analysis:checksum": "ab" * 20,
    "analysis:last-modified-at": "2026-02-01T10:00:00+00:00",
    PARQUET: "https://crawler.example.org/a.parquet?x=1",
    "analysis:parsing:parquet_size": 722001,
}
"""The facts that the crawler writes, as an administrator."""


def check(resource: Resource | CommunityResource) -> None:
    analysis = resource.analysis
    assert analysis.available is True
    assert analysis.checked_at == dt.datetime(2026, 3, 1, 10, tzinfo=dt.UTC)
    assert (analysis.status, analysis.check_content_type) == (200, "text/csv")
    assert analysis.checksum == "ab" * 20
    assert analysis.last_modified_at == dt.datetime(2026, 2, 1, 10, tzinfo=dt.UTC)
    assert resource.scan().url == "https://crawler.example.org/a.parquet?x=1"
    assert resource.scan().size == 722001
    assert analysis.extras.keys() >= FACTS.keys()


async def test_the_facts_of_a_resource_are_the_same_wherever_it_is_read(admin: Client) -> None:
    dataset = await a_dataset(admin)
    resource = await a_resource(admin, dataset)
    with pytest.raises(NoTableError, match="no crawler has examined it"):
        resource.scan()
    path = dataset.id, resource.id
    check(await datasets.update_resource(admin, *path, body=ResourceWrite(extras=FACTS)))
    check(await datasets.get_resource(admin, *path))
    check((await datasets.get_dataset(admin, dataset.id)).resources[0])
    check((await datasets_of_v2.get_resource(admin, resource.id)).resource)
    page = await datasets_of_v2.list_resources(admin, dataset.id)
    check(page.data[0])
    fields = "resources{id,extras{check:available,check:status}}"
    masked = (await datasets.get_dataset(admin, dataset.id, fields=fields)).resources[0]
    assert (masked.analysis.available, masked.analysis.status) == (True, 200)
    with pytest.raises(MissingFieldError, match=r"parquet_url .* among the fields"):
        masked.scan()


async def test_a_community_resource_has_facts(admin: Client) -> None:
    dataset = await a_dataset(admin)
    body = CommunityResourceWrite(
        title="Copie",
        url="https://files.example.org/copie.csv",
        type="other",
        filetype="remote",
        format="csv",
        dataset=dataset,
        extras=FACTS,
    )
    created = await datasets.create_community_resource(admin, body=body)
    check(await datasets.get_community_resource(admin, created.id))


def is_as_known(release: str, *, is_stored: bool) -> bool:
    """Tell whether a release stores what it is known to store; of others nothing is known."""
    return is_stored is {OLDEST: True, NEWEST: False}.get(release, is_stored)


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "//x.example/a"])
async def test_an_address_that_would_be_dangerous_is_no_address(
    admin: Client, release: str, url: str
) -> None:
    """Newer releases refuse to store it."""
    dataset = await a_dataset(admin)
    resource = await a_resource(admin, dataset)
    body = ResourceWrite(extras={PARQUET: url})
    try:
        found = await datasets.update_resource(admin, dataset.id, resource.id, body=body)
    except BadRequestError:
        assert is_as_known(release, is_stored=False)
        return
    assert is_as_known(release, is_stored=True)
    assert found.extras == {PARQUET: url}
    assert found.analysis.parquet_url is None
    with pytest.raises(AddressError):
        found.scan()


async def test_a_private_address_that_an_owner_writes_is_no_address(
    user: Client, release: str
) -> None:
    """Newer releases ignore what an owner writes for the crawler."""
    dataset = await a_dataset(user)
    resource = await datasets.create_resource(user, dataset.id, body=a_file())
    body = ResourceWrite(extras={PARQUET: "http://169.254.169.254/latest", "own": 1})
    found = await datasets.update_resource(user, dataset.id, resource.id, body=body)
    assert found.extras["own"] == 1
    assert is_as_known(release, is_stored=PARQUET in found.extras)
    assert found.analysis.parquet_url is None
    with pytest.raises(AddressError if PARQUET in found.extras else NoTableError):
        found.scan()
