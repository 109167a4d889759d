"""Tests of writes to discussions and reports."""

from __future__ import annotations

import datetime as dt

import pytest

from aiodatagouv import Client, NotFoundError
from aiodatagouv.api import discussions, organizations, reports, spam
from aiodatagouv.models import (
    Discussion,
    DiscussionEdit,
    DiscussionEditComment,
    DiscussionResponse,
    DiscussionStart,
    ModelReferenceWrite,
    ReportWrite,
)

from ..portal import Portal
from .prover import Prover
from .things import a_dataset


async def a_discussion(client: Client) -> Discussion:
    dataset = await a_dataset(client)
    body = DiscussionStart(subject=dataset, title="Une question", comment="Où est 2024 ?")
    return await discussions.create_discussion(client, body=body)


async def test_a_discussion(user: Client, admin: Client, prove: Prover) -> None:
    dataset = await a_dataset(user)
    subject = ModelReferenceWrite(class_="Dataset", id=dataset.id)
    body = DiscussionStart(
        subject=subject, title="Une question", comment="Où est 2024 ?", extras={"a": [1]}
    )
    created = await prove(discussions.create_discussion, user, body=body)
    assert created.subject
    assert (created.title, created.subject.id, created.extras) == (
        "Une question",
        dataset.id,
        {"a": [1]},
    )
    renamed = await prove(
        discussions.update_discussion, user, created.id, body=DiscussionEdit(title="2024")
    )
    assert renamed.title == "2024"
    assert (await discussions.get_discussion(user, created.id)).title == "2024"
    await prove(discussions.delete_discussion, admin, created.id)
    with pytest.raises(NotFoundError):
        await discussions.get_discussion(user, created.id)


async def test_comments(user: Client, admin: Client, own_portal: Portal, prove: Prover) -> None:
    started = await a_discussion(user)
    body = DiscussionResponse(comment="Bientôt", close=False)
    commented = await prove(discussions.comment_discussion, user, started.id, body=body)
    assert texts(commented) == ["Où est 2024 ?", "Bientôt"]
    edited = await prove(
        discussions.update_discussion_comment,
        user,
        started.id,
        "1",
        body=DiscussionEditComment(comment="En mai"),
    )
    assert texts(edited) == ["Où est 2024 ?", "En mai"]
    org = await organizations.get_organization(
        admin, own_portal.ids["/organizations/{org}/"]["org"]
    )
    closing = DiscussionResponse(
        comment="Fini",
        close=True,
        organization=org,
    )
    closed = await prove(discussions.comment_discussion, admin, started.id, body=closing)
    assert closed.closed
    assert texts(closed)[-1] == "Fini"
    await prove(discussions.delete_discussion_comment, admin, started.id, "1")
    assert texts(await discussions.get_discussion(user, started.id)) == ["Où est 2024 ?", "Fini"]


async def test_a_discussion_closed_without_a_comment(admin: Client, prove: Prover) -> None:
    started = await a_discussion(admin)
    body = DiscussionResponse(close=True)
    closed = await prove(discussions.comment_discussion, admin, started.id, body=body)
    assert closed.closed
    assert texts(closed) == ["Où est 2024 ?"]


def texts(discussion: Discussion) -> list[object]:
    return [message.content for message in discussion.discussion]


@pytest.mark.serving("list_potential_spams")
async def test_what_is_no_spam(admin: Client, prove: Prover) -> None:
    """Two seeded discussions are suspected spam: one as a whole, one because of a comment."""
    assert len(await prove(spam.list_potential_spams, admin)) == 2
    suspects = [one async for one in discussions.list_discussions(admin) if is_spam(one)]
    (whole,) = (one for one in suspects if one.spam and one.spam.status == "potential_spam")
    (commented,) = (one for one in suspects if one.id != whole.id)
    assert await prove(discussions.unspam_discussion, admin, whole.id) == {}
    assert await prove(discussions.unspam_discussion_comment, admin, commented.id, 1) == {}
    assert await spam.list_potential_spams(admin) == []


def is_spam(discussion: Discussion) -> bool:
    marks = [discussion.spam, *(one.spam for one in discussion.discussion)]
    return any(mark and mark.status == "potential_spam" for mark in marks)


async def test_a_report(user: Client, admin: Client, prove: Prover) -> None:
    dataset = await a_dataset(user)
    body = ReportWrite(
        subject=ModelReferenceWrite(class_="Dataset", id=dataset.id),
        reason="spam",
        message="De la pub",
    )
    created = await prove(reports.create_report, user, body=body)
    assert created.subject
    assert (created.subject.id, created.reason, created.message) == (
        dataset.id,
        "spam",
        "De la pub",
    )
    assert (await reports.get_report(admin, created.id)).message == "De la pub"


@pytest.mark.serving("update_report")
async def test_a_report_is_dismissed(user: Client, admin: Client, prove: Prover) -> None:
    subject = ModelReferenceWrite(class_="Dataset", id=(await a_dataset(user)).id)
    created = await reports.create_report(user, body=ReportWrite(subject=subject, reason="spam"))
    moment = dt.datetime(2026, 9, 1, 12, tzinfo=dt.UTC)
    changes = ReportWrite(dismissed_at=moment)
    updated = await prove(reports.update_report, admin, created.id, body=changes)
    assert updated.dismissed_at == moment
    assert (await reports.get_report(admin, created.id)).dismissed_at == moment
