"""Downloads of files that a real portal holds: what was uploaded comes back."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from aiodatagouv import Client
from aiodatagouv.api import datasets
from aiodatagouv.errors import DownloadError, IntegrityError
from aiodatagouv.files._download.downloads import download
from aiodatagouv.models import DatasetWrite, FileUpload, Resource
from aiodatagouv.types import File

from ..portal import Portal


async def dataset_of(admin: Client) -> str:
    body = DatasetWrite(title="Fichiers", description="À télécharger", frequency="annual")
    return (await datasets.create_dataset(admin, body=body)).id


@pytest.mark.parametrize("size", [0, 1, 3_000_000])
async def test_what_was_uploaded_comes_back(
    size: int, admin: Client, visitor: Client, tmp_path: Path
) -> None:
    content, id_ = os.urandom(size), await dataset_of(admin)
    body = File(content, "data.bin.zip")
    sent = await datasets.upload_new_dataset_resource(admin, id_, body=FileUpload(file=body))
    read = (await datasets.get_dataset(visitor, id_)).resources[0]
    assert sent.id == read.id
    for client in (admin, visitor):
        for one in (sent, read, read.id):
            done = await download(client, one, tmp_path / "x")
            assert (tmp_path / "x").read_bytes() == content
            assert read.checksum is not None
            assert done.checksum is not None
            assert (done.checksum.type, done.checksum.value) == ("sha1", read.checksum.value)
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


async def test_a_community_resource_comes_back(
    admin: Client, visitor: Client, tmp_path: Path
) -> None:
    content, id_ = os.urandom(1000), await dataset_of(admin)
    sent = await datasets.upload_new_community_resource(
        admin, id_, body=FileUpload(file=File(content, "x.zip"))
    )
    assert sent.id is not None
    read = await datasets.get_community_resource(visitor, sent.id)
    for one in (sent, read, sent.id):
        assert (await download(visitor, one, tmp_path / "x")).checksum is not None
        assert (tmp_path / "x").read_bytes() == content


async def test_a_file_that_was_replaced_meanwhile_is_not_the_one_of_the_resource(
    admin: Client, visitor: Client, tmp_path: Path
) -> None:
    id_ = await dataset_of(admin)
    old = await datasets.upload_new_dataset_resource(
        admin, id_, body=FileUpload(file=File(b"old", "x.csv"))
    )
    assert old.id is not None
    new = await datasets.upload_dataset_resource(
        admin, id_, old.id, body=FileUpload(file=File(b"new", "y.csv"))
    )
    await download(visitor, new, tmp_path / "new")
    assert (tmp_path / "new").read_bytes() == b"new"
    # The portal removes the file that was replaced, or still has it.
    try:
        await download(visitor, old, tmp_path / "old")
    except (DownloadError, IntegrityError):
        assert not (tmp_path / "old").exists()
    else:
        assert (tmp_path / "old").read_bytes() == b"old"


async def test_a_file_is_reached_by_its_permanent_address(
    admin: Client, visitor: Client, portal: Portal, tmp_path: Path
) -> None:
    id_ = await dataset_of(admin)
    body = FileUpload(file=File(b"1;2", "x.csv"))
    await datasets.upload_new_dataset_resource(admin, id_, body=body)
    read = (await datasets.get_dataset(visitor, id_)).resources[0]
    assert read.latest != read.url
    permanent = Resource.from_dict({**read.to_dict(), "url": read.latest})
    done = await download(visitor, permanent, tmp_path / "x")
    assert done.url == read.url
    assert done.checksum is not None
    assert done.url.startswith(portal.url.partition("/api")[0])
