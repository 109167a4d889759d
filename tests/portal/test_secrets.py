"""Tests that redirects of the real portal do not disclose keys or cookies to other hosts."""

from __future__ import annotations

import httpx
import pytest

from aiodatagouv import Client
from aiodatagouv.api import datasets, organizations, site
from aiodatagouv.models import DatasetWrite, Resource, ResourceWrite

from ..servers import says, server
from .portal import Portal

CSV = b"HTTP/1.1 200 OK\r\nSet-Cookie: x=1; Path=/\r\nContent-Length: 5\r\n\r\nid\r\n1"


async def test_another_origin_sees_neither_key_nor_cookie(admin: Client, portal: Portal) -> None:
    responses: list[httpx.Response] = []
    client = admin.with_options(on_response=responses.append)
    heads: list[str] = []
    async with server(says(CSV), heads) as hostile:
        url = f"{hostile}/file.csv"
        dataset = await datasets.create_dataset(
            client, body=DatasetWrite(title="Leurre", description="x", frequency="annual")
        )
        remote = ResourceWrite(title="CSV", url=url, type="main", filetype="remote")
        resource = await datasets.create_resource(client, dataset.id, body=remote)
        # A redirect operation returns the URL without requesting it.
        assert await datasets.redirect_resource(client, resource.id) == url
        assert heads == []

        # Exports are resources of a dataset of the portal. This one is moved to the other origin.
        exports, export = await export_of_reuses(client)
        moved = remote.to_dict() | {"extras": export.extras}
        await datasets.update_resource(client, exports, export.id, body=ResourceWrite(extras={}))
        decoy = await datasets.create_resource(client, exports, body=ResourceWrite.from_dict(moved))
        try:
            stream = site.get_site_reuses_csv(client)
            assert [row async for row in stream.rows()] == [{"id": "1"}]
        finally:
            await datasets.delete_resource(client, exports, decoy.id)
            back = ResourceWrite(extras=export.extras)
            await datasets.update_resource(client, exports, export.id, body=back)

        for rdf in (
            datasets.redirect_dataset_rdf(client, dataset.id),
            organizations.redirect_organization_catalog(client, (await an_organization(client))),
            site.redirect_site_catalog(client),
        ):
            assert (await rdf).startswith(portal.url)
        # The client restores the query, which the portal drops when it redirects an old slug.
        renaming = DatasetWrite.of(dataset, title="Appât")
        await datasets.update_dataset(client, dataset.id, body=renaming)
        assert (
            await datasets.get_dataset(client.with_options(lang="fr"), "leurre")
        ).id == dataset.id
        await datasets.delete_dataset(client, dataset.id)
    assert responses[-2].request.url.params["lang"] == "fr"
    assert responses[-2].request.url.path.endswith("/appat/")

    assert len(heads) == 1
    assert not [head for head in heads if portal.api_key in head]
    assert not [head for head in heads if {"x-api-key", "cookie"} & names_in(head)]
    # The session cookie was not sent back to the portal: a session would outlive the API key.
    assert not [one for one in responses if "Cookie" in one.request.headers]
    # The API key was sent, but the recorded requests do not contain it.
    assert not [one for one in responses if "X-API-KEY" in one.request.headers]
    assert not [one for one in responses if "Set-Cookie" in one.headers]


def names_in(head: str) -> set[str]:
    """Return the names of the headers of a request."""
    return {line.partition(":")[0].lower() for line in head.splitlines()[1:]}


async def export_of_reuses(client: Client) -> tuple[str, Resource]:
    async for dataset in datasets.list_datasets(client):
        for resource in dataset.resources:
            if (resource.extras or {}).get("csv-export:model") == "reuse":
                return dataset.id, resource
    pytest.fail("the portal has no exports")


async def an_organization(client: Client) -> str:
    page = await organizations.list_organizations(client)
    assert isinstance(page.data[0].id, str)
    return page.data[0].id
