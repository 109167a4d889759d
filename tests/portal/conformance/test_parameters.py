"""Tests that every query parameter of every list is sent and has the documented effect.

A rule computes the expected result of a parameter from other responses: from the complete list, or
from another operation. The result must be the expected one, and must differ from the result without
the parameter.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from typing import Any

import httpx
import pytest
from attrs import evolve

from aiodatagouv import OPERATIONS, Operation

from ..portal import OLDEST, RELEASES, Portal, running_portal
from .asker import CATALOGS, FEED, Asker, asking, parameters_of, values_at
from .rules import (
    Groups,
    Probe,
    Rule,
    all_of,
    any_of,
    anything_else,
    as_set,
    by,
    by_release,
    first_of,
    flag,
    group,
    matching,
    newest_updates,
    page,
    page_size,
    part,
    size,
    sorts,
    text,
    through,
)
from .unanswerable import REQUEST_ONLY


async def with_badge(ask: Asker) -> Groups:
    """Return badge -> the organizations that have it."""
    return group(await ask.to("list_organizations")(), "badges.kind")


async def followed(ask: Asker) -> Groups:
    """Return user -> the datasets that they follow."""
    found: Groups = {}
    for dataset in await ask.population():
        for follow in await ask.to("list_dataset_followers", dataset.id)():
            found.setdefault(follow.follower.id, set()).add(dataset.id)
    return found


def in_topics(kind: str) -> Callable[[Asker], Any]:
    """Return topic -> its elements of a kind, which only version 2 of the API lists."""

    async def groups(ask: Asker) -> Groups:
        found: Groups = {}
        async with httpx.AsyncClient(headers={"X-API-KEY": ask.portal.api_key}) as client:
            api = ask.portal.url.replace("/api/1/", "/api/2/")
            for topic in (await client.get(f"{api}topics/")).json()["data"]:
                elements = (await client.get(f"{api}topics/{topic['id']}/elements/")).json()["data"]
                found[topic["id"]] = {
                    one["element"]["id"]
                    for one in elements
                    if one["element"] and one["element"]["class"] == kind
                }
        return found

    return groups


def within(kind: str) -> Rule:
    """Expect the topics that have an object of a kind as an element."""

    async def groups(ask: Asker) -> Groups:
        found: Groups = {}
        for topic, elements in (await in_topics(kind)(ask)).items():
            for one in elements:
                found.setdefault(one, set()).add(topic)
        return found

    return matching(groups)


async def classes(ask: Asker) -> Groups:
    """Return class -> the elements of a topic that have an object of it; None of those without."""
    found: Groups = {}
    for one in await ask.population():
        name = "None" if one.element is None else one.element.class_
        found.setdefault(name, set()).add(one.id)
    return found


async def served(ask: Asker) -> Groups:
    """Return dataservice -> its datasets."""
    found: Groups = {}
    for dataset in await ask.to("list_datasets")():
        for one in await ask.to("list_dataservices")(dataset=dataset.id):
            found.setdefault(one.id, set()).add(dataset.id)
    return found


async def serving(ask: Asker) -> Groups:
    """Return dataset -> its dataservices."""
    found: Groups = {}
    for dataservice in await ask.to("list_dataservices")():
        for dataset in await ask.to("list_datasets")(dataservice=dataservice.id):
            found.setdefault(dataset.id, set()).add(dataservice.id)
    return found


def reused(path: str) -> Callable[[Asker], Any]:
    """Return reuse -> the values at a path."""

    async def groups(ask: Asker) -> Groups:
        reuses = await ask.to("list_reuses")()
        return {one.id: set(values_at(one, path)) for one in reuses}

    return groups


async def owned(ask: Asker) -> Groups:
    """Return organization -> its datasets, reuses and dataservices."""
    found: Groups = {}
    for name in ("list_datasets", "list_reuses", "list_dataservices"):
        for owner, ids in group(await ask.to(name)(), "organization.id").items():
            found.setdefault(owner, set()).update(ids)
    return found


async def in_period(ask: Asker) -> list[Probe]:
    """Expect the datasets whose temporal coverage starts in the period."""
    population = await ask.population()
    start, end = dt.date(2012, 1, 1), dt.date(2016, 12, 31)
    found = [
        one
        for one in population
        for begin in values_at(one, "temporal_coverage.start")
        if start <= dt.date.fromisoformat(str(begin)[:10]) <= end
    ]
    return [Probe({ask.parameter: f"{start}-{end}"}, as_set(ask.shown(found)))]


async def deleted_as_well(ask: Asker) -> list[Probe]:
    return [await as_well(ask, "deleted", True)]


async def drafts_as_well(ask: Asker) -> list[Probe]:
    return [await as_well(ask, "published", False)]


async def as_well(ask: Asker, path: str, there: bool) -> Probe:
    """Expect items that the list excludes by default, in addition to the usual ones."""
    every = await ask(**{ask.parameter: True})
    assert any(bool(values_at(one, path)) is there for one in every)
    usual = as_set(await ask())
    return Probe(
        {ask.parameter: True},
        {*usual, *as_set([one for one in every if bool(values_at(one, path)) is there])},
    )


def of_caller(path: str) -> Rule:
    """Expect all items for the caller's id, and none for the id of another user."""

    async def probes(ask: Asker) -> list[Probe]:
        population = await ask.population()
        (own,) = {value for one in population for value in values_at(one, path)}
        users = await ask.to("list_users")()
        strange = next(user.id for user in users if user.id != own)
        return [
            Probe({ask.parameter: own}, as_set(population)),
            Probe({ask.parameter: strange}, set()),
        ]

    return probes


async def extensions(ask: Asker) -> Groups:
    return group(await ask.to("allowed_extensions")(), "")


async def scopes(ask: Asker) -> list[Probe]:
    """Expect one item for each subject."""
    found = await ask.to("list_datasets")()
    names = [f"Dataset:{one.id}" for one in found[:2]]
    return [
        Probe(
            {ask.parameter: names},
            [one.id for one in found[:2]],
            lambda items: [one.scope.id for one in items],
            {ask.parameter: names[:1]},
        )
    ]


async def event(ask: Asker) -> list[Probe]:
    """Expect the settings of the given event."""
    return [
        Probe({ask.parameter: kind}, [kind], lambda items: [one.event for one in items])
        for kind in ("discussion", "discussion.new")
    ]


def recipients(items: list[Any]) -> set[str]:
    return {one.recipient.id for one in items}


async def recipient(ask: Asker) -> list[Probe]:
    """Expect only transfers to the given user."""
    users = await ask.to("list_users")()
    (user,) = [one.id for one in users if one.email == "user@example.org"]
    return [Probe({ask.parameter: user}, {user}, recipients)]


OWNED: dict[str, Rule] = {
    "owner": by("owner.id", strangers="list_users"),
    "organization": by("organization.id", strangers="list_organizations"),
}
PAGED: dict[str, Rule] = {"page": page, "page_size": page_size}
FOLLOWERS: dict[str, Rule] = {**PAGED, "user": by("follower.id")}

DATASETS: dict[str, Rule] = {
    **OWNED,
    **PAGED,
    "q": text("title", "description"),
    "tag": all_of("tags"),
    # `notspecified` is also shown for datasets without a license, which the filter does not find.
    "license": by("license", but="notspecified"),
    "featured": by("featured"),
    "geozone": by("spatial.zones"),
    "granularity": by("spatial.granularity"),
    "temporal_coverage": in_period,
    "access_type": by("access_type"),
    "badge": by("badges.kind"),
    "organization_badge": through("organization.id", with_badge),
    "followed_by": through("id", followed),
    "format": by("resources.format"),
    "schema": by("resources.schema.name"),
    "schema_version": by("resources.schema.version"),
    "topic": through("id", in_topics("Dataset")),
    "dataservice": through("id", served),
    "reuse": through("id", reused("datasets.id")),
    "archived": flag("archived"),
    "deleted": flag("deleted"),
    "private": flag("private"),
    "sort": sorts(
        title="title",
        created="internal.created_at_internal",
        last_update="last_update",
        reuses="metrics.reuses",
        followers="metrics.followers",
        views="metrics.views",
    ),
}
CATALOG = {name: rule for name, rule in DATASETS.items() if name != "sort"}
FEED_RULES = {name: rule for name, rule in CATALOG.items() if name not in PAGED}

TOPICS: dict[str, Rule] = {
    **OWNED,
    **PAGED,
    "q": text("name", "description", words=1),
    "tag": all_of("tags"),
    "featured": by("featured"),
    "private": flag("private"),
    "geozone": by("spatial.zones"),
    "granularity": by("spatial.granularity"),
    "dataset": within("Dataset"),
    "dataservice": within("Dataservice"),
    "reuse": within("Reuse"),
    "sort": sorts(name="name", created="created_at", last_modified="last_modified"),
}

RULES: dict[str, dict[str, Rule]] = {
    "list_datasets": DATASETS,
    "list_organization_datasets": {**PAGED, "sort": DATASETS["sort"]},
    FEED: {**FEED_RULES, "sort": newest_updates},
    **dict.fromkeys(sorted(CATALOGS), CATALOG),
    "list_dataservices": {
        **OWNED,
        **PAGED,
        "q": text("title", "description"),
        "sort": sorts(
            title="title",
            base_api_url="base_api_url",
            created="created_at",
            last_modified="metadata_modified_at",
            followers="metrics.followers",
            views="metrics.views",
        ),
        "topic": through("id", in_topics("Dataservice")),
        "reuse": through("id", reused("dataservices.id")),
        "organization_badge": through("organization.id", with_badge),
        "access_type": by("access_type"),
        "tag": by_release(of_17=all_of("tags"), of_14=first_of("tags")),
        "featured": by("featured"),
        "contact_point": by("contact_points.id"),
        "dataset": through("id", serving),
    },
    "list_reuses": {
        **OWNED,
        **PAGED,
        "q": text("title", "description"),
        "sort": sorts(
            title="title",
            created="created_at",
            last_modified="last_modified",
            datasets="metrics.datasets",
            followers="metrics.followers",
            views="metrics.views",
        ),
        "organization_badge": through("organization.id", with_badge),
        "type": by("type"),
        "topic": by("topic"),
        "dataset": by("datasets.id"),
        "dataservice": by("dataservices.id"),
        "tag": by_release(of_17=all_of("tags"), of_14=first_of("tags")),
        "private": flag("private"),
        "featured": by("featured"),
    },
    "list_organizations": {
        **PAGED,
        "q": text("name", "description"),
        "sort": sorts(
            name="name",
            created="created_at",
            last_modified="last_modified",
            datasets="metrics.datasets",
            reuses="metrics.reuses",
            followers="metrics.followers",
            views="metrics.views",
        ),
        "badge": by("badges.kind"),
        "name": by("name"),
        "business_number_id": by("business_number_id"),
    },
    "list_users": {
        **PAGED,
        "q": text("last_name", "first_name", words=1),
        "sort": sorts(
            last_name="last_name",
            first_name="first_name",
            created="since",
            datasets="metrics.datasets",
            reuses="metrics.reuses",
            followers="metrics.followers",
            views=None,
        ),
    },
    "list_community_resources": {
        **OWNED,
        **PAGED,
        "dataset": by("dataset.id"),
        "sort": sorts(title="title", url="url"),
    },
    "list_discussions": {
        **PAGED,
        "q": text("title"),
        "sort": sorts(
            created="created",
            title="title",
            closed="closed",
            discussion_posted_on="discussion.posted_on",
        ),
        "closed": flag("closed"),
        "for_": any_of("subject.id"),
        "org": through("subject.id", owned),
        "user": by("discussion.posted_by.id"),
    },
    "list_posts": {
        **PAGED,
        "q": text("name", "headline", "content"),
        "sort": sorts(
            name="name",
            headline="headline",
            created="created_at",
            created_at="created_at",
            last_modified="last_modified",
            modified="last_modified",
            published="published",
        ),
        "kind": by("kind"),
        "with_drafts": drafts_as_well,
    },
    "list_pages": {
        **OWNED,
        **PAGED,
        "sort": sorts(created="created_at", last_modified="last_modified"),
    },
    "list_visualizations": {
        **OWNED,
        **PAGED,
        "sort": sorts(title="title", created="created_at", last_modified="last_modified"),
        "private": flag("private"),
    },
    "list_reports": {
        **PAGED,
        "sort": sorts(reported_at="reported_at"),
        "handled": flag("dismissed_at", "subject_deleted_at"),
        "subject_type": by("subject.class_"),
    },
    "list_notifications": {
        **PAGED,
        "sort": sorts(created="created_at", last_modified="last_modified", handled_at="handled_at"),
        "type": by_release(of_17=by("type"), of_14=anything_else("discussion.new")),
        "handled": flag("handled_at"),
        "user": of_caller("user.id"),
    },
    "list_notification_settings": {**PAGED, "followed": by("enabled")},
    "resolve_notifications": {"scope": scopes, "event": event},
    "list_harvest_sources": {
        **OWNED,
        **PAGED,
        "q": text("name", "description"),
        "deleted": deleted_as_well,
    },
    "list_harvest_jobs": PAGED,
    "list_harvest_job_items": {**PAGED, "status": by("status")},
    "activity": {
        **PAGED,
        "sort": sorts(created_at="created_at"),
        "user": by("actor.id"),
        "organization": by("organization.id", "related_to_id"),
        "related_to": by("related_to_id"),
        "key": any_of("key"),
    },
    "list_transfers": {
        "subject": by("subject.id"),
        # 14.13.0 rejects the declared value of topics.
        "subject_type": by_release(
            of_17=by("subject.class_"), of_14=by("subject.class_", declared=False)
        ),
        "recipient": recipient,
        "status": by("status"),
    },
    "list_membership_requests": {"status": by("status"), "user": by("user.id")},
    "get_organization_contact_point": PAGED,
    "get_user_contact_point": PAGED,
    "list_dataservice_followers": FOLLOWERS,
    "list_dataset_followers": FOLLOWERS,
    "list_organization_followers": FOLLOWERS,
    "list_reuse_followers": FOLLOWERS,
    "list_user_followers": FOLLOWERS,
    "my_org_community_resources": {"q": part("title")},
    "my_org_datasets": {"q": part("title")},
    "my_org_discussions": {"q": part("title")},
    "my_org_reuses": {"q": part("title")},
    "suggest_dataservices": {"q": part("title", "acronym"), "size": size(q="api")},
    "suggest_datasets": {"q": part("title", "acronym"), "size": size(q="de")},
    "suggest_formats": {"q": part("text"), "size": size(q="s")},
    "suggest_mime": {"q": part("text", text_="json"), "size": size(q="a")},
    "suggest_organizations": {"q": part("name", "acronym"), "size": size(q="de")},
    "suggest_org_contact_points": {"q": part("name", "email", "contact_form"), "size": size(q="e")},
    "suggest_reuses": {"q": part("title"), "size": size(q="de")},
    "suggest_tags": {"q": part("text"), "size": size(q="e")},
    "suggest_users": {"q": part("slug"), "size": size(q="e")},
    "suggest_zones": {"q": part("name", "code", "id"), "size": size(q="e")},
    "spatial_zone_datasets": {"size": size()},
    "v2.list_datasets": DATASETS,
    "v2.list_reuses": {},
    "v2.list_resources": {**PAGED, "type": by("type"), "q": part("title")},
    "v2.get_topics_api": TOPICS,
    "v2.my_org_topics": TOPICS,
    "v2.topic_elements": {
        **PAGED,
        "q": text("title", "description", words=1),
        "tag": all_of("tags"),
        "class_": matching(classes),
    },
}
RULES["v2.list_reuses"] = RULES["list_reuses"]

NEWER = "newer than 14.13.0"

IGNORED = {
    FEED: {"sort": "always sorted by creation date", "access_type": NEWER},
    "list_datasets": {"access_type": NEWER},
    **{operation: {"access_type": NEWER} for operation in CATALOGS},
    "list_harvest_sources": {"organization": "`owner` also accepts organizations"},
    "list_notifications": {"type": NEWER},
    "list_reports": {"subject_type": NEWER},
    "activity": {"key": NEWER, "sort": NEWER},
    "v2.list_datasets": {"access_type": NEWER},
    **dict.fromkeys(
        ["v2.get_topics_api", "v2.my_org_topics"],
        dict.fromkeys(["private", "dataset", "dataservice", "reuse"], NEWER),
    ),
    "list_pages": dict.fromkeys(["sort", "owner", "organization"], "the list is only paged"),
}
"""Operation -> its parameters that 14.13.0 ignores, with reasons. The tests check that it does."""

SEARCHES = {one.id for one in OPERATIONS.values() if one.path.endswith("/search/")}
"""The searches, whose parameters only mean something to Elasticsearch."""

LISTS = [
    operation
    for operation in OPERATIONS.values()
    if operation.method == "GET"
    if operation.id not in {*REQUEST_ONLY, *SEARCHES, "v2.captchetat"}
    if parameters_of(operation)
]

PAIRS = [
    pytest.param(
        release,
        operation,
        parameter,
        id=f"{release}-{operation.id}-{parameter}",
        # All tests of a release share one portal and one cache of responses.
        marks=pytest.mark.xdist_group(f"parameters-{release}"),
    )
    for release in RELEASES
    for operation in LISTS
    if release in operation.releases
    for parameter in parameters_of(operation)
]


def test_every_parameter_has_a_rule() -> None:
    assert {name: set(rules) for name, rules in RULES.items()} == {
        operation.id: set(parameters_of(operation)) for operation in LISTS
    }


@pytest.fixture(scope="module")
def quiet_portal() -> Iterator[Callable[[str], tuple[Portal, dict[str, list[Any]]]]]:
    """Portals by release to which no test writes, each with its cache of responses."""
    with ExitStack() as running:
        yield cache(
            lambda release: (running.enter_context(running_portal(45, release=release)), {})
        )


@pytest.mark.parametrize(("release", "operation", "parameter"), PAIRS)
async def test_parameter(
    release: str,
    operation: Operation,
    parameter: str,
    quiet_portal: Callable[[str], tuple[Portal, dict[str, list[Any]]]],
) -> None:
    portal, answers = quiet_portal(release)
    rule = RULES[operation.id][parameter]
    async with asking(portal, operation, parameter, answers) as ask:
        for path in await paths(ask):
            if not (missing := await unproven(evolve(ask, path=path), rule)):
                return
    pytest.fail(f"the portal has no data that proves these aspects: {missing}")


async def paths(ask: Asker) -> list[tuple[str, ...]]:
    """Return the paths to try: the example, or all where one has too few objects in the list.

    These are organizations with datasets, and datasets with resources.
    """
    if ask.operation.id == "v2.list_resources":
        return [(one.id,) for one in await ask.to("list_datasets")()]
    if "/organizations/{org}/" not in ask.operation.path or ask.operation.id not in {
        "list_organization_datasets",
        *CATALOGS,
    }:
        return [ask.path]
    organizations = await ask.to("list_organizations")()
    return [(one.id, *ask.path[1:]) for one in organizations]


async def unproven(ask: Asker, rule: Rule) -> set[str] | None:
    """Check all probes, and return the aspects that none of them proves."""
    probes = await rule(ask)
    telling = set()
    for probe in probes:
        assert ask.parameter in probe.query
        without = probe.view(await ask(**probe.baseline))
        if probe.expected != without:
            telling.add(probe.aspect)
        seen = probe.view(await ask(**probe.query))
        assert seen == (without if is_ignored(ask) else probe.expected), probe.query
    return {probe.aspect for probe in probes} - telling if probes else {"all"}


def is_ignored(ask: Asker) -> bool:
    return ask.portal.release == OLDEST and ask.parameter in IGNORED.get(ask.operation.id, {})
