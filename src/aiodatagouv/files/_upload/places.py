"""The places of uploaded files: the resources of a dataset, or its community resources."""

from __future__ import annotations

import datetime as dt
from typing import TypeAlias
from urllib.parse import unquote, urlsplit

from attrs import frozen

from ...api import datasets
from ...client import Client
from ...errors import DecodeError
from ...models.community_resource import CommunityResource
from ...models.community_resource_write import CommunityResourceWrite
from ...models.file_upload import FileUpload
from ...models.resource import Resource
from ...models.resource_write import ResourceWrite
from ...models.uploaded_community_resource import UploadedCommunityResource
from ...models.uploaded_resource import UploadedResource
from ...types import JsonObject

Made: TypeAlias = Resource | CommunityResource
"""A resource, as the portal has it."""

Uploaded: TypeAlias = UploadedResource | UploadedCommunityResource
"""A resource, as the portal answers an upload."""

_STORED = "id,title,checksum,filesize,created_at,url"


@frozen
class Stored:
    """The file of a resource, as the portal describes it.

    Attributes:
        id: The id of the resource.
        checksum: Its checksum, if the portal has computed one.
        algorithm: The algorithm of that checksum.
        size: Its size in bytes, None if the portal does not know it.
        name: Its name, as the portal has changed it.
        created: When the resource was created, None if the portal does not tell.
        is_untitled: Whether its title is still the name of the file.
    """

    id: str
    checksum: str | None
    algorithm: str | None
    size: int | None
    name: str
    created: dt.datetime | None
    is_untitled: bool

    @classmethod
    def of(cls, view: Made | Uploaded) -> Stored:
        """Describe the file of a resource."""
        json = view.to_dict()
        checksum = json.get("checksum") or {}
        name = unquote(urlsplit(json.get("url") or "").path.rpartition("/")[2])
        created = view.created_at if json.get("created_at") else None
        return cls(
            str(json.get("id")),
            checksum.get("value"),
            checksum.get("type"),
            json.get("filesize"),
            name,
            created.replace(tzinfo=dt.UTC) if created and not created.tzinfo else created,
            json.get("title") in (None, name),
        )


@frozen
class Place:
    """The resources of a dataset, or its community resources.

    Attributes:
        client: The client.
        dataset: The id of the dataset.
        community: Whether it has the community resources.
    """

    client: Client
    dataset: str
    community: bool

    async def post(self, body: FileUpload, replaced: str | None) -> Uploaded:
        """Send a file, a part of one, or the request to assemble the parts.

        Args:
            body: The body.
            replaced: The resource that gets the file; None to create one.
        """
        client, dataset = self.client, self.dataset
        if self.community and replaced is None:
            return await datasets.upload_new_community_resource(client, dataset, body=body)
        if self.community and replaced is not None:
            return await datasets.upload_community_resource(client, replaced, body=body)
        if replaced is None:
            return await datasets.upload_new_dataset_resource(client, dataset, body=body)
        return await datasets.upload_dataset_resource(client, dataset, replaced, body=body)

    async def seen(self, since: dt.datetime | None = None) -> list[Stored]:
        """The files that are there; those created before a time may be left out."""
        if not self.community:
            fields = f"resources{{{_STORED}}}"
            dataset = await datasets.get_dataset(self.client, self.dataset, fields=fields)
            return [Stored.of(one) for one in dataset.resources]
        found: list[Stored] = []
        async for one in datasets.list_community_resources(
            self.client, dataset=self.dataset, page_size=100, fields=_STORED
        ):
            found.append(Stored.of(one))
            if since is not None and (created := found[-1].created) and created < since:
                break  # The newest come first.
        return found

    async def get(self, id: str) -> Made:
        """Fetch a resource."""
        if self.community:
            return await datasets.get_community_resource(self.client, id)
        return await datasets.get_resource(self.client, self.dataset, id)

    async def rename(self, id: str, title: str) -> Made:
        """Change the title of a resource."""
        if self.community:
            body = CommunityResourceWrite(title=title)
            return await datasets.update_community_resource(self.client, id, body=body)
        new = ResourceWrite(title=title)
        return await datasets.update_resource(self.client, self.dataset, id, body=new)

    async def delete(self, id: str) -> None:
        """Delete a resource."""
        if self.community:
            await datasets.delete_community_resource(self.client, id)
        else:
            await datasets.delete_resource(self.client, self.dataset, id)


def check_id(answer: Uploaded) -> None:
    """Raise a ``DecodeError`` if an answer names no resource: it says nothing then."""
    if not answer.to_dict().get("id"):
        raise DecodeError("an answer without it", path="$.id", expected="the id of a resource")


def made_of(json: JsonObject, *, community: bool) -> Made:
    """The resource in the answer to an upload."""
    model = CommunityResource if community else Resource
    status = ("success", "error", "message")
    return model.from_dict({name: value for name, value in json.items() if name not in status})
