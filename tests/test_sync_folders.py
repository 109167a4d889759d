"""Folders of files: names, files of others, sources, and what can go wrong."""

from __future__ import annotations

import asyncio
import errno
import json
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from aiodatagouv import CheckpointError, NotFoundError, RetryPolicy, api
from aiodatagouv.files._folder import run
from aiodatagouv.files._folder.folder import download_all, sync
from aiodatagouv.files._folder.hosts import CONNECTING, IN_A_ROW
from aiodatagouv.files._folder.listing import AnyResource
from aiodatagouv.files._folder.report import Report
from aiodatagouv.models import CommunityResource, Dataset, Resource, Reuse, v2

from .clients import client_of
from .worlds import PORTAL, Files, hosts, resource, sha1

DATASET = Dataset.from_dict({"id": "1", "slug": "1", "resources": []})
REUSE = Reuse.from_dict({"id": "1", "url": "https://a.example/a-page"})

A, B, C = (f"https://{name}.example/stops.csv" for name in "abc")


@pytest.fixture
def files() -> Files:
    return Files({A: b"a", B: b"b", C: b"c"})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "folder"


def contents(folder: Path) -> dict[str, str]:
    """The files in a folder, by their paths."""
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def outcomes(report: Report) -> dict[str | None, tuple[str, str | None]]:
    return {one.resource: (one.status, one.reason) for one in report.outcomes}


def statuses(report: Report) -> dict[str | None, str]:
    return {one.resource: one.status for one in report.outcomes}


def dataset(id: str, *resources: Resource, **more: Any) -> dict[str, Any]:
    json = {"id": id, "slug": f"slug-{id}", "title": id}
    return {**json, "resources": [one.to_dict() for one in resources], **more}


def page(*items: dict[str, Any], **more: Any) -> dict[str, Any]:
    json = {"page": 1, "page_size": 100, "total": len(items), "next_page": None}
    return {"data": [*items], **json, "previous_page": None, **more}


def publish(files: Files, *resources: Resource) -> str:
    """Give a dataset these resources; return its id."""
    files.api["1/datasets/1/"] = dataset("1", *resources)
    return "1"


# Names


async def test_files_of_one_name_are_told_apart_by_their_ids_from_run_to_run(
    files: Files, folder: Path
) -> None:
    resources = [resource("aaaa-1", A), resource("bbbb-2", B), resource("cccc-3", C)]
    async with files.client() as client:
        await download_all(client, resources, folder)
        expected = {"stops.csv": "a", "stops-bbbb-2.csv": "b", "stops-cccc-3.csv": "c"}
        assert contents(folder) == expected
        files.files |= {A: b"A", B: b"B"}
        await download_all(client, resources[::-1], folder)
    assert contents(folder) == {**expected, "stops.csv": "A", "stops-bbbb-2.csv": "B"}


async def test_a_file_keeps_its_name_when_its_address_changes(files: Files, folder: Path) -> None:
    new = "https://a.example/new-name.csv"
    files.files[new] = b"new"
    async with files.client() as client:
        await sync(client, [resource("a", A)], folder)
        await sync(client, [resource("a", new)], folder)
    assert contents(folder) == {"stops.csv": "new"}


# Files of others


async def test_a_file_that_the_manifest_does_not_know_is_not_replaced(
    files: Files, folder: Path
) -> None:
    folder.mkdir()
    (folder / "stops.csv").write_text("mine")
    async with files.client() as client:
        await sync(client, publish(files, resource("a", A)), folder, delete=True)
        assert contents(folder) == {"stops.csv": "mine", "stops-a.csv": "a"}
        await sync(client, publish(files), folder, delete=True)
    assert contents(folder) == {"stops.csv": "mine"}


async def test_a_file_with_the_checksum_of_the_portal_is_taken_over_but_never_deleted(
    files: Files, folder: Path
) -> None:
    folder.mkdir()
    (folder / "stops.csv").write_text("a")
    one = resource("a", A, checksum=sha1(b"a"))
    async with files.client() as client:
        for _ in range(2):
            report = await sync(client, publish(files, one), folder)
            assert statuses(report) == {"a": "unchanged"}
        assert files.asked == []
        report = await sync(client, publish(files), folder, delete=True)
        reason = "its resource is gone, but it was there before it was synchronized"
        assert outcomes(report) == {"a": ("kept", reason)}
        assert contents(folder) == {"stops.csv": "a"}
        # Once it was removed by its owner, it is an ordinary file.
        (folder / "stops.csv").unlink()
        await sync(client, publish(files, one), folder)
        await sync(client, publish(files), folder, delete=True)
    assert contents(folder) == {}


async def test_a_file_of_that_name_made_after_a_failure_is_not_replaced(
    files: Files, folder: Path
) -> None:
    files.files[A] = httpx.Response(404)
    async with files.client() as client:
        await sync(client, [resource("a", A)], folder)
        (folder / "stops.csv").write_text("mine")
        files.files[A] = b"a"
        await sync(client, [resource("a", A)], folder)
    assert contents(folder) == {"stops.csv": "mine", "stops-a.csv": "a"}


async def test_a_file_that_was_changed_here_is_replaced_and_reported(
    files: Files, folder: Path
) -> None:
    async with files.client() as client:
        await sync(client, [resource("a", A), resource("b", B)], folder)
        (folder / "stops.csv").write_text("changed")
        (folder / "stops-b.csv").unlink()
        report = await sync(client, [resource("a", A), resource("b", B)], folder)
    assert outcomes(report) == {
        "a": ("downloaded", "it was changed here"),
        "b": ("downloaded", "it was removed here"),
    }
    assert contents(folder) == {"stops.csv": "a", "stops-b.csv": "b"}


async def test_a_file_that_was_changed_here_is_kept_if_asked_for(
    files: Files, folder: Path
) -> None:
    async with files.client() as client:
        await sync(client, [resource("a", A)], folder)
        (folder / "stops.csv").write_text("changed")
        report = await sync(client, [resource("a", A)], folder, keep_altered=True)
    assert outcomes(report) == {"a": ("kept", "it was changed here")}
    assert report.complete
    assert contents(folder) == {"stops.csv": "changed"}


async def test_a_link_in_the_place_of_a_file_is_not_followed(
    files: Files, folder: Path, tmp_path: Path
) -> None:
    mine = tmp_path / "mine"
    mine.write_text("mine")
    async with files.client() as client:
        await sync(client, publish(files, resource("a", A)), folder)
        (folder / "stops.csv").unlink()
        (folder / "stops.csv").symlink_to(mine)
        report = await sync(client, publish(files, resource("a", A)), folder)
        assert statuses(report) == {"a": "failed"}
        report = await sync(client, publish(files), folder, delete=True)
    assert statuses(report) == {"a": "kept"}
    assert mine.read_text() == "mine"


async def test_a_link_in_the_place_of_a_dataset_is_not_followed(
    files: Files, folder: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    source = [Dataset.from_dict(dataset("1", resource("a", A)))]
    async with files.client() as client:
        await sync(client, source, folder)
        (folder / "slug-1").rename(outside)
        (folder / "slug-1").symlink_to(outside)
        more = [Dataset.from_dict(dataset("1", resource("a", A), resource("b", B)))]
        report = await sync(client, more, folder)
        assert statuses(report) == {"a": "failed", "b": "failed"}
        report = await sync(client, [Dataset.from_dict(dataset("1"))], folder, delete=True)
    assert statuses(report) == {"a": "kept"}
    assert contents(outside) == {"stops.csv": "a"}


async def test_what_an_interrupted_download_has_left_is_removed(files: Files, folder: Path) -> None:
    stored = {"filetype": "file", "checksum": sha1(b"a")}
    async with files.client() as client:
        await sync(client, [resource("a", A, **stored), resource("b", B)], folder)
        manifest = folder.with_name("folder.manifest.jsonl")
        manifest.write_text(manifest.read_text().replace('"pending":false', '"pending":true'))
        for name in ("stops.csv", "stops-b.csv"):
            (folder / f"{name}.part.lock").touch()
            (folder / f"{name}.part.journal.0123456789abcdef.part").touch()
        (folder / "mine.0123456789abcdef.part").touch()
        report = await sync(client, [resource("a", A, **stored), resource("b", B)], folder)
    assert statuses(report) == {"a": "unchanged", "b": "unchanged"}
    mine = {"mine.0123456789abcdef.part": ""}
    assert contents(folder) == {"stops.csv": "a", "stops-b.csv": "b", **mine}


# Deletion


async def test_files_of_resources_that_are_gone_are_deleted_if_asked_for(
    files: Files, folder: Path
) -> None:
    resources = [resource("a", A), resource("b", B), resource("c", C)]
    async with files.client() as client:
        await sync(client, publish(files, *resources), folder)
        (folder / "stops-c.csv").write_text("changed")
        report = await sync(client, publish(files, resources[0]), folder)
        assert statuses(report) == {"a": "unchanged"}
        report = await sync(client, publish(files, resources[0]), folder, delete=True)
        assert statuses(report) == {"a": "unchanged", "b": "deleted", "c": "kept"}
        assert report.complete
    assert contents(folder) == {"stops.csv": "a", "stops-c.csv": "changed"}


async def test_only_the_files_of_the_same_source_are_deleted(files: Files, folder: Path) -> None:
    files.api["1/datasets/1/"] = dataset("1", resource("a", A))
    files.api["1/datasets/2/"] = dataset("2", resource("b", B))
    async with files.client() as client:
        await sync(client, "1", folder, delete=True)
        await sync(client, "2", folder, delete=True)
        await sync(client, [], folder, delete=True)
        assert contents(folder) == {"stops.csv": "a", "stops-b.csv": "b"}
        files.api["1/datasets/1/"] = dataset("1")
        await sync(client, "1", folder, delete=True)
    assert contents(folder) == {"stops-b.csv": "b"}


async def test_nothing_is_deleted_when_the_source_was_not_listed_as_a_whole(
    files: Files, folder: Path
) -> None:
    both = dataset("1", resource("a", A), resource("b", B))

    async def broken() -> AsyncIterator[Dataset]:
        yield Dataset.from_dict(dataset("1", resource("a", A)))
        raise NotFoundError("gone", operation="list", status=404)

    async with files.client() as client:
        await sync(client, [Dataset.from_dict(both)], folder)
        report = await sync(client, broken(), folder, delete=True)
    assert not report.complete
    assert "could not be listed" in (report.reason or "")
    assert statuses(report) == {"a": "unchanged"}
    assert contents(folder) == {"slug-1/stops.csv": "a", "slug-1/stops-b.csv": "b"}


async def test_the_folder_of_a_dataset_that_is_gone_is_removed(files: Files, folder: Path) -> None:
    both = [dataset(id, resource(id, url)) for id, url in (("1", A), ("2", B))]
    files.api["1/datasets/"] = page(*both)
    async with files.client() as client:
        await sync(client, api.datasets.list_datasets(client), folder)
        files.api["1/datasets/"] = page(both[0])
        await sync(client, api.datasets.list_datasets(client, page_size=5), folder, delete=True)
    assert [one.name for one in folder.iterdir()] == ["slug-1"]


async def test_of_a_list_of_datasets_only_files_of_those_in_it_are_deleted(
    files: Files, folder: Path
) -> None:
    files.api["1/datasets/1/"] = dataset("1", resource("a", A), resource("b", B))
    files.api["1/datasets/2/"] = dataset("2", resource("c", C))
    async with files.client() as client:
        await sync(client, ["1", "2"], folder)
        files.api["1/datasets/1/"] = dataset("1", resource("a", A))
        report = await sync(client, ["1"], folder, delete=True)
    assert statuses(report) == {"a": "unchanged", "b": "deleted"}
    assert contents(folder) == {"slug-1/stops.csv": "a", "slug-2/stops.csv": "c"}


async def test_a_list_of_resources_has_no_files_to_delete(files: Files, folder: Path) -> None:
    async with files.client() as client:
        await download_all(client, [resource("a", A)], folder)
        with pytest.raises(ValueError, match="a list of resources is not known again"):
            await sync(client, [resource("b", B)], folder, delete=True)
    assert contents(folder) == {"stops.csv": "a"}
    assert files.asked == [A]


async def test_without_a_key_nothing_is_deleted_that_a_key_has_shown(
    files: Files, folder: Path
) -> None:
    private, public = (dataset(id, resource(id, url)) for id, url in (("1", A), ("2", B)))

    def answer(request: httpx.Request) -> httpx.Response:
        seen = shown if "X-API-Key" in request.headers else [one for one in shown if one is public]
        return httpx.Response(200, json=page(*seen))

    shown = [private, public]
    files.api["1/datasets/"] = answer
    both = {"slug-1/stops.csv": "a", "slug-2/stops.csv": "b"}
    for key, left in (("a-key", both), ("", both)):
        async with files.client(api_key=key) as client:
            await sync(client, api.datasets.list_datasets(client), folder, delete=True)
        assert contents(folder) == left
    assert "a-key" not in folder.with_name("folder.manifest.jsonl").read_text()
    shown = [public]
    async with files.client(api_key="a-key") as client:
        await sync(client, api.datasets.list_datasets(client), folder, delete=True)
    assert contents(folder) == {"slug-2/stops.csv": "b"}


async def test_with_a_key_files_are_deleted_that_were_listed_without(
    files: Files, folder: Path
) -> None:
    for key, resources in (("", [resource("a", A)]), ("a-key", [])):
        async with files.client(api_key=key) as client:
            await sync(client, publish(files, *resources), folder, delete=True)
    assert contents(folder) == {}


# Sources


async def test_a_dataset_is_flat_and_several_have_a_folder_each(
    files: Files, tmp_path: Path
) -> None:
    one, two = dataset("1", resource("a", A)), dataset("2", resource("b", B))
    files.api |= {"1/datasets/slug-1/": one, "1/datasets/1/": one, "1/datasets/": page(one, two)}
    flat, deep = {"stops.csv": "a"}, {"slug-1/stops.csv": "a", "slug-2/stops.csv": "b"}
    async with files.client() as client:
        sources: list[Any] = ["slug-1", Dataset.from_dict(one), Dataset.from_dict({"id": "1"})]
        for number, source in enumerate(sources):
            await sync(client, source, tmp_path / f"flat-{number}")
            assert contents(tmp_path / f"flat-{number}") == flat
        lists: list[Any] = [
            api.datasets.list_datasets(client),
            [*map(Dataset.from_dict, (one, two))],
        ]
        for number, source in enumerate(lists):
            report = await sync(client, source, tmp_path / f"deep-{number}")
            assert contents(tmp_path / f"deep-{number}") == deep
            assert {one.resource: one.dataset for one in report.outcomes} == {"a": "1", "b": "2"}


async def test_datasets_of_version_2_are_read_as_wholes(files: Files, folder: Path) -> None:
    files.api["1/datasets/1/"] = dataset("1", resource("a", A), resource("b", B))
    files.api["1/datasets/3/"] = httpx.Response(410)
    files.api["1/datasets/4/"] = httpx.Response(500)
    link = {"rel": "subsection", "href": f"{PORTAL}api/2/datasets/1/resources/", "type": "GET"}
    items = [
        v2.Dataset.from_dict({"id": id, "slug": id, "resources": {**link, "total": total}})
        for id, total in (("1", 2), ("2", 0), ("3", 1), ("4", 1))
    ]
    async with files.client() as client:
        report = await sync(client, items, folder)
    assert contents(folder) == {"1/stops.csv": "a", "1/stops-b.csv": "b"}
    failed = [one for one in report.outcomes if one.status == "failed"]
    assert [(one.resource, one.dataset) for one in failed] == [(None, "4")]
    assert report.reason == "1 failed"


async def test_resources_of_every_kind_are_taken(files: Files, folder: Path) -> None:
    community = CommunityResource.from_dict({**resource("b", B).to_dict(), "dataset": {"id": "2"}})
    json = {"resource": resource("c", C).to_dict(), "dataset_id": "3"}
    items: list[AnyResource] = [
        resource("a", A),
        community,
        v2.SpecificResource.from_dict(json),
        resource("a", B),
    ]
    async with files.client() as client:
        report = await download_all(client, items, folder)
    assert {one.resource: one.dataset for one in report.outcomes} == {"a": None, "b": "2", "c": "3"}
    assert report.listed == 3


async def test_a_list_whose_number_of_objects_does_not_fit_deletes_nothing(
    files: Files, folder: Path
) -> None:
    route = "2/datasets/1/resources/"
    both = [resource("a", A).to_dict(), resource("b", B).to_dict()]
    files.api[route] = page(*both)
    async with files.client() as client:
        source = api.v2.datasets.list_resources(client, "1")
        assert (await sync(client, source, folder, delete=True)).complete
        files.api[route] = page(both[0], total=2)
        report = await sync(client, source, folder, delete=True)
        assert report.reason == "1 of 2 objects were listed: the list has changed"
        assert contents(folder) == {"stops.csv": "a", "stops-b.csv": "b"}
        files.api[route] = page(both[0])
        await sync(client, source, folder, delete=True)
    assert contents(folder) == {"stops.csv": "a"}


async def test_a_dataset_that_does_not_exist_is_an_error(files: Files, folder: Path) -> None:
    files.api["1/datasets/1/"] = httpx.Response(404)
    async with files.client() as client:
        with pytest.raises(NotFoundError):
            await sync(client, "1", folder)


@pytest.mark.parametrize("source", [3, b"abc", [3], iter(["abc"]), {"a": 1}, None, [REUSE], REUSE])
async def test_what_is_no_source_is_an_error(source: Any, files: Files, folder: Path) -> None:
    async with files.client() as client:
        with pytest.raises(TypeError, match="neither a dataset nor a"):
            await sync(client, source, folder)
    assert not folder.exists()
    assert [*folder.parent.iterdir()] == []


@pytest.mark.parametrize("source", ["abc", ["abc"], DATASET, [DATASET], [REUSE], 3])
async def test_only_resources_are_downloaded(source: Any, files: Files, folder: Path) -> None:
    async with files.client() as client:
        with pytest.raises(TypeError, match="neither a"):
            await download_all(client, source, folder)
    assert not folder.exists()


@pytest.mark.parametrize("options", [{"concurrency": 0}, {"per_host": -1}])
async def test_numbers_must_be_positive(options: Any, files: Files, folder: Path) -> None:
    async with files.client() as client:
        with pytest.raises(ValueError, match="must be at least 1"):
            await sync(client, [], folder, **options)
    assert not folder.exists()


# Failures


async def test_one_bad_file_does_not_stop_the_others(files: Files, folder: Path) -> None:
    files.files |= {A: httpx.Response(404), B: httpx.Response(200, content=b"b" * 9)}
    bad = resource("b", B, filetype="file", filesize=8)
    items = [resource("a", A), bad, resource("c", C), resource("d", ""), resource("e", "ftp://x/y")]
    async with files.client() as client:
        report = await sync(client, items, folder)
        assert statuses(report) == dict.fromkeys("abde", "failed") | {"c": "downloaded"}
        assert report.reason == "4 failed"
        assert contents(folder) == {"stops-c.csv": "c"}
        # A later run does what is left.
        files.files |= {A: b"a", B: b"b" * 8}
        files.asked.clear()
        report = await sync(client, items[:3], folder)
    assert statuses(report) == {"a": "downloaded", "b": "downloaded", "c": "unchanged"}
    assert contents(folder) == {"stops.csv": "a", "stops-b.csv": "b" * 8, "stops-c.csv": "c"}


async def test_a_file_stays_when_its_new_version_cannot_be_fetched(
    files: Files, folder: Path
) -> None:
    async with files.client() as client:
        await sync(client, [resource("a", A)], folder)
        files.files[A] = httpx.Response(500)
        report = await sync(client, [resource("a", A)], folder)
        assert statuses(report) == {"a": "failed"}
        assert contents(folder) == {"stops.csv": "a"}
        files.files[A] = b"a"
        report = await sync(client, [resource("a", A)], folder)
    assert statuses(report) == {"a": "unchanged"}


async def test_a_host_that_does_not_answer_is_put_aside_for_this_run(
    files: Files, folder: Path
) -> None:
    dead = [resource(f"{n}", f"https://dead.example/{n}.csv") for n in range(20)]
    files.files |= {one.url: httpx.ConnectError("refused") for one in dead}
    async with files.client() as client:
        report = await sync(client, [*dead, resource("a", A)], folder, per_host=1)
        assert len(files.asked) == IN_A_ROW + 1
        assert report.failed == 20
        assert report.downloaded == 1
        aside = {one.reason for one in report.outcomes if one.status == "failed"}
        assert any("dead.example was put aside, as it does not answer" in f"{one}" for one in aside)
        files.files |= {one.url: b"back" for one in dead}
        report = await sync(client, [*dead, resource("a", A)], folder)
    assert report.complete
    assert report.downloaded == 20


@pytest.mark.parametrize("answer", [httpx.Response(404), b"a"])
async def test_a_host_that_answers_now_and_then_is_not_put_aside(
    answer: Any, files: Files, folder: Path
) -> None:
    bad = [resource(f"{n}", f"https://bad.example/{n}.csv") for n in range(12)]
    errors: list[Any] = [
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("silent"),
        answer,
    ]
    files.files |= {one.url: errors[n % 3] for n, one in enumerate(bad)}
    async with files.client() as client:
        await sync(client, bad, folder, per_host=1)
    assert len(files.asked) == 12


async def test_redirects_to_one_host_do_not_exceed_its_limit(folder: Path) -> None:
    async with hosts(9) as (target, *others):
        target.files = {f"/{n}.csv": b"content" for n in range(40)}
        items = list[Resource]()
        for n in range(40):
            host = others[n % len(others)]
            host.moved[f"/{n}.csv"] = f"{target.url}/{n}.csv"
            items.append(resource(f"{n}", f"{host.url}/{n}.csv"))
        async with client_of(PORTAL) as client:
            report = await sync(client, items, folder, allow_private=True, concurrency=16)
        assert report.downloaded == 40
        assert target.most == 2


async def test_a_host_that_cannot_be_connected_to_is_tried_less_often(
    files: Files, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RetryPolicy, "backoff", lambda *_: 0.0)
    files.files |= {A: httpx.ConnectError("refused"), B: httpx.Response(503), C: b"c"}
    items = [resource("a", A), resource("b", B), resource("c", C)]
    async with files.client() as client:
        report = await sync(client.with_options(retry=RetryPolicy(attempts=6)), items, folder)
    assert statuses(report) == {"a": "failed", "b": "failed", "c": "downloaded"}
    assert Counter(files.asked) == {A: CONNECTING, B: 6, C: 1}


async def test_a_list_is_read_as_files_are_fetched(
    files: Files, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aiodatagouv.files._folder.folder.WAITING", 5)
    read, ahead = 0, list[int]()

    async def source() -> AsyncIterator[Resource]:
        nonlocal read
        for read in range(1, 61):
            files.files[f"{A}/{read}"] = b"a"
            yield resource(f"{read}", f"{A}/{read}")

    def progress(report: Report) -> None:
        ahead.append(read - report.files)

    async with files.client() as client:
        report = await sync(client, source(), folder, progress=progress, concurrency=2)
    assert report.downloaded == 60
    assert max(ahead) <= 5 + 2 + 1


async def test_a_full_disk_ends_the_run(
    files: Files, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    items = [resource("a", A), resource("b", B)]
    async with files.client() as client:
        await sync(client, items[:1], folder)
        with monkeypatch.context() as patch:
            patch.setattr(run, "fetch", full)
            with pytest.raises(OSError, match="No space left"):
                await sync(client, items, folder)
        report = await sync(client, items, folder)
    assert statuses(report) == {"a": "unchanged", "b": "downloaded"}


async def test_a_run_that_was_cancelled_is_continued(files: Files, folder: Path) -> None:
    items = [resource("a", A), resource("b", B), resource("c", C)]
    async with files.client() as client:

        def cancel(report: Report) -> None:
            if report.downloaded == 1:
                running.cancel()

        running = asyncio.create_task(sync(client, items, folder, concurrency=1, progress=cancel))
        with pytest.raises(asyncio.CancelledError):
            await running
        report = await sync(client, items, folder)
    assert statuses(report) == {"a": "unchanged", "b": "downloaded", "c": "downloaded"}
    assert len(files.asked) == 4


async def test_two_runs_do_not_write_to_one_folder(files: Files, folder: Path) -> None:
    async with files.client() as client:
        both = [sync(client, [resource("a", A)], folder) for _ in range(2)]
        found = await asyncio.gather(*both, return_exceptions=True)
    assert {type(one) for one in found} == {Report, CheckpointError}


# Reports


async def test_progress_is_told_as_files_end_and_bytes_come(files: Files, folder: Path) -> None:
    told: list[Report] = []
    async with files.client() as client:
        report = await sync(
            client, [resource("a", A), resource("b", B)], folder, progress=told.append
        )
    assert [one.bytes for one in told] == sorted(one.bytes for one in told)
    assert told[-1].files == report.files == 2
    assert told[-1].latest is not None
    assert told[-1].outcomes == ()
    assert report.bytes == sum(one.bytes for one in report.outcomes) == 2


async def test_a_report_is_json(files: Files, folder: Path) -> None:
    files.files[f"{A}?key=1"] = b"a"
    async with files.client() as client:
        report = await sync(client, [resource("a", f"{A}?key=1")], folder)
    json_ = json.loads(json.dumps(report.to_dict()))
    assert json_["outcomes"][0]["url"] == A
    assert json_["files"] == 1
