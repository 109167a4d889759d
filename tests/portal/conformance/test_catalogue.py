"""Tests of writes to dataservices, reuses, contact points and visualizations."""

from __future__ import annotations

import pytest

from aiodatagouv import Client, GoneError, NotFoundError
from aiodatagouv.api import contacts, dataservices, reuses, visualizations
from aiodatagouv.models import (
    BadgeWrite,
    ChartWrite,
    ContactPointWrite,
    DataSeriesWrite,
    Dataservice,
    DataserviceDatasetsAdd,
    DataserviceWrite,
    FollowersCount,
    ReuseWrite,
    XAxisWrite,
    YAxisWrite,
)

from ..portal import Portal
from .prover import Prover
from .things import (
    a_dataservice,
    a_dataset,
    a_resource,
    a_reuse,
    new_title,
    picture,
)


async def test_a_dataservice(user: Client, visitor: Client, prove: Prover) -> None:
    body = DataserviceWrite(
        title=new_title("API"),
        description="Des horaires",
        base_api_url="https://api.example.org/horaires",
        availability=99.5,
        tags=["transport"],
        license="lov2",
        extras={"cle": [1, None]},
    )
    created = await prove(dataservices.create_dataservice, user, body=body)
    assert (created.title, created.availability, created.extras) == (body.title, 99.5, body.extras)

    changes = DataserviceWrite(title=new_title("API"), license=None)
    updated = await prove(dataservices.update_dataservice, user, created.id, body=changes)
    read = await dataservices.get_dataservice(user, created.id)
    for one in (updated, read):
        assert (one.title, one.license, one.tags) == (changes.title, None, ["transport"])

    await prove(dataservices.delete_dataservice, user, created.id)
    with pytest.raises(GoneError):
        await dataservices.get_dataservice(visitor, created.id)


async def test_the_datasets_of_a_dataservice(user: Client, prove: Prover) -> None:
    dataservice, dataset = await a_dataservice(user), await a_dataset(user)
    body = [DataserviceDatasetsAdd(id=dataset.id)]
    served = await prove(dataservices.add_dataservice_datasets, user, dataservice.id, body=body)
    assert served.id == dataservice.id
    assert await number_of_datasets(user, dataservice) == 1
    await prove(dataservices.remove_dataservice_dataset, user, dataservice.id, dataset.id)
    assert await number_of_datasets(user, dataservice) == 0


async def number_of_datasets(client: Client, dataservice: Dataservice) -> object:
    read = await dataservices.get_dataservice(client, dataservice.id)
    assert isinstance(read.datasets, dict)
    return read.datasets["total"]


async def test_a_featured_dataservice(admin: Client, prove: Prover) -> None:
    made = await a_dataservice(admin)
    assert (await prove(dataservices.feature_dataservice, admin, made.id)).featured is True
    assert (await dataservices.get_dataservice(admin, made.id)).featured is True
    assert (await prove(dataservices.unfeature_dataservice, admin, made.id)).featured is False
    assert (await dataservices.get_dataservice(admin, made.id)).featured is False


async def test_the_followers_of_a_dataservice(user: Client, prove: Prover) -> None:
    made = await a_dataservice(user)
    one, none = (
        FollowersCount.from_dict({"followers": 1}),
        FollowersCount.from_dict({"followers": 0}),
    )
    assert await prove(dataservices.follow_dataservice, user, made.id) == one
    assert (await dataservices.list_dataservice_followers(user, made.id)).total == 1
    assert await prove(dataservices.unfollow_dataservice, user, made.id) == none
    assert (await dataservices.list_dataservice_followers(user, made.id)).total == 0


async def test_a_reuse(user: Client, visitor: Client, prove: Prover) -> None:
    dataset = await a_dataset(user)
    body = ReuseWrite(
        title=new_title("Carte"),
        description="Des pistes cyclables",
        topic="transport_and_mobility",
        type="visualization",
        url="https://carte.example.org/pistes",
        tags=["velo"],
        datasets=[dataset.id],
    )
    created = await prove(reuses.create_reuse, user, body=body)
    assert (created.title, created.tags) == (body.title, ["velo"])
    assert [one.id for one in created.datasets] == [dataset.id]

    changes = ReuseWrite(title=new_title("Carte"), private=True)
    updated = await prove(reuses.update_reuse, user, created.id, body=changes)
    read = await reuses.get_reuse(user, created.id)
    for one in (updated, read):
        assert (one.title, one.private, one.tags) == (changes.title, True, ["velo"])
    await reuses.update_reuse(user, created.id, body=ReuseWrite(private=False))

    await prove(reuses.delete_reuse, user, created.id)
    with pytest.raises(GoneError):
        await reuses.get_reuse(visitor, created.id)


async def test_the_datasets_of_a_reuse(user: Client, prove: Prover) -> None:
    reuse, dataset = await a_reuse(user), await a_dataset(user)
    await prove(reuses.add_reuse_dataset, user, reuse.id, body=dataset)
    read = await reuses.get_reuse(user, reuse.id)
    assert [one.id for one in read.datasets] == [dataset.id]


@pytest.mark.serving("add_reuse_dataservice")
async def test_the_dataservices_of_a_reuse(user: Client, prove: Prover) -> None:
    reuse, api = await a_reuse(user), await a_dataservice(user)
    await prove(reuses.add_reuse_dataservice, user, reuse.id, body=api)
    read = await reuses.get_reuse(user, reuse.id)
    assert [one.id for one in read.dataservices] == [api.id]


async def test_a_featured_reuse(admin: Client, prove: Prover) -> None:
    made = await a_reuse(admin)
    assert (await prove(reuses.feature_reuse, admin, made.id)).featured is True
    assert (await reuses.get_reuse(admin, made.id)).featured is True
    assert (await prove(reuses.unfeature_reuse, admin, made.id)).featured is False
    assert (await reuses.get_reuse(admin, made.id)).featured is False


async def test_the_followers_of_a_reuse(user: Client, prove: Prover) -> None:
    made = await a_reuse(user)
    assert await prove(reuses.follow_reuse, user, made.id) == FollowersCount.from_dict(
        {"followers": 1}
    )
    assert (await reuses.list_reuse_followers(user, made.id)).total == 1
    assert await prove(reuses.unfollow_reuse, user, made.id) == FollowersCount.from_dict(
        {"followers": 0}
    )
    assert (await reuses.list_reuse_followers(user, made.id)).total == 0


async def test_the_badges_of_a_reuse(admin: Client, prove: Prover) -> None:
    made = await a_reuse(admin)
    kind = next(iter(await reuses.list_available_reuse_badges(admin)))
    badge = await prove(reuses.add_reuse_badge, admin, made.id, body=BadgeWrite(kind=kind))
    assert badge.kind == kind
    read = await reuses.get_reuse(admin, made.id)
    assert [one.kind for one in read.badges] == [kind]
    await prove(reuses.delete_reuse_badge, admin, made.id, kind)
    assert (await reuses.get_reuse(admin, made.id)).badges == []


async def test_the_image_of_a_reuse(user: Client, prove: Prover) -> None:
    made = await a_reuse(user)
    uploaded = await prove(reuses.upload_reuse_image, user, made.id, body=picture())
    assert uploaded.success is True
    assert (await reuses.get_reuse(user, made.id)).image


async def test_a_contact_point(user: Client, own_portal: Portal, prove: Prover) -> None:
    org = own_portal.ids["/organizations/{org}/"]["org"]
    body = ContactPointWrite(
        name="Service des données", email="a@example.org", role="contact", organization=org
    )
    created = await prove(contacts.create_contact_point, user, body=body)
    assert (created.name, created.email, created.role) == (body.name, body.email, "contact")

    whose = await contacts.get_contact_point(user, created.id, fields="organization{id}")
    assert whose.organization
    assert whose.organization.id == org

    changes = ContactPointWrite(name="Les données", role="publisher")
    updated = await prove(contacts.update_contact_point, user, created.id, body=changes)
    read = await contacts.get_contact_point(user, created.id)
    for one in (updated, read):
        assert (one.name, one.role, one.email) == ("Les données", "publisher", body.email)

    await prove(contacts.delete_contact_point, user, created.id)
    with pytest.raises(NotFoundError):
        await contacts.get_contact_point(user, created.id)


async def a_chart(client: Client) -> ChartWrite:
    """Return the body of a visualization of a new resource."""
    resource = await a_resource(client, await a_dataset(client))
    return ChartWrite(
        title=new_title("Trafic"),
        description="Par année",
        x_axis=XAxisWrite(column_x="annee", type="discrete", sort_x_by="axis_x"),
        y_axis=YAxisWrite(min=0, max=100, label="Passages"),
        series=[
            DataSeriesWrite(
                type="line",
                resource_id=resource.id,
                column_y="total",
                aggregate_y="sum",
                filters={"_cls": "Filter", "column": "annee", "condition": "exact", "value": "1"},
            )
        ],
    )


@pytest.mark.serving("create_visualization")
async def test_a_visualization(user: Client, visitor: Client, prove: Prover) -> None:
    body = await a_chart(user)
    created = await prove(visualizations.create_visualization, user, body=body)
    assert (created.title, created.description) == (body.title, "Par année")
    assert created.series
    assert created.series[0].column_y == "total"

    changes = ChartWrite(description="Par mois", private=True)
    updated = await prove(visualizations.update_visualization, user, created.id, body=changes)
    read = await visualizations.get_visualization(user, created.id)
    for one in (updated, read):
        assert (one.title, one.description, one.private) == (body.title, "Par mois", True)

    await visualizations.update_visualization(user, created.id, body=ChartWrite(private=False))
    assert await visualizations.get_visualization(visitor, created.id)
    await prove(visualizations.delete_visualization, user, created.id)
    with pytest.raises(GoneError):
        await visualizations.get_visualization(visitor, created.id)


@pytest.mark.serving("upload_visualization_image")
async def test_the_image_of_a_visualization(user: Client, prove: Prover) -> None:
    created = await visualizations.create_visualization(user, body=await a_chart(user))
    image = await prove(visualizations.upload_visualization_image, user, created.id, body=picture())
    assert image.success is True
    assert (await visualizations.get_visualization(user, created.id)).image
