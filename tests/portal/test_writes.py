"""Writes whose answers the Swagger has wrong or not at all, on a portal of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from aiodatagouv import Client, NotFoundError, ServerError
from aiodatagouv.api import datasets, discussions, harvest, me, organizations
from aiodatagouv.models import (
    BadgeWrite,
    Dataset,
    DiscussionResponse,
    FollowersCount,
    RefuseMembership,
    Resource,
)

from ..clients import client_of
from .portal import Portal, running_portal


@pytest.fixture(scope="module")
def own_portal() -> Iterator[Portal]:
    with running_portal(datasets=20) as running:
        yield running


@pytest.fixture
async def admin(own_portal: Portal) -> AsyncIterator[Client]:
    async with client_of(own_portal.url, api_key=own_portal.api_key) as client:
        yield client


async def a_dataset(client: Client) -> Dataset:
    body = Dataset(title="Fontaines", description="Où boire", frequency="annual")
    return await datasets.create_dataset(client, body=body)


async def test_invitations_and_requests_of_an_organization(
    admin: Client, own_portal: Portal
) -> None:
    (invitation,) = await me.list_org_invitations(admin)
    assert isinstance(invitation.id, str)
    accepted = await me.accept_org_invitation(admin, invitation.id)
    assert accepted == {"message": "Invitation accepted"}
    with pytest.raises(NotFoundError):
        await me.refuse_org_invitation(admin, "00000000-0000-0000-0000-000000000000")

    org = own_portal.ids["/organizations/{org}/"]["org"]
    pending = await organizations.list_membership_requests(admin, org, status="pending")
    request = next(one for one in pending if one.kind == "request")
    refused = await organizations.refuse_membership(
        admin, org, request.id, body=RefuseMembership(comment="Non")
    )
    assert refused == {}
    invited = next(one for one in pending if one.kind == "invitation")
    assert await organizations.cancel_membership(admin, org, invited.id) == {}


async def test_following(admin: Client) -> None:
    dataset = await a_dataset(admin)
    assert await datasets.follow_dataset(admin, dataset.id) == FollowersCount(followers=1)
    assert await datasets.unfollow_dataset(admin, dataset.id) == FollowersCount(followers=0)


async def test_a_badge(admin: Client) -> None:
    dataset = await a_dataset(admin)
    badge = await datasets.add_dataset_badge(admin, dataset.id, body=BadgeWrite(kind="spd"))
    assert badge.kind == "spd"
    await datasets.delete_dataset_badge(admin, dataset.id, "spd")
    assert (await datasets.get_dataset(admin, dataset.id)).badges == []


async def test_a_resource(admin: Client) -> None:
    dataset = await a_dataset(admin)
    body = Resource(title="CSV", url="https://x.example.org/a", type="main", filetype="remote")
    resource = await datasets.create_resource(admin, dataset.id, body=body)
    with pytest.raises(ServerError, match="503 No resources analyser configured"):
        await datasets.force_resource_analysis(admin, dataset.id, resource.id)
    await datasets.delete_resource(admin, dataset.id, resource.id)
    with pytest.raises(NotFoundError):
        await datasets.get_resource(admin, dataset.id, resource.id)


async def test_a_discussion(admin: Client) -> None:
    discussion = (await discussions.list_discussions(admin)).data[0]
    answer = DiscussionResponse(comment="Merci")
    commented = await discussions.comment_discussion(admin, discussion.id, body=answer)
    assert commented.discussion
    assert commented.discussion[-1].content == "Merci"
    last = len(commented.discussion) - 1
    await discussions.delete_discussion_comment(admin, discussion.id, str(last))
    await discussions.delete_discussion(admin, discussion.id)
    with pytest.raises(NotFoundError):
        await discussions.get_discussion(admin, discussion.id)


async def test_a_harvest_source(admin: Client, own_portal: Portal) -> None:
    source = own_portal.ids["/harvest/source/{source}/"]["source"]
    scheduled = await harvest.schedule_harvest_source(admin, source, body="0 0 * * *")
    assert scheduled.id == source
    await harvest.unschedule_harvest_source(admin, source)
    await harvest.delete_harvest_source(admin, source)
    assert (await harvest.get_harvest_source(admin, source)).deleted
