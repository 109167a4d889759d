"""Folders of files: portals and folders in which something is wrong with one thing of many."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from aiodatagouv import RetryPolicy, api
from aiodatagouv.files._download.part import Part
from aiodatagouv.files._folder import run
from aiodatagouv.files._folder.folder import download_all, sync
from aiodatagouv.files._folder.hosts import IN_A_ROW
from aiodatagouv.files._folder.report import Report
from aiodatagouv.models import Dataset, Resource, v2

from .test_sync_folders import (
    A,
    B,
    C,
    contents,
    dataset,
    files,
    folder,
    outcomes,
    page,
    publish,
    statuses,
)
from .worlds import Files, resource, sha1

__all__ = ["files", "folder"]  # The fixtures.

SURROGATE = "\ud800"


def record_of(folder: Path) -> dict[str, Any]:
    """The last record of a manifest."""
    *_, line = folder.with_name("folder.manifest.jsonl").read_text().splitlines()
    record: dict[str, Any] = json.loads(line)
    return record


def write_record(folder: Path, record: dict[str, Any]) -> None:
    folder.with_name("folder.manifest.jsonl").write_text(json.dumps(record) + "\n")


# Names that a portal makes up


@pytest.mark.parametrize("slug", ["...", "-", "", "../..", None])
@pytest.mark.parametrize("id", ["../../evil", "{root}/evil", "..", ".", "", "a/b"])
async def test_no_id_or_slug_leads_out_of_the_folder(
    id: str, slug: str | None, files: Files, tmp_path: Path
) -> None:
    folder, id = tmp_path / "deep" / "folder", id.format(root=tmp_path)
    files.api["1/datasets/"] = page(dataset(id, resource("../../r", A), slug=slug))
    async with files.client() as client:
        for status in ("downloaded", "unchanged"):
            report = await sync(client, api.datasets.list_datasets(client), folder)
            assert statuses(report) == {"../../r": status}
    (path,) = contents(tmp_path).keys() - {"deep/folder.manifest.jsonl"}
    assert path.startswith("deep/folder/")
    assert path.count("/") == 3


async def test_a_path_that_leads_out_of_the_folder_is_not_made(
    files: Files, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "candidates", lambda *_: iter(["../evil.csv"]))
    async with files.client() as client:
        report = await download_all(client, [resource("a", A)], folder)
    assert outcomes(report) == {"a": ("failed", "'../evil.csv' leads out of the folder")}
    assert files.asked == []


# Resources and datasets that cannot be read


@pytest.mark.parametrize("bad", [0, 1, 2])
async def test_a_resource_that_cannot_be_read_does_not_stop_the_others(
    bad: int, files: Files, folder: Path
) -> None:
    resources = [resource("a", A), resource("b", B), resource("c", C)]
    broken = [*resources]
    broken[bad] = Resource.from_dict({**resources[bad].to_dict(), "url": None})
    id = resources[bad].id
    async with files.client() as client:
        report = await sync(client, publish(files, *broken), folder)
        assert report.listed == 3
        assert statuses(report) == dict.fromkeys("abc", "downloaded") | {id: "failed"}
        assert report.reason == "1 failed"
        # It is not gone.
        await sync(client, publish(files, *resources), folder)
        report = await sync(client, publish(files, *broken), folder, delete=True)
        assert statuses(report) == dict.fromkeys("abc", "unchanged") | {id: "failed"}
        files.api["1/datasets/"] = page(dataset("1", *broken))
        report = await sync(client, api.datasets.list_datasets(client), folder.with_name("other"))
    assert statuses(report) == dict.fromkeys("abc", "downloaded") | {id: "failed"}


async def test_a_resource_without_an_id_does_not_stop_a_list_of_them(
    files: Files, folder: Path
) -> None:
    nobody = {**resource("a", A).to_dict(), "id": None}
    files.api["2/datasets/1/resources/"] = page(nobody, resource("b", B).to_dict())
    async with files.client() as client:
        source = api.v2.datasets.list_resources(client, "1")
        report = await download_all(client, source, folder)
    assert statuses(report) == {None: "failed", "b": "downloaded"}
    assert report.reason == "1 failed; a resource could not be read"


async def test_nothing_is_deleted_when_a_resource_has_no_id(files: Files, folder: Path) -> None:
    nobody = Resource.from_dict({**resource("b", B).to_dict(), "id": None})
    async with files.client() as client:
        await sync(client, publish(files, resource("a", A), resource("b", B)), folder)
        report = await sync(client, publish(files, nobody), folder, delete=True)
    assert report.reason == "1 failed; a resource could not be read"
    assert contents(folder) == {"stops.csv": "a", "stops-b.csv": "b"}


@pytest.mark.parametrize("broken", [{"resources": None}, {"resources": ["a"]}, {"id": None}])
async def test_a_dataset_that_cannot_be_read_does_not_stop_the_others(
    broken: dict[str, Any], files: Files, folder: Path
) -> None:
    whole = [dataset("1", resource("a", A)), dataset("2", resource("b", B))]
    files.api["1/datasets/"] = page(*whole)
    async with files.client() as client:
        await sync(client, api.datasets.list_datasets(client), folder)
        files.api["1/datasets/"] = page({**whole[0], **broken}, whole[1])
        report = await sync(client, api.datasets.list_datasets(client), folder, delete=True)
    assert statuses(report) == {None: "failed", "b": "unchanged"}
    assert report.reason == "1 failed; a dataset could not be read"
    assert contents(folder) == {"slug-1/stops.csv": "a", "slug-2/stops.csv": "b"}


async def test_a_resource_of_version_2_that_cannot_be_read_is_a_failure(
    files: Files, folder: Path
) -> None:
    broken = v2.SpecificResource.from_dict({"resource": None, "dataset_id": "1"})
    async with files.client() as client:
        report = await download_all(client, [broken, resource("a", A)], folder)
    assert statuses(report) == {None: "failed", "a": "downloaded"}


@pytest.mark.parametrize("number", range(3))
async def test_one_wrong_slug_does_not_stop_the_other_datasets(
    number: int, files: Files, folder: Path
) -> None:
    files.api["1/datasets/1/"] = dataset("1", resource("a", A))
    files.api["1/datasets/2/"] = dataset("2", resource("b", B))
    files.api["1/datasets/nope/"] = httpx.Response(404)
    ids = ["1", "2"]
    ids.insert(number, "nope")
    async with files.client() as client:
        report = await sync(client, ids, folder)
    assert statuses(report) == {None: "failed", "a": "downloaded", "b": "downloaded"}
    (failed,) = [one for one in report.outcomes if one.status == "failed"]
    assert failed.dataset == "nope"
    assert "404" in str(failed.reason)
    assert not report.complete


# Texts that cannot be written


async def test_half_characters_do_not_stop_a_run(files: Files, folder: Path) -> None:
    bad = f"https://a.example/{SURROGATE}.csv"
    crawled = {"extras": {"analysis:last-modified-at": SURROGATE}, "title": SURROGATE}
    items = [resource("a", bad), resource(f"b{SURROGATE}", B, **crawled), resource("c", C)]
    source = Dataset.from_dict(dataset(SURROGATE, *items, slug=SURROGATE))
    async with files.client() as client:
        for status in ("downloaded", "unchanged"):
            report = await sync(client, [source], folder)
            assert statuses(report) == {"a": "failed", "b\\ud800": status, "c": status}
            json.dumps(report.to_dict(), ensure_ascii=False).encode()
    assert {*files.asked} == {B, C}
    assert "is not an http or https address" in str(outcomes(report)["a"][1])


# Files in the way


async def test_a_file_that_may_not_be_read_is_not_replaced(
    files: Files, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.mkdir()
    (folder / "stops.csv").write_text("mine")

    def refuse(*_: object) -> bool:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(run, "has", refuse)
    items = [resource("a", A, checksum=sha1(b"a")), resource("b", B)]
    async with files.client() as client:
        report = await download_all(client, items, folder)
    assert statuses(report) == {"a": "downloaded", "b": "downloaded"}
    assert contents(folder) == {"stops.csv": "mine", "stops-a.csv": "a", "stops-b.csv": "b"}


async def test_a_record_that_cannot_be_compared_does_not_stop_the_others(
    files: Files, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    async with files.client() as client:
        await download_all(client, [resource("a", A)], folder)
        monkeypatch.setattr(run, "plan_for", refuse)
        report = await download_all(client, [resource("a", A), resource("b", B)], folder)
    assert outcomes(report) == {"a": ("failed", "Permission denied"), "b": ("downloaded", None)}


async def test_a_part_of_others_beside_a_file_does_not_stop_the_others(
    files: Files, folder: Path
) -> None:
    items = [
        resource(id, url, checksum=sha1(id.encode()))
        for id, url in zip("abc", (A, B, C), strict=True)
    ]
    async with files.client() as client:
        await download_all(client, items[:1], folder)
        write_record(folder, {**record_of(folder), "pending": True})
        (folder / "stops.csv.part").write_text("mine")
        report = await download_all(client, items, folder)
    assert statuses(report) == {"a": "failed", "b": "downloaded", "c": "downloaded"}
    assert contents(folder)["stops.csv.part"] == "mine"


async def test_a_file_that_appears_while_it_waits_is_not_replaced(
    files: Files, folder: Path
) -> None:
    one, two = "https://a.example/1.csv", "https://a.example/2.csv"
    files.files |= {one: b"1", two: b"2"}
    items = [resource("1", one), resource("2", two)]

    def interfere(report: Report) -> None:
        if report.files == 1:
            (folder / "2.csv").write_text("mine")

    async with files.client() as client:
        report = await download_all(client, items, folder, per_host=1, progress=interfere)
        assert outcomes(report)["2"] == ("failed", "2.csv was made by somebody else meanwhile")
        report = await download_all(client, items, folder)
    assert contents(folder) == {"1.csv": "1", "2.csv": "mine", "2-2.csv": "2"}


# Files of an interrupted run


@pytest.mark.parametrize("keep", [True, False])
async def test_a_change_after_a_kill_is_not_taken_for_that_of_the_run(
    keep: bool, files: Files, folder: Path
) -> None:
    async with files.client() as client:
        await sync(client, publish(files, resource("a", A)), folder)
        write_record(folder, {**record_of(folder), "pending": True})
        (folder / "stops.csv").write_text("my edit")
        files.files[A] = b"new"
        report = await sync(client, "1", folder, keep_altered=keep)
        status = "kept" if keep else "downloaded"
        assert outcomes(report) == {"a": (status, "it was changed here")}
        if keep:
            report = await sync(client, publish(files), folder, delete=True)
            assert statuses(report) == {"a": "kept"}
            assert contents(folder) == {"stops.csv": "my edit"}


async def test_a_file_is_recorded_before_it_gets_its_name(
    files: Files, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def finish(part: Part) -> None:
        recorded.append((record_of(folder), part.path.exists()))
        real(part)

    recorded: list[tuple[dict[str, Any], bool]] = []
    real = Part.finish
    monkeypatch.setattr(Part, "finish", finish)
    async with files.client() as client:
        await download_all(client, [resource("a", A)], folder)
    ((record, is_there),) = recorded
    assert record["arriving"]["checksum"] == record_of(folder)["checksum"]
    assert not is_there


async def test_a_file_that_got_its_name_before_a_kill_is_known(files: Files, folder: Path) -> None:
    async with files.client() as client:
        await sync(client, publish(files, resource("a", A)), folder)
        after = record_of(folder)
        shared = {name: after[name] for name in ("checksum", "portal", "etag", "last_modified")}
        fetched = ("size", "mtime", "checksum", "etag", "last_modified", "at")
        # As it was written before the file got its name.
        before = {**after, **dict.fromkeys(fetched), "pending": True, "arriving": shared}
        write_record(folder, before)
        report = await sync(client, "1", folder)
        assert statuses(report) == {"a": "unchanged"}
        assert {**record_of(folder), "at": after["at"]} == after
        write_record(folder, before)
        report = await sync(client, publish(files), folder, delete=True)
    assert statuses(report) == {"a": "deleted"}
    assert contents(folder) == {}


async def test_a_file_made_after_a_kill_in_the_place_of_a_new_one_is_not_replaced(
    files: Files, folder: Path
) -> None:
    files.files[A] = httpx.ConnectError("refused")
    async with files.client() as client:
        await sync(client, [resource("a", A)], folder)
        write_record(folder, {**record_of(folder), "pending": True})
        (folder / "stops.csv").write_text("mine")
        files.files[A] = b"a"
        await sync(client, [resource("a", A)], folder)
    assert contents(folder) == {"stops.csv": "mine", "stops-a.csv": "a"}


# Hosts


def redirect(url: str) -> httpx.Response:
    return httpx.Response(302, headers={"Location": url})


async def test_the_host_that_is_put_aside_is_the_one_that_does_not_answer(
    files: Files, folder: Path
) -> None:
    here = [f"https://a.example/{n}.csv" for n in range(10)]
    dead = [f"https://dead.example/{n}.csv" for n in range(5)]
    files.files |= dict.fromkeys(here, b"a")
    files.files |= {url: redirect(target) for url, target in zip(here[:5], dead, strict=True)}
    files.files |= {url: httpx.ConnectError("refused") for url in dead}
    items = [resource(f"{n}", url) for n, url in enumerate(here)]
    async with files.client() as client:
        report = await download_all(client, items, folder, concurrency=1)
    assert [one.status for one in report.outcomes] == ["failed"] * 5 + ["downloaded"] * 5
    # Files that are found to be at a host that was put aside do not wait for it either.
    assert len([url for url in files.asked if url in dead]) == IN_A_ROW
    reason = "dead.example was put aside, as it does not answer: "
    assert str(report.outcomes[4].reason).startswith(reason)


async def test_a_host_that_is_put_aside_is_not_asked_again_by_a_retry(
    files: Files, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RetryPolicy, "backoff", lambda *_: 0.0)
    files.files |= {A: redirect(B), B: httpx.ConnectError("refused")}
    items = [resource(f"{n}", A) for n in range(6)]
    async with files.client() as client:
        client = client.with_options(retry=RetryPolicy(attempts=2))
        report = await download_all(client, items, folder, concurrency=1)
    assert report.failed == 6
    assert files.asked.count(B) == 2 * IN_A_ROW


# Checksums that are old


async def test_a_file_whose_checksum_on_the_portal_is_old_is_fetched_without_comparing(
    files: Files, folder: Path
) -> None:
    stale = resource("a", A, checksum=sha1(b"old"))
    async with files.client() as client:
        report = await download_all(client, [stale], folder)
        assert statuses(report) == {"a": "failed"}
        report = await download_all(client, [stale], folder, verify=False)
        assert statuses(report) == {"a": "downloaded"}
        report = await sync(client, publish(files, stale), folder, verify=False)
        assert statuses(report) == {"a": "unchanged"}
        assert report.bytes == 0
    assert contents(folder) == {"stops.csv": "a"}
