"""Tests of uploads to real portals, through a proxy that cuts connections, and across kills."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import json
import os
import random
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from aiodatagouv import BadRequestError, Client, File, PermissionDeniedError, Progress
from aiodatagouv.api import datasets
from aiodatagouv.files._upload.extensions import ALWAYS, check_extension, extension, normalized
from aiodatagouv.files._upload.sources import Source
from aiodatagouv.files._upload.uploads import upload
from aiodatagouv.models import (
    CommunityResource,
    Dataset,
    DatasetWrite,
    FileUpload,
    Resource,
    ResourceWrite,
    UploadedResource,
)

from ...clients import client_of
from ...cutting import CHUNK, cutting, upload_all
from ..portal import NEWEST, PROJECT, Portal


@pytest.fixture
async def dataset(client: Client) -> Dataset:
    return await created(client)


async def created(client: Client) -> Dataset:
    body = DatasetWrite(title="Arrêts", description="Où s'arrêter", frequency="annual")
    return await datasets.create_dataset(client, body=body)


def content_of(size: int) -> bytes:
    return random.Random(size).randbytes(size)


async def fetch(resource: Resource | CommunityResource, portal: Portal | None = None) -> bytes:
    """Fetch the file of a resource, from a portal that it may not name: it was behind a proxy."""
    url = httpx.URL(resource.url)
    url = url if portal is None else httpx.URL(portal.url).join(url.raw_path.decode())
    async with httpx.AsyncClient() as plain:
        return (await plain.get(url)).raise_for_status().content


def stored(resource: Resource | CommunityResource) -> dict[str, Any]:
    """Return the JSON of a resource without its dates, which the database rounds."""
    dates = {"created_at", "last_modified", "internal"}
    return {name: value for name, value in resource.to_dict().items() if name not in dates}


@pytest.mark.parametrize("size", [0, 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK - 1])
@pytest.mark.parametrize("kind", ["path", "bytes", "file", "iterator"])
async def test_a_file_arrives_as_it_was_sent(
    client: Client, dataset: Dataset, size: int, kind: str, tmp_path: Path
) -> None:
    content, path, seen = content_of(size), tmp_path / f"a {kind} {size}.CSV", list[Progress]()
    path.write_bytes(content)

    async def iterator() -> AsyncIterator[bytes]:
        for start in range(0, size, 300):
            yield content[start : start + 300]

    with path.open("rb") as file:
        sources: dict[str, Source] = {
            "path": path,
            "bytes": content,
            "file": file,
            "iterator": iterator(),
        }
        found = await upload(
            client,
            dataset,
            sources[kind],
            name=path.name,
            chunk_size=CHUNK,
            progress=seen.append,
        )
    assert await fetch(found) == content
    assert found.filesize == size
    assert found.checksum is not None
    assert found.checksum.value == hashlib.sha1(content).hexdigest()
    assert found.title == f"a-{kind}-{size}.csv"
    assert stored(await datasets.get_resource(client, dataset.id, found.id)) == stored(found)
    done = [one.done for one in seen]
    assert done == sorted(done)
    assert seen[-1] == Progress(size, size, path.name)


async def test_a_file_of_100_mb_arrives_as_it_was_sent(
    client: Client, dataset: Dataset, tmp_path: Path
) -> None:
    path = tmp_path / "large.csv"
    with path.open("wb") as file:
        file.truncate(100_000_000)
        for place in range(0, 100_000_000, 9_999_999):
            file.seek(place)
            file.write(f"{place};".encode())
    found = await upload(client, dataset, path)
    sha1 = hashlib.sha1()
    async with httpx.AsyncClient() as plain, plain.stream("GET", found.url) as answer:
        async for chunk in answer.aiter_bytes():
            sha1.update(chunk)
    with path.open("rb") as file:
        assert sha1.hexdigest() == hashlib.file_digest(file, "sha1").hexdigest()
    assert found.filesize == 100_000_000


@pytest.mark.parametrize("size", [10, 2 * CHUNK + 1])
async def test_a_replacement_changes_the_file_alone(
    client: Client, dataset: Dataset, size: int
) -> None:
    first = await upload(client, dataset, b"old", name="stops.csv", title="Stops of the city")
    body = ResourceWrite(description="All of them", type="update", extras={"year": 2026})
    first = await datasets.update_resource(client, dataset.id, first.id, body=body)
    content = content_of(size)
    second = await upload(
        client, dataset, content, name="halts.csv", resource=first, chunk_size=CHUNK
    )
    assert await fetch(second) == content
    of_the_file = {"url", "checksum", "filesize", "mime", "last_modified", "internal"}
    before, after = first.to_dict(), second.to_dict()
    assert {key for key in before if before[key] != after[key]} <= of_the_file
    assert second.title == "Stops of the city"
    there = (await datasets.get_dataset(client, dataset.id)).resources
    assert [stored(one) for one in there] == [stored(second)]


@pytest.mark.parametrize("size", [10, 2 * CHUNK + 1])
async def test_a_community_resource_is_created_and_replaced(
    client: Client, dataset: Dataset, size: int
) -> None:
    content = content_of(size)
    first = await upload(
        client,
        dataset.slug,
        content,
        name="seen.csv",
        title="Seen",
        community=True,
        chunk_size=CHUNK,
    )
    assert await fetch(first) == content
    assert first.dataset is not None
    assert first.dataset.id == dataset.id
    second = await upload(
        client,
        dataset,
        content[1:],
        name="again.csv",
        resource=first.id,
        community=True,
        chunk_size=CHUNK,
    )
    assert await fetch(second) == content[1:]
    assert (second.id, second.title) == (first.id, "Seen")
    assert stored(await datasets.get_community_resource(client, first.id)) == stored(second)


async def test_who_may_not_edit_a_dataset_uploads_nothing(
    own_portal: Portal, dataset: Dataset, client: Client
) -> None:
    async with client_of(own_portal.url, api_key=own_portal.user_api_key) as user:
        for chunk_size in (CHUNK, 1):
            with pytest.raises(PermissionDeniedError):
                await upload(user, dataset, b"a;b", name="a.csv", chunk_size=chunk_size)
    assert (await datasets.get_dataset(client, dataset.id)).resources == []


async def plain(client: Client, dataset: Dataset, name: str) -> UploadedResource:
    body = FileUpload(file=File(b"a", name))
    return await datasets.upload_new_dataset_resource(client, dataset.id, body=body)


async def test_the_portal_decides_by_the_extension_as_it_is_checked_here(
    client: Client, dataset: Dataset
) -> None:
    allowed = await datasets.list_allowed_extensions(client)
    assert not ALWAYS & {*allowed}
    endings = ["exe", "html", "CSV", "tar.gz", "csv.zip", "gz.py", "", *ALWAYS, *allowed[:3]]
    names = [f"{number}.{one}" if one else "plain" for number, one in enumerate(endings)]
    for name in [*names, "a.csv!", "it's.csv", "a. csv", "été.csv", "..csv", "a.csv."]:
        try:
            check_extension(name, allowed)
        except ValueError:
            with pytest.raises(BadRequestError):
                await plain(client, dataset, name)
        else:
            found = await plain(client, dataset, name)
            assert (found.title, found.success) == (normalized(name), True)
            assert str(found.title).endswith(extension(name))


async def test_files_of_one_name_do_not_collide(client: Client, dataset: Dataset) -> None:
    # This waits for a second, twice: the portal names the files after the seconds of its clock.
    sizes = [10, 10, 2 * CHUNK + 1]
    found = await asyncio.gather(
        *(
            upload(client, dataset, content_of(size), name="same.csv", chunk_size=CHUNK)
            for size in sizes
        )
    )
    assert [await fetch(one) for one in found] == [content_of(size) for size in sizes]
    assert len({one.id for one in found}) == len(sizes)


@pytest.mark.parametrize("size", [10, 3 * CHUNK])
async def test_what_progress_raises_ends_the_upload(
    client: Client, dataset: Dataset, size: int
) -> None:
    seen = list[Progress]()

    def progress(now: Progress) -> None:
        seen.append(now)
        if now.done:
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        await upload(
            client,
            dataset,
            content_of(size),
            name="a.csv",
            chunk_size=CHUNK,
            concurrency=1,
            progress=progress,
        )
    assert [one.done > 0 for one in seen].count(True) == 1
    assert (await datasets.get_dataset(client, dataset.id)).resources == []


def write_files(folder: Path, ids: list[str], count: int) -> dict[str, str]:
    """Write files of one to four parts, many of them alike; return the checksums by name."""
    sizes = itertools.cycle([0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 7])
    checksums = dict[str, str]()
    for number, size, id in zip(range(count), sizes, itertools.cycle(ids), strict=False):
        content = content_of(size)
        path = folder / id / f"{number:03}.csv"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        checksums[path.name] = hashlib.sha1(content).hexdigest()
    return checksums


async def checksums_of(portal: Portal, client: Client, ids: list[str]) -> list[tuple[str, str]]:
    """Return the title of every resource, and the checksum of the file that it links to."""
    found = [await datasets.get_dataset(client, id) for id in ids]
    files = [(one.title, await fetch(one, portal)) for each in found for one in each.resources]
    return sorted([(title, hashlib.sha1(content).hexdigest()) for title, content in files])


async def test_uploads_cut_and_killed_make_one_resource_each(
    own_portal: Portal, client: Client, tmp_path: Path
) -> None:
    count = 100 if own_portal.release == NEWEST else 30
    ids = [(await created(client)).id for _ in range(4)]
    checksums = write_files(tmp_path, ids, count)
    async with cutting(own_portal.url) as proxy:
        command = [sys.executable, "-m", "tests.cutting", proxy.url, str(tmp_path)]
        environment = {**os.environ, "DATAGOUV_API_KEY": own_portal.api_key}
        process = await asyncio.create_subprocess_exec(*command, cwd=PROJECT, env=environment)

        def kill(number: int, request: bytes) -> None:
            # In the middle, and while at least this request's resource is being created.
            is_creating = b"/upload/" in request and b"partindex" not in request
            if number >= 1.5 * count and is_creating and process.returncode is None:
                process.kill()

        proxy.on_request = kill
        assert await process.wait() == -9
        states = [json.loads(one.read_text())["state"] for one in tmp_path.rglob("*.journal")]
        assert 0 < len([one for one in states if one["done"]]) < count
        assert [one for one in states if one["begun"] and not one["done"]]
        found = await upload_all(proxy.url, own_portal.api_key, tmp_path)
        requests = proxy.done.total()
        again = await upload_all(proxy.url, own_portal.api_key, tmp_path)
        assert proxy.done.total() == requests
    assert await checksums_of(own_portal, client, ids) == sorted(checksums.items())
    assert len({one.id for one in found}) == count
    assert [one.to_dict() for one in again] == [one.to_dict() for one in found]
    assert min(proxy.done["lost"], proxy.done["carried out, answer lost"]) >= count / 10
