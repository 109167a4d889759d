"""Tests of typical calls against the real portal."""

from __future__ import annotations

import json
import math
from pathlib import Path

import httpx
import pytest

from aiodatagouv import (
    AuthenticationError,
    BadRequestError,
    Client,
    File,
    GoneError,
    NotFoundError,
)
from aiodatagouv.api import datasets, me, organizations, reuses, site, v2
from aiodatagouv.models import (
    DatasetWrite,
    ImageUpload,
    ResourceWrite,
    ReuseWrite,
)
from generator import origins

from .. import versions
from ..clients import client_of
from .portal import Portal

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415408d763f8cfc0"
    "0000030101 0018dd8db00000000049454e44ae426082".replace(" ", "")
)


@pytest.mark.usefixtures("version")
async def test_one_page(visitor: Client, portal: Portal) -> None:
    page = await versions.datasets.list_datasets(visitor, page_size=7)
    assert isinstance(page, versions.models.DatasetPage)
    assert len(page.data) == 7
    assert page.total >= portal.totals["datasets"]


@pytest.mark.usefixtures("version")
@pytest.mark.parametrize("concurrency", [1, 3])
async def test_every_item_once(visitor: Client, concurrency: int) -> None:
    total = (await versions.datasets.list_datasets(visitor)).total
    items = versions.datasets.list_datasets(visitor, page_size=7).items(concurrency=concurrency)
    ids = [dataset.id async for dataset in items]
    assert len(ids) == len(set(ids)) == total


@pytest.mark.usefixtures("version")
async def test_a_filter(visitor: Client) -> None:
    first = await anext(aiter(organizations.list_organizations(visitor)))
    found = [one async for one in versions.datasets.list_datasets(visitor, organization=first.id)]
    assert found
    assert {one.organization.id for one in found if one.organization} == {first.id}


@pytest.mark.usefixtures("version")
async def test_only_the_fields_asked_for(visitor: Client) -> None:
    fields = ["title", "organization.name"]
    async for dataset in versions.datasets.list_datasets(visitor, fields=fields):
        data = dataset.to_dict()
        assert data.keys() == {"title", "organization"}
        assert data["organization"] is None or data["organization"].keys() == {"name"}


async def test_a_reuse_from_its_creation_to_its_end(admin: Client) -> None:
    body = ReuseWrite(
        title="Carte des pistes cyclables",
        description="Une carte",
        topic="others",
        type="visualization",
        url="https://carte.example.org/pistes",
    )
    created = await reuses.create_reuse(admin, body=body)
    assert (created.title, created.private) == ("Carte des pistes cyclables", False)
    # An update needs only the changed fields.
    updated = await reuses.update_reuse(admin, created.id, body=ReuseWrite(tags=["velo"]))
    assert (updated.title, updated.tags) == (created.title, ["velo"])

    image = ImageUpload(file=File(PNG, "carte.png"))
    assert (await reuses.upload_reuse_image(admin, created.id, body=image)).success is True

    followers = await reuses.follow_reuse(admin, created.id)
    assert followers.followers == 1

    await reuses.delete_reuse(admin, created.id)
    async with client_of(admin.base_url, api_key="") as visitor:
        with pytest.raises(GoneError):
            await reuses.get_reuse(visitor, created.id)


async def test_what_was_read_can_be_sent_back(admin: Client) -> None:
    dataset = await datasets.create_dataset(
        admin, body=DatasetWrite(title="Arbres", description="Un par un", frequency="annual")
    )
    remote = ResourceWrite(
        title="CSV", url="https://x.example.org/a.csv", type="main", filetype="remote"
    )
    await datasets.create_resource(admin, dataset.id, body=remote)
    read = await datasets.get_dataset(admin, dataset.id)
    body = DatasetWrite.of(read, title="Arbres remarquables")
    written = await datasets.update_dataset(admin, dataset.id, body=body)
    assert written.title == "Arbres remarquables"
    assert [one.title for one in written.resources] == ["CSV"]


async def test_numbers_that_json_has_not(admin: Client, portal: Portal) -> None:
    body = DatasetWrite(title="Rapports", description="Sans dénominateur", frequency="annual")
    dataset = await datasets.create_dataset(admin, body=body)
    # The portal accepts NaN from other clients and returns it in responses.
    stored = httpx.put(
        f"{portal.url}datasets/{dataset.id}/",
        content=b'{"extras": {"ratio": NaN}}',
        headers={"X-API-KEY": portal.api_key, "Content-Type": "application/json"},
    )
    assert stored.status_code == 200
    read = await datasets.get_dataset(admin, dataset.id)
    assert read.extras
    assert math.isnan(read.extras["ratio"])
    await datasets.delete_dataset(admin, dataset.id)


async def test_an_old_slug_leads_to_the_new_one(admin: Client) -> None:
    body = DatasetWrite(title="Ancien nom", description="Un par un", frequency="annual")
    dataset = await datasets.create_dataset(admin, body=body)
    renaming = DatasetWrite.of(dataset, title="Nouveau nom")
    await datasets.update_dataset(admin, dataset.id, body=renaming)
    renamed = await datasets.get_dataset(admin, "ancien-nom", fields="id,slug")
    light = await v2.datasets.get_dataset(admin, "ancien-nom", fields="id,slug")
    for one in (renamed, light):
        assert (one.id, one.slug) == (dataset.id, "nouveau-nom")


async def test_a_body_with_a_wrong_field(admin: Client) -> None:
    body = ReuseWrite(title="", description="a", topic="others", type="api", url="nowhere")
    with pytest.raises(BadRequestError) as caught:
        await reuses.create_reuse(admin, body=body)
    assert caught.value.errors.keys() >= {"url"}


@pytest.mark.usefixtures("version")
async def test_what_is_not_there(visitor: Client) -> None:
    with pytest.raises(NotFoundError):
        await versions.datasets.get_dataset(visitor, "nothing-of-that-name")


async def test_no_key_or_a_wrong_one(visitor: Client, portal: Portal) -> None:
    with pytest.raises(AuthenticationError):
        await me.get_me(visitor)
    async with client_of(portal.url, api_key="wrong") as mistaken:
        for read in (site.get_site(mistaken), v2.topics.list_topics(mistaken)):
            with pytest.raises(AuthenticationError):
                await read


async def test_each_key_sees_its_own_account(portal: Portal) -> None:
    async with (
        client_of(portal.url, api_key=portal.api_key) as first,
        client_of(portal.url, api_key=portal.user_api_key) as second,
    ):
        seen = [(await me.get_me(client)).slug for client in (first, second, first, second)]
        mine = [{one.id async for one in v2.me.list_my_org_topics(one)} for one in (first, second)]
        assert mine[0] != mine[1]
    assert seen[0] != seen[1]
    assert seen[:2] == seen[2:]


async def test_a_csv(visitor: Client, tmp_path: Path) -> None:
    stream = site.get_site_tags_csv(visitor)
    rows = [row async for row in stream.rows()]
    assert rows
    assert rows[0].keys() >= {"name", "total"}
    assert await stream.save(tmp_path / "tags.csv") == (tmp_path / "tags.csv").stat().st_size


async def test_rdf_in_a_format(visitor: Client) -> None:
    dataset = await anext(aiter(datasets.list_datasets(visitor)))
    target = await datasets.redirect_dataset_rdf(visitor, str(dataset.id))
    assert httpx.URL(target).path == f"/api/1/datasets/{dataset.id}/rdf.xml"
    stream = datasets.get_dataset_rdf(visitor, str(dataset.id), "ttl")
    assert "dcat:Dataset" in await stream.text()


def test_the_portal_can_be_pinned(portal: Portal, tmp_path: Path) -> None:
    entries = origins.from_url(tmp_path, portal.url, release=None, force=False)
    assert [(one.release, one.api, one.operations) for one in entries] == [
        (portal.release, 1, 247),
        (portal.release, 2, 36),
    ]
    for entry in entries:
        served = httpx.get(entry.source).json()
        assert json.loads((tmp_path / entry.file).read_bytes()) == served
