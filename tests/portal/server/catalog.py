"""Seed data of the catalogue: users, organizations, datasets, reuses, dataservices, discussions."""

from __future__ import annotations

import io
import random
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import texts
from PIL import Image
from release import find, has_field
from udata.core.badges.factories import badge_factory
from udata.core.contact_point.factories import ContactPointFactory
from udata.core.dataservices.factories import DataserviceFactory, HarvestMetadataFactory
from udata.core.dataservices.models import Dataservice
from udata.core.dataset.factories import (
    ChecksumFactory,
    CommunityResourceFactory,
    DatasetFactory,
    LicenseFactory,
    ResourceFactory,
    ResourceSchemaMockData,
)
from udata.core.dataset.models import (
    Dataset,
    HarvestDatasetMetadata,
    HarvestResourceMetadata,
    Schema,
)
from udata.core.discussions.factories import DiscussionFactory, MessageDiscussionFactory
from udata.core.organization.factories import OrganizationFactory, TeamFactory
from udata.core.organization.models import Organization
from udata.core.reuse.constants import REUSE_TOPICS, REUSE_TYPES
from udata.core.reuse.factories import ReuseFactory
from udata.core.spatial.factories import (
    GeoLevelFactory,
    GeoZoneFactory,
    SpatialCoverageFactory,
)
from udata.core.user.factories import AdminFactory, UserFactory
from udata.factories import DateRangeFactory
from udata.utils import faker
from werkzeug.datastructures import FileStorage

AccessAudience = find(
    "AccessAudience", "udata.core.access_type.models", "udata.core.dataservices.models"
)
# An enumeration of them, or their labels by name in older releases.
FREQUENCIES = find("UpdateFrequency", "udata.core.dataset.constants") or find(
    "UPDATE_FREQUENCIES", "udata.core.dataset.constants"
)

# The latest date in the seed data. It is fixed, so that every portal has the same data.
NOW = datetime(2026, 9, 1, 12, 0, 0)

FORMATS = [
    ("csv", "text/csv"),
    ("json", "application/json"),
    ("geojson", "application/geo+json"),
    ("shp", "application/x-shapefile"),
    ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ("pdf", "application/pdf"),
    ("gpkg", "application/geopackage+sqlite3"),
]


# A square around Paris.
GEOMETRY = {
    "type": "MultiPolygon",
    "coordinates": [[[[2.1, 48.7], [2.6, 48.7], [2.6, 49.0], [2.1, 49.0], [2.1, 48.7]]]],
}


@dataclass
class Catalog:
    """The seeded objects, for the other modules that refer to them."""

    admin: Any
    user: Any
    other: Any
    users: list[Any] = field(default_factory=list)
    licenses: list[Any] = field(default_factory=list)
    zones: list[Any] = field(default_factory=list)
    organizations: list[Any] = field(default_factory=list)
    datasets: list[Any] = field(default_factory=list)
    hidden: list[Any] = field(default_factory=list)
    reuses: list[Any] = field(default_factory=list)
    dataservices: list[Any] = field(default_factory=list)
    discussions: list[Any] = field(default_factory=list)
    community_resources: list[Any] = field(default_factory=list)

    def owned_by(self, items: list[Any], organization: Any) -> list[Any]:
        return [item for item in items if item.organization == organization]


def moment(since: datetime | None = None) -> datetime:
    """Return a random date between `since` (default: ten years before `NOW`) and `NOW`."""
    since = since or NOW - timedelta(days=3650)
    return since + timedelta(seconds=random.randrange(int((NOW - since).total_seconds())))


def picture(color: str) -> FileStorage:
    """Return a small image of one color, for upload."""
    stream = io.BytesIO()
    Image.new("RGB", (120, 120), color).save(stream, "PNG")
    stream.seek(0)
    return FileStorage(stream, f"{color}.png", content_type="image/png")


def seed_catalog(datasets: int) -> Catalog:
    catalog = Catalog(
        admin=AdminFactory(
            first_name="Ada",
            last_name="Lovelace",
            email="admin@example.org",
            about="Administratrice du **portail**.",
            website="https://admin.example.org/",
            created_at=NOW - timedelta(days=3000),
            confirmed_at=NOW - timedelta(days=3000),
            current_login_at=NOW,
            login_count=7,
        ),
        user=person("Louise", "Michel", "user@example.org"),
        other=person("Jean", "Moulin", "other@example.org"),
    )
    catalog.users = [
        person(faker.first_name(), faker.last_name(), f"personne-{index}@example.org")
        for index in range(20)
    ]
    for user in [catalog.admin, *catalog.users[:2]]:
        user.avatar.save(picture("navy"))
        user.save()
    # A user after the deletion of their account.
    gone = catalog.users[-1]
    gone.first_name, gone.last_name, gone.deleted = "DELETED", "DELETED", NOW
    gone.save()
    seed_references(catalog)
    seed_organizations(catalog)
    seed_datasets(catalog, datasets)
    seed_dataservices(catalog)
    seed_reuses(catalog)
    seed_discussions(catalog)
    return catalog


def person(first_name: str, last_name: str, email: str) -> Any:
    created = moment()
    return UserFactory(
        first_name=first_name,
        last_name=last_name,
        email=email,
        created_at=created,
        confirmed_at=created,
        current_login_at=moment(created) if random.random() < 0.5 else None,
    )


def seed_references(catalog: Catalog) -> None:
    """Add licenses, spatial levels and zones."""
    catalog.licenses = [
        LicenseFactory(
            id="lov2",
            title="Licence Ouverte / Open Licence version 2.0",
            url="https://www.etalab.gouv.fr/licence-ouverte-open-licence",
            alternate_urls=["https://www.etalab.gouv.fr/wp-content/uploads/lov2.pdf"],
            alternate_titles=["Licence Ouverte 2.0"],
            maintainer="Etalab",
            flags=["domain_content", "domain_data", "okd_compliant", "osi_compliant"],
        ),
        LicenseFactory(
            id="odc-odbl",
            title="Open Data Commons Open Database License (ODbL)",
            url="https://opendatacommons.org/licenses/odbl/summary/",
            flags=["domain_data"],
        ),
        LicenseFactory(id="notspecified", title="License Not Specified", url=None),
    ]
    for admin_level, (level, name) in enumerate(
        [("country", "Pays"), ("fr:region", "Région"), ("fr:commune", "Commune")], start=1
    ):
        GeoLevelFactory(id=level, name=name, admin_level=admin_level * 20)
    for level, code, name in [
        ("country", "fr", "France"),
        ("fr:region", "53", "Bretagne"),
        ("fr:region", "76", "Occitanie"),
        ("fr:commune", "35238", "Rennes"),
        ("fr:commune", "44109", "Nantes"),
        ("fr:commune", "31555", "Toulouse"),
    ]:
        catalog.zones.append(
            GeoZoneFactory(
                level=level,
                code=code,
                name=name,
                slug=name.lower(),
                uri=f"http://id.example.org/geo/{code}" if level != "country" else None,
            )
        )


def seed_organizations(catalog: Catalog) -> None:
    for index, (name, acronym) in enumerate(texts.ORGANIZATIONS):
        # The administrator and both ordinary users are members of the first organizations.
        admins = [catalog.admin] if index < 2 else [catalog.users[index % 20]]
        editors = [catalog.user] if index == 0 else random.sample(catalog.users, k=2)
        rich = index % 3 == 0
        organization = OrganizationFactory(
            name=name,
            acronym=acronym,
            description=texts.description(),
            created_at=moment(NOW - timedelta(days=4000)),
            admins=admins,
            editors=editors,
            partial_editors=[catalog.other] if index == 0 else [],
            url=f"https://organisation-{index}.example.org/" if rich else None,
            business_number_id="13002526500013" if rich else None,
            banner_color="#000091" if rich else None,
            zone="fr:commune:35238" if rich else None,
            badges=badges(Organization, badge_kinds(index), created_by=catalog.admin),
            teams=[TeamFactory(name="Données", members=admins)] if rich else [],
            extras={"slogan": "Des données pour tous", "ouverte": True} if rich else {},
            metrics={"views": random.randint(0, 900)},
        )
        if rich:
            organization.logo.save(picture("maroon"))
            organization.save()
        catalog.organizations.append(organization)


def badges(model: Any, kinds: list[str], **more: Any) -> list[Any]:
    """Return badges of the kinds that this release has for a model."""
    if not has_field(model, "badges"):
        return []
    make = badge_factory(model)
    return [make(kind=kind, **more) for kind in kinds if kind in model.__badges__]


def badge_kinds(index: int) -> list[str]:
    choices = [["public-service", "certified"], ["local-authority"], [], ["association"]]
    return choices[index % len(choices)]


def owner_of(catalog: Catalog, index: int) -> dict[str, Any]:
    """Return the owner of an object: usually an organization, sometimes a user or nobody."""
    if index % 10 == 3:
        return {"owner": catalog.admin}
    if index % 10 == 7:
        return {"owner": catalog.user}
    if index % 25 == 9:
        return {}
    return {"organization": catalog.organizations[index % len(catalog.organizations)]}


def seed_datasets(catalog: Catalog, count: int) -> None:
    """Add `count` public datasets, a third of them with all optional fields, and hidden ones."""
    for index, title in enumerate(texts.titles(count)):
        make = rich_dataset if index % 3 == 0 else plain_dataset
        catalog.datasets.append(make(catalog, index, title))
    for index, hidden in enumerate(
        [
            {"private": True},
            {"archived": NOW, "harvest": dataset_harvest(0, moment(), archived=True)},
            {"deleted": NOW},
            {"private": True},
        ]
    ):
        owner = {"owner": catalog.admin if index % 2 else catalog.user}
        catalog.hidden.append(
            DatasetFactory(
                title=f"Jeu de données en chantier {index}",
                description=texts.description(),
                created_at_internal=NOW - timedelta(days=30),
                last_modified_internal=NOW - timedelta(days=20),
                **hidden,
                **owner,
            )
        )
    for index in range(6):
        owners = [{"organization": catalog.organizations[0]}, {"owner": catalog.admin}]
        catalog.community_resources.append(
            CommunityResourceFactory(
                title=f"Version nettoyée {index}",
                description=texts.paragraph(2),
                dataset=catalog.datasets[index % len(catalog.datasets)],
                filetype="remote",
                url=f"https://files.example.org/community/{index}.csv",
                format="csv" if index else None,
                created_at_internal=moment(),
                **owners[index % 2],
            )
        )


def plain_dataset(catalog: Catalog, index: int, title: str) -> Any:
    created = moment()
    return DatasetFactory(
        title=title,
        description=texts.description(),
        tags=texts.tags(),
        license=random.choice([*catalog.licenses, None]),
        frequency=random.choice(list(FREQUENCIES)),
        created_at_internal=created,
        last_modified_internal=moment(created),
        resources=[resource(f"{index}-{n}", created) for n in range(random.randint(1, 4))],
        metrics=figures(),
        **owner_of(catalog, index),
    )


def rich_dataset(catalog: Catalog, index: int, title: str) -> Any:
    created = moment()
    owner = owner_of(catalog, index)
    restricted = index % 9 == 0
    start = date(2010 + index % 10, 1, 1)
    return DatasetFactory(
        title=title,
        acronym=f"JDD{index}",
        description=texts.description(),
        description_short=texts.paragraph(1),
        tags=["transport", *texts.tags()],
        license=catalog.licenses[index % 2],
        frequency="weekly",
        frequency_date=NOW + timedelta(days=7),
        temporal_coverage=DateRangeFactory(
            start=start, end=None if index % 6 == 0 else start + timedelta(days=400)
        ),
        spatial=coverage(catalog, index),
        created_at_internal=created,
        last_modified_internal=moment(created),
        resources=[rich_resource(f"{index}-{n}", created) for n in range(random.randint(1, 4))],
        schema=Schema(name="etalab/schema-irve-statique", version="2.2.0"),
        extras={
            "producteur": "service des données",
            "nombre": 42,
            "taux": 0.5,
            "publie": True,
            "liste": ["un", "deux"],
            "objet": {"cle": "valeur"},
            "recommendations:sources": ["local"],
        },
        harvest=dataset_harvest(index, created) if index % 2 == 0 else None,
        contact_points=contact_points(owner),
        badges=badges(Dataset, ["inspire", "hvd"][: index % 2 + 1]),
        access_type="restricted" if restricted else "open",
        access_audiences=audiences() if restricted else [],
        access_type_reason_category=(
            "confidentiality_of_proceedings_of_public_authorities" if restricted else None
        ),
        access_type_reason="Secret statistique" if restricted else None,
        authorization_request_url="https://habilitation.example.org/" if restricted else None,
        featured=index % 12 == 0,
        doi=f"10.12345/jdd-{index}" if index % 30 == 3 else None,
        metrics=figures(),
        **owner,
    )


def coverage(catalog: Catalog, index: int) -> Any:
    if index % 4 == 1:
        return SpatialCoverageFactory(zones=[], geom=GEOMETRY, granularity="other")
    number = index // 3
    zones = [catalog.zones[(number + 2 * one) % 6] for one in range(1 + index % 2)]
    return SpatialCoverageFactory(zones=zones, granularity=random.choice(["fr:commune", "poi"]))


def contact_points(owner: dict[str, Any]) -> list[Any]:
    """Return two contact points of an owner, or none if there is no owner."""
    if not owner:
        return []
    return [
        ContactPointFactory(name=faker.name(), role="contact", contact_form=None, **owner),
        ContactPointFactory(name=faker.name(), role="publisher", email=None, **owner),
    ]


def audiences() -> list[Any]:
    return [
        AccessAudience(role="local_authority_and_administration", condition="yes"),
        AccessAudience(role="company_and_association", condition="under_condition"),
        AccessAudience(role="private", condition="no"),
    ]


def figures() -> dict[str, int]:
    return {
        "views": random.randint(0, 5000),
        "resources_downloads": random.randint(0, 900),
        "reuses": 0,
        "followers": 0,
    }


def dataset_harvest(
    index: int, created: datetime, archived: bool = False
) -> HarvestDatasetMetadata:
    return HarvestDatasetMetadata(
        backend="dcat",
        domain="catalogue.example.org",
        source_id=f"source-{index}",
        source_url="https://catalogue.example.org/catalog.xml",
        remote_id=f"https://catalogue.example.org/datasets/{index}",
        remote_url=f"https://catalogue.example.org/datasets/{index}",
        uri=f"https://catalogue.example.org/datasets/{index}",
        dct_identifier=f"fr-{index}",
        created_at=created,
        issued_at=created,
        modified_at=moment(created),
        last_update=NOW,
        archived_at=NOW if archived else None,
        archived_reason="not-on-remote" if archived else None,
        archived="not-on-remote" if archived else None,
        doi=f"10.12345/source-{index}",
    )


def resource(key: str, created: datetime) -> Any:
    """Return a remote resource; its remaining optional fields are null."""
    suffix, mime = random.choice(FORMATS)
    return ResourceFactory.build(
        id=uuid5(NAMESPACE_URL, f"resource/{key}"),
        title=f"Fichier {key}.{suffix}",
        description=random.choice([None, texts.paragraph(1)]),
        filetype="remote",
        type=random.choice(["main", "documentation", "update", "api", "code", "other"]),
        url=f"https://files.example.org/{key}.{suffix}",
        format=random.choice([suffix, suffix, None]),
        mime=random.choice([mime, None]),
        filesize=None,
        checksum=None,
        created_at_internal=created,
        last_modified_internal=moment(created),
    )


def rich_resource(key: str, created: datetime) -> Any:
    suffix, mime = random.choice(FORMATS)
    modified = moment(created)
    return ResourceFactory.build(
        id=uuid5(NAMESPACE_URL, f"resource/{key}"),
        title=f"Fichier {key}.{suffix}",
        description=texts.paragraph(2),
        filetype="remote",
        type="main",
        url=f"https://files.example.org/{key}.{suffix}",
        format=suffix,
        mime=mime,
        filesize=random.randint(1_000, 10_000_000_000),
        checksum=ChecksumFactory(),
        schema=schema_of(key),
        harvest=HarvestResourceMetadata(
            uri=f"https://catalogue.example.org/resources/{key}",
            dct_identifier=f"r-{key}",
            issued_at=created,
            modified_at=modified,
            last_update=NOW,
            remote_id=f"remote-{key}",
        ),
        extras={
            "check:available": random.random() < 0.8,
            "check:status": 200,
            "check:date": NOW,
            "analysis:content-length": 12345,
            "analysis:mime-type": mime,
            "analysis:last-modified-at": modified.isoformat(),
            "geop:dataset_id": key,
        },
        metrics={"views": random.randint(0, 300)},
        created_at_internal=created,
        last_modified_internal=modified,
    )


def schema_of(key: str) -> Schema | None:
    return random.choice(
        [
            Schema(name="etalab/schema-irve-statique", version="2.2.0"),
            Schema(url=f"https://schemas.example.org/{key}.json"),
            Schema(name="139bercy/format-commande-publique"),
            None,
        ]
    )


def schemas() -> list[dict[str, Any]]:
    """Return the mock schema catalogue, instead of the one of schema.data.gouv.fr."""
    return ResourceSchemaMockData.get_all_schemas_from_mock_data()


def seed_dataservices(catalog: Catalog, count: int = 15) -> None:
    for index in range(count):
        rich = index % 2 == 0
        owner = owner_of(catalog, index)
        created = moment()
        optional: dict[str, Any] = {}
        if rich:
            optional = {
                "acronym": f"API{index}",
                "machine_documentation_url": f"https://api-{index}.example.org/openapi.json",
                "technical_documentation_url": f"https://api-{index}.example.org/doc",
                "business_documentation_url": f"https://api-{index}.example.org/guide",
                "rate_limiting": "10 appels par seconde",
                "rate_limiting_url": f"https://api-{index}.example.org/limits",
                "availability": 99.9,
                "availability_url": f"https://api-{index}.example.org/status",
                "format": "REST",
                "license": catalog.licenses[0],
                "contact_points": contact_points(owner),
                "access_type": "restricted",
                "access_audiences": audiences(),
                "badges": badges(Dataservice, ["hvd"]),
                "extras": {"cle": "valeur", "nombre": 3},
                "featured": index == 0,
                "harvest": (
                    HarvestMetadataFactory(created_at=created, issued_at=created)
                    if index % 4 == 0
                    else None
                ),
            }
        catalog.dataservices.append(
            DataserviceFactory(
                title=f"{texts.DATASERVICES[index % len(texts.DATASERVICES)]} {index}",
                description=texts.description(),
                base_api_url=f"https://api-{index}.example.org/" if rich else None,
                tags=texts.tags(),
                created_at=created,
                metadata_modified_at=moment(created),
                datasets=random.sample(catalog.datasets, k=(index + 1) % 4),
                metrics={"views": random.randint(0, 500)},
                **optional,
                **owner,
            )
        )
    DataserviceFactory(
        title="API en chantier",
        description=texts.description(),
        private=True,
        owner=catalog.user,
        created_at=moment(),
        metadata_modified_at=NOW,
    )


def seed_reuses(catalog: Catalog, count: int = 40) -> None:
    for index in range(count):
        rich = index % 3 == 0
        reuse = ReuseFactory(
            title=f"{texts.REUSES[index % len(texts.REUSES)]} {index}",
            description=texts.description(),
            url=f"https://reuse-{index}.example.org/",
            type=random.choice(list(REUSE_TYPES)),
            topic=random.choice(list(REUSE_TOPICS)),
            tags=texts.tags(),
            created_at=moment(),
            # udata hides a reuse that has neither a dataset nor a dataservice.
            datasets=random.sample(catalog.datasets, k=1 + index % 3),
            dataservices=[catalog.dataservices[index % len(catalog.dataservices)]] if rich else [],
            featured=index % 6 == 0,
            extras={"cle": "valeur"} if rich else {},
            metrics={"views": random.randint(0, 500), "datasets": 1 + index % 3},
            **owner_of(catalog, index),
        )
        if index % 10 == 0:
            reuse.image.save(picture("orange"))
            reuse.save()
        catalog.reuses.append(reuse)
    ReuseFactory(
        title="Réutilisation en chantier",
        description=texts.description(),
        url="https://draft.example.org/",
        private=True,
        owner=catalog.user,
        created_at=moment(),
    )


def seed_discussions(catalog: Catalog, count: int = 30) -> None:
    subjects = [*catalog.datasets[:12], *catalog.reuses[:4], *catalog.dataservices[:4]]
    for index in range(count):
        author = [catalog.admin, catalog.user, *catalog.users][index % 22]
        created = moment(NOW - timedelta(days=1500))
        messages = [message(author, created)]
        for _ in range(index % 4):
            replier = random.choice(catalog.users)
            messages.append(message(replier, created + timedelta(days=len(messages))))
        # A reply in the name of the organization.
        if index % 5 == 0:
            messages.append(
                message(catalog.admin, NOW, posted_by_organization=catalog.organizations[0])
            )
        closing: dict[str, Any] = {}
        if index % 4 == 0:
            closing = {"closed": NOW, "closed_by": catalog.admin}
        if index % 8 == 0:
            closing["closed_by_organization"] = catalog.organizations[0]
        catalog.discussions.append(
            DiscussionFactory(
                subject=subjects[index % len(subjects)],
                user=author,
                organization=catalog.organizations[0] if index % 10 == 0 else None,
                title=texts.QUESTIONS[index % len(texts.QUESTIONS)],
                discussion=messages,
                created=created,
                extras={"origine": "portail"} if index % 3 == 0 else {},
                **closing,
            )
        )


def message(author: Any, posted_on: datetime, **more: Any) -> Any:
    return MessageDiscussionFactory(
        content=texts.paragraph(2),
        posted_by=author,
        posted_on=posted_on,
        last_modified_at=posted_on if random.random() < 0.3 else None,
        **more,
    )
