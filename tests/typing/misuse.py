"""Misuses that both type checkers must report, each on a line with ignore comments.

Both type checkers warn about an unused ignore comment, so a misuse that goes unreported is noticed.
"""

from __future__ import annotations

from aiodatagouv import Client, Link, bulk, files
from aiodatagouv.api import datasets, discussions, organizations, reuses, site, v2
from aiodatagouv.files._export.exports import export
from aiodatagouv.models import (
    Dataset,
    DatasetWrite,
    DiscussionStart,
    Organization,
    Resource,
    Reuse,
    ReuseWrite,
)
from aiodatagouv.models import v2 as second


async def answers(client: Client, dataset: Dataset, organization: Organization) -> None:
    print(dataset.titel)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    print(dataset.acronym.upper())  # type: ignore[union-attr]  # pyright: ignore[reportOptionalMemberAccess]
    print(dataset.organization.name)  # type: ignore[union-attr]  # pyright: ignore[reportOptionalMemberAccess]
    print(dataset.created_at + 1)  # type: ignore[operator]  # pyright: ignore[reportOperatorIssue]
    print(dataset.resources.title)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    print(len(dataset.private))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    print(organization.members[0].first_name)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    dataset.title = "Vélos"  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
    dataset.nothing = 3  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    Dataset(title="Vélos")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    resource: Resource = dataset.resources  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    print(resource)
    await datasets.get_dataset(client, dataset)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    await datasets.get_dataset(client, dataset.acronym)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def links(client: Client, link: Link[Dataset]) -> None:
    print(link.data)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    link.follow()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    link.follow(client, q="vélo")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    async for resource in link.follow(client):
        print(resource.mime)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    other: Link[Resource] = link  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    print(other)


async def bodies(client: Client, dataset: Dataset, reuse: Reuse) -> None:
    DatasetWrite(titel="Vélos")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    DatasetWrite(title=3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    DatasetWrite(title=None)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    DatasetWrite(frequency="anual")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    DatasetWrite(access_type="secret")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    DatasetWrite(tags="velo")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    DatasetWrite(organization=dataset)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    DatasetWrite(metrics={})  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    DatasetWrite(resources=dataset.resources)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    DatasetWrite.of(reuse)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    DatasetWrite.of(dataset, titel="Vélos")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    DatasetWrite.of(dataset, title=3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    ReuseWrite(topic="healht")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    DiscussionStart(title="Une question", comment="?")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    DiscussionStart(title="a", comment="b", subject="1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    body = DatasetWrite(title="Vélos")
    body.nothing = 3  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    body.title = 3  # type: ignore[assignment]  # pyright: ignore[reportAttributeAccessIssue]
    await datasets.create_dataset(client, body=dataset)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await datasets.create_dataset(client, body={"title": "Vélos"})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await datasets.create_dataset(client)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    await discussions.create_discussion(client, body=body)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def filters(client: Client) -> None:
    datasets.list_datasets(client, sort="titel")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    datasets.list_datasets(client, tags=["velo"])  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    datasets.list_datasets(client, page_size="100")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    reuses.list_reuses(client, topic="healht")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def calls(client: Client, part: bulk.Part) -> None:
    await datasets.get_dataset(client, "velos", fields=Dataset)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    await client.request("GET", "some/path", params={"a": object()})  # type: ignore[dict-item]  # pyright: ignore[reportArgumentType]
    await bulk.harvest(client, datasets.list_datasets(client), "a.jsonl")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    await bulk.harvest(part, "a.jsonl")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    await bulk.harvest(datasets.list_datasets(client), "a.jsonl", client=client)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    client.with_options(rate="fast")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.chunks()  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]


async def tables(client: Client, resource: Resource, dataset: Dataset) -> None:
    print(dataset.analysis)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    print(resource.analysis.parquet_ulr)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    print(resource.analysis.parquet_url.upper())  # type: ignore[union-attr]  # pyright: ignore[reportOptionalMemberAccess]
    print(resource.analysis.checked_at.year)  # type: ignore[union-attr]  # pyright: ignore[reportOptionalMemberAccess]
    resource.scan(True)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    resource.scan().duckdb()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    export(client, "dataset")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    export(client, "datasets", tag="velo")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    export(client, "datasets", organization=3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await export(client, "datasets").rows()  # type: ignore[misc]  # pyright: ignore[reportGeneralTypeIssues]
    await export(client, "datasets").save("a.csv", progress=3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await site.get_site_tags_csv(client).save("a.csv", print)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


async def folders(client: Client, dataset: Dataset, organization: Organization) -> None:
    await files.sync(client, organization, "x")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await files.sync(client, organizations.list_organizations(client), "x")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await files.sync(client, reuses.list_reuses(client), "x")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await files.sync(client, {"a": 1}, "x")  # type: ignore[dict-item]  # pyright: ignore[reportArgumentType]
    await files.sync(client, [1, 2], "x")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await files.sync(client, b"abc", "x")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await files.download_all(client, dataset, "x")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await files.download_all(client, "velos", "x")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await files.download_all(client, [organization], "x")  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]
    await files.download_all(client, [dataset], "x")  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]
    await files.download_all(client, dataset.resources, "x", verify="no")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def uploads(
    client: Client, dataset: Dataset, resource: Resource, organization: Organization, reuse: Reuse
) -> None:
    await files.upload(client, resource, "a.csv")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    await files.upload(client, organization, "a.csv")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    await files.upload(client, dataset, "a.csv", resource=dataset)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    await files.upload(client, dataset, "a.csv", concurrency=2.5)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    await files.upload_image(client, dataset, "a.png")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
    await files.upload_image(client, organization, "a.png", kind="avatar")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
    await files.upload_image(client, reuse, "a.png", kind="logo")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]


async def second_version(client: Client, dataset: second.Dataset) -> None:
    print(dataset.license.maintainer)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    print(dataset.resources[0])  # type: ignore[index]  # pyright: ignore[reportIndexIssue]
    second.TopicElementWrite(element=second.Topic)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await v2.datasets.delete_dataset_extras(client, "velos", body={"a": None})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await v2.datasets.get_dataset(client, "velos", full_objects="yes")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
