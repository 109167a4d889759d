"""Seed data beyond the catalogue: harvests, memberships, posts, reports, transfers, jobs, ..."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import texts
from catalog import NOW, Catalog, coverage, moment, picture
from celery import states
from flask import current_app
from release import ABSENT, find
from udata.core.dataset.activities import UserCreatedDataset, UserUpdatedDataset
from udata.core.dataset.tasks import export_csv_for_model
from udata.core.followers.models import Follow
from udata.core.jobs.models import PeriodicTask
from udata.core.organization.activities import UserUpdatedOrganization
from udata.core.organization.models import MembershipRequest
from udata.core.post.factories import PostFactory
from udata.core.reports.models import Report
from udata.core.reuse.activities import UserCreatedReuse
from udata.core.site.models import current_site
from udata.core.tags.models import Tag
from udata.core.topic.factories import TopicFactory
from udata.core.user.activities import UserDiscussedDataset, UserFollowedOrganization
from udata.features.transfer.factories import TransferFactory
from udata.harvest.models import (
    HarvestError,
    HarvestItem,
    HarvestJob,
    HarvestLog,
    HarvestSource,
    HarvestSourceValidation,
)
from udata.tasks import celery

TopicElementFactory = find("TopicElementFactory", "udata.core.topic.factories")


@dataclass
class Backstage:
    """Seeded objects of each kind, from which the example parameters are taken."""

    topics: list[Any]
    posts: list[Any]
    reports: list[Any]
    transfers: list[Any]
    sources: list[Any]
    harvest_jobs: list[Any]
    periodic_tasks: list[Any]
    task_ids: list[str]
    #: only in newer releases
    charts: list[Any] = field(default_factory=list)
    #: only in older releases
    pages: list[Any] = field(default_factory=list)


def seed_backstage(catalog: Catalog) -> Backstage:
    seed_follows(catalog)
    seed_memberships(catalog)
    sources, harvest_jobs = seed_harvests(catalog)
    backstage = Backstage(
        topics=seed_topics(catalog),
        posts=seed_posts(catalog),
        reports=seed_reports(catalog),
        transfers=seed_transfers(catalog),
        sources=sources,
        harvest_jobs=harvest_jobs,
        periodic_tasks=seed_periodic_tasks(sources),
        task_ids=seed_task_results(),
    )
    seed_activities(catalog)
    seed_tags(catalog)
    seed_exports(catalog)
    seed_site(catalog)
    return backstage


def seed_follows(catalog: Catalog) -> None:
    followed = [
        *catalog.datasets[:5],
        *catalog.reuses[:3],
        *catalog.dataservices[:3],
        *catalog.organizations[:3],
        catalog.admin,
        catalog.user,
    ]
    for index, following in enumerate(followed):
        for follower in [catalog.admin, catalog.other, *catalog.users[: 1 + index % 4]]:
            Follow(follower=follower, following=following, since=moment()).save()


def seed_memberships(catalog: Catalog) -> None:
    """Add membership requests in every state to an organization of the administrator."""
    organization = catalog.organizations[0]
    asking, refused, accepted = catalog.users[10:13]
    organization.requests = [
        MembershipRequest(user=asking, comment="J'y travaille.", created=NOW),
        MembershipRequest(
            user=refused,
            created=NOW,
            comment="Je suis curieux.",
            status="refused",
            handled_on=NOW,
            handled_by=catalog.admin,
            refusal_comment="Réservé aux agents.",
        ),
        MembershipRequest(
            user=accepted,
            comment="Bonjour",
            status="accepted",
            created=NOW,
            handled_on=NOW,
            role="admin",
        ),
    ]
    organization.save()


def seed_harvests(catalog: Catalog) -> tuple[list[Any], list[Any]]:
    accepted = HarvestSourceValidation(
        state="accepted", by=catalog.admin, on=NOW, comment="Source vérifiée"
    )
    refused = HarvestSourceValidation(
        state="refused", by=catalog.admin, on=NOW, comment="Catalogue vide"
    )
    sources = [
        HarvestSource(
            name=f"Catalogue {name}",
            description=texts.paragraph(2),
            url=f"https://catalogue-{index}.example.org/catalog.xml",
            backend="local",
            config={
                "filters": [{"key": "tag", "value": "transport", "type": "include"}],
                "features": {"hidden": True},
                "extra_configs": [{"key": "prefix", "value": "fr"}],
            },
            validation=validation,
            created_at=moment(),
            frequency="daily",
            active=index != 2,
            **owner,
        ).save()
        for index, (name, validation, owner) in enumerate(
            [
                ("régional", accepted, {"organization": catalog.organizations[0]}),
                ("en attente", HarvestSourceValidation(), {"owner": catalog.admin}),
                ("refusé", refused, {}),
            ]
        )
    ]
    deleted = HarvestSource(
        name="Catalogue supprimé",
        url="https://old.example.org/",
        backend="local",
        created_at=moment(),
        deleted=NOW,
    )
    deleted.save()
    jobs = [
        harvest_job(catalog, sources[0], age, status)
        for age, status in enumerate(["done", "done-errors", "failed", "pending"])
    ]
    jobs.append(harvest_job(catalog, sources[1], 9, "done"))
    return [*sources, deleted], jobs


def harvest_job(catalog: Catalog, source: Any, age: int, status: str) -> Any:
    created = NOW - timedelta(days=age)
    if status == "pending":
        return HarvestJob(source=source, created=created, status=status).save()
    error = HarvestError(
        created_at=created, message="Titre manquant", details="Traceback (most recent call last)"
    )
    items = [
        HarvestItem(
            remote_id=f"jdd-{index}",
            remote_url=f"https://catalogue-0.example.org/datasets/{index}",
            dataset=dataset,
            status="done",
            created=created,
            started=created,
            ended=created + timedelta(seconds=1),
            kwargs={"page_number": 1},
            logs=[HarvestLog(level="info", message="Ressource sans format")],
        )
        for index, dataset in enumerate(catalog.datasets[:5])
    ]
    items.append(HarvestItem(remote_id="api-1", dataservice=catalog.dataservices[0], status="done"))
    items.append(HarvestItem(remote_id="jdd-99", status="failed", errors=[error], args=["99"]))
    items.append(HarvestItem(remote_id="jdd-100", status="skipped"))
    return HarvestJob(
        source=source,
        created=created,
        started=created + timedelta(minutes=1),
        ended=created + timedelta(minutes=3),
        status=status,
        items=[] if status == "failed" else items,
        errors=[error] if status != "done" else [],
    ).save()


TAGS_OF_TOPICS = [
    ["mobilite", "velo"],
    ["mobilite", "sante"],
    ["eau", "velo"],
    ["velo"],
    ["sante", "velo"],
]
TAGS_OF_ELEMENTS = [["eau", "essentiel"], ["essentiel"], ["eau"], ["velo"]]


def seed_topics(catalog: Catalog) -> list[Any]:
    topics = []
    for index, name in enumerate(
        ["Mobilités douces", "Qualité de vie", "Élections 2026", "Eau potable", "Forêts publiques"]
    ):
        owner = {3: {"owner": catalog.user}, 4: {"owner": catalog.admin}}.get(index)
        place = {0: 0, 2: 6, 4: 13}.get(index)
        topic = TopicFactory(
            name=name,
            description=texts.description(),
            tags=TAGS_OF_TOPICS[index],
            color=index or None,
            featured=index == 0,
            private=index == 2,
            created_at=moment(),
            spatial=None if place is None else coverage(catalog, place),
            **(owner or {"organization": catalog.organizations[index]}),
            extras={"couleur": "bleu"},
            # Of releases whose topics have no elements.
            datasets=catalog.datasets[index : index + 1],
            reuses=catalog.reuses[index : index + 1],
        )
        parts = [catalog.datasets, catalog.reuses, catalog.dataservices]
        for number, element in enumerate([*(part[index] for part in parts), None]):
            TopicElementFactory(
                topic=topic,
                title=f"Un élément {texts.TOPICS[number]}" if number != 1 else None,
                description=texts.paragraph(1) if number != 1 else None,
                tags=TAGS_OF_ELEMENTS[number],
                extras={"rang": number} if number else {},
                element=element,
            )
        topics.append(topic)
    return topics


def seed_posts(catalog: Catalog) -> list[Any]:
    PostFactory(
        name="Le portail ouvre",
        headline="Un portail pour tous",
        content=texts.description(),
        datasets=[],
        reuses=[],
        created_at=NOW - timedelta(days=400),
        published=NOW - timedelta(days=399),
        owner=catalog.admin,
    )
    news = PostFactory(
        name="Du nouveau sur le portail",
        headline="Des cartes, des tables",
        content=texts.description(),
        datasets=catalog.datasets[:2],
        reuses=catalog.reuses[:2],
        tags=["actualite"],
        credit_to="Service photo",
        credit_url="https://photos.example.org/",
        created_at=NOW - timedelta(days=10),
        published=NOW - timedelta(days=2),
        owner=catalog.admin,
    )
    news.image.save(picture("purple"))
    news.save()
    draft = PostFactory(
        name="Brouillon", content="À venir", published=None, datasets=[], reuses=[], owner=None
    )
    return [news, draft]


def seed_reports(catalog: Catalog) -> list[Any]:
    discussion = catalog.discussions[3]
    return [
        Report(
            subject=catalog.datasets[0],
            reason="personal_data",
            message="Des noms y figurent.",
            by=catalog.user,
            reported_at=moment(),
        ).save(),
        Report(subject=catalog.reuses[0], reason="spam", reported_at=moment()).save(),
        Report(
            subject=discussion,
            subject_embed_id=getattr(discussion.discussion[0], "id", None),
            reason="explicit_content",
            by=catalog.other,
            reported_at=moment(),
            dismissed_at=NOW,
            dismissed_by=catalog.admin,
        ).save(),
        Report(
            subject=catalog.dataservices[0],
            reason="others",
            message="Hors sujet",
            reported_at=moment(),
            subject_deleted_at=NOW,
            subject_deleted_by=catalog.admin,
        ).save(),
    ]


def seed_transfers(catalog: Catalog) -> list[Any]:
    mine = [dataset for dataset in catalog.datasets if dataset.owner == catalog.user]
    theirs = catalog.owned_by(catalog.reuses, catalog.organizations[1])
    return [
        TransferFactory(
            user=catalog.user,
            owner=catalog.user,
            recipient=catalog.admin,
            subject=mine[0],
            comment="Je change de poste.",
            created=NOW,
        ),
        TransferFactory(
            user=catalog.user,
            owner=catalog.user,
            recipient=catalog.admin,
            subject=next(reuse for reuse in catalog.reuses if reuse.owner == catalog.user),
            comment="Celle-ci aussi.",
            status="refused",
            created=NOW,
            responded=NOW,
        ),
        TransferFactory(
            user=catalog.admin,
            owner=catalog.organizations[1],
            recipient=catalog.organizations[0],
            subject=theirs[0],
            status="refused",
            created=NOW,
            responded=NOW,
            responder=catalog.admin,
            response_comment="Non merci",
        ),
        TransferFactory(
            user=catalog.admin,
            owner=catalog.organizations[0],
            recipient=catalog.user,
            subject=catalog.owned_by(catalog.dataservices, catalog.organizations[0])[0],
            status="accepted",
            created=NOW,
            responded=NOW,
        ),
    ]


def seed_periodic_tasks(sources: list[Any]) -> list[Any]:
    harvest = PeriodicTask(
        name="Moissonnage quotidien",
        description="Lance le catalogue régional",
        task="harvest",
        crontab=PeriodicTask.Crontab(minute="0", hour="3"),
        args=[str(sources[0].id)],
        kwargs={},
        enabled=True,
        last_run_at=NOW,
    ).save()
    sources[0].periodic_task = harvest
    sources[0].save()
    metrics = PeriodicTask(
        name="Statistiques",
        task="count-tags",
        interval=PeriodicTask.Interval(every=2, period="hours"),
        kwargs={"force": True},
    ).save()
    return [harvest, metrics]


def seed_task_results() -> list[str]:
    """Store the results of two finished tasks in the in-memory backend of Celery."""
    celery.backend.store_result("task-done", {"items": 3}, states.SUCCESS)
    celery.backend.store_result(
        "task-failed", ValueError("catalogue vide"), states.FAILURE, traceback="Traceback (...)"
    )
    return ["task-done", "task-failed"]


def seed_activities(catalog: Catalog) -> None:
    organization, dataset = catalog.organizations[0], catalog.datasets[0]
    for kind, related_to, more in [
        (UserCreatedDataset, dataset, {"organization": organization}),
        (UserUpdatedDataset, dataset, {"changes": ["title", "tags"]}),
        (UserDiscussedDataset, catalog.datasets[1], {}),
        (UserCreatedReuse, catalog.reuses[0], {"extras": {"origine": "portail"}}),
        (UserUpdatedOrganization, organization, {"organization": organization}),
        (UserFollowedOrganization, organization, {}),
    ]:
        for actor in (catalog.admin, catalog.user):
            kind(actor=actor, related_to=related_to, created_at=moment(), **more).save()


def seed_tags(catalog: Catalog) -> None:
    for name in texts.TAGS:
        counts = {
            "datasets": sum(name in dataset.tags for dataset in catalog.datasets),
            "reuses": sum(name in reuse.tags for reuse in catalog.reuses),
        }
        Tag(name=name, counts=counts).save()


def seed_exports(catalog: Catalog) -> None:
    """Add the CSV exports, to which /site/*.csv redirects, to a dataset."""
    dataset = catalog.datasets[-1]
    dataset.resources = []
    for model in current_app.config["EXPORT_CSV_MODELS"]:
        export_csv_for_model(model, dataset)
    current_app.config["EXPORT_CSV_DATASET_ID"] = dataset.id


def seed_site(catalog: Catalog) -> None:
    site = current_site._get_current_object()
    site.settings.home_datasets = catalog.datasets[:3]
    site.settings.home_reuses = catalog.reuses[:3]
    site.save()


def count_metrics(catalog: Catalog) -> None:
    """Compute the metrics of the nightly jobs, for a few objects only because it is slow."""
    site = current_site._get_current_object()
    count(
        site,
        *("users", "org", "datasets", "resources", "reuses", "dataservices", "followers"),
        *("discussions", "harvesters", "stock_metrics"),
    )
    for organization in catalog.organizations[:3]:
        count(organization, "members", "datasets", "reuses", "dataservices", "followers")
    for item in [*catalog.datasets[:5], *catalog.reuses[:3], *catalog.dataservices[:3]]:
        count(item, "discussions", "followers")
    for dataset in catalog.datasets[:5]:
        count(dataset, "reuses", "dataservices")
    for user in (catalog.admin, catalog.user):
        count(user, "datasets", "reuses", "dataservices", "followers", "following")
    count(
        site,
        *("max_dataset_followers", "max_dataset_reuses", "max_reuse_followers"),
        *("max_org_followers", "max_org_datasets"),
    )


def count(document: Any, *metrics: str) -> None:
    """Count the metrics of a document that this release has."""
    for metric in metrics:
        getattr(document, f"count_{metric}", ABSENT)()
