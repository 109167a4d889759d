"""Seed data for 17.18.0 only: blocs, charts, assignments, notification kinds, tokens."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import texts
from backstage import Backstage
from catalog import NOW, Catalog, moment, picture
from udata.core.api_token.models import ApiToken
from udata.core.dataservices.notifications import DataserviceCreatedNotificationDetails
from udata.core.discussions.notifications import DiscussionNotificationDetails
from udata.core.edito_blocs.models import (
    AccordionItemBloc,
    AccordionListBloc,
    ButtonBloc,
    DataserviceBloc,
    DatasetBloc,
    ExploreBloc,
    LinkInBloc,
    LinksListBloc,
    MarkdownBloc,
    ReuseBloc,
    SectionBloc,
    TitleBloc,
)
from udata.core.organization.assignment import Assignment
from udata.core.organization.factories import MembershipRequestNotificationFactory
from udata.core.organization.models import MembershipRequest
from udata.core.organization.notifications import (
    MembershipAcceptedNotificationDetails,
    MembershipRefusedNotificationDetails,
    NewBadgeNotificationDetails,
)
from udata.core.post.factories import PostFactory
from udata.core.reuse.notifications import ReuseCreatedNotificationDetails
from udata.core.site.models import current_site
from udata.core.visualizations.factories import ChartFactory, DataSeriesFactory, FilterFactory
from udata.core.visualizations.models import AndFilters
from udata.features.notifications.constants import NotificationReason, NotificationType
from udata.features.notifications.models import Notification
from udata.features.notifications.settings import NotificationSetting
from udata.features.transfer.notifications import TransferRequestNotificationDetails
from udata.geopf.models import (
    GeopfDatasetMetadata,
    GeopfDatasetPullMetadata,
    GeopfDatasetPushMetadata,
    GeopfResourceMetadata,
    GeopfResourceOfferingMetadata,
    GeopfResourcePushMetadata,
    GeopfToken,
)
from udata.harvest.notifications import ValidateHarvesterNotificationDetails


def new_key(user: Any) -> str:
    return ApiToken.generate(user, name="Clé d'essai")[1]


def seed_only(catalog: Catalog, backstage: Backstage) -> None:
    seed_invitations(catalog)
    seed_assignments(catalog)
    seed_pages(catalog)
    backstage.charts = seed_charts(catalog)
    seed_notifications(catalog, backstage)
    seed_geopf(catalog)
    seed_presentations(catalog)
    ApiToken.generate(catalog.admin, name="Clé révoquée")[0].revoke()


def seed_invitations(catalog: Catalog) -> None:
    """Add invitations: to the administrator's organization, and to the administrator and user."""
    organization, inviting = catalog.organizations[0], catalog.organizations[2]
    organization.requests += [
        MembershipRequest(
            kind="invitation",
            user=catalog.users[13],
            created=NOW,
            created_by=catalog.admin,
            role="partial_editor",
            assignments=catalog.owned_by(catalog.datasets, organization)[:1],
        ),
        MembershipRequest(
            kind="invitation",
            email="nouvelle@example.org",
            created_by=catalog.admin,
            created=NOW,
        ),
    ]
    organization.save()
    inviting.requests = [
        MembershipRequest(
            kind="invitation",
            user=user,
            created_by=inviting.members[0].user,
            comment="Rejoignez-nous",
            created=NOW,
            role="editor",
        )
        for user in (catalog.admin, catalog.user)
    ]
    inviting.save()


def seed_assignments(catalog: Catalog) -> None:
    organization = catalog.organizations[0]
    for subject in [
        *catalog.owned_by(catalog.datasets, organization)[:1],
        *catalog.owned_by(catalog.reuses, organization)[:1],
    ]:
        Assignment(user=catalog.other, organization=organization, subject=subject).save()


def seed_pages(catalog: Catalog) -> None:
    """Add posts of the kind page: a parent and a child."""
    common = {
        "kind": "page",
        "owner": catalog.admin,
        "headline": texts.paragraph(1),
        "datasets": [],
        "reuses": [],
    }
    parent = PostFactory(
        name="Guides",
        body_type="blocs",
        content=None,
        blocs=blocs(catalog),
        created_at=NOW - timedelta(days=20),
        published=NOW - timedelta(days=9),
        sidemenu=True,
        **common,
    )
    PostFactory(
        name="Publier un jeu de données",
        parent=parent,
        body_type="html",
        content="<p>Mode d'emploi</p>",
        created_at=NOW - timedelta(days=19),
        published=NOW - timedelta(days=8),
        **common,
    )


def seed_presentations(catalog: Catalog) -> None:
    site = current_site._get_current_object()
    site.datasets_blocs = blocs(catalog)
    site.save()
    organization = catalog.organizations[0]
    organization.presentation_blocs = blocs(catalog)
    organization.presentation_blocs_published_at = NOW
    organization.save()


def blocs(catalog: Catalog) -> list[SectionBloc]:
    """Return a bloc of each kind that the editor supports."""
    explored = catalog.datasets[0].resources[0].id
    links = [
        LinkInBloc(title="Guide", color="blue", url="https://guides.example.org/"),
        LinkInBloc(title="Contact"),
    ]
    return [
        SectionBloc(
            color="primary",
            blocs=[
                TitleBloc(title="Bienvenue", subtitle="Les données en un clin d'œil"),
                ButtonBloc(title="Commencer", url="https://guides.example.org/", width="1/2"),
                MarkdownBloc(content=texts.paragraph(2), width="1/2"),
                LinksListBloc(links=links),
            ],
        ),
        SectionBloc(
            blocs=[
                DatasetBloc(dataset=catalog.datasets[0], width="1/3"),
                ReuseBloc(reuse=catalog.reuses[0], width="1/3"),
                DataserviceBloc(dataservice=catalog.dataservices[0], width="1/3"),
                ExploreBloc(resource_id=explored),
                AccordionListBloc(
                    items=[
                        AccordionItemBloc(
                            title="Une question ?", content=[MarkdownBloc(content="Une réponse.")]
                        )
                    ]
                ),
            ],
        ),
    ]


def seed_charts(catalog: Catalog) -> list[Any]:
    conditions = [
        FilterFactory(column="annee", condition="exact", value="2024"),
        FilterFactory(column="commune", condition="is_not_null", value=None),
    ]
    charts = []
    for index, filters in enumerate([AndFilters(filters=conditions), conditions[0], None]):
        chart = ChartFactory(
            title=f"Évolution du trafic {index}",
            created_at=moment(),
            description=texts.paragraph(2),
            series=[
                DataSeriesFactory(
                    type="line",
                    resource_id=catalog.datasets[index].resources[0].id,
                    column_y="total",
                    aggregate_y="sum",
                    filters=filters,
                )
            ],
            private=index == 2,
            extras={"cle": "valeur"} if index == 0 else {},
            owner=catalog.admin,
        )
        charts.append(chart)
    charts[0].image.save(picture("green"))
    charts[0].save()
    return charts


def seed_notifications(catalog: Catalog, backstage: Backstage) -> None:
    """Add notifications of each kind, and a few notification settings, for the administrator."""
    organization, dataset = catalog.organizations[0], catalog.datasets[0]
    discussion = catalog.discussions[1]
    talk = DiscussionNotificationDetails(
        discussion=discussion, message_id=discussion.discussion[0].id
    )
    transfer = backstage.transfers[0]
    for kind, details in [
        (NotificationType.DISCUSSION_NEW, talk),
        (NotificationType.DISCUSSION_CLOSED, talk),
        (
            NotificationType.ORGANIZATION_MEMBERSHIP_ACCEPTED,
            MembershipAcceptedNotificationDetails(organization=organization),
        ),
        (
            NotificationType.ORGANIZATION_MEMBERSHIP_REFUSED,
            MembershipRefusedNotificationDetails(organization=organization),
        ),
        (
            NotificationType.ORGANIZATION_BADGE_CERTIFIED,
            NewBadgeNotificationDetails(organization=organization),
        ),
        (
            NotificationType.REUSE_CREATED,
            ReuseCreatedNotificationDetails(reuse=catalog.reuses[0], dataset=dataset),
        ),
        (
            NotificationType.DATASERVICE_CREATED,
            DataserviceCreatedNotificationDetails(
                dataservice=catalog.dataservices[0], dataset=dataset
            ),
        ),
        (
            NotificationType.TRANSFER_REQUESTED,
            TransferRequestNotificationDetails(
                transfer_owner=transfer.owner,
                transfer_recipient=transfer.recipient,
                transfer_subject=transfer.subject,
            ),
        ),
        (
            NotificationType.HARVEST_SOURCE_PENDING,
            ValidateHarvesterNotificationDetails(source=backstage.sources[1]),
        ),
    ]:
        Notification(
            user=catalog.admin,
            type=kind,
            details=details,
            reasons=[NotificationReason.OWNER],
            created_at=moment(),
            handled_at=NOW if kind is NotificationType.DISCUSSION_NEW else None,
        ).save()
    # Give the notifications different dates.
    for notification in Notification.objects:
        notification.update(last_modified=moment())
    MembershipRequestNotificationFactory(
        user=catalog.admin, request_organization=organization, request_user=catalog.users[10]
    )
    for scope, event, enabled in [
        (dataset, None, True),
        (organization, "discussion", False),
        (None, "reuse.created", False),
    ]:
        NotificationSetting(user=catalog.admin, scope=scope, event=event, enabled=enabled).save()


def seed_geopf(catalog: Catalog) -> None:
    """Link the administrator to Géoplateforme, and mark a dataset as pushed to it."""
    GeopfToken(
        user=catalog.admin,
        access_token="access",
        refresh_token="refresh",
        expires_at=NOW + timedelta(days=36500),
    ).save()
    dataset = catalog.datasets[0]
    dataset.geopf = GeopfDatasetMetadata(
        push=GeopfDatasetPushMetadata(datastore_id="entrepot-1", datasheet_name="Une fiche"),
        pull=GeopfDatasetPullMetadata(status="done", last_synced_at=NOW, task_id="task-done"),
    )
    pushed, *others = dataset.resources
    pushed.format = "gpkg"
    pushed.geopf = GeopfResourceMetadata(
        push=GeopfResourcePushMetadata(
            status="done", stored_data_id="donnee-1", last_synced_at=NOW, task_id="task-done"
        )
    )
    for offered in others:
        offered.geopf = GeopfResourceMetadata(
            offering=GeopfResourceOfferingMetadata(id="offre-1", last_synced_at=NOW)
        )
    dataset.save()
