"""A typical user program, with the types that mypy and pyright must infer.

It is checked, not run.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, TypedDict, assert_type

import httpx
import msgspec
from attrs import define

from aiodatagouv import (
    Client,
    Link,
    Operation,
    Page,
    Paginator,
    Parameter,
    Rate,
    Stream,
    bulk,
    files,
)
from aiodatagouv._views.crawled import Analysis
from aiodatagouv._views.scan import Scan
from aiodatagouv.api import datasets, me, ops, organizations, v2
from aiodatagouv.files._export.exports import Export, export
from aiodatagouv.links import LinkedPage
from aiodatagouv.models import (
    CommunityResource,
    Dataset,
    DatasetFull,
    DatasetFullPage,
    DatasetPage,
    Organization,
    Resource,
    Reuse,
    UploadedImage,
    UploadedResource,
    User,
)
from aiodatagouv.models import v2 as second


@define
class Title:
    id: str
    title: str


@dataclass
class Name:
    name: str


class Slug(TypedDict):
    slug: str


class Site(msgspec.Struct):
    url: str | None


async def tables(client: Client, resource: Resource) -> None:
    analysis = resource.analysis
    assert_type(analysis, Analysis)
    assert_type(analysis.parquet_url, str | None)
    assert_type(analysis.parquet_size, int | None)
    assert_type(analysis.available, bool | None)
    assert_type(analysis.checked_at, dt.datetime | None)
    assert_type(analysis.extras, dict[str, Any])
    scan = resource.scan(allow_private=True)
    assert_type(scan, Scan)
    assert_type(scan.polars(), dict[str, Any])
    one = export(client, "datasets", organization="an-id")
    assert_type(one, Export)
    assert_type(one.stream, Stream)
    async for row in one.rows(columns=["id"]):
        assert_type(row, dict[str, Any])
    assert_type(await one.save("datasets.parquet", progress=print), int)
    async for text in one.stream.rows(progress=lambda now: print(now.done)):
        assert_type(text, dict[str, str])


async def folders(client: Client, dataset: Dataset, found: second.SpecificResource) -> None:
    """The sources of folders."""
    resources = v2.datasets.list_resources(client, "velos")
    assert_type(await files.sync(client, "velos", "x"), files.Report)
    await files.sync(client, dataset, "x", verify=False, delete=True)
    await files.sync(client, ["velos", "arrets"], "x")
    await files.sync(client, [dataset], "x")
    await files.sync(client, [found], "x")
    await files.sync(client, datasets.list_datasets(client), "x")
    await files.sync(client, v2.datasets.search_datasets(client), "x")
    await files.sync(client, resources, "x")
    await files.download_all(client, resources, "x")
    await files.download_all(client, [*dataset.resources, found], "x")
    async for community in datasets.list_community_resources(client):
        await files.download_all(client, [community], "x")


async def links(client: Client, link: Link[Dataset]) -> None:
    assert_type(link.href, str)
    assert_type(link.total, int)
    listed = link.follow(client, fields="id", page_size=10)
    assert_type(listed, Paginator[LinkedPage[Dataset], Dataset])
    async for dataset in listed:
        assert_type(dataset, Dataset)
    async for page in listed.pages(concurrency=4):
        assert_type(page.data, list[Dataset])
    first = await listed
    assert_type(first.data[0].title, str)
    assert_type(first.total, int)
    assert_type(first.next_page, str | None)
    assert_type(await listed.into(Title), Page[Title])
    async for title in listed.into(Title):
        assert_type(title, Title)
    await bulk.harvest(listed, "datasets.jsonl")


async def paginators(client: Client) -> None:
    listed = datasets.list_datasets(client, q="vélo", tag=["transport"])
    assert_type(listed, Paginator[DatasetPage, Dataset])
    assert_type(await listed, DatasetPage)
    async for dataset in listed:
        assert_type(dataset, Dataset)
        assert_type(dataset.title, str)
        assert_type(dataset.acronym, str | None)
    async for page in listed.pages(concurrency=4):
        assert_type(page, DatasetPage)
    async for item in listed.items(concurrency=4):
        assert_type(item, Dataset)


async def masks(client: Client) -> None:
    text = await datasets.get_dataset(client, "velos", fields="id,organization{name}")
    assert_type(text, Dataset)
    assert_type(await datasets.get_dataset(client, "velos", fields=["id"]), Dataset)
    assert_type(await datasets.get_dataset(client, "velos", fields={"id", "slug"}), Dataset)
    assert_type(await me.list_my_datasets(client, fields="id"), list[Dataset])
    await datasets.get_dataset(client, "velos", fields=Title)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    await datasets.get_dataset(client, "velos", fields=7)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]


async def second_version(client: Client, dataset: Dataset, *, is_full: bool) -> None:
    light = await v2.datasets.get_dataset(client, "velos")
    assert_type(light, second.Dataset)
    assert_type(light.license, str)
    assert_type(light.resources, Link[Resource])
    full = await v2.datasets.get_dataset(client, "velos", full_objects=True)
    assert_type(full, second.DatasetFull)
    assert_type(full.license, second.DatasetLicense)
    either = await v2.datasets.get_dataset(client, "velos", full_objects=is_full)
    assert_type(either, second.Dataset | second.DatasetFull)
    assert_type(await v2.datasets.get_dataset(client, "velos", into=Title), Title)
    assert_type(
        datasets.list_datasets(client, full_objects=True),
        Paginator[DatasetFullPage, DatasetFull],
    )
    page = await v2.datasets.search_datasets(client, q="velos")
    assert_type(page.data[0], second.Dataset)
    assert_type(page.facets.license, list[second.FacetBucket] | None)
    body = second.TopicWrite(name="Vélo", elements=[second.TopicElementWrite(element=dataset)])
    assert_type(await v2.topics.create_topic(client, body=body), second.Topic)
    await v2.datasets.update_dataset_extras(client, "velos", body={"a": None, "b": [1]})
    await v2.datasets.delete_dataset_extras(client, "velos", body=["a"])


async def projections(client: Client) -> None:
    titles = datasets.list_datasets(client, tag=["transport"]).into(Title)
    assert_type(titles, Paginator[Page[Title], Title])
    page = await titles
    assert_type(page, Page[Title])
    assert_type(page.data, list[Title])
    assert_type(page.next_page, str | None)
    async for title in titles:
        assert_type(title, Title)
        assert_type(title.title, str)
    async for slug in datasets.list_datasets(client).into(Slug).items(concurrency=2):
        assert_type(slug, Slug)
        assert_type(slug["slug"], str)

    assert_type(await datasets.get_dataset(client, "velos", into=Title), Title)
    assert_type(await organizations.get_organization(client, "nantes", into=Name), Name)
    assert_type(await organizations.get_organization(client, "nantes", into=Site), Site)
    assert_type(await organizations.get_organization(client, "nantes"), Organization)
    assert_type(await me.list_my_datasets(client, into=Slug), list[Slug])
    # A class already selects the fields, so ``fields`` cannot be given as well.
    await datasets.get_dataset(client, "velos", fields="id", into=Title)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]


async def options(client: Client) -> None:
    seen: list[httpx.Response] = []
    patient = client.with_options(timeout=60, lang="fr", on_response=seen.append)
    assert_type(patient, Client)
    assert_type(await datasets.get_dataset(patient, "velos"), Dataset)
    extras = (await datasets.get_dataset(client, "velos")).extras
    assert_type(extras, dict[str, Any])
    client.with_options(colour="red")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


async def uploads(
    client: Client,
    dataset: Dataset | DatasetFull | second.Dataset,
    resource: Resource | UploadedResource,
    community: CommunityResource,
    is_community: bool,
) -> None:
    new = await files.upload(client, dataset, "a.csv")
    assert_type(new, Resource)
    assert_type(
        await files.upload(client, "velos", b"a", name="a.csv", resource=resource), Resource
    )
    other = await files.upload(client, dataset, "a.csv", resource=community, community=True)
    assert_type(other, CommunityResource)
    either = await files.upload(client, dataset, "a.csv", community=is_community)
    assert_type(either, Resource | CommunityResource)


async def images(client: Client, organization: Organization, reuse: Reuse, user: User) -> None:
    banner = await files.upload_image(client, organization, "a.png", kind="banner")
    assert_type(banner, UploadedImage)
    assert_type(await files.upload_image(client, reuse, b"", kind="image"), UploadedImage)
    assert_type(await files.upload_image(client, user, "a.png", kind="avatar"), UploadedImage)
    owner: Organization | Reuse | User = user
    assert_type(await files.upload_image(client, owner, "a.png"), UploadedImage)


async def bulk_work(client: Client) -> None:
    report = await bulk.harvest(datasets.list_datasets(client), "datasets.jsonl")
    assert_type(report, bulk.Report)
    for part in await bulk.partition(datasets.list_datasets(client).into(Title), 4):
        assert_type(part, bulk.Part)
        assert_type(await bulk.harvest(part, "part.jsonl", client=client), bulk.Report)


async def endpoints(client: Client) -> None:
    response = await client.request("GET", "some/path", params={"page": 2, "tag": ["a"]})
    assert_type(response, httpx.Response)
    assert_type(client.with_options(rate=None).with_options(rate=Rate(2, burst=1)), Client)
    assert_type(ops.GET_DATASET, Operation)
    assert_type(ops.GET_DATASET.parameters, tuple[Parameter, ...])
