"""Functions that create objects for tests through the API."""

from __future__ import annotations

import struct
import zlib
from itertools import count
from zlib import crc32

import httpx

from aiodatagouv import Client, File
from aiodatagouv.api import dataservices, datasets, organizations, reuses, users
from aiodatagouv.api.v2 import topics
from aiodatagouv.models import (
    Dataservice,
    DataserviceWrite,
    Dataset,
    DatasetWrite,
    ImageUpload,
    Organization,
    OrganizationWrite,
    Resource,
    ResourceWrite,
    Reuse,
    ReuseWrite,
    User,
    UserWrite,
    v2,
)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc32(kind + data))


PNG = b"".join(
    [
        b"\x89PNG\r\n\x1a\n",
        _chunk(b"IHDR", struct.pack(">IIBBBBB", 4, 4, 8, 0, 0, 0, 0)),
        _chunk(b"IDAT", zlib.compress(4 * b"\x00\x00\x00\xff\xff")),
        _chunk(b"IEND", b""),
    ]
)
"""A PNG image of 4 x 4 pixels: the left half is black, the right half white."""

_numbers = count(1)


def new_title(name: str) -> str:
    """Return a unique title."""
    return f"{name} {next(_numbers)}"


def picture(bbox: str | None = None) -> ImageUpload:
    file = File(PNG, "image.png")
    return ImageUpload(file=file) if bbox is None else ImageUpload(file=file, bbox=bbox)


async def a_dataset(client: Client) -> Dataset:
    body = DatasetWrite(title=new_title("Fontaines"), description="Où boire", frequency="annual")
    return await datasets.create_dataset(client, body=body)


def a_file(title: str = "Horaires", url: str = "https://files.example.org/a.csv") -> ResourceWrite:
    """Return the body of a remote resource."""
    return ResourceWrite(title=title, url=url, type="main", filetype="remote", format="csv")


async def a_resource(client: Client, dataset: Dataset) -> Resource:
    return await datasets.create_resource(client, dataset.id, body=a_file())


async def a_reuse(client: Client) -> Reuse:
    title = new_title("Carte")
    url = f"https://carte.example.org/{title.replace(' ', '-')}"
    body = ReuseWrite(
        title=title, description="Une carte", topic="others", type="visualization", url=url
    )
    return await reuses.create_reuse(client, body=body)


async def a_dataservice(client: Client) -> Dataservice:
    title = new_title("API")
    url = f"https://api.example.org/{title.replace(' ', '-')}"
    body = DataserviceWrite(title=title, description="Une API", base_api_url=url)
    return await dataservices.create_dataservice(client, body=body)


async def a_topic(client: Client) -> v2.Topic:
    # 14.13.0 requires a description and tags.
    body = v2.TopicWrite(name=new_title("Voyages"), description="En train", tags=["train"])
    return await topics.create_topic(client, body=body)


async def an_organization(client: Client) -> Organization:
    body = OrganizationWrite(name=new_title("Régie"), description="Des transports")
    return await organizations.create_organization(client, body=body)


async def somebody(admin: Client) -> User:
    """Create a user that no other test uses."""
    number = next(_numbers)
    email = f"somebody-{number}@example.org"
    body = UserWrite(first_name="Rosa", last_name=f"Bonheur {number}", email=email)
    return await users.create_user(admin, body=body)


async def bytes_of(url: str | None) -> bytes:
    """Download a file of the portal."""
    assert url
    async with httpx.AsyncClient() as client:
        return (await client.get(url)).raise_for_status().content
