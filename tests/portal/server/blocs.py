"""Pages, and the blocs that they and presentations consist of."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import texts
from backstage import Backstage
from catalog import NOW, Catalog, moment
from release import find, has_field, present
from udata.core.organization.models import Organization
from udata.core.post.factories import PostFactory
from udata.core.post.models import Post
from udata.core.site.models import Site, current_site

Page = find("Page", "udata.core.pages.models")


def seed_pages(catalog: Catalog, backstage: Backstage) -> None:
    """Add pages: none in the oldest releases, documents of their own, and then posts with blocs."""
    if Page:
        backstage.pages = seed_page_documents(catalog)
    elif has_field(Post, "blocs"):
        seed_page_posts(catalog)


def seed_page_documents(catalog: Catalog) -> list[Any]:
    """Add pages, one of them as the content of a post and of a list of the site."""
    page = Page(blocs=blocs(catalog), owner=catalog.admin, created_at=moment()).save()
    owned = [
        Page(organization=organization, created_at=moment()).save()
        for organization in catalog.organizations[:2]
    ]
    # Give the pages different dates. Not random ones: drawing random numbers here would change
    # the data that is seeded later.
    for days, one in enumerate([page, *owned], start=1):
        one.update(last_modified=NOW - timedelta(days=days))
    if has_field(Post, "content_as_page"):
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


def seed_page_posts(catalog: Catalog) -> None:
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
    """Add blocs to the site and to an organization."""
    if has_field(Site, "datasets_blocs"):
        site = current_site._get_current_object()
        site.datasets_blocs = blocs(catalog)
        site.save()
    if has_field(Organization, "presentation_blocs"):
        organization = catalog.organizations[0]
        organization.presentation_blocs = blocs(catalog)
        organization.presentation_blocs_published_at = NOW
        organization.save()


def bloc(kind: str, **values: Any) -> Any:
    """Return a bloc, or a part of one, if this release has its kind."""
    return find(kind, "udata.core.edito_blocs.models", "udata.core.pages.models")(**values)


def blocs(catalog: Catalog) -> list[Any]:
    """Return a bloc of each kind that the editor of this release supports."""
    sections = present(in_sections(catalog))
    return sections or present(in_lists(catalog))


def links() -> list[Any]:
    return [
        bloc("LinkInBloc", title="Guide", color="blue", url="https://guides.example.org/"),
        bloc("LinkInBloc", title="Contact"),
    ]


def in_sections(catalog: Catalog) -> list[Any]:
    """Return blocs in sections, as in newer releases."""
    explored = catalog.datasets[0].resources[0].id
    return [
        bloc(
            "SectionBloc",
            color="primary",
            blocs=[
                bloc("TitleBloc", title="Bienvenue", subtitle="Les données en un clin d'œil"),
                bloc(
                    "ButtonBloc", title="Commencer", url="https://guides.example.org/", width="1/2"
                ),
                bloc("MarkdownBloc", content=texts.paragraph(2), width="1/2"),
                bloc("LinksListBloc", links=links()),
            ],
        ),
        bloc(
            "SectionBloc",
            blocs=[
                bloc("DatasetBloc", dataset=catalog.datasets[0], width="1/3"),
                bloc("ReuseBloc", reuse=catalog.reuses[0], width="1/3"),
                bloc("DataserviceBloc", dataservice=catalog.dataservices[0], width="1/3"),
                bloc("ExploreBloc", resource_id=explored),
                bloc(
                    "AccordionListBloc",
                    items=[
                        bloc(
                            "AccordionItemBloc",
                            title="Une question ?",
                            content=[bloc("MarkdownBloc", content="Une réponse.")],
                        )
                    ],
                ),
            ],
        ),
    ]


def in_lists(catalog: Catalog) -> list[Any]:
    """Return blocs without sections, as in older releases."""
    return [
        bloc(
            "HeroBloc",
            title="Bienvenue",
            description="Les données en un clin d'œil",
            color="primary",
        ),
        bloc("MarkdownBloc", content=texts.paragraph(2)),
        bloc("LinksListBloc", title="Pour commencer", links=links()),
        bloc("DatasetsListBloc", title="Jeux de données", datasets=catalog.datasets[:1]),
        bloc("ReusesListBloc", title="Réutilisations", reuses=catalog.reuses[:1]),
        bloc("DataservicesListBloc", title="API", dataservices=catalog.dataservices[:1]),
        bloc("ExploreBloc", resource_id=catalog.datasets[0].resources[0].id),
        bloc(
            "AccordionListBloc",
            items=[
                bloc(
                    "AccordionItemBloc",
                    title="Une question ?",
                    content=[bloc("MarkdownBloc", content="Une réponse.")],
                )
            ],
        ),
    ]
