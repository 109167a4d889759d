"""Folders that are synchronized with the datasets of real portals."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from aiodatagouv import Client, File, GoneError
from aiodatagouv.api import datasets, v2
from aiodatagouv.files._folder.folder import download_all, sync
from aiodatagouv.files._folder.report import Report
from aiodatagouv.models import Dataset, DatasetWrite, FileUpload, ResourceWrite

from ...clients import client_of
from ...worlds import Host, hosts
from ..portal import Portal


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    """A host other than the portal, with two files."""
    async with hosts(1) as (host,):
        host.files = {"/export/csv": b"remote", "/stops.csv": b"stops"}
        yield host


async def created(client: Client, host: Host) -> Dataset:
    """Create a dataset with an uploaded file and two files of a host."""
    body = DatasetWrite(title="Arrêts", description="Où s'arrêter", frequency="annual")
    dataset = await datasets.create_dataset(client, body=body)
    await upload(client, dataset, b"uploaded")
    for title, path in (("Arrêts en temps réel", "/export/csv"), ("Arrêts", "/stops.csv")):
        url = f"{host.url}{path}"
        body_ = ResourceWrite(title=title, url=url, filetype="remote", type="main", format="csv")
        await datasets.create_resource(client, dataset.id, body=body_)
    return dataset


async def upload(client: Client, dataset: Dataset, content: bytes, *, to: str = "") -> None:
    """Upload a file, as a new resource or in the place of that of another one."""
    # The portal cannot take two files of one name in one second.
    body = FileUpload(file=File(content, f"{content.decode()}.csv"))
    if to:
        await datasets.upload_dataset_resource(client, dataset.id, to, body=body)
    else:
        await datasets.upload_new_dataset_resource(client, dataset.id, body=body)


def contents(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def statuses(report: Report) -> dict[str | None, str]:
    return {one.path: one.status for one in report.outcomes}


async def test_a_folder_follows_a_dataset(client: Client, host: Host, tmp_path: Path) -> None:
    dataset, folder = await created(client, host), tmp_path / "folder"

    async def synchronized(**options: Any) -> Report:
        report = await sync(client, dataset, folder, allow_private=True, **options)
        assert report.complete, report.reason
        return report

    first = await synchronized()
    found = contents(folder)
    assert sorted(found.values()) == [b"remote", b"stops", b"uploaded"]
    assert "Arrêts-en-temps-réel.csv" in found
    assert found["uploaded.csv"] == b"uploaded"
    assert set(statuses(first).values()) == {"downloaded"}

    # Nothing has changed.
    again = await synchronized()
    assert set(statuses(again).values()) == {"unchanged"}
    assert again.bytes == 0

    # A file is replaced on the portal, another one on its host.
    resources = (await datasets.get_dataset(client, dataset.id)).resources
    uploaded = next(one for one in resources if one.filetype == "file")
    await upload(client, dataset, b"replaced", to=uploaded.id)
    host.files["/export/csv"] = b"changed"
    report = await synchronized()
    assert contents(folder).keys() == found.keys()
    assert sorted(contents(folder).values()) == [b"changed", b"replaced", b"stops"]
    assert sorted(statuses(report).values()) == ["downloaded", "downloaded", "unchanged"]

    # One is removed, another one is added.
    gone = next(one for one in resources if one.url.endswith("/export/csv"))
    await datasets.delete_resource(client, dataset.id, gone.id)
    await upload(client, dataset, b"another")
    report = await synchronized(delete=True)
    assert sorted(contents(folder).values()) == [b"another", b"replaced", b"stops"]
    assert statuses(report)["Arrêts-en-temps-réel.csv"] == "deleted"


async def test_lists_of_datasets_and_resources_are_sources(
    client: Client, host: Host, tmp_path: Path
) -> None:
    dataset = await created(client, host)
    wanted: dict[str, Any] = {
        "listed": v2.datasets.list_resources(client, dataset.id, page_size=2),
        "resources": (await datasets.get_dataset(client, dataset.id)).resources,
    }
    for name, source in wanted.items():
        report = await download_all(client, source, tmp_path / name, allow_private=True)
        assert report.complete, report.reason
        assert sorted(contents(tmp_path / name).values()) == [b"remote", b"stops", b"uploaded"]
    # The files of the other datasets are at made-up addresses: nothing is at them.
    lists: dict[str, Any] = {
        "v1": datasets.list_datasets(client, page_size=2),
        "v2": v2.datasets.list_datasets(client, page_size=2),
    }
    for name, source in lists.items():
        report = await sync(client, source, tmp_path / name, allow_private=True, delete=True)
        assert {one.dataset for one in report.outcomes} >= {dataset.id}
        folder = tmp_path / name / dataset.slug
        assert sorted(contents(folder).values()) == [b"remote", b"stops", b"uploaded"]


async def test_a_dataset_that_was_deleted_is_an_error(
    client: Client, own_portal: Portal, host: Host, tmp_path: Path
) -> None:
    dataset, folder = await created(client, host), tmp_path / "folder"
    await sync(client, dataset, folder, allow_private=True)
    before = contents(folder)
    await datasets.delete_dataset(client, dataset.id)
    async with client_of(own_portal.url, api_key="") as visitor:
        with pytest.raises(GoneError):
            await sync(visitor, dataset, folder, delete=True)
    assert contents(folder) == before
