"""Tests that run the examples as their users do, against the real portal."""

from __future__ import annotations

import asyncio
import csv
import json
import os
import subprocess
import sys
import textwrap
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

import aiohttp
import duckdb
import httpx
import nbformat
import pytest
from attrs import evolve
from check_links import check, is_public, pausing
from nbclient import NotebookClient
from web_app import app as application
from web_app.app import CONNECTIONS, POLICY, app

from aiodatagouv import Client
from aiodatagouv._environment import PORTAL
from aiodatagouv.api import datasets, organizations
from aiodatagouv.models import Dataset, DatasetWrite, OrganizationWrite, ResourceWrite

from .. import clock
from ..harvests import read
from ..servers import OK, redirects, says, server, stalls
from .holding import Holding
from .portal import PROJECT, Portal, running_portal

EXAMPLES = PROJECT / "examples"
SCHEDULED = EXAMPLES / "scheduled"

EMPTY = OK + b"Content-Length: 0\r\n\r\n"
GONE = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"

pytestmark = pytest.mark.xdist_group("examples")


@pytest.fixture(scope="module")
def portal() -> Iterator[Portal]:
    """A portal that nobody else changes meanwhile."""
    with running_portal(60) as portal:
        yield portal


@pytest.fixture(autouse=True)
def _environment(portal: Portal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Name the portal as users do, in an empty folder."""
    monkeypatch.setenv(PORTAL, portal.url)
    monkeypatch.setenv(
        "PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    )
    monkeypatch.chdir(tmp_path)


class Result(NamedTuple):
    status: int
    out: list[str]
    err: list[str]


async def run(*command: str | Path, **environment: str) -> Result:
    """Run a command, and return its exit status and its lines."""
    process = await asyncio.create_subprocess_exec(
        *command,
        env=os.environ | environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return Result(process.returncode, out.decode().splitlines(), err.decode().splitlines())


async def example(name: str, *arguments: str, **environment: str) -> Result:
    """Run an example in Python."""
    return await run(sys.executable, EXAMPLES / name, *arguments, **environment)


async def created(admin: Client, title: str, **fields: str | list[str]) -> Dataset:
    """Create a dataset."""
    body = {"title": title, "description": "d", "frequency": "unknown", **fields}
    return await datasets.create_dataset(admin, body=DatasetWrite.from_dict(body))


# ---- Harvests


async def test_a_harvest_to_parquet_has_every_file(portal: Portal, visitor: Client) -> None:
    done = await example("harvest_parquet.py", "resources.parquet")
    assert done.status == 0, done.err
    everything = [one async for one in datasets.list_datasets(visitor)]
    files = [file for one in everything for file in one.resources]
    assert sorted(row["id"] for row in read(Path("resources.parquet"))) == sorted(
        file.id for file in files
    )
    assert done.out[0] == f"{len(files)} files of {len(everything)} datasets: complete"
    formats = Counter((file.format or "unknown").lower() for file in files)
    name, number, *_ = done.out[1].split()
    assert formats[name] == int(number) == max(formats.values())


async def test_titles_are_kept_up_to_date(portal: Portal, admin: Client) -> None:
    tagged = {"tags": ["transport"]}
    one = await created(admin, "Bus", **tagged)
    assert (await example("titles.py", "titles.parquet")).status == 0
    await datasets.delete_dataset(admin, one.id)
    other = await created(admin, "Tram", **tagged)
    assert (await example("titles.py", "titles.parquet")).status == 0
    found = {row["id"]: row["title"] for row in read(Path("titles.parquet"))}
    assert found[other.id] == "Tram"
    assert one.id not in found


async def test_a_mirror_follows_the_portal(portal: Portal, visitor: Client, admin: Client) -> None:
    changed, deleted = [await created(admin, title) for title in ("Changed", "Deleted")]
    first = await example("mirror.py", "mirror")
    assert (first.status, first.out) == (0, []), first.err

    added = await created(admin, "Added")
    body = DatasetWrite.of(changed, title="Changed indeed")
    await datasets.update_dataset(admin, changed.id, body=body)
    await datasets.delete_dataset(admin, deleted.id)
    second = await example("mirror.py", "mirror")
    assert second.status == 0, second.err
    differences = [json.loads(line) for line in second.out]
    assert {
        (one["change"], one["key"]["id"]) for one in differences if one["list"] == "datasets"
    } == {("added", added.id), ("changed", changed.id), ("gone", deleted.id)}
    everything = {one.id: one.title async for one in datasets.list_datasets(visitor)}
    assert {row["id"]: row["title"] for row in read(Path("mirror/datasets.jsonl.gz"))} == everything


async def test_differences_are_printed_when_a_lost_checkpoint_makes_all_be_fetched(
    portal: Portal, admin: Client
) -> None:
    added = await created(admin, "Added")
    assert (await example("mirror.py", "mirror")).status == 0
    await datasets.delete_dataset(admin, added.id)
    Path("mirror/datasets.jsonl.gz.checkpoint").unlink()
    done = await example("mirror.py", "mirror")
    assert done.status == 0, done.err
    gone = {one["key"]["id"] for one in map(json.loads, done.out) if one["change"] == "gone"}
    assert gone == {added.id}


async def test_a_list_that_fails_does_not_keep_the_others_back(admin: Client) -> None:
    assert (await example("mirror.py", "mirror")).status == 0
    Path("mirror/datasets.jsonl.gz.checkpoint").write_text("damaged", "utf-8")
    body = OrganizationWrite(name="Added", description="New.")
    added = await organizations.create_organization(admin, body=body)
    done = await example("mirror.py", "mirror")
    assert done.status == 1
    assert [line.partition(":")[0] for line in done.err] == [
        "organizations",
        "datasets",
        "reuses",
        "not up to date",
    ]
    assert "checkpoint" in done.err[1]
    assert done.err[3] == "not up to date: datasets"
    assert added.id in {row["id"] for row in read(Path("mirror/organizations.jsonl.gz"))}


async def test_a_dlt_pipeline_keeps_tables_up_to_date(
    portal: Portal, visitor: Client, admin: Client
) -> None:
    deleted = await created(admin, "Deleted")
    first = await example("dlt_pipeline.py", "catalog.duckdb")
    assert first.status == 0, first.err
    assert " datasets, " in first.out[0]
    await datasets.delete_dataset(admin, deleted.id)
    assert (await example("dlt_pipeline.py", "catalog.duckdb")).status == 0
    with duckdb.connect("catalog.duckdb", read_only=True) as database:
        rows = database.execute("SELECT id FROM datagouv.datasets").fetchall()
    everything = [one.id async for one in datasets.list_datasets(visitor, fields="id")]
    assert sorted(row[0] for row in rows) == sorted(everything)
    assert deleted.id not in everything


# ---- Links


@asynccontextmanager
async def links() -> AsyncIterator[dict[str, str]]:
    """Hosts whose links work, or are broken in different ways: the kind of each, and its URL."""
    silent, unused = asyncio.Event(), await asyncio.start_server(lambda *_: None, "127.0.0.1")
    refused = f"http://127.0.0.1:{unused.sockets[0].getsockname()[1]}/"
    unused.close()
    await unused.wait_closed()
    heads: list[str] = []

    def only_get(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        is_head = heads[-1].startswith("HEAD")
        writer.write(b"HTTP/1.1 405 No\r\nContent-Length: 0\r\n\r\n" if is_head else EMPTY)

    async def never(*_: object) -> None:
        await silent.wait()

    async with (
        server(says(EMPTY)) as good,
        server(says(GONE)) as gone,
        server(redirects(good)) as moved,
        server(redirects(gone)) as lost,
        server(only_get, heads) as get,
        server(never) as slow,
    ):
        yield {
            "good": good,
            "gone": gone,
            "moved": moved,
            "lost": lost,
            "get": get,
            "slow": slow,
            "refused": refused,
        }


async def test_broken_links_are_listed(portal: Portal, admin: Client) -> None:
    async with links() as urls:
        dataset = await created(admin, "Links", tags=["links"])
        for title, url in [*urls.items(), ("again", urls["gone"])]:
            body = ResourceWrite(title=title, url=url, type="main", filetype="remote")
            await datasets.create_resource(admin, dataset.id, body=body)
        options = ["--tag", "links", "--timeout", "3"]
        done = await example("check_links.py", *options, "--allow-private")
        refused = await example("check_links.py", *options)
        await datasets.delete_dataset(admin, dataset.id)
    assert (done.status, done.err) == (3, ["7 links, 4 broken"])
    outcomes = {row["url"]: row["outcome"] for row in csv.DictReader(done.out)}
    assert "Cannot connect" in outcomes.pop(urls["refused"])
    assert outcomes == {urls["gone"]: "404", urls["lost"]: "404", urls["slow"]: "timeout"}

    assert (refused.status, refused.err) == (3, ["7 links, 7 broken"])
    reasons = [row["outcome"] for row in csv.DictReader(refused.out)]
    assert all("127.0.0.1 is an address of a private network" in one for one in reasons)


async def test_without_the_list_no_link_is_checked() -> None:
    async with server(says(GONE)) as url:
        done = await example("check_links.py", DATAGOUV_PORTAL=url)
    assert (done.status, len(done.out)) == (1, 1)
    (reason,) = done.err
    assert reason.startswith("list_datasets: 404")


def test_a_host_that_sends_now_and_then_holds_a_link_for_its_time_only() -> None:
    async def trickles(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"HTTP/1.1 102 Processing\r\n\r\n")
            await asyncio.sleep(9)

    async def checking() -> tuple[str, float]:
        timeout = aiohttp.ClientTimeout(sock_read=10)
        async with server(trickles) as url, aiohttp.ClientSession(timeout=timeout) as session:
            return await check(session, url, 60), asyncio.get_running_loop().time()

    assert clock.run(checking()) == ("timeout", 60)


def test_a_host_that_answers_no_head_is_asked_with_get() -> None:
    heads: list[str] = []

    async def only_get(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if heads[-1].startswith("GET"):
            writer.write(EMPTY)
        else:
            await asyncio.sleep(60)

    async def checking() -> str:
        timeout = aiohttp.ClientTimeout(sock_read=10)
        async with (
            server(only_get, heads) as url,
            aiohttp.ClientSession(timeout=timeout) as session,
        ):
            return await check(session, url, 60)

    assert clock.run(checking()) == "200"


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("93.184.215.14", True),
        ("2a00:1450::1", True),
        ("64:ff9b::5db8:d70e", True),
        ("10.0.0.1", False),
        ("224.0.0.1", False),
        ("::ffff:127.0.0.1", False),
        ("64:ff9b::7f00:1", False),
        ("2002:7f00:1::", False),
    ],
)
def test_a_link_may_lead_to_public_addresses_only(address: str, expected: bool) -> None:
    assert is_public(ip_address(address)) is expected


def test_the_wait_for_a_busy_host_is_not_the_time_of_a_link() -> None:
    async def takes_time(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(50)
        writer.write(EMPTY)

    async def checking() -> tuple[list[str], float]:
        connector = aiohttp.TCPConnector(limit_per_host=1)
        async with (
            server(takes_time) as url,
            aiohttp.ClientSession(connector=connector, trace_configs=[pausing()]) as session,
        ):
            outcomes = await asyncio.gather(*[check(session, url, 60) for _ in range(3)])
            return outcomes, asyncio.get_running_loop().time()

    assert clock.run(checking()) == (["200"] * 3, 150)


# ---- Publishing


async def test_a_folder_is_published_once(portal: Portal, admin: Client, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()

    async def publish(*options: str) -> Result:
        command = ["publish.py", "Stops of the examples", str(folder), "--description", "All."]
        return await example(*command, *options, DATAGOUV_API_KEY=portal.api_key)

    (folder / "a.csv").write_bytes(b"name;lat\nLoire;47.2\n")
    (folder / "B b.csv").write_bytes(b"name;lat\nBlain;47.4\n")
    (folder / ".a.csv.upload").write_text("of another program")
    first = await publish()
    assert first.status == 0, first.err
    assert first.out[0].startswith("created http")
    assert first.out[1:] == ["sent B b.csv", "sent a.csv", "2 files sent"]
    assert "a.csv: 20 of 20 bytes" in first.err
    before = {file.title: file.id for file in (await only_of(admin)).resources}

    (folder / "a.csv").write_bytes(b"name;lat\nLoire;47.3\n")
    assert (await publish()).out == ["sent a.csv", "1 files sent"]
    dataset = await only_of(admin)
    assert {file.title: file.id for file in dataset.resources} == before
    assert {one.name for one in folder.iterdir()} == {"a.csv", "B b.csv", ".a.csv.upload"}
    await datasets.delete_dataset(admin, dataset.id)

    organization = portal.ids["/organizations/{org}/"]["org"]
    assert (await publish("--organization", organization)).out[-1] == "2 files sent"
    assert (await publish("--organization", organization)).out == ["0 files sent"]
    dataset = await only_of(admin)
    assert dataset.organization is not None
    await datasets.delete_dataset(admin, dataset.id)


async def only_of(admin: Client) -> Dataset:
    """The one dataset that was published."""
    found = datasets.list_datasets(admin)
    (dataset,) = [
        one async for one in found if one.title.startswith("Stops of the") and not one.deleted
    ]
    return dataset


# ---- The web application


class Counting(Holding):
    """A proxy of the portal that counts the requests under way at once."""

    now = most = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await super().serve(reader, writer)
        finally:
            self.now -= 1


@asynccontextmanager
async def users(portal: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[httpx.AsyncClient]:
    """Start the application, and make a client for its users."""
    monkeypatch.setenv(PORTAL, portal)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://app") as browser,
    ):
        yield browser


async def test_two_hundred_users_at_once_share_one_client(
    portal: Portal, visitor: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    # On a slow machine a user would be told to come back.
    monkeypatch.setattr(application, "POLICY", evolve(POLICY, deadline=300))
    monkeypatch.setattr(application, "RATE", None)
    ids = [one.id async for one in datasets.list_datasets(visitor, fields="id")]
    counting = Counting(portal.url)
    async with server(counting.serve, counting.heads) as url, users(url, monkeypatch) as browser:
        client: Client = app.state.client
        wanted = [ids[number % len(ids)] for number in range(200)]
        answers = await asyncio.gather(*[browser.get(f"/datasets/{one}") for one in wanted])
        assert app.state.client is client
        missing = await browser.get("/datasets/nothing-of-that-name")
        found = await browser.get("/datasets", params={"q": answers[0].json()["title"]})
    assert Counter(answer.status_code for answer in answers) == {200: 200}
    assert [answer.json()["id"] for answer in answers] == wanted
    assert 1 < counting.most <= CONNECTIONS
    assert len(counting.lines("GET /api/1/datasets/")) == 202
    assert (missing.status_code, found.status_code) == (404, 200)
    assert ids[0] in {one["id"] for one in found.json()}


async def test_users_are_told_when_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    limited = b"HTTP/1.1 429 No\r\nRetry-After: 120\r\nContent-Length: 0\r\n\r\n"
    heads: list[str] = []
    async with server(says(limited), heads) as url, users(url, monkeypatch) as browser:
        answers = await asyncio.gather(*[browser.get("/datasets/a") for _ in range(200)])
    assert {answer.status_code for answer in answers} == {503}
    assert {100 < int(answer.headers["Retry-After"]) <= 121 for answer in answers} == {True}
    assert len(heads) <= CONNECTIONS  # The others were not sent at all.


async def test_a_user_does_not_wait_longer_than_the_deadline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(application, "POLICY", evolve(POLICY, deadline=0.05))
    async with server(stalls) as url, users(url, monkeypatch) as browser:
        answer = await browser.get("/datasets/a")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")


@pytest.mark.parametrize("content", [b"<html>Maintenance</html>", b'{"id": 5}', b"[]"])
async def test_users_are_not_told_that_a_dataset_is_missing_when_the_portal_is_broken(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    monkeypatch.setattr(application, "POLICY", None)
    answer = OK + b"Content-Length: %d\r\n\r\n" % len(content) + content
    async with server(says(answer)) as url, users(url, monkeypatch) as browser:
        shown = await browser.get("/datasets/velos")
        wrong = await browser.get("/datasets/..")
    assert (shown.status_code, wrong.status_code) == (502, 404)
    assert [one.name for one in caplog.records] == ["web_app.app"]
    assert caplog.messages[0].startswith("get_dataset: ")


# ---- The notebook


async def test_the_notebook_runs_from_top_to_bottom(portal: Portal, tmp_path: Path) -> None:
    notebook = nbformat.read(EXAMPLES / "explore.ipynb", as_version=4)
    nbformat.validate(notebook)
    cells = [one for one in notebook.cells if one.cell_type == "code"]
    assert [one.id for one in cells if one.outputs or one.execution_count] == []

    context = {"metadata": {"path": str(tmp_path)}}
    await NotebookClient(notebook, timeout=60, resources=context).async_execute()
    printed = "".join(output.text for one in cells for output in one.outputs)
    assert portal.release in printed
    assert "datasets: complete" in printed
    assert "publisher" in printed


def test_the_notebook_type_checks(tmp_path: Path) -> None:
    notebook = nbformat.read(EXAMPLES / "explore.ipynb", as_version=4)
    code = "\n".join(one.source for one in notebook.cells if one.cell_type == "code")
    program = tmp_path / "explore.py"
    program.write_text(f"async def main() -> None:\n{textwrap.indent(code, '    ')}\n", "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", str(program)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.startswith("Success"), done.stdout


# ---- The scheduled job


async def test_the_job_keeps_its_file_up_to_date(portal: Portal, admin: Client) -> None:
    async def job(*options: str) -> Result:
        return await run(SCHEDULED / "job.sh", *options, FILE="datasets.parquet")

    options = ["--fields", "id,title,resources"]
    first = await job(*options)
    assert (first.status, first.out) == (0, [])
    assert first.err[-1].endswith(": complete")
    added = await created(admin, "Added")
    assert "1 added" in (await job(*options)).err[-1]
    assert (await job("--fields", "titel")).status == 2
    assert added.id in {row["id"] for row in read(Path("datasets.parquet"))}
