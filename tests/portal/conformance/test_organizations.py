"""Tests of writes to organizations: profiles, members, membership requests and invitations."""

from __future__ import annotations

import pytest

from aiodatagouv import Client, GoneError
from aiodatagouv.api import me, organizations
from aiodatagouv.models import (
    BadgeWrite,
    FollowersCount,
    MembershipInvite,
    MembershipRequestWrite,
    MemberWrite,
    ModelReferenceWrite,
    Organization,
    OrganizationWrite,
    RefuseMembership,
    User,
)

from ..portal import Portal
from .prover import Prover
from .things import an_organization, bytes_of, new_title, picture, somebody


async def test_an_organization(user: Client, visitor: Client, prove: Prover) -> None:
    body = OrganizationWrite(
        name=new_title("Régie"), acronym="RG", description="Des transports", extras={"a": [1, None]}
    )
    created = await prove(organizations.create_organization, user, body=body)
    assert (created.name, created.acronym, created.extras) == (body.name, "RG", body.extras)

    changes = OrganizationWrite(name=new_title("Régie"), acronym=None)
    updated = await prove(organizations.update_organization, user, created.id, body=changes)
    read = await organizations.get_organization(user, created.id)
    for one in (updated, read):
        assert (one.name, one.acronym, one.description) == (changes.name, None, body.description)

    await prove(organizations.delete_organization, user, created.id)
    with pytest.raises(GoneError):
        await organizations.get_organization(visitor, created.id)


async def test_the_logo(user: Client, prove: Prover) -> None:
    made = await an_organization(user)
    uploaded = await prove(organizations.upload_organization_logo, user, made.id, body=picture())
    assert uploaded.success is True
    before = await organizations.get_organization(user, made.id)
    assert before.logo
    resized = await prove(
        organizations.resize_organization_logo, user, made.id, body=picture("0,0,2,2")
    )
    assert resized.success is True
    # The portal stores the new file but does not assign it to the organization.
    assert await bytes_of(resized.image)
    assert (await organizations.get_organization(user, made.id)).logo == before.logo


@pytest.mark.serving("upload_organization_banner")
async def test_the_banner(user: Client, prove: Prover) -> None:
    made = await an_organization(user)
    uploaded = await prove(organizations.upload_organization_banner, user, made.id, body=picture())
    assert uploaded.success is True
    assert (await organizations.get_organization(user, made.id)).banner_image
    await prove(organizations.delete_organization_banner, user, made.id)
    assert (await organizations.get_organization(user, made.id)).banner_image is None


async def test_the_followers(user: Client, prove: Prover) -> None:
    made = await an_organization(user)
    one, none = (
        FollowersCount.from_dict({"followers": 1}),
        FollowersCount.from_dict({"followers": 0}),
    )
    assert await prove(organizations.follow_organization, user, made.id) == one
    assert (await organizations.list_organization_followers(user, made.id)).total == 1
    assert await prove(organizations.unfollow_organization, user, made.id) == none
    assert (await organizations.list_organization_followers(user, made.id)).total == 0


async def test_the_badges(admin: Client, prove: Prover) -> None:
    made = await an_organization(admin)
    body = BadgeWrite(kind="public-service")
    badge = await prove(organizations.add_organization_badge, admin, made.id, body=body)
    assert badge.kind == "public-service"
    read = await organizations.get_organization(admin, made.id)
    assert [one.kind for one in read.badges] == ["public-service"]
    await prove(organizations.delete_organization_badge, admin, made.id, "public-service")
    assert (await organizations.get_organization(admin, made.id)).badges == []


async def test_somebody_asks_to_belong(user: Client, other: Client, prove: Prover) -> None:
    made = await an_organization(user)
    body = MembershipRequestWrite(comment="J'y travaille")
    asked = await prove(organizations.request_membership, other, made.id, body=body)
    assert (asked.status, asked.comment) == ("pending", "J'y travaille")
    refused = await prove(
        organizations.refuse_membership,
        user,
        made.id,
        asked.id,
        body=RefuseMembership(comment="Non"),
    )
    assert refused == {}
    assert await statuses(user, made) == ["refused"]

    again = await organizations.request_membership(other, made.id, body=body)
    member = await prove(organizations.accept_membership, user, made.id, again.id)
    assert member.user
    asking = await me.get_me(other)
    assert member.user.id == asking.id
    assert await statuses(user, made) == ["refused", "accepted"]

    role = MemberWrite(role="admin")
    promoted = await prove(
        organizations.update_organization_member, user, made.id, asking.id, body=role
    )
    assert promoted.role == "admin"
    assert await members(user, made) == {asking.id: "admin", (await me.get_me(user)).id: "admin"}
    await prove(organizations.delete_organization_member, user, made.id, asking.id)
    assert asking.id not in await members(user, made)


async def statuses(client: Client, organization: Organization) -> list[object]:
    requests = await organizations.list_membership_requests(client, organization.id)
    return [one.status for one in requests]


async def members(client: Client, organization: Organization) -> dict[object, object]:
    read = await organizations.get_organization(client, organization.id)
    return {one.user.id: one.role for one in read.members if one.user}


@pytest.mark.serving("create_organization_member")
async def test_somebody_is_made_a_member(user: Client, admin: Client, prove: Prover) -> None:
    made, member = await an_organization(user), await somebody(admin)
    body = MemberWrite(role="editor")
    added = await prove(
        organizations.create_organization_member, user, made.id, member.id, body=body
    )
    assert added.role == "editor"
    assert (await members(user, made))[member.id] == "editor"


@pytest.mark.serving("invite_organization_member")
async def test_somebody_is_invited(user: Client, other: Client, prove: Prover) -> None:
    made, invited = await an_organization(user), await me.get_me(other)
    for end in (me.refuse_org_invitation, me.accept_org_invitation):
        invitation = await invite(user, made, invited, prove)
        pending = await me.list_org_invitations(other)
        assert invitation in [one.id for one in pending]
        answer = await prove(end, other, invitation)
        assert answer["message"]
        assert invitation not in [one.id for one in await me.list_org_invitations(other)]
    assert (await members(user, made))[invited.id] == "editor"


@pytest.mark.serving("cancel_membership")
async def test_an_invitation_is_taken_back(user: Client, other: Client, prove: Prover) -> None:
    made = await an_organization(user)
    invitation = await invite(user, made, await me.get_me(other), prove)
    assert await prove(organizations.cancel_membership, user, made.id, invitation) == {}
    assert await statuses(user, made) == ["canceled"]


async def invite(client: Client, to: Organization, who: User, prove: Prover) -> str:
    body = MembershipInvite(user=who.id, role="editor", comment="Rejoignez-nous")
    invitation = await prove(organizations.invite_organization_member, client, to.id, body=body)
    assert (invitation.kind, invitation.status, invitation.role) == (
        "invitation",
        "pending",
        "editor",
    )
    return invitation.id


@pytest.mark.serving("sync_member_assignments")
async def test_assignments(admin: Client, other: Client, own_portal: Portal, prove: Prover) -> None:
    """The other user is a partial editor of the first organization, with assigned objects."""
    org = own_portal.ids["/organizations/{org}/"]["org"]
    member = await me.get_me(other)
    before = await organizations.list_organization_assignments(admin, org)
    assert len(before) >= 2
    dataset = next(one for one in before if one.subject and one.subject.class_ == "Dataset").subject
    assert dataset
    body = [ModelReferenceWrite(class_="Dataset", id=dataset.id)]
    kept = await prove(organizations.sync_member_assignments, admin, org, member.id, body=body)
    assert [one.subject.id for one in kept if one.subject] == [dataset.id]
    after = await organizations.list_organization_assignments(admin, org)
    assert [one.id for one in after] == [one.id for one in kept]
    assert await organizations.sync_member_assignments(admin, org, member.id, body=[]) == []
    assert await organizations.list_organization_assignments(admin, org) == []
