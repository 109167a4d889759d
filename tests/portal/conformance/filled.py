"""Objects with every field set, or with hardly any, and the calls that read and update them.

They are created through the API. The bodies have only values that the portal stores unchanged, such
as sorted tags.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Callable
from typing import Any, Literal, TypeAlias, TypedDict

from attrs import frozen

from aiodatagouv import Client, File
from aiodatagouv._encoding.body import Body
from aiodatagouv._views.view import View
from aiodatagouv.api import (
    contacts,
    dataservices,
    datasets,
    discussions,
    harvest,
    me,
    organizations,
    pages,
    posts,
    reports,
    reuses,
    site,
    users,
    visualizations,
    workers,
)
from aiodatagouv.models import (
    AccessAudienceWrite,
    ChartWrite,
    ChecksumWrite,
    CommunityResourceWrite,
    ContactPoint,
    ContactPointWrite,
    CrontabWrite,
    DataSeriesWrite,
    DataserviceWrite,
    DatasetWrite,
    DiscussionStart,
    FileUpload,
    GeoJSONWrite,
    HarvestSourceWrite,
    IntervalWrite,
    Member,
    MembershipRequestWrite,
    MemberWrite,
    OrganizationWrite,
    PageWrite,
    PeriodicTaskWrite,
    PostWrite,
    ReportWrite,
    ResourceWrite,
    ReuseWrite,
    SchemaWrite,
    SiteWrite,
    SpatialCoverageWrite,
    TemporalCoverageWrite,
    UserWrite,
    XAxisWrite,
    YAxisWrite,
)

from ..portal import NEWEST
from .prover import Prover
from .things import a_dataservice, a_dataset, a_reuse, an_organization, new_title, somebody

CSV = b"arret;heure\nGare;8:00\n"
MOMENT = dt.datetime(2020, 1, 2, 3, 4, 5, tzinfo=dt.UTC)

Whose: TypeAlias = Literal["organization", "owner"]
"""The kind of owner of an object: the first organization, or the user who creates it."""


class Producer(TypedDict, total=False):
    """The field of a body that sets the owner of an object: one of the two."""

    organization: str
    owner: str


@frozen
class Hands:
    """The clients with which objects are created.

    Attributes:
        release: The release of the portal.
        org: The id of the first organization. The user is a member, the administrator an admin.
        prove: Makes the calls that the tests prove.
        admin: The client of the administrator.
        user: The client of an ordinary user.
        other: The client of another ordinary user.
    """

    release: str
    org: str
    prove: Prover
    admin: Client
    user: Client
    other: Client

    @property
    def is_newest(self) -> bool:
        return self.release == NEWEST

    async def producer(self, whose: Whose, client: Client) -> Producer:
        if whose == "organization":
            return {"organization": self.org}
        return {"owner": (await me.get_me(client)).id}


@frozen
class Made:
    """A created object.

    Attributes:
        sent: The bodies that created it, in order.
        read: Reads the object.
        update: Updates the object.
        restore: The body that restores an object which other tests need unchanged, or None.
    """

    sent: list[Body]
    read: Callable[[], Awaitable[View]]
    update: Callable[[Any], Awaitable[View]]
    restore: Body | None = None


def the_dataset(hands: Hands, id_: str, *sent: Body) -> Made:
    client, prove = hands.user, hands.prove
    return Made(
        [*sent],
        lambda: prove(datasets.get_dataset, client, id_),
        lambda body: prove(datasets.update_dataset, client, id_, body=body),
    )


def the_community_resource(hands: Hands, id_: str, *sent: Body) -> Made:
    client, prove = hands.user, hands.prove
    return Made(
        [*sent],
        lambda: prove(datasets.get_community_resource, client, id_),
        lambda body: prove(datasets.update_community_resource, client, id_, body=body),
    )


def the_reuse(hands: Hands, id_: str, *sent: Body) -> Made:
    client, prove = hands.user, hands.prove
    return Made(
        [*sent],
        lambda: prove(reuses.get_reuse, client, id_),
        lambda body: prove(reuses.update_reuse, client, id_, body=body),
    )


def the_dataservice(hands: Hands, id_: str, *sent: Body) -> Made:
    client, prove = hands.user, hands.prove
    return Made(
        [*sent],
        lambda: prove(dataservices.get_dataservice, client, id_),
        lambda body: prove(dataservices.update_dataservice, client, id_, body=body),
    )


def the_user(hands: Hands, id_: str, *sent: Body) -> Made:
    client, prove = hands.admin, hands.prove
    return Made(
        [*sent],
        lambda: prove(users.get_user, client, id_),
        lambda body: prove(users.update_user, client, id_, body=body),
    )


def the_contact_point(hands: Hands, id_: str, *sent: Body) -> Made:
    client, prove = hands.user, hands.prove
    return Made(
        [*sent],
        lambda: prove(contacts.get_contact_point, client, id_),
        lambda body: prove(contacts.update_contact_point, client, id_, body=body),
    )


def the_post(hands: Hands, id_: str, *sent: Body) -> Made:
    client, prove = hands.admin, hands.prove
    return Made(
        [*sent],
        lambda: prove(posts.get_post, client, id_),
        lambda body: prove(posts.update_post, client, id_, body=body),
    )


def the_page(hands: Hands, id_: str, *sent: Body) -> Made:
    client, prove = hands.user, hands.prove
    return Made(
        [*sent],
        lambda: prove(pages.get_page, client, id_),
        lambda body: prove(pages.update_page, client, id_, body=body),
    )


def the_report(hands: Hands, id_: str, *sent: Body) -> Made:
    client, prove = hands.admin, hands.prove
    return Made(
        [*sent],
        lambda: prove(reports.get_report, client, id_),
        lambda body: prove(reports.update_report, client, id_, body=body),
    )


def the_harvest_source(hands: Hands, id_: str, *sent: Body) -> Made:
    client, prove = hands.admin, hands.prove
    return Made(
        [*sent],
        lambda: prove(harvest.get_harvest_source, client, id_),
        lambda body: prove(harvest.update_harvest_source, client, id_, body=body),
    )


def the_chart(hands: Hands, id_: str, *sent: Body) -> Made:
    client, prove = hands.user, hands.prove
    return Made(
        [*sent],
        lambda: prove(visualizations.get_visualization, client, id_),
        lambda body: prove(visualizations.update_visualization, client, id_, body=body),
    )


def the_job(hands: Hands, id_: str, *sent: Body) -> Made:
    client, prove = hands.admin, hands.prove
    return Made(
        [*sent],
        lambda: prove(workers.get_job, client, id_),
        lambda body: prove(workers.update_job, client, id_, body=body),
    )


def the_resource(hands: Hands, dataset: str, id_: str, *sent: Body) -> Made:
    client, prove = hands.user, hands.prove
    return Made(
        [*sent],
        lambda: prove(datasets.get_resource, client, dataset, id_),
        lambda body: prove(datasets.update_resource, client, dataset, id_, body=body),
    )


def the_organization(hands: Hands, id_: str, *sent: Body) -> Made:
    """Return an organization; its blocs are only sent when a mask asks for them."""
    client, prove = hands.user, hands.prove
    return Made(
        [*sent],
        lambda: prove(organizations.get_organization, client, id_, fields="*"),
        lambda body: prove(organizations.update_organization, client, id_, body=body),
    )


async def a_contact_of(hands: Hands, producer: Producer) -> ContactPoint:
    body = ContactPointWrite(
        name=new_title("Contact"), email="contact@example.org", role="contact", **producer
    )
    return await contacts.create_contact_point(hands.user, body=body)


def audiences() -> list[AccessAudienceWrite]:
    return [
        AccessAudienceWrite(role="private", condition="no"),
        AccessAudienceWrite(role="company_and_association", condition="under_condition"),
    ]


def a_filled_file() -> ResourceWrite:
    """Return the body of a remote resource with all fields set, except the assigned id."""
    return ResourceWrite(
        title=new_title("Fichier"),
        description="Tous les horaires",
        type="documentation",
        filetype="remote",
        url="https://files.example.org/horaires.csv",
        format="csv",
        mime="text/csv",
        filesize=12,
        checksum=ChecksumWrite(type="md5", value="0123456789abcdef"),
        extras={"a": 1, "b": {"c": [1, "x"]}},
        schema=SchemaWrite(
            name="etalab/horaires", url="https://schema.example.org/s.json", version="1.0.0"
        ),
    )


async def a_filled_dataset(hands: Hands, whose: Whose) -> Made:
    """Create a dataset with all fields set.

    Zones and a geometry exclude each other, so an organization's dataset has zones and a user's
    has a geometry. The access is open, because other types of access exclude a license.
    """
    client, prove = hands.user, hands.prove
    producer = await hands.producer(whose, client)
    contact = await a_contact_of(hands, producer)
    shape = [[[[0, 0], [0, 1], [1, 1], [0, 0]]]]
    body = DatasetWrite(
        title=new_title("Arbres"),
        acronym="ARB",
        description="Un par un",
        description_short="Des arbres",
        license="lov2",
        access_type="open",
        access_audiences=audiences(),
        access_type_reason="Secret",
        access_type_reason_category="intellectual_property_rights",
        authorization_request_url="https://acces.example.org/",
        archived=MOMENT,
        contact_points=[contact],
        extras={"nombre": 3, "liste": [1, {"a": "x"}]},
        frequency="quarterly",
        frequency_date=MOMENT,
        private=True,
        resources=[a_filled_file(), a_filled_file()],
        spatial=SpatialCoverageWrite(zones=["fr:commune:35238"], granularity="fr:commune")
        if whose == "organization"
        else SpatialCoverageWrite(
            geom=GeoJSONWrite(type="MultiPolygon", coordinates=shape), granularity="poi"
        ),
        tags=["arbre", "nature"],
        temporal_coverage=TemporalCoverageWrite(
            start=dt.date(2020, 1, 1), end=dt.date(2020, 12, 31)
        ),
        **producer,
    )
    id_ = (await prove(datasets.create_dataset, client, body=body)).id
    return the_dataset(hands, id_, body)


async def a_filled_resource(hands: Hands) -> Made:
    client, prove = hands.user, hands.prove
    dataset = await a_dataset(client)
    body = a_filled_file()
    id_ = (await prove(datasets.create_resource, client, dataset.id, body=body)).id
    return the_resource(hands, dataset.id, id_, body)


async def a_filled_upload(hands: Hands) -> Made:
    """Upload a file, whose format, size and checksum the portal determines itself."""
    client, prove = hands.user, hands.prove
    dataset = await a_dataset(client)
    file = FileUpload(file=File(CSV, "horaires.csv"))
    id_ = (await datasets.upload_new_dataset_resource(client, dataset.id, body=file)).id
    assert id_
    uploaded = await datasets.get_resource(client, dataset.id, id_)
    more = a_filled_file()
    body = ResourceWrite.of(
        uploaded,
        title=more.title,
        description=more.description,
        type=more.type,
        extras=more.extras,
        schema=more.schema,
    )
    await prove(datasets.update_resource, client, dataset.id, id_, body=body)
    return the_resource(hands, dataset.id, id_, body)


async def a_filled_community_resource(hands: Hands, whose: Whose) -> Made:
    client, prove = hands.user, hands.prove
    file = a_filled_file()
    body = CommunityResourceWrite(
        dataset=await a_dataset(hands.admin),
        title=file.title,
        description=file.description,
        type=file.type,
        filetype=file.filetype,
        url=file.url,
        format=file.format,
        mime=file.mime,
        filesize=file.filesize,
        checksum=file.checksum,
        extras=file.extras,
        schema=file.schema,
        **await hands.producer(whose, client),
    )
    id_ = (await prove(datasets.create_community_resource, client, body=body)).id
    return the_community_resource(hands, id_, body)


async def a_filled_community_upload(hands: Hands) -> Made:
    client, prove = hands.user, hands.prove
    dataset = await a_dataset(hands.admin)
    file = FileUpload(file=File(CSV, "horaires.csv"))
    id_ = (await datasets.upload_new_community_resource(client, dataset.id, body=file)).id
    assert id_
    uploaded = await datasets.get_community_resource(client, id_)
    more = a_filled_file()
    body = CommunityResourceWrite.of(
        uploaded,
        title=more.title,
        description=more.description,
        type=more.type,
        extras=more.extras,
        schema=more.schema,
    )
    await prove(datasets.update_community_resource, client, id_, body=body)
    return the_community_resource(hands, id_, body)


async def a_filled_reuse(hands: Hands, whose: Whose) -> Made:
    client, prove = hands.user, hands.prove
    title = new_title("Carte")
    body = ReuseWrite(
        title=title,
        description="Des pistes cyclables",
        type="visualization",
        topic="transport_and_mobility",
        url=f"https://carte.example.org/{title.replace(' ', '-')}",
        archived=MOMENT,
        dataservices=[await a_dataservice(client)],
        datasets=[await a_dataset(client), await a_dataset(client)],
        extras={"a": 1, "b": {"c": [1, "x"]}},
        private=True,
        tags=["piste", "velo"],
        **await hands.producer(whose, client),
    )
    id_ = (await prove(reuses.create_reuse, client, body=body)).id
    return the_reuse(hands, id_, body)


async def a_filled_dataservice(hands: Hands, whose: Whose) -> Made:
    client, prove = hands.user, hands.prove
    producer = await hands.producer(whose, client)
    body = DataserviceWrite(
        title=new_title("API"),
        acronym="API",
        description="Des horaires",
        access_type="restricted",
        access_audiences=audiences(),
        access_type_reason="Secret",
        access_type_reason_category="protection_of_environment",
        authorization_request_url="https://acces.example.org/",
        archived_at=MOMENT,
        availability=99.5,
        availability_url="https://api.example.org/disponibilite",
        base_api_url="https://api.example.org/horaires",
        business_documentation_url="https://api.example.org/metier",
        machine_documentation_url="https://api.example.org/openapi.json",
        technical_documentation_url="https://api.example.org/technique",
        contact_points=[await a_contact_of(hands, producer)],
        datasets=[await a_dataset(client)],
        extras={"a": 1, "b": {"c": [1, "x"]}},
        format="WMS",
        license="lov2",
        private=True,
        rate_limiting="10/s",
        rate_limiting_url="https://api.example.org/limites",
        tags=["horaire", "transport"],
        **producer,
    )
    id_ = (await prove(dataservices.create_dataservice, client, body=body)).id
    return the_dataservice(hands, id_, body)


async def some_blocs(hands: Hands) -> list[dict[str, Any]]:
    """Return blocs of a page of 17.18.0, including blocs that are answered with full objects."""
    client = hands.user
    return [
        {
            "class": "SectionBloc",
            "blocs": [
                {"class": "TitleBloc", "title": "Titre", "subtitle": "Sous-titre"},
                {"class": "MarkdownBloc", "content": "**Bonjour**", "width": "1/2"},
                {"class": "ButtonBloc", "title": "Aller", "url": "https://example.org/"},
                {"class": "DatasetBloc", "dataset": (await a_dataset(client)).id},
                {"class": "ReuseBloc", "reuse": (await a_reuse(client)).id},
                {"class": "DataserviceBloc", "dataservice": (await a_dataservice(client)).id},
                {
                    "class": "LinksListBloc",
                    "links": [{"title": "Lien", "url": "https://example.org/"}],
                },
                {
                    "class": "AccordionListBloc",
                    "items": [
                        {
                            "title": "Repli",
                            "content": [{"class": "MarkdownBloc", "content": "Replié"}],
                        }
                    ],
                },
            ],
        }
    ]


async def a_filled_organization(hands: Hands) -> Made:
    client, prove = hands.user, hands.prove
    body = OrganizationWrite(
        name=new_title("Régie"),
        acronym="RG",
        description="Des transports",
        business_number_id="13002526500013",
        extras={"a": [1, None]},
        url="https://regie.example.org/",
    )
    if hands.is_newest:
        body.banner_color = "#000091"
        body.banner_image_position = 20
        body.image_url = "https://regie.example.org/image.png"
        body.presentation_blocs = await some_blocs(hands)
        body.presentation_blocs_published_at = MOMENT
    id_ = (await prove(organizations.create_organization, client, body=body)).id
    return the_organization(hands, id_, body)


async def a_filled_user(hands: Hands) -> Made:
    client, prove = hands.admin, hands.prove
    title = new_title("camille")
    body = UserWrite(
        first_name="Camille",
        last_name="Claudel",
        email=f"{title.replace(' ', '-')}@example.org",
        about="Sculpte",
        website="https://camille.example.org/",
        roles=["admin"],
        active=True,
    )
    if hands.is_newest:
        body.mail_cadence = "weekly"
        body.notifications_paused = True
    id_ = (await prove(users.create_user, client, body=body)).id
    return the_user(hands, id_, body)


async def oneself_filled(hands: Hands) -> Made:
    """Fill in the profile of the administrator, the only user who has roles."""
    client, prove = hands.admin, hands.prove
    before = await me.get_me(client)
    assert before.email
    body = UserWrite(
        first_name=before.first_name,
        last_name=before.last_name,
        email=before.email,
        about="Peint",
        website="https://rosa.example.org/",
    )
    if hands.is_newest:
        body.mail_cadence = "weekly"
        body.notifications_paused = True
    await prove(me.update_me, client, body=body)
    return Made(
        [body],
        lambda: prove(me.get_me, client),
        lambda body: prove(me.update_me, client, body=body),
        restore=UserWrite.of(before),
    )


async def a_filled_contact_point(hands: Hands, whose: Whose) -> Made:
    client, prove = hands.user, hands.prove
    body = ContactPointWrite(
        name=new_title("Service des données"),
        email="donnees@example.org",
        contact_form="https://contact.example.org/",
        role="publisher",
        **await hands.producer(whose, client),
    )
    id_ = (await prove(contacts.create_contact_point, client, body=body)).id
    return the_contact_point(hands, id_, body)


async def a_filled_post(hands: Hands) -> Made:
    client, prove = hands.admin, hands.prove
    name = new_title("Nouvelles")
    body = PostWrite(
        name=name,
        headline="Du nouveau",
        content="<p>Beaucoup de nouveau</p>",
        body_type="html",
        kind="page",
        credit_to="Une photographe",
        credit_url="https://photos.example.org/",
        image_url="https://photos.example.org/image.png",
        datasets=[await a_dataset(client)],
        reuses=[await a_reuse(client)],
        tags=["actualite", "portail"],
    )
    if hands.is_newest:
        parent = PostWrite(name=new_title("Page"), content="Au-dessus", kind="page")
        body.blocs = await some_blocs(hands)
        body.parent = await posts.create_post(client, body=parent)
        body.sidemenu = True
        body.slug = f"{name.lower().replace(' ', '-')}-autrement"
    else:
        body.content_as_page = await pages.create_page(client, body=PageWrite(blocs=[]))
    id_ = (await prove(posts.create_post, client, body=body)).id
    return the_post(hands, id_, body)


async def a_filled_page(hands: Hands, whose: Whose) -> Made:
    client, prove = hands.user, hands.prove
    text = {"class": "MarkdownBloc", "content": "Bonjour"}
    body = PageWrite(
        blocs=[
            text,
            {
                "class": "DatasetsListBloc",
                "title": "Données",
                "datasets": [(await a_dataset(client)).id],
            },
            {
                "class": "ReusesListBloc",
                "title": "Réutilisations",
                "reuses": [(await a_reuse(client)).id],
            },
            {
                "class": "DataservicesListBloc",
                "title": "API",
                "dataservices": [(await a_dataservice(client)).id],
            },
            {
                "class": "LinksListBloc",
                "title": "Liens",
                "links": [{"title": "Lien", "url": "https://example.org/"}],
            },
            {"class": "HeroBloc", "title": "Bienvenue"},
            {
                "class": "AccordionListBloc",
                "title": "Questions",
                "items": [{"title": "Pourquoi ?", "content": [text]}],
            },
        ],
        **await hands.producer(whose, client),
    )
    id_ = (await prove(pages.create_page, client, body=body)).id
    return the_page(hands, id_, body)


async def a_filled_report(hands: Hands) -> Made:
    """Create a report of a comment and dismiss it."""
    client, prove = hands.admin, hands.prove
    start = DiscussionStart(
        subject=await a_dataset(client), title="Une question", comment="Où est 2024 ?"
    )
    discussion = await discussions.create_discussion(hands.user, body=start)
    body = ReportWrite(subject=discussion, reason="personal_data", message="Un nom")
    if hands.is_newest:
        body.subject_embed_id = discussion.discussion[0].id
    id_ = (await prove(reports.create_report, hands.user, body=body)).id
    dismissed = ReportWrite(dismissed_at=MOMENT, dismissed_by=await me.get_me(client))
    await prove(reports.update_report, client, id_, body=dismissed)
    return the_report(hands, id_, body, dismissed)


async def the_filled_site(hands: Hands) -> Made:
    client, prove = hands.admin, hands.prove
    before = await site.get_site(client, fields="*")
    body = SiteWrite(title=before.title, keywords=before.keywords, feed_size=12)
    if hands.is_newest:
        body.datasets_blocs = await some_blocs(hands)
        body.reuses_blocs = await some_blocs(hands)
        body.dataservices_blocs = await some_blocs(hands)
    else:
        body.datasets_page = await pages.create_page(client, body=PageWrite(blocs=[]))
        body.reuses_page = await pages.create_page(client, body=PageWrite(blocs=[]))
        body.dataservices_page = await pages.create_page(client, body=PageWrite(blocs=[]))
    await prove(site.update_site, client, body=body)
    return Made(
        [body],
        # The blocs are only sent when a mask asks for them.
        lambda: prove(site.get_site, client, fields="*"),
        lambda body: prove(site.update_site, client, body=body),
        restore=SiteWrite.of(before),
    )


async def a_filled_harvest_source(hands: Hands, whose: Whose) -> Made:
    client, prove = hands.admin, hands.prove
    body = HarvestSourceWrite(
        name=new_title("Catalogue"),
        description="Tout un catalogue",
        url="https://catalogue.example.org/",
        backend="local",
        active=True,
        autoarchive=True,
        config={"filters": [{"key": "tag", "value": "transport", "type": "include"}]},
        **await hands.producer(whose, client),
    )
    id_ = (await prove(harvest.create_harvest_source, client, body=body)).id
    return the_harvest_source(hands, id_, body)


async def a_filled_chart(hands: Hands, whose: Whose) -> Made:
    client, prove = hands.user, hands.prove
    condition = {"_cls": "Filter", "column": "annee", "condition": "exact", "value": "1"}
    body = ChartWrite(
        title=new_title("Trafic"),
        description="Par année",
        extras={"a": 1, "b": {"c": [1, "x"]}},
        private=True,
        x_axis=XAxisWrite(
            column_x="annee", type="continuous", sort_x_by="axis_y", sort_x_direction="desc"
        ),
        y_axis=YAxisWrite(min=0.5, max=100, label="Passages", unit="km", unit_position="prefix"),
        series=[
            DataSeriesWrite(
                type="line",
                resource_id="27f2b8b6-0000-4000-8000-000000000001",
                column_y="total",
                column_x_name_override="an",
                aggregate_y="sum",
                filters={
                    "_cls": "AndFilters",
                    "filters": [condition, {"_cls": "OrFilters", "filters": [condition]}],
                },
            )
        ],
        **await hands.producer(whose, client),
    )
    id_ = (await prove(visualizations.create_visualization, client, body=body)).id
    return the_chart(hands, id_, body)


async def a_filled_job(hands: Hands, schedule: CrontabWrite | IntervalWrite) -> Made:
    client, prove = hands.admin, hands.prove
    body = PeriodicTaskWrite(
        name=new_title("Tâche"),
        description="Toutes les nuits",
        task=(await workers.list_schedulable_jobs(client))[0],
        args=["un", 2, [3, {"a": [4]}]],
        kwargs={"force": True},
        enabled=True,
    )
    if isinstance(schedule, CrontabWrite):
        body.crontab = schedule
    else:
        body.interval = schedule
    id_ = (await prove(workers.create_job, client, body=body)).id
    return the_job(hands, id_, body)


async def a_filled_member(hands: Hands) -> Made:
    client, prove = hands.user, hands.prove
    org, member = (await an_organization(client)).id, (await me.get_me(hands.other)).id
    ask = MembershipRequestWrite(comment="J'y travaille")
    asked = await organizations.request_membership(hands.other, org, body=ask)
    await organizations.accept_membership(client, org, asked.id)
    body = MemberWrite(role="admin")
    await prove(organizations.update_organization_member, client, org, member, body=body)

    async def read() -> Member:
        members = (await prove(organizations.get_organization, client, org)).members
        (found,) = (one for one in members if one.user and one.user.id == member)
        return found

    return Made(
        [body],
        read,
        lambda body: prove(
            organizations.update_organization_member, client, org, member, body=body
        ),
    )


async def a_sparse_dataset(hands: Hands) -> Made:
    return the_dataset(hands, (await a_dataset(hands.user)).id)


async def a_closed_dataset(hands: Hands) -> Made:
    body = DatasetWrite(title=new_title("Secrets"), description="Non", access_type="restricted")
    return the_dataset(hands, (await datasets.create_dataset(hands.user, body=body)).id)


async def a_sparse_resource(hands: Hands) -> Made:
    dataset = await a_dataset(hands.user)
    body = ResourceWrite(title="Fichier", url="https://files.example.org/a.csv", filetype="remote")
    made = await datasets.create_resource(hands.user, dataset.id, body=body)
    return the_resource(hands, dataset.id, made.id)


async def an_upload(hands: Hands) -> Made:
    dataset = await a_dataset(hands.user)
    body = FileUpload(file=File(CSV, "horaires.csv"))
    made = await datasets.upload_new_dataset_resource(hands.user, dataset.id, body=body)
    assert made.id
    return the_resource(hands, dataset.id, made.id)


async def a_sparse_community_resource(hands: Hands) -> Made:
    body = CommunityResourceWrite(
        dataset=await a_dataset(hands.admin),
        title="Fichier",
        url="https://files.example.org/a.csv",
        filetype="remote",
    )
    made = await datasets.create_community_resource(hands.user, body=body)
    return the_community_resource(hands, made.id)


async def a_sparse_reuse(hands: Hands) -> Made:
    return the_reuse(hands, (await a_reuse(hands.user)).id)


async def a_sparse_dataservice(hands: Hands) -> Made:
    body = DataserviceWrite(title=new_title("API"))
    made = await dataservices.create_dataservice(hands.user, body=body)
    return the_dataservice(hands, made.id)


async def a_sparse_organization(hands: Hands) -> Made:
    return the_organization(hands, (await an_organization(hands.user)).id)


async def a_sparse_user(hands: Hands) -> Made:
    return the_user(hands, (await somebody(hands.admin)).id)


async def oneself_as_one_is(hands: Hands) -> Made:
    client, prove = hands.user, hands.prove
    return Made(
        [],
        lambda: prove(me.get_me, client),
        lambda body: prove(me.update_me, client, body=body),
    )


async def a_sparse_contact_point(hands: Hands) -> Made:
    made = await a_contact_of(hands, await hands.producer("owner", hands.user))
    return the_contact_point(hands, made.id)


async def a_sparse_post(hands: Hands) -> Made:
    body = PostWrite(name=new_title("Nouvelles"), content="Peu de nouveau")
    return the_post(hands, (await posts.create_post(hands.admin, body=body)).id)


async def a_sparse_page(hands: Hands) -> Made:
    return the_page(hands, (await pages.create_page(hands.user, body=PageWrite())).id)


async def a_sparse_report(hands: Hands) -> Made:
    body = ReportWrite(subject=await a_dataset(hands.user), reason="spam")
    return the_report(hands, (await reports.create_report(hands.user, body=body)).id)


async def a_sparse_harvest_source(hands: Hands) -> Made:
    body = HarvestSourceWrite(
        name=new_title("Catalogue"), url="https://catalogue.example.org/", backend="local"
    )
    made = await harvest.create_harvest_source(hands.admin, body=body)
    return the_harvest_source(hands, made.id)


async def a_sparse_chart(hands: Hands) -> Made:
    body = ChartWrite(
        title=new_title("Trafic"),
        description="Par année",
        x_axis=XAxisWrite(column_x="annee", type="discrete"),
        series=[DataSeriesWrite(resource_id="27f2b8b6-0000-4000-8000-000000000001")],
    )
    made = await visualizations.create_visualization(hands.user, body=body)
    return the_chart(hands, made.id)


async def a_sparse_job(hands: Hands, schedule: CrontabWrite | IntervalWrite) -> Made:
    body = PeriodicTaskWrite(name=new_title("Tâche"), task="count-tags")
    if isinstance(schedule, CrontabWrite):
        body.crontab = schedule
    else:
        body.interval = schedule
    return the_job(hands, (await workers.create_job(hands.admin, body=body)).id)
