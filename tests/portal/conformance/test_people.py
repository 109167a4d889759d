"""Tests of writes to users, API keys, notifications and transfers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Callable

import httpx
import pytest

from aiodatagouv import AuthenticationError, Client, GoneError
from aiodatagouv.api import datasets, me, notifications, transfer, users
from aiodatagouv.models import (
    ApiTokenWrite,
    Dataservice,
    FollowersCount,
    ModelReferenceWrite,
    NotificationFollow,
    NotificationSettingWrite,
    Reuse,
    TransferRequest,
    TransferResponse,
    UserWrite,
)

from ..portal import NEWEST, Portal
from .prover import Opener, Prover
from .things import a_dataservice, a_dataset, a_reuse, picture, somebody


async def test_a_user(admin: Client, visitor: Client, prove: Prover) -> None:
    body = UserWrite(first_name="Camille", last_name="Claudel", email="camille@example.org")
    created = await prove(users.create_user, admin, body=body)
    assert (created.first_name, created.email) == ("Camille", "camille@example.org")

    changes = UserWrite.of(created, about="Sculpte", website="https://camille.example.org/")
    updated = await prove(users.update_user, admin, created.id, body=changes)
    read = await users.get_user(admin, created.id)
    for one in (updated, read):
        assert (one.about, one.first_name) == ("Sculpte", "Camille")

    image = await prove(users.upload_user_avatar, admin, created.id, body=picture())
    assert image.success is True
    assert (await users.get_user(admin, created.id)).avatar

    await prove(users.delete_user, admin, created.id, no_mail=True)
    with pytest.raises(GoneError):
        await users.get_user(visitor, created.id)


async def test_followers(user: Client, admin: Client, prove: Prover) -> None:
    followed = await somebody(admin)
    assert await prove(users.follow_user, user, followed.id) == FollowersCount.from_dict(
        {"followers": 1}
    )
    assert (await users.list_user_followers(user, followed.id)).total == 1
    assert await prove(users.unfollow_user, user, followed.id) == FollowersCount.from_dict(
        {"followers": 0}
    )
    assert (await users.list_user_followers(user, followed.id)).total == 0


@pytest.mark.serving("rotate_user_password")
async def test_a_password_is_to_be_changed(admin: Client, prove: Prover) -> None:
    careless = await somebody(admin)
    assert (await users.get_user(admin, careless.id)).password_rotation_demanded is None
    await prove(users.rotate_user_password, admin, careless.id)
    assert (await users.get_user(admin, careless.id)).password_rotation_demanded


async def test_oneself(user: Client, prove: Prover) -> None:
    before = await me.get_me(user)
    updated = await prove(me.update_me, user, body=UserWrite(about="Institutrice"))
    assert (updated.about, updated.last_name) == ("Institutrice", before.last_name)
    assert (await me.get_me(user)).about == "Institutrice"
    image = await prove(me.upload_my_avatar, user, body=picture())
    assert image.success is True
    assert (await me.get_me(user)).avatar != before.avatar


@pytest.mark.serving("create_api_token")
async def test_keys(user: Client, opened: Opener, prove: Prover) -> None:
    expires = dt.datetime(2036, 1, 1, tzinfo=dt.UTC)
    body = ApiTokenWrite(name="Moissonneur", expires_at=expires)
    created = await prove(me.create_api_token, user, body=body)
    assert (created.name, created.expires_at) == ("Moissonneur", expires)
    assert isinstance(created.token, str)
    assert created.token not in repr(created)
    holder = await opened(created.token)
    assert (await me.get_me(holder)).id == (await me.get_me(user)).id

    await prove(me.revoke_api_token, user, created.id)
    with pytest.raises(AuthenticationError):
        await me.get_me(holder)


@pytest.mark.serving("mark_notification_as_read")
async def test_a_notification(admin: Client, prove: Prover) -> None:
    page = await notifications.list_notifications(admin, handled=False, page_size=50)
    unread = page.data[0]
    assert unread.handled_at is None
    read = await prove(notifications.mark_notification_as_read, admin, unread.id)
    assert read.handled_at
    left = await notifications.list_notifications(admin, handled=False, page_size=50)
    assert unread.id not in [one.id for one in left.data]


@pytest.mark.serving("follow_notifications")
async def test_what_to_be_told_of(user: Client, prove: Prover) -> None:
    dataset = await a_dataset(user)
    followed = await prove(
        notifications.follow_notifications,
        user,
        body=NotificationFollow(scope=dataset, event="discussion", followed=True),
    )
    assert (followed.event, followed.heard) == ("discussion", True)
    assert await hears_discussions(user, dataset.id)
    not_any_more = NotificationFollow(scope=dataset, event="discussion", followed=False)
    await prove(notifications.follow_notifications, user, body=not_any_more)
    assert not await hears_discussions(user, dataset.id)
    await notifications.follow_notifications(
        user, body=NotificationFollow(scope=dataset, event="discussion", followed=True)
    )

    rule = NotificationSettingWrite(
        scope=dataset,
        event="discussion",
        enabled=False,
    )
    await prove(notifications.set_notification_setting, user, body=rule)
    rules = await notifications.list_notification_settings(user, page_size=50)
    (kept,) = (one for one in rules.data if one.scope and one.scope.id == dataset.id)
    assert (kept.event, kept.enabled) == ("discussion", False)
    assert not await hears_discussions(user, dataset.id)


async def hears_discussions(client: Client, dataset: str) -> bool:
    (resolved,) = await notifications.get_resolved_notifications(
        client, scope=[f"Dataset:{dataset}"], event="discussion"
    )
    return bool(resolved.heard)


@pytest.mark.parametrize("make", [a_dataservice, a_reuse])
async def test_a_transfer_of_something_else(
    make: Callable[[Client], Awaitable[Dataservice | Reuse]],
    user: Client,
    admin: Client,
    prove: Prover,
) -> None:
    made, taker = await make(user), await me.get_me(admin)
    body = TransferRequest(subject=made, recipient=taker)
    asked = await prove(transfer.request_transfer, user, body=body)
    assert (asked.subject.class_, asked.subject.title) == (type(made).__name__, made.title)
    assert asked.comment is None


@pytest.mark.since(NEWEST)
async def test_a_transfer_of_a_topic(
    user: Client, admin: Client, own_portal: Portal, prove: Prover
) -> None:
    """A topic can be transferred. Topics are created in version 2 of the API."""
    async with httpx.AsyncClient(headers={"X-API-KEY": own_portal.user_api_key}) as client:
        url = own_portal.url.replace("/api/1/", "/api/2/topics/")
        made = await client.post(url, json={"name": "Mobilité", "description": "a", "tags": ["a"]})
    topic = ModelReferenceWrite(class_="Topic", id=made.raise_for_status().json()["id"])
    body = TransferRequest(subject=topic, recipient=await me.get_me(admin))
    asked = await prove(transfer.request_transfer, user, body=body)
    assert (asked.subject.class_, asked.subject.name) == ("Topic", "Mobilité")


async def test_a_transfer(user: Client, admin: Client, prove: Prover) -> None:
    dataset, taker = await a_dataset(user), await me.get_me(admin)
    body = TransferRequest(
        subject=dataset,
        recipient=taker,
        comment="Je change de poste",
    )
    asked = await prove(transfer.request_transfer, user, body=body)
    assert asked.subject
    assert (asked.status, asked.subject.title, asked.comment) == (
        "pending",
        dataset.title,
        "Je change de poste",
    )
    response = TransferResponse(response="accept", comment="Merci")
    answered = await prove(transfer.respond_to_transfer, admin, asked.id, body=response)
    assert answered.status == "accepted"
    owner = (await datasets.get_dataset(admin, dataset.id)).owner
    assert owner
    assert owner.id == taker.id
