"""Tests that an object does not change when the body made by ``of`` is sent back."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import Any, TypeAlias

import httpx
import pytest
from attrs import Factory, frozen

from aiodatagouv import OPERATIONS, UNSET, BadRequestError, Client, GoneError
from aiodatagouv._decoding.declared import declared
from aiodatagouv._encoding.body import Body, BodyOf
from aiodatagouv._views.view import View
from aiodatagouv.api import (
    dataservices,
    datasets,
    discussions,
    me,
    ops,
    organizations,
    reuses,
    users,
    workers,
)
from aiodatagouv.models import (
    ChartWrite,
    CommunityResourceWrite,
    ContactPointWrite,
    CrontabWrite,
    DataserviceWrite,
    Dataset,
    DatasetReference,
    DatasetWrite,
    DiscussionStart,
    HarvestSourceWrite,
    IntervalWrite,
    MembershipInvite,
    MemberWrite,
    ModelReferenceWrite,
    OrganizationReference,
    OrganizationWrite,
    PageWrite,
    PeriodicTaskWrite,
    PostWrite,
    ReportWrite,
    ResourceWrite,
    ReuseWrite,
    SiteWrite,
    User,
    UserReference,
    UserWrite,
    v2,
)

from ..portal import NEWEST, PINNED, RELEASES, Portal, serves
from . import filled
from .filled import Hands, Made, Whose
from .filled_topics import (
    a_filled_element,
    a_filled_topic,
    a_sparse_element,
    a_sparse_topic,
)
from .prover import Prover
from .things import a_dataset, a_reuse, an_organization, new_title


def titled() -> dict[str, Any]:
    return {"title": new_title("Autre titre")}


def named() -> dict[str, Any]:
    return {"name": new_title("Autre nom")}


@frozen(kw_only=True)
class Kind:
    """A kind of object that can be updated.

    Attributes:
        name: The name of the kind.
        of: Makes a body from a response.
        fill: Creates an object with every field set.
        change: The fields that the last update changes.
        follows: The fields that change as a consequence, as paths in the response.
        unfilled: The fields of the body that ``fill`` does not set.
        differs: The fields that the response returns differently from the body, or not at all.
        apart: The fields of the response that ``of`` does not copy to the body.
        lost: The fields that an update clears if its body omits them, as paths in the response.
        dates: The fields that the portal sets at each update, as paths in the response.
        is_refused_unchanged: Whether the portal refuses an update without any change.
    """

    name: str
    of: Callable[..., BodyOf[Any]]
    fill: Callable[[Hands], Awaitable[Made]]
    change: Callable[[], dict[str, Any]] = titled
    follows: set[str] = Factory(set)
    unfilled: set[str] = Factory(set)
    differs: set[str] = Factory(set)
    apart: set[str] = Factory(set)
    lost: set[str] = Factory(set)
    dates: set[str] = Factory(set)
    is_refused_unchanged: bool = False


def kinds(release: str) -> Iterable[Kind]:
    """Yield every kind of object that can be updated on a release."""
    is_newest = release == NEWEST
    page = {"slug", "uri", "page"}
    producers: tuple[Whose, ...] = ("organization", "owner")
    for whose in producers:
        # An object has either an organization or an owner.
        nobody = {"owner" if whose == "organization" else "organization"}
        yield Kind(
            name=f"dataset-of-{whose}",
            of=DatasetWrite.of,
            fill=partial(filled.a_filled_dataset, whose=whose),
            follows=page,
            unfilled={
                *nobody,
                "deleted",  # A deleted object can only be restored.
                "resources.id",  # Assigned by the portal.
                # Zones and a geometry exclude each other.
                "spatial.geom" if whose == "organization" else "spatial.zones",
            },
            apart={"resources"},  # Sending them would drop resources added in the meantime.
            # The portal computes the quality.
            lost={"tags", "temporal_coverage", "quality.temporal_coverage", "quality.score"},
            # The last update is that of the resources, or of the dataset if it has none.
            dates={"last_modified", "last_update", "internal.last_modified_internal"},
        )
        yield Kind(
            name=f"community-resource-of-{whose}",
            of=CommunityResourceWrite.of,
            fill=partial(filled.a_filled_community_resource, whose=whose),
            unfilled={*nobody, "id"},  # Assigned by the portal.
            dates={"last_modified", "internal.last_modified_internal"},
        )
        yield Kind(
            name=f"reuse-of-{whose}",
            of=ReuseWrite.of,
            fill=partial(filled.a_filled_reuse, whose=whose),
            follows=page,
            unfilled={*nobody, "deleted"},  # A deleted object can only be restored.
            dates={"last_modified"},
        )
        yield Kind(
            name=f"dataservice-of-{whose}",
            of=DataserviceWrite.of,
            fill=partial(filled.a_filled_dataservice, whose=whose),
            follows={"slug", "self_api_url", "self_web_url"},
            unfilled={*nobody, "deleted_at"},  # A deleted object can only be restored.
            differs={"datasets"},  # The response has a link instead.
            apart={"datasets"},
            dates={"metadata_modified_at"},
        )
        yield Kind(
            name=f"contact-point-of-{whose}",
            of=ContactPointWrite.of,
            fill=partial(filled.a_filled_contact_point, whose=whose),
            change=named,
            unfilled=nobody,
            # 14.13.0 sends the owner only if a mask asks for nothing else.
            differs=set() if is_newest else {whose},
            # The portal refuses these fields in an update, even if they are unchanged.
            apart={"owner", "organization"} if is_newest else set(),
            is_refused_unchanged=not is_newest,
        )
        yield Kind(
            name=f"harvest-source-of-{whose}",
            of=HarvestSourceWrite.of,
            fill=partial(filled.a_filled_harvest_source, whose=whose),
            change=named,
            follows={"slug"} if is_newest else set(),
            unfilled=nobody,
        )
        yield Kind(
            name=f"topic-of-{whose}",
            of=v2.TopicWrite.of,
            fill=partial(a_filled_topic, whose=whose),
            # 14.13.0 refuses an update without tags.
            change=named if is_newest else lambda: {**named(), "tags": ["bateau"]},
            follows=page if is_newest else {"slug", "uri"},
            unfilled={*nobody, "spatial.geom" if whose == "organization" else "spatial.zones"},
            # The response has a link to the elements; 14.13.0 has no color.
            differs={"elements"} if is_newest else {"elements", "color"},
            apart={"elements"},
            dates={"last_modified"},
        )
        if is_newest:
            yield Kind(
                name=f"chart-of-{whose}",
                of=ChartWrite.of,
                fill=partial(filled.a_filled_chart, whose=whose),
                follows={"slug"},
                unfilled=nobody,
                dates={"last_modified"},
            )
        else:
            yield Kind(
                name=f"page-of-{whose}",
                of=PageWrite.of,
                fill=partial(filled.a_filled_page, whose=whose),
                change=lambda: {"blocs": []},
                unfilled=nobody,
                dates={"last_modified"},
            )
    yield Kind(
        name="resource",
        of=ResourceWrite.of,
        fill=filled.a_filled_resource,
        unfilled={"id"},  # Assigned by the portal.
        dates={"last_modified", "internal.last_modified_internal"},
    )
    yield Kind(
        name="topic-element",
        of=v2.TopicElementWrite.of,
        fill=a_filled_element,
        lost=set() if is_newest else {"tags"},
    )
    yield Kind(
        name="uploaded-resource",
        of=ResourceWrite.of,
        fill=filled.a_filled_upload,
        dates={"last_modified", "internal.last_modified_internal"},
    )
    yield Kind(
        name="uploaded-community-resource",
        of=CommunityResourceWrite.of,
        fill=filled.a_filled_community_upload,
        unfilled={"organization"},  # Excluded by the owner.
        dates={"last_modified", "internal.last_modified_internal"},
    )
    banner = {
        "banner_color",
        "banner_image_position",
        "image_url",
        "presentation_blocs",
        "presentation_blocs_published_at",
    }
    yield Kind(
        name="organization",
        of=OrganizationWrite.of,
        fill=filled.a_filled_organization,
        change=named,
        follows=page,
        # A deleted object can only be restored; 14.13.0 has no banner.
        unfilled={"deleted"} | (set() if is_newest else banner),
        # The portal sets the date of a user's last request.
        dates={"last_modified", "members.user.last_login_at"},
    )
    cadence = set() if is_newest else {"mail_cadence", "notifications_paused"}
    yield Kind(
        name="user",
        of=UserWrite.of,
        fill=filled.a_filled_user,
        change=lambda: {"last_name": new_title("Autre nom")},
        unfilled=cadence,
        lost=set() if is_newest else {"roles"},
    )
    yield Kind(
        name="oneself",
        of=UserWrite.of,
        fill=filled.oneself_filled,
        change=lambda: {"about": new_title("Autre texte")},
        # Users cannot set these fields for themselves.
        unfilled={"roles", "active"} | cadence,
        # The portal sets the date of a user's last request.
        dates={"last_login_at"},
    )
    yield Kind(
        name="post",
        of=PostWrite.of,
        fill=filled.a_filled_post,
        change=named,
        # 14.13.0 derives the slug from the name.
        follows=set() if is_newest else page,
        unfilled={"content_as_page"} if is_newest else {"blocs", "parent", "sidemenu", "slug"},
        dates={"last_modified"},
    )
    if serves(release, ops.UPDATE_REPORT):
        yield Kind(
            name="report",
            of=ReportWrite.of,
            fill=filled.a_filled_report,
            change=lambda: {"message": new_title("Autre texte")},
            unfilled=set() if is_newest else {"subject_embed_id"},
            # Sending a dismissal date would dismiss the report again, as the caller.
            apart={"dismissed_at", "dismissed_by"},
        )
    pages = {"dataservices_page", "datasets_page", "reuses_page"}
    blocs = {"dataservices_blocs", "datasets_blocs", "reuses_blocs"}
    yield Kind(
        name="site",
        of=SiteWrite.of,
        fill=filled.the_filled_site,
        change=lambda: {"feed_size": 13},
        unfilled=pages if is_newest else blocs,
    )
    schedules: dict[str, CrontabWrite | IntervalWrite] = {
        "crontab": CrontabWrite(
            minute="1", hour="2", day_of_week="3", day_of_month="4", month_of_year="5"
        ),
        "interval": IntervalWrite(every=3, period="hours"),
    }
    # 14.13.0 replaces any omitted schedule by an empty interval.
    unscheduled = {
        "crontab": {"crontab", "interval", "schedule"},
        "interval": {"interval.every", "interval.period", "schedule"},
    }
    for schedule, value in schedules.items():
        none = {*schedules} - {schedule}
        yield Kind(
            name=f"job-with-{schedule}",
            of=PeriodicTaskWrite.of,
            fill=partial(filled.a_filled_job, schedule=value),
            change=named,
            unfilled=none,  # A job has one schedule.
            differs=set() if is_newest else {"args", "kwargs"},  # 14.13.0 ignores the arguments.
            apart=none,
            lost=set() if is_newest else unscheduled[schedule],
        )
    yield Kind(
        name="member",
        of=MemberWrite.of,
        fill=filled.a_filled_member,
        change=lambda: {"role": "editor"},
        follows={"label"},  # The label of the role.
    )


CORE = "dataset|community-resource|reuse|dataservice|resource|uploaded|organization"

KINDS = [
    pytest.param(release, kind, id=f"{release}-{kind.name}")
    for release in RELEASES
    for kind in kinds(release)
    if release in PINNED or re.match(CORE, kind.name)
]
"""Every kind on the pinned releases; on the others those that catalogues are made of."""


@pytest.fixture
def hands(own_portal: Portal, prove: Prover, admin: Client, user: Client, other: Client) -> Hands:
    """The clients that create the objects of a test."""
    org = own_portal.ids["/organizations/{org}/"]["org"]
    return Hands(own_portal.release, org, prove, admin, user, other)


@pytest.mark.parametrize(("release", "kind"), KINDS)
async def test_what_is_read_can_be_sent_back(kind: Kind, hands: Hands) -> None:
    made = await kind.fill(hands)
    before = await made.read()
    body = kind.of(before)
    assert unfilled(made.sent, type(body)) == kind.unfilled
    assert not_kept(made.sent, before) == kind.differs
    assert {*declared(type(body))} & {*before.to_dict()} - {*body.to_dict()} == kind.apart
    change = kind.change()

    if kind.is_refused_unchanged:
        with pytest.raises(BadRequestError):
            await made.update(body)
        await made.update(kind.of(before, **change))
    await made.update(body)
    after = await made.read()
    assert differences(before.to_dict(), after.to_dict()) - kind.dates == set()

    await made.update(kind.of(after, **change))
    changed = await made.read()
    assert {name: getattr(changed, name) for name in change} == change
    what = differences(after.to_dict(), changed.to_dict()) - kind.dates
    assert what == {*change} | kind.follows

    if made.restore:
        await made.update(made.restore)


Fill: TypeAlias = Callable[[Hands], Awaitable[Made]]

SPARSE: list[tuple[str, Fill]] = [
    ("dataset-of-owner", filled.a_sparse_dataset),
    ("dataset-of-owner", filled.a_closed_dataset),
    ("resource", filled.a_sparse_resource),
    ("uploaded-resource", filled.an_upload),
    ("community-resource-of-owner", filled.a_sparse_community_resource),
    ("reuse-of-owner", filled.a_sparse_reuse),
    ("dataservice-of-owner", filled.a_sparse_dataservice),
    ("organization", filled.a_sparse_organization),
    ("user", filled.a_sparse_user),
    ("oneself", filled.oneself_as_one_is),
    ("contact-point-of-owner", filled.a_sparse_contact_point),
    ("post", filled.a_sparse_post),
    ("page-of-owner", filled.a_sparse_page),
    ("report", filled.a_sparse_report),
    ("harvest-source-of-owner", filled.a_sparse_harvest_source),
    ("chart-of-owner", filled.a_sparse_chart),
    ("topic-of-owner", a_sparse_topic),
    ("topic-element", a_sparse_element),
    ("job-with-crontab", partial(filled.a_sparse_job, schedule=CrontabWrite(hour="3"))),
    (
        "job-with-interval",
        partial(filled.a_sparse_job, schedule=IntervalWrite(every=3, period="hours")),
    ),
]
"""Kind of object -> a function that creates an object with hardly any field set."""


@pytest.mark.parametrize(
    ("release", "kind", "make"),
    [
        pytest.param(release, kind, make, id=f"{release}-{kind.name}-{number}")
        for release in RELEASES
        for kind in kinds(release)
        for number, (name, make) in enumerate(SPARSE)
        if name == kind.name and (release in PINNED or re.match(CORE, name))
    ],
)
async def test_what_is_null_can_be_sent_back(kind: Kind, make: Fill, hands: Hands) -> None:
    """Sending back an object with null fields does not change it."""
    made = await make(hands)
    before = await made.read()
    if kind.is_refused_unchanged:
        await made.update(kind.of(before, **kind.change()))
    await made.update(kind.of(before))
    after = await made.read()
    assert differences(before.to_dict(), after.to_dict()) - kind.dates == set()


@pytest.mark.parametrize(("release", "kind"), KINDS)
async def test_what_an_update_takes_away(kind: Kind, hands: Hands, own_portal: Portal) -> None:
    """An update of a single field changes only that field and those in ``Kind.lost``."""
    made = await kind.fill(hands)
    before = await made.read()
    change = kind.change()
    await made.update(kind.of(before, **change))
    request = hands.prove.seen[-1].request
    changed = await made.read()

    # Sent with httpx, because the client refuses bodies that would clear fields.
    back = {name: before.to_dict()[name] for name in change}
    headers = {"X-API-KEY": own_portal.api_key}
    async with httpx.AsyncClient(headers=headers) as plain:
        (await plain.request(request.method, request.url, json=back)).raise_for_status()
    after = await made.read()
    what = differences(changed.to_dict(), after.to_dict()) - kind.dates
    assert what == {*change} | kind.follows | kind.lost

    if made.restore:
        await made.update(made.restore)


def test_what_is_refused() -> None:
    assert {one.id: one.lost for one in OPERATIONS.values() if one.lost} == {
        "update_dataset": (("tags",), ("temporal_coverage",)),
        "update_user": (("roles",),),
        "put_job_api": (("crontab", "interval"),),
        "v2.topic_element_update": (("tags",),),
    }


@pytest.mark.parametrize(
    ("function", "body", "message"),
    [
        (
            datasets.update_dataset,
            DatasetWrite(title="Titre"),
            "lacks tags and temporal_coverage, .* as DatasetWrite.of(...) does, or None",
        ),
        (
            datasets.update_dataset,
            DatasetWrite(temporal_coverage=None),
            "lacks tags, .* as DatasetWrite.of(...) does, or None",
        ),
        (
            datasets.update_dataset,
            DatasetWrite(tags=[]),
            "lacks temporal_coverage, .* as DatasetWrite.of(...) does, or None",
        ),
        (
            users.update_user,
            UserWrite(about="Peint"),
            "lacks roles, .* as UserWrite.of(...) does, or None",
        ),
        (
            workers.update_job,
            PeriodicTaskWrite(name="Tâche"),
            "lacks crontab or interval, .* as PeriodicTaskWrite.of(...) does",
        ),
    ],
)
async def test_what_would_be_taken_away_is_not_sent(
    function: Callable[..., Awaitable[object]],
    body: Body,
    message: str,
    admin: Client,
    seen: list[httpx.Response],
) -> None:
    """The error names the missing fields and the remedies."""
    with pytest.raises(ValueError, match=message.replace("(...)", r"\(\.\.\.\)")):
        await function(admin, "an-id", body=body)
    assert seen == []


async def test_what_is_taken_away_on_purpose(hands: Hands) -> None:
    """A field can be cleared with None."""
    made = await filled.a_filled_dataset(hands, "owner")
    await made.update(DatasetWrite(tags=None, temporal_coverage=None))
    dataset = await made.read()
    assert isinstance(dataset, Dataset)
    assert (dataset.tags, dataset.temporal_coverage) == ([], None)

    made = await filled.a_filled_user(hands)
    await made.update(UserWrite(roles=None))
    user = await made.read()
    assert isinstance(user, User)
    assert user.roles == []


async def test_all_resources_can_be_sent_back(hands: Hands) -> None:
    """Resources can be sent back as a list or in the body of their dataset."""
    made = await filled.a_filled_dataset(hands, "organization")
    before = await made.read()
    assert isinstance(before, Dataset)
    bodies = [ResourceWrite.of(one) for one in before.resources]
    await hands.prove(datasets.reorder_resources, hands.user, before.id, body=bodies)
    await made.update(DatasetWrite.of(before, resources=bodies))
    after = await made.read()
    dates = {
        "last_modified",
        "last_update",
        "internal.last_modified_internal",
        "resources.last_modified",
        "resources.internal.last_modified_internal",
    }
    assert differences(before.to_dict(), after.to_dict()) - dates == set()


DELETES: dict[str, Callable[..., Awaitable[None]]] = {
    "dataset-of-owner": datasets.delete_dataset,
    "reuse-of-owner": reuses.delete_reuse,
    "dataservice-of-owner": dataservices.delete_dataservice,
    "organization": organizations.delete_organization,
}
"""Kind of object -> the function that deletes one."""


@pytest.mark.parametrize(
    ("release", "kind"), [one for one in KINDS if str(one.id).partition("-")[2] in DELETES]
)
async def test_what_is_deleted_can_be_restored(kind: Kind, hands: Hands) -> None:
    """A deleted object is restored by its own body without the deletion date."""
    deleted = "deleted_at" if kind.of == DataserviceWrite.of else "deleted"
    made = await kind.fill(hands)
    before = await made.read()
    await DELETES[kind.name](hands.user, before.to_dict()["id"])
    gone = await made.read()
    assert gone.to_dict()[deleted]
    with pytest.raises(GoneError):
        await made.update(kind.of(gone))
    await made.update(kind.of(gone, **{deleted: None}))
    after = await made.read()
    assert differences(before.to_dict(), after.to_dict()) - kind.dates == set()


async def test_an_organization_is_an_id_a_reference_or_itself(hands: Hands) -> None:
    client, prove = hands.user, hands.prove
    organization = await organizations.get_organization(client, hands.org)
    body = DatasetWrite(title=new_title("Arbres"), description="Un par un", organization=hands.org)
    reference = (await datasets.create_dataset(client, body=body)).organization
    assert type(reference) is OrganizationReference

    for one in (hands.org, reference, organization):
        body.organization = one
        created = await prove(datasets.create_dataset, client, body=body)
        assert (created.organization, created.owner) == (reference, None)
        own = await a_dataset(client)
        moved = DatasetWrite.of(own, organization=one)
        updated = await prove(datasets.update_dataset, client, own.id, body=moved)
        assert (updated.organization, updated.owner) == (reference, None)

        title = new_title("Carte")
        reuse = ReuseWrite(
            title=title,
            description="Une carte",
            topic="others",
            type="visualization",
            url=f"https://carte.example.org/{title.replace(' ', '-')}",
            organization=one,
        )
        made = await prove(reuses.create_reuse, client, body=reuse)
        assert (made.organization, made.owner) == (reference, None)
        again = ReuseWrite(organization=one)
        kept = await prove(reuses.update_reuse, client, made.id, body=again)
        assert (kept.organization, kept.owner) == (reference, None)


async def test_datasets_are_ids_references_or_themselves(hands: Hands) -> None:
    client, prove = hands.user, hands.prove
    used = [await a_dataset(client), await a_dataset(client)]
    ids = [one.id for one in used]
    references = [await reference_to(one, client) for one in used]
    first = await a_reuse(client)
    body = ReuseWrite(datasets=ids)
    answered = (await reuses.update_reuse(client, first.id, body=body)).datasets
    assert [one.id for one in answered] == ids

    forms: list[Sequence[str | DatasetReference | Dataset]] = [
        references,
        used,
        answered,
        [ids[0], references[1]],
    ]
    for form in forms:
        reuse = await a_reuse(client)
        body = ReuseWrite(datasets=form)
        updated = await prove(reuses.update_reuse, client, reuse.id, body=body)
        read = await reuses.get_reuse(client, reuse.id)
        for reused in (updated.datasets, read.datasets):
            assert [one.id for one in reused] == ids


async def reference_to(dataset: Dataset, client: Client) -> DatasetReference:
    """Return a reference to a dataset, taken from a response."""
    body = CommunityResourceWrite(
        dataset=dataset, title="Nettoyée", url="https://files.example.org/a.csv", filetype="remote"
    )
    reference = (await datasets.create_community_resource(client, body=body)).dataset
    assert type(reference) is DatasetReference
    return reference


async def test_the_subject_of_a_discussion(hands: Hands) -> None:
    client, prove = hands.user, hands.prove
    dataset = await a_dataset(client)
    subjects = []
    for subject in (dataset, ModelReferenceWrite(class_="Dataset", id=dataset.id)):
        body = DiscussionStart(subject=subject, title="Une question", comment="Où ?")
        subjects.append((await prove(discussions.create_discussion, client, body=body)).subject)
    # The reference in a response is accepted, too.
    body = DiscussionStart(subject=subjects[0], title="Une question", comment="Où ?")
    subjects.append((await prove(discussions.create_discussion, client, body=body)).subject)
    assert [(one.class_, one.id) for one in subjects] == 3 * [("Dataset", dataset.id)]


@pytest.mark.serving("invite_organization_member")
async def test_who_is_invited(hands: Hands) -> None:
    """A user can be given as an id, a reference or a full object; only the id is sent."""
    client, prove = hands.user, hands.prove
    invited = await me.get_me(hands.other)
    reference = (await a_dataset(hands.other)).owner
    assert type(reference) is UserReference
    for one in (invited.id, reference, invited):
        organization = await an_organization(client)
        body = MembershipInvite(user=one, role="editor")
        invitation = await prove(
            organizations.invite_organization_member, client, organization.id, body=body
        )
        assert invitation.user
        assert (invitation.user.id, invitation.status) == (invited.id, "pending")


def is_set(value: object) -> bool:
    return value is not UNSET and value is not None


def values(body: Body) -> dict[str, Any]:
    """Return the fields of a body that have a value, by attribute name."""
    names = [one.name for one in declared(type(body)).values()]
    return {name: getattr(body, name) for name in names if is_set(getattr(body, name))}


def unfilled(sent: list[Body], model: type[Body]) -> set[str]:
    """Return the fields of a model, at any depth, that have no value in any of the bodies."""
    found: dict[str, Any] = {}
    for body in sent:
        found |= values(body)
    missing = {one.name for one in declared(model).values()} - {*found}
    for name, value in found.items():
        for inside in value if isinstance(value, list) else [value]:
            if isinstance(inside, Body):
                missing |= {f"{name}.{one}" for one in unfilled([inside], type(inside))}
    return missing


def not_kept(sent: list[Body], answer: View) -> set[str]:
    """Return the fields whose value in the response differs from the one sent, or is missing."""
    found: dict[str, Any] = {}
    for body in sent:
        found |= values(body)
    there = answer.to_dict()
    return {
        name
        for name, value in found.items()
        if name not in there or not is_kept(value, getattr(answer, name))
    }


def is_kept(sent: Any, read: Any) -> bool:
    """Return whether a value in a response equals the one sent; objects are compared by id."""
    match sent:
        case Body():
            return all(is_kept(value, getattr(read, name)) for name, value in values(sent).items())
        case list():
            are_lists = isinstance(read, list) and len(sent) == len(read)
            return are_lists and all(map(is_kept, sent, read))
        case dict():
            return all(key in read and is_kept(value, read[key]) for key, value in sent.items())
    return bool(reference(sent) == reference(read))


def reference(value: Any) -> Any:
    match value:
        case View():
            return value.to_dict()["id"]
        case {"id": id_}:
            return id_
    return value


def differences(before: Any, after: Any, path: str = "") -> set[str]:
    """Return the paths at which two JSON values differ."""
    if isinstance(before, dict) and isinstance(after, dict):
        found: set[str] = set()
        for key in before.keys() | after.keys():
            below = f"{path}.{key}" if path else key
            if key in before and key in after:
                found |= differences(before[key], after[key], below)
            else:
                found.add(below)
        return found
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        return set[str]().union(
            *(differences(*both, path) for both in zip(before, after, strict=True))
        )
    return {path} if before != after else set()
