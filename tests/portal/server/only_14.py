"""Seed data for 14.13.0 only: pages of blocs, suspected spam, a single API key per user."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import texts
from backstage import Backstage
from catalog import NOW, Catalog, moment
from udata.core.discussions.notifications import DiscussionNotificationDetails
from udata.core.organization.notifications import (
    MembershipRequestNotificationDetails,
    NewBadgeNotificationDetails,
)
from udata.core.pages.models import (
    AccordionItemBloc,
    AccordionListBloc,
    DataservicesListBloc,
    DatasetsListBloc,
    HeroBloc,
    LinkInBloc,
    LinksListBloc,
    MarkdownBloc,
    Page,
    ReusesListBloc,
)
from udata.core.post.factories import PostFactory
from udata.core.site.models import current_site
from udata.core.spam.constants import POTENTIAL_SPAM
from udata.core.spam.models import SpamInfo
from udata.features.notifications.models import Notification
from udata.features.transfer.notifications import TransferRequestNotificationDetails


def new_key(user: Any) -> str:
    user.generate_api_key()
    user.save()
    return user.apikey


def seed_only(catalog: Catalog, backstage: Backstage) -> None:
    backstage.pages = seed_pages(catalog)
    seed_spam(catalog)
    seed_notifications(catalog, backstage)


def seed_pages(catalog: Catalog) -> list[Any]:
    page = Page(blocs=blocs(catalog), owner=catalog.admin, created_at=moment()).save()
    owned = [
        Page(organization=organization, created_at=moment()).save()
        for organization in catalog.organizations[:2]
    ]
    # Give the pages different dates. Not random ones: drawing random numbers here would change
    # the data that is seeded later.
    for days, one in enumerate([page, *owned], start=1):
        one.update(last_modified=NOW - timedelta(days=days))
    PostFactory(
        name="Guides",
        kind="page",
        owner=catalog.admin,
        body_type="blocs",
        content=None,
        content_as_page=page,
        created_at=NOW - timedelta(days=20),
        published=NOW - timedelta(days=9),
        datasets=[],
        reuses=[],
    )
    site = current_site._get_current_object()
    site.datasets_page = page
    site.save()
    return [page, *owned]


def blocs(catalog: Catalog) -> list[Any]:
    """Return a bloc of each kind that the editor supports."""
    links = [
        LinkInBloc(title="Guide", color="blue", url="https://guides.example.org/"),
        LinkInBloc(title="Contact"),
    ]
    return [
        HeroBloc(title="Bienvenue", description="Les données en un clin d'œil", color="primary"),
        MarkdownBloc(content=texts.paragraph(2)),
        LinksListBloc(title="Pour commencer", links=links),
        DatasetsListBloc(title="Jeux de données", datasets=catalog.datasets[:1]),
        ReusesListBloc(title="Réutilisations", reuses=catalog.reuses[:1]),
        DataservicesListBloc(title="API", dataservices=catalog.dataservices[:1]),
        AccordionListBloc(
            items=[
                AccordionItemBloc(
                    title="Une question ?", content=[MarkdownBloc(content="Une réponse.")]
                )
            ]
        ),
    ]


def seed_spam(catalog: Catalog) -> None:
    """Mark a discussion and a comment as suspected spam."""
    whole, commented = catalog.discussions[20], catalog.discussions[22]
    whole.spam = SpamInfo(status=POTENTIAL_SPAM)
    whole.save_without_spam_detection()
    commented.discussion[1].spam = SpamInfo(status=POTENTIAL_SPAM)
    commented.save_without_spam_detection()


def seed_notifications(catalog: Catalog, backstage: Backstage) -> None:
    """Add a notification of each kind for the administrator."""
    organization, discussion = catalog.organizations[0], catalog.discussions[1]
    transfer = backstage.transfers[0]
    for index, details in enumerate(
        [
            DiscussionNotificationDetails(
                discussion=discussion,
                message_id=discussion.discussion[0].id,
                status="new_discussion",
            ),
            NewBadgeNotificationDetails(organization=organization, kind="certified"),
            MembershipRequestNotificationDetails(
                request_organization=organization, request_user=catalog.users[10]
            ),
            TransferRequestNotificationDetails(
                transfer_owner=transfer.owner,
                transfer_recipient=transfer.recipient,
                transfer_subject=transfer.subject,
            ),
        ]
    ):
        Notification(
            user=catalog.admin,
            details=details,
            created_at=moment(),
            handled_at=None if index else NOW,
        ).save()
    # Give the notifications different dates.
    for notification in Notification.objects:
        notification.update(last_modified=moment())
