"""Seed data that not every release has: tokens, invitations, charts, suspected spam, ..."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import texts
from backstage import Backstage
from blocs import seed_pages, seed_presentations
from catalog import NOW, Catalog, moment, picture
from notifications import seed_notifications
from release import find, has_field
from udata.core.organization.models import MembershipRequest

ApiToken = find("ApiToken", "udata.core.api_token.models")
Assignment = find("Assignment", "udata.core.organization.assignment")
ChartFactory, DataSeriesFactory, FilterFactory, AndFilters = (
    find(name, "udata.core.visualizations.factories", "udata.core.visualizations.models")
    for name in ("ChartFactory", "DataSeriesFactory", "FilterFactory", "AndFilters")
)
POTENTIAL_SPAM = find("POTENTIAL_SPAM", "udata.core.spam.constants")
SpamInfo = find("SpamInfo", "udata.core.spam.models")


def new_key(user: Any) -> str:
    """Return a new API key: a token, or the only key of the user in older releases."""
    if ApiToken:
        return ApiToken.generate(user, name="Clé d'essai")[1]
    user.generate_api_key()
    user.save()
    return user.apikey


def seed_extras(catalog: Catalog, backstage: Backstage) -> None:
    if has_field(MembershipRequest, "kind"):
        seed_invitations(catalog)
    if Assignment:
        seed_assignments(catalog)
    seed_pages(catalog, backstage)
    if ChartFactory:
        backstage.charts = seed_charts(catalog)
    if SpamInfo:
        seed_spam(catalog)
    seed_notifications(catalog, backstage)
    if geopf("GeopfToken"):
        seed_geopf(catalog)
    seed_presentations(catalog)
    if ApiToken:
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
    if has_field(type(charts[0]), "image"):
        charts[0].image.save(picture("green"))
        charts[0].save()
    return charts


def seed_spam(catalog: Catalog) -> None:
    """Mark a discussion and a comment as suspected spam."""
    whole, commented = catalog.discussions[20], catalog.discussions[22]
    whole.spam = SpamInfo(status=POTENTIAL_SPAM)
    whole.save_without_spam_detection()
    commented.discussion[1].spam = SpamInfo(status=POTENTIAL_SPAM)
    commented.save_without_spam_detection()


def geopf(name: str) -> Any:
    """Return a model of the links to Géoplateforme, if this release has them."""
    return find(name, "udata.geopf.models")


def seed_geopf(catalog: Catalog) -> None:
    """Link the administrator to Géoplateforme, and mark a dataset as pushed to it."""
    geopf("GeopfToken")(
        user=catalog.admin,
        access_token="access",
        refresh_token="refresh",
        expires_at=NOW + timedelta(days=36500),
    ).save()
    dataset = catalog.datasets[0]
    dataset.geopf = geopf("GeopfDatasetMetadata")(
        push=geopf("GeopfDatasetPushMetadata")(
            datastore_id="entrepot-1", datasheet_name="Une fiche"
        ),
        pull=geopf("GeopfDatasetPullMetadata")(
            status="done", last_synced_at=NOW, task_id="task-done"
        ),
    )
    pushed, *others = dataset.resources
    pushed.format = "gpkg"
    pushed.geopf = geopf("GeopfResourceMetadata")(
        push=geopf("GeopfResourcePushMetadata")(
            status="done", stored_data_id="donnee-1", last_synced_at=NOW, task_id="task-done"
        )
    )
    for offered in others:
        offered.geopf = geopf("GeopfResourceMetadata")(
            offering=geopf("GeopfResourceOfferingMetadata")(id="offre-1", last_synced_at=NOW)
        )
    dataset.save()
