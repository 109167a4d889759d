"""A typical user program, which needs no cast, assert, ignore or ``or []``."""

from __future__ import annotations

import datetime as dt
from collections import Counter

from aiodatagouv import Client
from aiodatagouv.api import (
    dataservices,
    datasets,
    discussions,
    harvest,
    organizations,
    posts,
    reuses,
    users,
)
from aiodatagouv.models import Dataset, DatasetWrite, Organization, Resource


def title_of(dataset: Dataset) -> str:
    return f"{dataset.title.upper()} ({dataset.license}, {dataset.frequency})"


def is_recent(dataset: Dataset, days: int = 365) -> bool:
    return dataset.last_update > dt.datetime.now(dt.UTC) - dt.timedelta(days=days)


def size_of(dataset: Dataset) -> int:
    return sum(resource.filesize or 0 for resource in dataset.resources)


def producer_of(dataset: Dataset) -> str:
    if dataset.organization is not None:
        return dataset.organization.name
    if dataset.owner is not None:
        return f"{dataset.owner.first_name} {dataset.owner.last_name}"
    return "nobody"


def newest(resources: list[Resource]) -> Resource | None:
    return max(resources, key=lambda one: one.last_modified, default=None)


async def catalogue(client: Client) -> list[str]:
    lines: list[str] = []
    formats: Counter[str] = Counter()
    found = [one async for one in datasets.list_datasets(client, page_size=50)]
    for dataset in sorted(found, key=lambda one: one.created_at, reverse=True):
        formats.update(one.format for one in dataset.resources if one.format)
        lines.append(f"{title_of(dataset)}: {producer_of(dataset)}, {size_of(dataset)} bytes")
        lines += [f"  {tag.lower()}" for tag in dataset.tags]
        if dataset.spatial is not None:
            lines += [f"  in {zone}" for zone in dataset.spatial.zones]
        latest = newest(dataset.resources)
        if latest is not None:
            lines.append(f"  {latest.title} of {latest.created_at:%d %B %Y}: {latest.url}")
            lines.append(f"  {state_of(latest)}")
    lines.append(f"{sum(map(is_recent, found))} are recent, {formats.most_common(3)}")
    last = max(found, key=lambda one: one.last_update)
    lines.append(
        f"{last.title}, {last.last_modified.isoformat()}, {last.internal.created_at_internal}"
    )
    lines.append(f"{last.metrics.get('views', 0)} views, quality {last.quality['score']:.2f}")
    return lines


def state_of(resource: Resource) -> str:
    analysis = resource.analysis
    state = {True: "available", False: "lost", None: "unchecked"}[analysis.available]
    if analysis.checked_at is not None:
        state += f" on {analysis.checked_at:%d %B %Y}"
    if analysis.parquet_url is not None:
        state += f", as Parquet ({analysis.parquet_size or 0} bytes) at {resource.scan().url}"
    return state


async def people(client: Client, organization: Organization) -> list[str]:
    since = organization.created_at.year
    lines = [f"{organization.name}: {len(organization.members)} members since {since}"]
    for member in organization.members:
        lines.append(f"{member.user.first_name} {member.user.last_name} is {member.label}")
        user = await users.get_user(client, member.user.id)
        lines.append(f"{user.slug}, {user.metrics['datasets']} datasets, since {user.since.year}")
    kinds = {badge.kind for badge in organization.badges}
    lines.append(", ".join(sorted(kinds)))
    async for dataset in organizations.list_organization_datasets(client, organization.id):
        lines.append(dataset.slug)
    return lines


async def talk(client: Client) -> list[str]:
    lines: list[str] = []
    async for discussion in discussions.list_discussions(client):
        first, *answers = discussion.discussion
        lines.append(f"{discussion.title} by {discussion.user.slug}: {len(answers)} answers")
        lines += [f"{one.posted_by.first_name}: {one.content[:40]}" for one in answers]
        if discussion.closed is not None and discussion.closed_by is not None:
            lines.append(f"closed after {discussion.closed - first.posted_on}")
        lines.append(f"about {discussion.subject.class_} {discussion.subject.id}")
    return lines


async def others(client: Client) -> list[str]:
    lines: list[str] = []
    async for reuse in reuses.list_reuses(client):
        names = [dataset.title for dataset in reuse.datasets]
        lines.append(f"{reuse.title} ({reuse.type}, {reuse.topic}), {reuse.created_at:%Y}: {names}")
    async for service in dataservices.list_dataservices(client):
        lines.append(f"{service.title}: {service.description[:20]}, {service.metadata_modified_at}")
    page = await posts.list_posts(client)
    lines += [f"{post.name}, {post.created_at.date()}, {len(post.datasets)}" for post in page.data]
    async for source in harvest.list_harvest_sources(client):
        lines.append(f"{source.name}: {source.backend} at {source.url}, {source.validation.state}")
        if source.last_job is not None:
            lines.append(f"{source.last_job.status}, {source.last_job.created:%Y-%m-%d}")
    return lines


async def retitle(client: Client, dataset: Dataset, title: str) -> Dataset:
    body = DatasetWrite.of(dataset, title=title, tags=[*dataset.tags, "renamed"])
    return await datasets.update_dataset(client, dataset.id, body=body)


async def publish(client: Client, organization: Organization) -> Dataset:
    body = DatasetWrite(
        title="Bornes de recharge",
        description="Toutes les bornes.",
        frequency="monthly",
        organization=organization,
        tags=["velo", "recharge"],
    )
    return await datasets.create_dataset(client, body=body)


async def main(client: Client, organization: str) -> list[str]:
    found = await organizations.get_organization(client, organization)
    made = await retitle(client, await publish(client, found), "Bornes")
    lines = [*await catalogue(client), *await people(client, found), made.title]
    return [*lines, *await talk(client), *await others(client)]
