"""Tests of the commands of files against the real portal."""

from __future__ import annotations

import asyncio
import csv
import errno
import hashlib
import json
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet
import pytest

from aiodatagouv.api import datasets
from aiodatagouv.cli import main
from aiodatagouv.files._export import exports
from aiodatagouv.models import Dataset, DatasetWrite, Resource, ResourceWrite

from ..clients import client_of
from ..test_disks import Disk
from .holding import Holding, holding
from .portal import Portal, running_portal

KB = 1024

STOPS = b"name;lat\nLoire;47.2\n"


class Result(NamedTuple):
    status: int
    out: str
    err: str

    @property
    def report(self) -> dict[str, Any]:
        """The one JSON object on stdout."""
        assert self.out.count("\n") == 1
        found: dict[str, Any] = json.loads(self.out)
        return found


Run = Callable[..., Result]


@pytest.fixture(scope="module")
def portal() -> Iterator[Portal]:
    """A portal for these tests alone: an administrator's lists also show what was deleted."""
    with running_portal(datasets=20) as running:
        yield running


@pytest.fixture
def run(
    portal: Portal,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Run:
    """A function that runs a command in a folder of its own, with the administrator's key."""
    monkeypatch.setenv("DATAGOUV_PORTAL", portal.url)
    monkeypatch.setenv("DATAGOUV_API_KEY", portal.api_key)
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Result:
        capsys.readouterr()
        return Result(main(["--rate", "inf", *arguments]), *capsys.readouterr())

    return run


class Made:
    """A dataset of its own for a test, and what it has on the portal."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal
        body = DatasetWrite(title="Arrêts", description="Tous les arrêts.", frequency="monthly")
        self.dataset = self.asked(partial(datasets.create_dataset, body=body))
        self.id, self.slug = self.dataset.id, self.dataset.slug

    def asked(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call a function of the library."""

        async def ask() -> Any:
            async with client_of(self._portal.url, api_key=self._portal.api_key) as client:
                return await function(client, *arguments)

        return asyncio.run(ask())

    @property
    def resources(self) -> list[Resource]:
        """The resources that it has now."""
        found: Dataset = self.asked(datasets.get_dataset, self.id)
        return found.resources


@pytest.fixture
def dataset(portal: Portal) -> Iterator[Made]:
    """A dataset without resources."""
    made = Made(portal)
    yield made
    made.asked(datasets.delete_dataset, made.id)


def content(size: int) -> bytes:
    """Bytes that differ in each part of a file."""
    return b"".join(b"%015d\n" % number for number in range(size // 16 + 1))[:size]


async def ran(portal: str, key: str, *arguments: str, stdin: bytes | None = None) -> Result:
    """Run a command in a process of its own."""
    process = await started(portal, key, *arguments)
    out, err = await process.communicate(stdin)
    assert process.returncode is not None
    return Result(process.returncode, out.decode(), err.decode())


async def started(portal: str, key: str, *arguments: str) -> asyncio.subprocess.Process:
    """Start a command in a process of its own."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "aiodatagouv", "--rate", "inf", "--portal", portal, *arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "DATAGOUV_API_KEY": key},
    )


async def interrupted(
    proxy: Holding,
    key: str,
    *arguments: str,
    number: signal.Signals = signal.SIGINT,
    received: Path | None = None,
) -> Result:
    """Run a command behind the proxy, until an answer is held back; then send it a signal.

    If a file is given, the signal is sent once the command has written some of the answer to it.
    """
    process = await started(proxy.url, key, *arguments)
    ended = asyncio.create_task(process.communicate())
    held = asyncio.create_task(proxy.held.wait())
    await asyncio.wait([ended, held], return_when=asyncio.FIRST_COMPLETED)
    held.cancel()
    while received is not None and not (received.exists() and received.stat().st_size):
        assert not ended.done(), await ended
        await asyncio.sleep(0.01)
    if not ended.done():
        process.send_signal(number)
    out, err = await ended
    assert process.returncode is not None
    return Result(process.returncode, out.decode(), err.decode())


# ---- Upload


def test_a_file_is_published_and_its_id_and_address_are_printed(run: Run, dataset: Made) -> None:
    Path("stops.csv").write_bytes(STOPS)
    result = run("upload", dataset.id, "stops.csv")
    (found,) = dataset.resources
    assert result == (0, f"{found.id} {found.url}\n", "")
    assert found.title == "stops.csv"
    assert found.checksum is not None
    assert found.checksum.value == hashlib.sha1(STOPS).hexdigest()
    assert [*Path().iterdir()] == [Path("stops.csv")]


def test_the_report_of_an_upload_is_one_json_object(run: Run, dataset: Made) -> None:
    Path("a.csv").write_bytes(STOPS)
    Path("b.csv").write_bytes(content(30 * KB))
    result = run("upload", "--json", dataset.slug, "a.csv", "b.csv")
    assert (result.status, result.err) == (0, "")
    assert result.report == {
        "dataset": dataset.slug,
        "complete": True,
        "files": [
            {
                "file": found.title,
                "status": "uploaded",
                "id": found.id,
                "url": found.url,
                "title": found.title,
                "filesize": Path(found.title).stat().st_size,
                "checksum": {
                    "type": "sha1",
                    "value": hashlib.sha1(Path(found.title).read_bytes()).hexdigest(),
                },
                "error": None,
            }
            for found in sorted(dataset.resources, key=lambda one: one.title)
        ],
    }


def test_a_file_is_replaced_and_its_title_kept(run: Run, dataset: Made) -> None:
    Path("stops.csv").write_bytes(STOPS)
    id_ = (run("upload", dataset.id, "stops.csv", "--title", "Arrêts")).out.split()[0]
    Path("new.csv").write_bytes(STOPS * 2)
    replaced = run("upload", dataset.id, "new.csv", "--resource", id_)
    (found,) = dataset.resources
    assert replaced == (0, f"{id_} {found.url}\n", "")
    assert (found.id, found.title, found.filesize) == (id_, "Arrêts", 2 * len(STOPS))


def test_a_community_resource_is_published(run: Run, dataset: Made) -> None:
    Path("stops.csv").write_bytes(STOPS)
    result = run("upload", dataset.id, "stops.csv", "--community")
    (found,) = dataset.asked(partial(datasets.list_community_resources, dataset=dataset.id)).data
    assert result == (0, f"{found.id} {found.url}\n", "")
    dataset.asked(datasets.delete_community_resource, found.id)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_upload_is_continued_by_the_same_command(
    portal: Portal, dataset: Made, tmp_path: Path, number: signal.Signals
) -> None:
    path = tmp_path / "big.csv"
    path.write_bytes(content(500 * KB))
    command = ["upload", dataset.id, str(path), "--chunk-size", "100K", "--concurrency", "1"]

    async def twice() -> tuple[Result, Result, int]:
        async with holding(portal.url) as proxy:
            proxy.chosen, proxy.share = lambda _: len(proxy.lines("^POST .*/upload/")) == 4, None
            stopped = await interrupted(proxy, portal.api_key, *command, number=number)
            assert path.with_name("big.csv.upload").exists()
            before = len(proxy.lines("^POST"))
            proxy.chosen = lambda _: False
            done = await ran(proxy.url, portal.api_key, *command)
            return stopped, done, len(proxy.lines("^POST")) - before

    stopped, done, requests = asyncio.run(twice())
    told = (
        "" if number == signal.SIGKILL else "Interrupted; the same command continues the upload.\n"
    )
    status = -number if number == signal.SIGKILL else 128 + number
    assert stopped == (status, "", told)
    assert (done.status, done.err) == (0, "")
    (found,) = dataset.resources
    assert done.out.startswith(f"{found.id} http")
    assert found.checksum is not None
    assert found.checksum.value == hashlib.sha1(content(500 * KB)).hexdigest()
    assert [*tmp_path.iterdir()] == [path]
    # Three of the five chunks were there already.
    assert requests == 3


def test_an_upload_whose_last_answer_was_lost_makes_no_second_resource(
    portal: Portal, dataset: Made, tmp_path: Path
) -> None:
    path = tmp_path / "stops.csv"
    path.write_bytes(STOPS)

    async def twice() -> tuple[Result, Result]:
        async with holding(portal.url) as proxy:
            proxy.chosen = lambda head: head.startswith("POST")
            stopped = await interrupted(proxy, portal.api_key, "upload", dataset.id, str(path))
            proxy.chosen = lambda _: False
            return stopped, await ran(proxy.url, portal.api_key, "upload", dataset.id, str(path))

    stopped, done = asyncio.run(twice())
    assert stopped.status == 130
    assert (done.status, done.err) == (0, "")
    (found,) = dataset.resources
    assert done.out.startswith(f"{found.id} http")


def test_files_that_are_there_are_not_sent_again_when_another_one_failed(
    run: Run, dataset: Made
) -> None:
    Path("a.csv").write_bytes(STOPS)
    Path("b.nonsense").write_bytes(STOPS)
    Path("c.csv").write_bytes(STOPS * 2)
    command = ["upload", dataset.id, "a.csv", "b.nonsense", "c.csv"]
    first, again = run(*command), run(*command)
    assert first.status == again.status == 3
    assert first.out == again.out
    problem, summary = first.err.splitlines()
    assert problem.startswith("Error: b.nonsense: ")
    assert ".nonsense" in problem
    assert summary == "2 of 3 files published"
    assert {one.title for one in dataset.resources} == {"a.csv", "c.csv"}
    assert len(dataset.resources) == 2


def test_a_file_whose_resource_was_deleted_is_sent_again(run: Run, dataset: Made) -> None:
    Path("a.csv").write_bytes(STOPS)
    Path("b.nonsense").write_bytes(STOPS)
    first = run("upload", dataset.id, "a.csv", "b.nonsense").out.split()[0]
    dataset.asked(datasets.delete_resource, dataset.id, first)
    again = run("upload", dataset.id, "a.csv")
    (found,) = dataset.resources
    assert again == (0, f"{found.id} {found.url}\n", "")
    assert found.id != first
    assert not Path("a.csv.upload").exists()


def test_an_upload_from_a_pipe(portal: Portal, dataset: Made) -> None:
    command = ["upload", dataset.id, "-", "--name", "big.csv", "--chunk-size", "100K"]
    sent = ran(portal.url, portal.api_key, *command, stdin=content(250 * KB))
    result = asyncio.run(sent)
    (found,) = dataset.resources
    assert result == (0, f"{found.id} {found.url}\n", "")
    assert found.checksum is not None
    assert found.checksum.value == hashlib.sha1(content(250 * KB)).hexdigest()


def test_what_an_upload_refuses(run: Run, dataset: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("stops.csv").write_bytes(STOPS)
    Path("stops.nonsense").write_bytes(STOPS)
    refused = run("upload", dataset.id, "stops.nonsense")
    unknown = run("upload", "nothing-of-that-name", "stops.csv")
    monkeypatch.delenv("DATAGOUV_API_KEY")
    without = run("upload", dataset.id, "stops.csv")
    assert [one.status for one in (refused, unknown, without)] == [2, 1, 1]
    assert "extension .nonsense" in refused.err
    assert ": 404 " in unknown.err
    assert "no key was sent: set the environment variable DATAGOUV_API_KEY" in without.err
    for one in (refused, unknown, without):
        assert one.out == ""
        assert one.err.startswith("Error: ")
        assert one.err.count("\n") == 1
    assert {one.name for one in Path().iterdir()} == {"stops.csv", "stops.nonsense"}


# ---- Download


@pytest.fixture
def published(run: Run, dataset: Made) -> dict[str, Any]:
    """The report of a file of 2 MB that was published."""
    Path("big.csv").write_bytes(content(2000 * KB))
    (made,) = run("upload", "--json", dataset.id, "big.csv").report["files"]
    Path("big.csv").unlink()
    found: dict[str, Any] = made
    return found


def test_a_file_is_fetched_by_the_id_of_its_resource(run: Run, published: dict[str, Any]) -> None:
    result = run("download", published["id"])
    assert result == (0, "", "big.csv: 2.0 MB, sha1 verified\n")
    assert Path("big.csv").read_bytes() == content(2000 * KB)
    assert [*Path().iterdir()] == [Path("big.csv")]


@pytest.mark.parametrize(
    "address",
    [
        "{root}api/1/datasets/r/{id}",
        "https://www.data.gouv.fr/fr/datasets/r/{id}",
        "https://www.data.gouv.fr/datasets/stops/#/resources/{id}",
        "https://www.data.gouv.fr/datasets/stops?resource_id={id}",
    ],
)
def test_a_file_is_fetched_by_an_address_of_its_resource(
    portal: Portal, run: Run, published: dict[str, Any], address: str
) -> None:
    Path("there").mkdir()
    root = portal.url.removesuffix("api/1/")
    address = address.format(root=root, id=published["id"])
    assert run("download", address, "-o", "copy.csv").status == 0
    assert run("download", address, "-o", "there").status == 0
    for path in ("copy.csv", "there/big.csv"):
        assert Path(path).read_bytes() == content(2000 * KB)


def test_the_report_of_a_download_is_one_json_object(run: Run, published: dict[str, Any]) -> None:
    result = run("download", "--json", published["id"], "-o", "x")
    assert (result.status, result.err) == (0, "")
    report = result.report
    assert report.pop("etag").startswith('"')
    assert report.pop("last_modified").endswith(" GMT")
    sha1 = {"type": "sha1", "value": hashlib.sha1(content(2000 * KB)).hexdigest()}
    assert report == {
        "resource": published["id"],
        "path": "x",
        "size": 2000 * KB,
        "verified": sha1,
        "checksum": sha1,
        "url": published["url"],
        "resumed": 0,
    }


def test_an_interrupted_download_is_continued_by_the_same_command(
    portal: Portal, dataset: Made, tmp_path: Path
) -> None:
    source, path = tmp_path / "big.csv", tmp_path / "copy.csv"
    source.write_bytes(content(2000 * KB))

    async def twice() -> tuple[Result, Result, list[str]]:
        async with holding(portal.url) as proxy:
            made = await ran(proxy.url, portal.api_key, "upload", dataset.id, str(source))
            command = ["download", made.out.split()[0], "-o", str(path)]
            proxy.chosen, proxy.share = lambda head: head.startswith("GET /resources/"), 0.5
            part = path.with_name("copy.csv.part")
            stopped = await interrupted(proxy, portal.api_key, *command, received=part)
            assert not path.exists()
            proxy.chosen = lambda _: False
            done = await ran(proxy.url, portal.api_key, *command)
            return stopped, done, [one for one in proxy.heads if "GET /resources/" in one]

    stopped, done, heads = asyncio.run(twice())
    told = "Interrupted; the same command continues the download.\n"
    assert stopped == (130, "", told)
    assert (done.status, done.out) == (0, "")
    assert re.fullmatch(r".*copy.csv: 2.0 MB, [0-9.]+ .B there already, sha1 verified\n", done.err)
    assert path.read_bytes() == source.read_bytes()
    assert {one.name for one in tmp_path.iterdir()} == {"big.csv", "copy.csv"}
    assert "range: bytes=" in heads[1].lower()
    assert not [one for one in heads if portal.api_key in one]


def test_what_a_download_refuses(run: Run, published: dict[str, Any]) -> None:
    Path("big.csv").write_bytes(b"mine")
    nobody = "00000000-0000-0000-0000-000000000000"
    for arguments, status, message in [
        ([published["id"]], 2, "big.csv exists: give -o big.csv to replace it."),
        ([published["id"], "-o", "x", "--max-size", "1M"], 1, "larger than --max-size, 1,048,576"),
        ([nobody, "-o", "x"], 1, ": 404 "),
        (["https://www.data.gouv.fr/datasets/stops/"], 2, "has no id of a resource"),
        ([published["id"], "-o", "-"], 2, "is not printed: give a path."),
        ([published["id"], "-o", "no/x"], 2, "Folder 'no' does not exist."),
        ([published["id"], "-o", "x", "--max-size", "much"], 2, "'much' is not a size"),
    ]:
        result = run("download", *arguments)
        assert (result.status, result.out) == (status, ""), result
        assert result.err.startswith("Error: ")
        assert message in result.err
        assert result.err.count("\n") == 1
    assert [one.read_bytes() for one in Path().iterdir()] == [b"mine"]


# ---- Sync


def test_a_folder_is_synchronized_with_a_dataset(run: Run, dataset: Made) -> None:
    for name in ("a.csv", "b.csv"):
        Path(name).write_bytes(name.encode())
    run("upload", dataset.id, "a.csv", "b.csv")
    first = run("sync", dataset.slug, "folder")
    again = run("sync", dataset.slug, "folder")
    assert (first.status, first.out, again.status, again.out) == (0, "", 0, "")
    assert first.err.startswith("folder: 2 files, 2 fetched, 10 bytes received, ")
    assert again.err.startswith("folder: 2 files, 2 unchanged, 0 bytes received, ")
    assert first.err.endswith(": complete\n")
    assert {one.name: one.read_text() for one in Path("folder").iterdir()} == {
        "a.csv": "a.csv",
        "b.csv": "b.csv",
    }


def test_a_file_that_fails_does_not_stop_a_sync(run: Run, dataset: Made) -> None:
    Path("a.csv").write_bytes(STOPS)
    run("upload", dataset.id, "a.csv")
    gone = ResourceWrite(
        title="Gone", url=f"{dataset.resources[0].url}.gone", type="main", filetype="remote"
    )
    dataset.asked(partial(datasets.create_resource, body=gone), dataset.id)
    result = run("sync", "--json", dataset.id, "folder")
    assert result.status == 3
    report = result.report
    assert (report["listed"], report["downloaded"], report["failed"]) == (2, 1, 1)
    assert {one["status"] for one in report["outcomes"]} == {"downloaded", "failed"}
    problem, summary = result.err.splitlines()
    assert re.fullmatch(r"Error: \S+: http\S+ answered 404", problem)
    assert summary.endswith(": incomplete (1 failed)")
    assert Path("folder/a.csv").read_bytes() == STOPS


def test_datasets_have_folders_of_their_own_and_what_is_gone_is_deleted(
    run: Run, portal: Portal, dataset: Made
) -> None:
    other = Made(portal)
    for made, name in ((dataset, "a.csv"), (dataset, "b.csv"), (other, "c.csv")):
        Path(name).write_bytes(name.encode())
        run("upload", made.id, name)
    command = ["sync", dataset.id, other.id, "folder"]
    assert run(*command).status == 0
    first = {str(one.relative_to("folder")) for one in Path("folder").rglob("*.csv")}
    assert first == {f"{dataset.slug}/a.csv", f"{dataset.slug}/b.csv", f"{other.slug}/c.csv"}
    (gone,) = [one for one in dataset.resources if one.title == "b.csv"]
    dataset.asked(datasets.delete_resource, dataset.id, gone.id)
    again = run(*command, "--delete")
    assert again.err.startswith("folder: 2 files, 2 unchanged, 1 deleted, 0 bytes received, ")
    left = {str(one.relative_to("folder")) for one in Path("folder").rglob("*.csv")}
    assert left == first - {f"{dataset.slug}/b.csv"}
    other.asked(datasets.delete_dataset, other.id)


def test_the_files_of_an_organization_are_synchronized(run: Run, portal: Portal) -> None:
    organization = next(iter(portal.ids["/organizations/{org}/"].values()))
    result = run("sync", "--json", "--organization", organization, "folder")
    assert result.status in (0, 3)
    listed = run("harvest", "datasets", "--organization", organization, "--fields", "resources{id}")
    ids = [one["id"] for line in listed.out.splitlines() for one in json.loads(line)["resources"]]
    assert result.report["listed"] == len(ids) > 0
    assert {one["resource"] for one in result.report["outcomes"]} == {*ids}


def test_an_interrupted_sync_is_continued_by_the_same_command(
    portal: Portal, dataset: Made, tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    paths = [tmp_path / f"{name}.csv" for name in "abc"]
    for path in paths:
        path.write_bytes(content(100 * KB) + path.name.encode())

    async def twice() -> tuple[Result, Result]:
        async with holding(portal.url) as proxy:
            await ran(proxy.url, portal.api_key, "upload", dataset.id, *map(str, paths))
            command = ["sync", dataset.id, str(folder), "--concurrency", "1"]
            proxy.chosen, proxy.share = lambda _: len(proxy.lines("^GET /resources/")) == 2, 0.5
            stopped = await interrupted(proxy, portal.api_key, *command)
            proxy.chosen = lambda _: False
            return stopped, await ran(proxy.url, portal.api_key, *command)

    stopped, done = asyncio.run(twice())
    assert stopped == (130, "", "Interrupted; the same command continues.\n")
    assert (done.status, done.out) == (0, "")
    assert f"{folder}: 3 files, 2 fetched, 1 unchanged, " in done.err
    for path in paths:
        assert (folder / path.name).read_bytes() == path.read_bytes()
    assert len([*folder.iterdir()]) == 3


def test_what_a_sync_refuses(run: Run, dataset: Made) -> None:
    unknown = run("sync", "nothing-of-that-name", "folder")
    assert (unknown.status, unknown.out) == (1, "")
    assert unknown.err.startswith("Error: get_dataset: 404 ")
    assert unknown.err.count("\n") == 1


# ---- Full disks


@pytest.mark.parametrize("command", ["download", "sync", "export"])
def test_a_full_disk_is_one_line_and_the_same_command_goes_on(
    run: Run,
    dataset: Made,
    published: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
) -> None:
    arguments = {
        "download": [published["id"], "-o", "copy.csv"],
        "sync": [dataset.id, "folder"],
        "export": ["tags", "-o", "tags.csv"],
    }[command]
    disk = Disk(tmp_path, errno.ENOSPC, last=8 if command != "export" else 1)
    with monkeypatch.context() as patch:
        disk.watch(patch)
        failed = run(command, *arguments)
    assert disk.steps > 1
    assert (failed.status, failed.out) == (1, "")
    assert re.fullmatch(r"Error: .*: No space left on device(; the same .*)?\n", failed.err)
    assert not [*tmp_path.glob("*.csv")]
    assert run(command, *arguments).status == 0


# ---- Export


def test_every_export_of_the_portal(run: Run, portal: Portal) -> None:
    organization = next(iter(portal.ids["/organizations/{org}/"].values()))
    for name in exports.NAMES:
        options = ["--organization", organization] if name == "discussions" else []
        printed = run("export", name, *options)
        assert printed.status == 0, printed.err
        assert ";" in printed.out.splitlines()[0]
        written = run("export", name, *options, "-o", f"{name}.parquet", "--json")
        assert written.report == {
            "export": name,
            "path": f"{name}.parquet",
            "bytes": Path(f"{name}.parquet").stat().st_size,
        }
        (first, *rows) = csv.reader(printed.out.splitlines(), delimiter=";")
        table = pyarrow.parquet.read_table(f"{name}.parquet")
        # One export has a column twice.
        assert table.column_names == [*dict.fromkeys(first)]
        assert table.num_rows <= len(rows)
