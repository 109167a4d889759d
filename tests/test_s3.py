"""Harvests to an S3-compatible server on this machine, through s3fs."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import fsspec
import httpx
import pytest
from attrs import frozen
from moto.server import ThreadedMotoServer

from aiodatagouv import bulk
from aiodatagouv.bulk._stores import target
from aiodatagouv.bulk._stores.target import Target
from aiodatagouv.cli import main
from aiodatagouv.errors import CheckpointError, StoreError

from .harvests import Stop, harvest, ids, read, stop_after
from .moving import MovingPortal

KEY, SECRET = "the-access-key", "the-secret-access-key"

pytestmark = pytest.mark.usefixtures("short")


@frozen
class Bucket:
    """A bucket of the server.

    Attributes:
        name: Its name.
        options: The options by which fsspec reaches it.
    """

    name: str
    options: dict[str, Any]

    @property
    def system(self) -> Any:
        """The file system that it is in."""
        return fsspec.filesystem("s3", use_listings_cache=False, **self.options)

    def names(self) -> list[str]:
        """The names of all objects."""
        return [one.removeprefix(f"{self.name}/") for one in self.system.find(self.name)]

    def copied(self, name: str, folder: Path) -> Path:
        """Copy an object to this machine, and return its path."""
        path = folder / name
        path.write_bytes(self.system.cat_file(f"{self.name}/{name}"))
        return path


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """The address of an S3-compatible server."""
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """An empty bucket, for which fsspec is configured."""
    options = {
        "endpoint_url": endpoint,
        "key": KEY,
        "secret": SECRET,
        "client_kwargs": {"region_name": "us-east-1"},
    }
    one = Bucket(f"bucket-{uuid4().hex}", options)
    one.system.call_s3("create_bucket", Bucket=one.name)
    monkeypatch.setitem(fsspec.config.conf, "s3", options)
    return one


def portal_of(size: int = 60) -> MovingPortal:
    return MovingPortal.of(size, 0, left=0)


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.parquet"])
async def test_a_list_is_harvested_continued_and_updated_in_a_bucket(
    name: str, bucket: Bucket, tmp_path: Path
) -> None:
    url, portal = f"s3://{bucket.name}/{name}", portal_of()
    with pytest.raises(Stop):
        await harvest(portal, url, progress=stop_after(5))
    assert name not in bucket.names()
    report = await harvest(portal, url)
    assert (report.complete, report.resumed) == (True, 30)
    assert ids(bucket.copied(name, tmp_path)) == [*range(60)]
    assert bucket.names() == [name, f"{name}.checkpoint"]

    portal.updated = {3: (1, 40_000_000)}
    portal.shown.remove(7)
    report = await harvest(portal, url, since="last")
    assert (report.complete, report.changed, report.removed) == (True, 1, 1)
    items = read(bucket.copied(name, tmp_path))
    assert [int(item["id"]) for item in items] == portal.shown
    assert items[3]["title"] == "Jeu 3, version 1"
    assert bucket.names() == [name, f"{name}.checkpoint"]
    assert bucket.system.list_multipart_uploads(bucket.name) == []
    checkpoint = bucket.copied(f"{name}.checkpoint", tmp_path).read_text()
    assert KEY not in checkpoint
    assert SECRET not in checkpoint


@pytest.mark.parametrize(
    "step",
    [
        "put -000002",  # A piece without its entry.
        "upload .jsonl.gz",  # It has its name; the checkpoint does not know yet.
        "remove -000001",  # A part of the pieces is left.
    ],
)
def test_a_killed_harvest_is_continued_by_another_process(
    step: str, bucket: Bucket, endpoint: str, tmp_path: Path
) -> None:
    url = f"s3://{bucket.name}/a.jsonl.gz"
    environment = {
        "FSSPEC_S3_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    command = [sys.executable, "-m", "tests.killed_store", url, step]
    killed = subprocess.run(command, env={**os.environ, **environment}, check=False)
    assert killed.returncode == -signal.SIGKILL
    report = asyncio.run(harvest(portal_of(), url))
    assert report.complete
    assert report.resumed > 0
    assert ids(bucket.copied("a.jsonl.gz", tmp_path)) == [*range(60)]
    assert bucket.names() == ["a.jsonl.gz", "a.jsonl.gz.checkpoint"]


def test_an_object_appears_when_all_of_its_parts_are_there(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(target, "_BLOCK", 5 << 20)
    one = Target.of(f"s3://{bucket.name}/a.jsonl", None)
    parts = [bytes([number]) * (1 << 20) for number in range(12)]

    def chunks(end: int) -> Iterator[bytes]:
        for part in parts[:end]:
            yield part
            assert bucket.names() == []
        if end < len(parts):
            raise Stop

    with pytest.raises(Stop):
        one.upload(chunks(11))
    assert bucket.system.list_multipart_uploads(bucket.name) == []
    one.upload(chunks(12))
    assert b"".join(one.chunks()) == b"".join(parts)


async def test_a_bucket_refuses_the_second_of_two_harvests_at_once(
    bucket: Bucket, tmp_path: Path
) -> None:
    url, second = f"s3://{bucket.name}/a.jsonl", asyncio.Event()

    def begin(report: bulk.Report) -> None:
        if report.pages == 5:
            second.set()

    async def after() -> bulk.Report:
        await second.wait()
        return await harvest(portal_of(), url)

    results = await asyncio.gather(
        harvest(portal_of(), url, progress=begin), after(), return_exceptions=True
    )
    reports = [one for one in results if isinstance(one, bulk.Report)]
    assert [type(one) for one in results if one not in reports] == [CheckpointError]
    assert [one.complete for one in reports] == [True]
    assert ids(bucket.copied("a.jsonl", tmp_path)) == [*range(60)]


@pytest.mark.parametrize(
    ("url", "options", "words"),
    [
        ("s3://no-such-bucket/a.jsonl", {}, "The specified bucket does not exist"),
        (
            "s3://bucket/a.jsonl",
            {
                "endpoint_url": "http://127.0.0.1:9",
                "config_kwargs": {"retries": {"max_attempts": 0}},
            },
            "Could not connect to the endpoint",
        ),
        ("s3://wrong!/a.jsonl", {}, "Invalid bucket name"),
    ],
)
async def test_an_error_of_the_store_names_the_url_before_any_request(
    url: str, options: dict[str, Any], words: str, bucket: Bucket
) -> None:
    portal = portal_of()
    with pytest.raises(StoreError, match=f"^{url}.*: .*{words}") as caught:
        await harvest(portal, url, storage_options=options)
    assert SECRET not in str(caught.value)
    assert caught.value.__suppress_context__


def test_the_command_line_takes_the_url_of_an_object(
    bucket: Bucket,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(
        "aiodatagouv._http.transport.default_transport",
        lambda *_: httpx.MockTransport(portal_of().answer),
    )
    arguments = ["harvest", "datasets", "--portal", "https://portal.example/", "-o"]
    assert main([*arguments, f"s3://{bucket.name}/a.jsonl.gz"]) == 0
    assert f"60 of 60 items in s3://{bucket.name}/a.jsonl.gz" in capsys.readouterr().err
    assert ids(bucket.copied("a.jsonl.gz", tmp_path)) == [*range(60)]
    assert main([*arguments, "s3://no-such-bucket/a.jsonl"]) == 1
    error = capsys.readouterr().err
    assert "s3://no-such-bucket/a.jsonl.part: The specified bucket does not exist" in error
    assert main([*arguments, "ftp://host/a.jsonl"]) == 2
    assert "in a store in which it appears as a whole" in capsys.readouterr().err
