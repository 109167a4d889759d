"""A package that was generated for a portal of udata 14.13.0, from that portal and against it."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from attrs import define

import aiodatagouv
from aiodatagouv import Client, NotFoundError, bulk
from aiodatagouv.operation import Operation

from ..clients import client_of
from .portal import OLDEST, PROJECT, Portal, path_of, running_portal

PACKAGE = "portal_of_tests"

DATASETS = 40

NOT_ANSWERED = {"complete_proconnect_login", "complete_proconnect_logout"}
"""The second half of a login at an identity provider, which the test portal does not have."""

pytestmark = pytest.mark.xdist_group(OLDEST)


@define
class Title:
    id: str
    title: str


@pytest.fixture(scope="module")
def own_portal() -> Iterator[Portal]:
    with running_portal(DATASETS, release=OLDEST) as portal:
        yield portal


def generate(portal: Portal, folder: Path) -> str:
    command = [sys.executable, "-m", "generator", "client", "--url", portal.url]
    command += ["--into", str(folder), "--name", PACKAGE]
    return subprocess.run(
        command, cwd=PROJECT, capture_output=True, text=True, check=True
    ).stdout.splitlines()[0]


@pytest.fixture(scope="module")
def folder(own_portal: Portal, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project of the portal."""
    folder = tmp_path_factory.mktemp("client") / "project"
    line = generate(own_portal, folder)
    assert line.startswith(f"{PACKAGE} of udata {OLDEST}: 255 operations")
    return folder


@pytest.fixture(scope="module")
def package(folder: Path) -> Iterator[ModuleType]:
    """Its package, imported."""
    sys.path.insert(0, str(folder / "src"))
    yield importlib.import_module(PACKAGE)
    sys.path.remove(str(folder / "src"))
    for name in [one for one in sys.modules if one.startswith(PACKAGE)]:
        del sys.modules[name]


def module(name: str) -> Any:
    return importlib.import_module(f"{PACKAGE}.{name}")


@pytest.fixture
async def own_admin(package: ModuleType, own_portal: Portal) -> AsyncIterator[Client]:
    """A client of the package, of the portal that it calls by default."""
    async with package.Client(api_key=own_portal.api_key, rate=None, retry=None) as client:
        assert f"{client.base_url}api/1/" == f"{package.PORTAL}api/1/" == own_portal.url
        yield client


def given(portal: Portal, operation: Operation) -> tuple[list[Any], dict[str, Any]]:
    """Return example parameters of a GET operation, for which each release has its own names."""
    bare = {re.sub(r"\{.*?\}", "{}", path): path for path in portal.ids}
    full = path_of(operation)
    path = bare.get(re.sub(r"\{.*?\}", "{}", full), full)
    examples = dict(portal.ids.get(path, {}))
    values = [examples.pop(name) for name in re.findall(r"\{(.*?)\}", path) if name in examples]
    names = {one.key: one.name for one in operation.parameters}
    return values, {names[key]: value for key, value in examples.items() if key in names}


def ids(path: Path) -> list[str]:
    return sorted(json.loads(line)["id"] for line in path.read_text().splitlines())


async def test_every_read_is_decoded_into_the_models_of_the_package(
    package: ModuleType, own_admin: Client, own_portal: Portal, tmp_path: Path
) -> None:
    reads = [one for one in package.OPERATIONS.values() if one.method == "GET"]
    assert len(reads) == 138
    for operation in reads:
        if operation.name in NOT_ANSWERED:
            continue
        path, query = given(own_portal, operation)
        called = operation.function(own_admin, *path, **query)
        if operation.kind == "stream":
            await called.save(tmp_path / "answer")
            continue
        answer = await called
        if operation.model is not None:
            for one in answer if isinstance(answer, list) else [answer]:
                one.check()
                assert type(one).__module__.startswith(f"{PACKAGE}.models.")


def test_its_operations_are_those_of_its_portal_without_limits_of_releases(
    package: ModuleType,
) -> None:
    every: list[Operation] = [*package.OPERATIONS.values()]
    assert {(one.since, one.until) for one in every} == {(None, None)}


async def test_lists_are_walked_and_narrowed(own_admin: Client) -> None:
    datasets = module("api.datasets")
    listed = datasets.list_datasets(own_admin, page_size=7)
    whole = [one async for one in listed.items(concurrency=3)]
    assert len(whole) >= DATASETS
    assert all(isinstance(one, module("models").Dataset) for one in whole)
    titles = [one async for one in listed.into(Title).items(stable=False)]
    assert titles == [Title(one.id, one.title) for one in whole]
    stable = datasets.list_datasets(own_admin, fields="id,organization{name}").items(stable=True)
    assert {one.id async for one in stable} == {one.id for one in whole}
    one = await datasets.get_dataset(own_admin, whole[0].id, into=Title)
    assert one == titles[0]


async def test_an_object_is_created_changed_and_deleted(own_admin: Client) -> None:
    datasets, models = module("api.datasets"), module("models")
    producer = (await module("api.organizations").list_organizations(own_admin)).data[0]
    dataset = await datasets.create_dataset(
        own_admin,
        body=models.DatasetWrite(
            title="Pistes", description="Toutes.", frequency="monthly", organization=producer
        ),
    )
    assert dataset.organization.id == producer.id
    changed = models.DatasetWrite.of(dataset, title="Voies", tags=["velo"])
    assert (await datasets.update_dataset(own_admin, dataset.id, body=changed)).title == "Voies"
    discussion = await module("api.discussions").create_discussion(
        own_admin, body=models.DiscussionStart(title="A", comment="B", subject=dataset)
    )
    assert discussion.subject.id == dataset.id
    await datasets.delete_dataset(own_admin, dataset.id)
    with pytest.raises(NotFoundError):
        await datasets.get_dataset(own_admin, "nothing-of-that-name")


async def test_a_list_is_harvested_in_full_and_in_parts(
    own_admin: Client, own_portal: Portal, tmp_path: Path
) -> None:
    datasets = module("api.datasets")
    async with client_of(own_portal.url, api_key="") as visitor:
        report = await bulk.harvest(datasets.list_datasets(visitor), tmp_path / "all.jsonl")
        assert report.complete
        assert report.items == own_portal.totals["datasets"]
        parts = await bulk.partition(datasets.list_datasets(visitor), 2)
        for number, part in enumerate(parts):
            await bulk.harvest(part, tmp_path / f"{number}.jsonl", client=visitor)
    in_parts = [one for number in range(2) for one in ids(tmp_path / f"{number}.jsonl")]
    assert sorted(in_parts) == ids(tmp_path / "all.jsonl")


def test_the_command_line_of_the_package_harvests_its_portal(
    own_portal: Portal, folder: Path, tmp_path: Path
) -> None:
    facade = Path(aiodatagouv.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-m", PACKAGE, "harvest", "datasets", "-o", "all.jsonl", "--rate", "inf"],
        cwd=tmp_path,
        env={"PYTHONPATH": f"{folder / 'src'}:{facade}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len(ids(tmp_path / "all.jsonl")) == own_portal.totals["datasets"]


def test_the_command_line_of_the_package_publishes_and_fetches_files(
    own_portal: Portal, folder: Path, tmp_path: Path
) -> None:
    facade = Path(aiodatagouv.__file__).parents[1]
    environment = {"PYTHONPATH": f"{folder / 'src'}:{facade}"}
    environment["DATAGOUV_API_KEY"] = own_portal.api_key

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", PACKAGE, "--rate", "inf", *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    (tmp_path / "stops.csv").write_text("name;lat\n")
    body = json.dumps({"title": "Arrêts", "description": "Tous.", "frequency": "monthly"})
    dataset = json.loads(run("call", "create_dataset", "--body", body))["id"]
    resource, _ = run("upload", dataset, "stops.csv").split()
    run("download", resource, "-o", "copy.csv")
    run("sync", dataset, "folder")
    run("export", "datasets", "-o", "datasets.csv.gz")
    run("call", "delete_dataset", dataset)
    for name in ("copy.csv", "folder/stops.csv"):
        assert (tmp_path / name).read_text() == "name;lat\n"
    assert "portal-of-tests upload a-slug-or-id stops.csv" in run("upload", "--help")


def test_the_same_portal_gives_the_same_bytes(own_portal: Portal, folder: Path) -> None:
    def contents() -> dict[Path, bytes]:
        files = (one for one in folder.rglob("*") if one.is_file() and one.suffix != ".pyc")
        return {one: one.read_bytes() for one in files}

    before = contents()
    generate(own_portal, folder)
    assert contents() == before
