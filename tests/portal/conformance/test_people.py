"""Writes to users and to what is theirs: keys, notifications, transfers."""

from __future__ import annotations

import datetime as dt

import pytest

from aiodatagouv import AuthenticationError, Client, GoneError
from aiodatagouv.api import datasets, me, notifications, transfer, users
from aiodatagouv.models import (
    ApiTokenWrite,
    BaseReference,
    FollowersCount,
    LazyReference,
    ModelReference,
    NotificationFollow,
    NotificationSettingWrite,
    TransferRequest,
    TransferResponse,
    UserWrite,
)

from ..portal import NEWEST
from .prover import Opener, Prover
from .things import a_dataset, picture, somebody


async def test_a_user(admin: Client, visitor: Client, prove: Prover) -> None:
    body = UserWrite(first_name="Camille", last_name="Claudel", email="camille@example.org")
    created = await prove(users.create_user, admin, body=body)
    assert (created.first_name, created.email) == ("Camille", "camille@example.org")

    changes = UserWrite(about="Sculpte", website="https://camille.example.org/")
    updated = await prove(users.update_user, admin, created.id, body=changes)
    read = await users.get_user(admin, created.id)
    for one in (updated, read):
        assert (one.about, one.first_name) == ("Sculpte", "Camille")

    image = await prove(users.user_avatar, admin, created.id, body=picture())
    assert image.success is True
    assert (await users.get_user(admin, created.id)).avatar

    await prove(users.delete_user, admin, created.id, no_mail=True)
    with pytest.raises(GoneError):
        await users.get_user(visitor, created.id)


async def test_followers(user: Client, admin: Client, prove: Prover) -> None:
    followed = await somebody(admin)
    assert await prove(users.follow_user, user, followed.id) == FollowersCount(followers=1)
    assert (await users.list_user_followers(user, followed.id)).total == 1
    assert await prove(users.unfollow_user, user, followed.id) == FollowersCount(followers=0)
    assert (await users.list_user_followers(user, followed.id)).total == 0


@pytest.mark.releases(NEWEST)
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
    image = await prove(me.my_avatar, user, body=picture())
    assert image.success is True
    assert (await me.get_me(user)).avatar != before.avatar


@pytest.mark.releases(NEWEST)
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


async def test_a_notification(admin: Client, prove: Prover) -> None:
    page = await notifications.list_notifications(admin, handled=False, page_size=50)
    unread = page.data[0]
    assert unread.handled_at is None
    read = await prove(notifications.read_notification, admin, unread.id)
    assert read.handled_at
    left = await notifications.list_notifications(admin, handled=False, page_size=50)
    assert unread.id not in [one.id for one in left.data]


@pytest.mark.releases(NEWEST)
async def test_what_to_be_told_of(user: Client, prove: Prover) -> None:
    dataset = await a_dataset(user)
    assert isinstance(dataset.id, str)
    scope = ModelReference(class_="Dataset", id=dataset.id)
    followed = await prove(
        notifications.follow_notifications,
        user,
        body=NotificationFollow(scope=scope, event="discussion", followed=True),
    )
    assert (followed.event, followed.heard) == ("discussion", True)
    assert await hears_discussions(user, dataset.id)
    not_any_more = NotificationFollow(scope=scope, event="discussion", followed=False)
    await prove(notifications.follow_notifications, user, body=not_any_more)
    assert not await hears_discussions(user, dataset.id)
    await notifications.follow_notifications(
        user, body=NotificationFollow(scope=scope, event="discussion", followed=True)
    )

    rule = NotificationSettingWrite(
        scope=LazyReference(class_="Dataset", id=dataset.id), event="discussion", enabled=False
    )
    await prove(notifications.set_notification_setting, user, body=rule)
    rules = await notifications.list_notification_settings(user, page_size=50)
    (kept,) = (one for one in rules.data if one.scope and one.scope.id == dataset.id)
    assert (kept.event, kept.enabled) == ("discussion", False)
    assert not await hears_discussions(user, dataset.id)


async def hears_discussions(client: Client, dataset: str) -> bool:
    (resolved,) = await notifications.resolve_notifications(
        client, scope=[f"Dataset:{dataset}"], event="discussion"
    )
    return bool(resolved.heard)


async def test_a_transfer(user: Client, admin: Client, prove: Prover) -> None:
    dataset, taker = await a_dataset(user), await me.get_me(admin)
    assert isinstance(dataset.id, str)
    assert isinstance(taker.id, str)
    body = TransferRequest(
        subject=BaseReference(class_="Dataset", id=dataset.id),
        recipient=BaseReference(class_="User", id=taker.id),
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
