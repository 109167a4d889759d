"""Tests of writes to datasets, resources and community resources."""

from __future__ import annotations

import datetime as dt
import hashlib

import pytest

from aiodatagouv import Client, File, NotFoundError
from aiodatagouv.api import datasets, geopf
from aiodatagouv.models import (
    AccessAudienceWrite,
    BadgeWrite,
    CommunityResourceWrite,
    Dataset,
    DatasetWrite,
    FileUpload,
    FollowersCount,
    GeopfPushRequest,
    ResourceWrite,
    SpatialCoverageWrite,
    TemporalCoverageWrite,
)

from ..portal import Portal
from .prover import Prover
from .things import a_dataset, a_file, a_resource, new_title

CSV = b"arret;heure\nGare;8:00\n"


async def test_a_dataset(user: Client, prove: Prover) -> None:
    body = DatasetWrite(
        title=new_title("Arbres"),
        acronym="ARB",
        description="Un par un",
        frequency="quarterly",
        tags=["arbre", "nature"],
        license="lov2",
        extras={"nombre": 3, "liste": [1, {"a": None}]},
        temporal_coverage=TemporalCoverageWrite(
            start=dt.date(2020, 1, 1), end=dt.date(2020, 12, 31)
        ),
        spatial=SpatialCoverageWrite(zones=["fr:commune:35238"], granularity="fr:commune"),
    )
    created = await prove(datasets.create_dataset, user, body=body)
    assert (created.title, created.tags, created.extras) == (body.title, body.tags, body.extras)
    assert created.temporal_coverage
    assert created.temporal_coverage.start == dt.date(2020, 1, 1)
    assert created.temporal_coverage.end == dt.date(2020, 12, 31)
    assert created.spatial
    assert (created.spatial.zones, created.spatial.granularity) == (
        ["fr:commune:35238"],
        "fr:commune",
    )

    # An update needs only the changed fields; null clears a field.
    changes = DatasetWrite(title=new_title("Arbres remarquables"), acronym=None, private=True)
    with pytest.raises(ValueError, match=r"lacks tags and temporal_coverage, .* delete"):
        await datasets.update_dataset(user, created.id, body=changes)
    changes.tags, changes.temporal_coverage = ["arbre"], None
    updated = await prove(datasets.update_dataset, user, created.id, body=changes)
    assert (updated.title, updated.acronym, updated.private) == (changes.title, None, True)
    assert (updated.tags, updated.temporal_coverage) == (["arbre"], None)
    read = await datasets.get_dataset(user, created.id)
    assert (read.title, read.acronym, read.private) == (changes.title, None, True)

    await prove(datasets.delete_dataset, user, created.id)
    assert (await datasets.get_dataset(user, created.id)).deleted


async def test_features(admin: Client, prove: Prover) -> None:
    dataset = await a_dataset(admin)
    assert (await prove(datasets.feature_dataset, admin, dataset.id)).featured is True
    assert (await datasets.get_dataset(admin, dataset.id)).featured is True
    assert (await prove(datasets.unfeature_dataset, admin, dataset.id)).featured is False
    assert (await datasets.get_dataset(admin, dataset.id)).featured is False


async def test_followers(user: Client, prove: Prover) -> None:
    dataset = await a_dataset(user)
    assert await prove(datasets.follow_dataset, user, dataset.id) == FollowersCount.from_dict(
        {"followers": 1}
    )
    assert (await datasets.list_dataset_followers(user, dataset.id)).total == 1
    assert await prove(datasets.unfollow_dataset, user, dataset.id) == FollowersCount.from_dict(
        {"followers": 0}
    )
    assert (await datasets.list_dataset_followers(user, dataset.id)).total == 0


async def test_badges(admin: Client, prove: Prover) -> None:
    dataset = await a_dataset(admin)
    kind = max(await datasets.list_available_dataset_badges(admin))
    body = BadgeWrite(kind=kind)
    assert (await prove(datasets.add_dataset_badge, admin, dataset.id, body=body)).kind == kind
    read = await datasets.get_dataset(admin, dataset.id)
    assert [badge.kind for badge in read.badges] == [kind]
    await prove(datasets.delete_dataset_badge, admin, dataset.id, kind)
    assert (await datasets.get_dataset(admin, dataset.id)).badges == []


async def test_resources(user: Client, prove: Prover) -> None:
    dataset = await a_dataset(user)
    first = await prove(datasets.create_resource, user, dataset.id, body=a_file("Premier"))
    assert (first.title, first.format) == ("Premier", "csv")
    second = await datasets.create_resource(user, dataset.id, body=a_file("Second"))

    changes = ResourceWrite(title="Deuxième", description="Le même", extras={"a": 1})
    updated = await prove(datasets.update_resource, user, dataset.id, second.id, body=changes)
    assert (updated.title, updated.extras, updated.url) == ("Deuxième", {"a": 1}, second.url)
    assert (await datasets.get_resource(user, dataset.id, second.id)).title == "Deuxième"

    order = (await datasets.get_dataset(user, dataset.id)).resources[::-1]
    ordered = await prove(datasets.reorder_resources, user, dataset.id, body=order)
    assert [one.id for one in ordered] == [one.id for one in order]

    await prove(datasets.delete_resource, user, dataset.id, first.id)
    with pytest.raises(NotFoundError):
        await datasets.get_resource(user, dataset.id, first.id)


async def test_uploads(user: Client, prove: Prover) -> None:
    dataset = await a_dataset(user)
    body = FileUpload(file=File(CSV, "horaires.csv"))
    uploaded = await prove(datasets.upload_new_dataset_resource, user, dataset.id, body=body)
    assert (uploaded.success, uploaded.filesize) == (True, len(CSV))
    assert uploaded.checksum
    assert uploaded.checksum.value == hashlib.sha1(CSV).hexdigest()

    again = FileUpload(file=File(CSV + CSV, "horaires-2.csv"))
    assert uploaded.id  # None until the last chunk of an upload.
    replaced = await prove(
        datasets.upload_dataset_resource, user, dataset.id, uploaded.id, body=again
    )
    assert (replaced.id, replaced.filesize) == (uploaded.id, 2 * len(CSV))
    assert (await datasets.get_resource(user, dataset.id, uploaded.id)).filesize == 2 * len(CSV)


async def test_an_upload_in_parts(user: Client, prove: Prover) -> None:
    dataset = await a_dataset(user)
    halves = [CSV[:12], CSV[12:]]

    def part(number: int) -> FileUpload:
        return FileUpload(
            file=File(halves[number], "blob"),
            uuid="27f2b8b6-0000-4000-8000-000000000001",
            filename="parties.csv",
            partindex=number,
            totalparts=2,
            chunksize=len(halves[number]),
        )

    for number in (1, 0):
        received = await prove(
            datasets.upload_new_dataset_resource, user, dataset.id, body=part(number)
        )
        assert received.success is True
    whole = FileUpload(
        uuid="27f2b8b6-0000-4000-8000-000000000001", filename="parties.csv", totalparts=2
    )
    uploaded = await prove(datasets.upload_new_dataset_resource, user, dataset.id, body=whole)
    assert uploaded.filesize == len(CSV)
    assert uploaded.checksum
    assert uploaded.checksum.value == hashlib.sha1(CSV).hexdigest()


async def test_community_resources(other: Client, admin: Client, prove: Prover) -> None:
    dataset = await a_dataset(admin)
    body = CommunityResourceWrite(
        dataset=dataset,
        title="Nettoyée",
        url="https://files.example.org/propre.csv",
        type="main",
        filetype="remote",
        format="csv",
    )
    created = await prove(datasets.create_community_resource, other, body=body)
    assert created.dataset
    assert (created.title, created.dataset.id) == ("Nettoyée", dataset.id)

    changes = CommunityResourceWrite(title="Encore plus propre")
    updated = await prove(datasets.update_community_resource, other, created.id, body=changes)
    assert (updated.title, updated.url) == ("Encore plus propre", body.url)
    read = await datasets.get_community_resource(other, created.id)
    assert read.title == "Encore plus propre"

    file = FileUpload(file=File(CSV, "propre.csv"))
    replaced = await prove(datasets.upload_community_resource, other, created.id, body=file)
    assert (replaced.id, replaced.filesize) == (created.id, len(CSV))

    another = FileUpload(file=File(CSV, "autre.csv"))
    uploaded = await prove(datasets.upload_new_community_resource, other, dataset.id, body=another)
    assert uploaded.filesize == len(CSV)
    listed = await datasets.list_community_resources(other, dataset=dataset.id)
    assert {one.id for one in listed.data} == {created.id, uploaded.id}

    await prove(datasets.delete_community_resource, other, created.id)
    with pytest.raises(NotFoundError):
        await datasets.get_community_resource(other, created.id)


@pytest.mark.serving("mint_dataset_doi")
async def test_a_doi(admin: Client, own_portal: Portal, prove: Prover) -> None:
    dataset = await of_the_first_organization(admin, own_portal)
    minted = await prove(datasets.mint_dataset_doi, admin, dataset.id)
    assert minted.doi
    assert (await datasets.get_dataset(admin, dataset.id)).doi == minted.doi


async def of_the_first_organization(client: Client, portal: Portal) -> Dataset:
    """Create a dataset of the first organization."""
    dataset = await a_dataset(client)
    body = DatasetWrite.of(dataset, organization=portal.ids["/organizations/{org}/"]["org"])
    return await datasets.update_dataset(client, dataset.id, body=body)


@pytest.mark.serving("force_resource_analysis")
async def test_the_analysis_of_a_resource(admin: Client, prove: Prover) -> None:
    dataset = await a_dataset(admin)
    resource = await a_resource(admin, dataset)
    await prove(datasets.force_resource_analysis, admin, dataset.id, resource.id)


@pytest.mark.serving("push_resource_to_geopf")
async def test_geopf(admin: Client, prove: Prover) -> None:
    dataset = await a_dataset(admin)
    body = a_file()
    body.format = "gpkg"
    resource = await datasets.create_resource(admin, dataset.id, body=body)
    pushed = await prove(
        geopf.push_resource_to_geopf,
        admin,
        dataset.id,
        resource.id,
        body=GeopfPushRequest(datastore_id="entrepot-1"),
    )
    assert pushed.task_id
    (offered,) = (await geopf.get_geopf_dataset_status(admin, dataset.id)).pushable or []
    assert offered.push
    assert (offered.id, offered.push.task_id) == (resource.id, pushed.task_id)
    pulled = await prove(geopf.pull_geopf_offerings, admin, dataset.id)
    assert pulled.task_id
    status = await geopf.get_geopf_dataset_status(admin, dataset.id)
    assert status.pull
    assert status.pull.task_id == pulled.task_id


@pytest.mark.since("14.0.2")
async def test_access(user: Client, prove: Prover) -> None:
    dataset = await a_dataset(user)
    body = DatasetWrite.of(
        dataset,
        access_type="restricted",
        access_audiences=[AccessAudienceWrite(role="private", condition="no")],
        access_type_reason="Secret statistique",
    )
    updated = await prove(datasets.update_dataset, user, dataset.id, body=body)
    assert updated.access_type == "restricted"
    assert [(one.role, one.condition) for one in updated.access_audiences] == [("private", "no")]
