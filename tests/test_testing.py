"""The portal in memory that users test their programs with, and the refusal of the network."""

from __future__ import annotations

import asyncio
import datetime as dt
import math
import re
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from aiodatagouv import (
    OPERATIONS,
    BadRequestError,
    Client,
    DownloadError,
    GoneError,
    LockedError,
    NetworkError,
    NotFoundError,
    RateLimitedError,
    RetryPolicy,
    ServerError,
    TimeoutError,
    api,
    bulk,
    files,
    models,
)
from aiodatagouv.api import datasets, reuses
from aiodatagouv.testing import FakePortal, NetworkRefusedError, UnansweredError, network_refused
from aiodatagouv.testing._roles import kinds

from . import clock
from .test_imports import loaded_by

ROOT = Path(__file__).parents[1]
PYTEST = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "asyncio_mode=auto"]

NEW = models.DatasetWrite(title="Vélos", description="Tous.", frequency="daily")


def test_the_tests_in_the_docs_pass(tmp_path: Path) -> None:
    pages = [(ROOT / page).read_text("utf-8") for page in ("docs/testing.md", "README.md")]
    snippets = re.findall(r"^```python\n(.*?)^```$", "".join(pages), re.M | re.S)
    (conftest,) = [one for one in snippets if one.startswith("pytest_plugins")]
    (tmp_path / "conftest.py").write_text(conftest, "utf-8")
    for number, tests in enumerate(one for one in snippets if "def test_" in one):
        (tmp_path / f"test_docs_{number}.py").write_text(tests, "utf-8")
    done = subprocess.run([*PYTEST, str(tmp_path)], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert "9 passed" in done.stdout


def test_a_marked_test_may_use_the_network(tmp_path: Path) -> None:
    (tmp_path / "test_marked.py").write_text(
        "import pytest, aiodatagouv\n"
        "@pytest.mark.datagouv_network\n"
        "async def test_call():\n"
        "    async with aiodatagouv.Client(base_url='http://127.0.0.1:9/', retry=None) as client:\n"
        "        with pytest.raises(aiodatagouv.NetworkError):\n"
        "            await client.request('GET', 'site/')\n",
        "utf-8",
    )
    options = ["-p", "aiodatagouv.testing.plugin", "--strict-markers"]
    done = subprocess.run(
        [*PYTEST, *options, str(tmp_path)], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("kind", sorted(kinds()))
def test_an_object_of_every_kind_can_be_added(kind: str) -> None:
    kinds()[kind].check(FakePortal().add(kinds()[kind]))


async def test_an_object_as_answered_is_kept_as_it_is() -> None:
    portal = FakePortal()
    portal.add(models.Dataset.from_dict({"id": "1", "title": "Vélos", "unknown": 1}))
    async with portal.client() as client:
        dataset = await datasets.get_dataset(client, "1")
    assert dataset.to_dict() == {"id": "1", "title": "Vélos", "unknown": 1}


@pytest.mark.parametrize(
    ("add", "problem"),
    [
        (lambda one: one.add(models.Dataset, titel="a"), "did you mean title"),
        (lambda one: one.add(models.Dataset, title=1), "title"),
        (lambda one: one.add(models.Dataset.from_dict({})), "needs its id"),
        (lambda one: one.add(models.Dataset, resources=[{"ulr": "a"}]), "mean resources.url"),
        (lambda one: one.add(models.Dataset, extras={"a": {1}}), "Dataset: .*not JSON"),
        (lambda one: one.add(models.Badge), "no operation reads a Badge by its id"),
        (lambda one: one.add(models.Resource), r"in add\(Dataset, resources=\.\.\.\)"),
        (lambda one: one.answer("get_datasett", None), "Did you mean get_dataset"),
        (lambda one: one.script("get_datasett", status=500), "Did you mean get_dataset"),
        (lambda one: one.script("get_dataset"), "give a status, a cut or a delay"),
        (lambda one: one.script(None, retry_after=1, cut="head"), "need a status"),
        (lambda one: one.script(None, cut="boddy"), "must be one of head, body"),
        (lambda one: one.script(None, delay=-1), "delay is -1"),
        (lambda one: one.script(None, status=500, times=0), "times is 0"),
        (lambda one: one.script(None, status="500"), "status is '500'"),
        (lambda one: one.script(None, status=99), "from 200 to 599"),
        (lambda one: one.script(None, status=429, retry_after=-5), "retry_after is -5"),
        (lambda one: one.script(None, status=429, headers={"X-A": 0}), "header X-A is 0"),
        (lambda one: one.script(None, delay=math.nan), "delay is nan"),
        (lambda one: one.script(None, status=500, times=1.5), "times is 1.5"),
        (lambda one: one.script(None, status=500, json=object()), "not JSON serializable"),
        (lambda one: one.script("GET /a", status=500), "not an http or https URL"),
        (lambda one: one.answer("get https://a.example/", b""), "no method and URL"),
        (lambda one: one.answer("list_datasets ", []), "no method and URL"),
        (lambda one: one.answer("GET datasets/", b""), "not an http or https URL"),
        (lambda one: one.answer("suggest_tags", object()), "answer: suggest_tags: .*not JSON"),
        (lambda one: one.answer("suggest_tags", [], status=99), "status is 99"),
        (lambda one: one.add(one.add(models.Dataset), titel="a"), "did you mean title"),
        (lambda one: one.answer("get_badge", None, parameters={"q": 1}), "no operation"),
        (lambda one: one.answer("suggest_tags", [], parameters={"qq": "a"}), "no parameter 'qq'"),
    ],
)
def test_mistakes_of_a_test_are_errors(add: Callable[[FakePortal], object], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        add(FakePortal())


async def test_an_object_is_added_again_with_other_fields() -> None:
    portal = FakePortal()
    nantes = portal.add(models.Organization, name="Nantes")
    before = portal.add(models.Dataset, title="Vélos", organization={"name": "Rennes"})
    file = {"title": "a", "url": "https://files.example/a.csv"}
    moment = dt.datetime(2026, 5, 1, tzinfo=dt.UTC)
    portal.add(before, last_update=moment, organization=nantes, resources=[file])
    async with portal.client() as client:
        (after,) = [one async for one in datasets.list_datasets(client, organization=nantes.id)]
    assert (after.id, after.title, after.last_update) == (before.id, "Vélos", moment)
    assert len(after.resources[0].id) == 36
    assert after.resources[0].latest.endswith(f"/datasets/r/{after.resources[0].id}")


async def test_an_organization_of_a_name_has_an_id_that_filters_take() -> None:
    portal = FakePortal()
    dataset = portal.add(models.Dataset, title="Vélos", organization={"name": "Nantes"})
    assert dataset.organization is not None
    async with portal.client() as client:
        page = await datasets.list_datasets(client, organization=dataset.organization.id)
    assert [one.title for one in page.data] == ["Vélos"]


async def test_dates_are_sorted_as_moments() -> None:
    portal = FakePortal()
    for created in ("2026-05-01T12:00:00+02:00", "2026-05-01T11:00:00", "2026-05-01T11:30:00Z"):
        portal.add(models.Reuse, created_at=created)
    async with portal.client() as client:
        found = [one.created_at async for one in api.reuses.list_reuses(client, sort="created")]
    assert [f"{one:%H:%M}" for one in found] == ["12:00", "11:00", "11:30"]


async def test_a_write_of_the_portal_leaves_what_was_answered_before() -> None:
    portal = FakePortal()
    before = portal.add(models.Dataset, title="Vélos", tags=["velo"])
    body = models.DatasetWrite.of(before, title="Trains")
    async with portal.client(api_key=portal.api_key) as client:
        after = await datasets.update_dataset(client, before.id, body=body)
    assert (before.title, after.title, after.tags) == ("Vélos", "Trains", ["velo"])
    assert after.last_modified > before.last_modified


async def test_requests_are_recorded_without_the_key() -> None:
    portal = FakePortal()
    portal.add(models.Dataset, title="Vélos")
    async with portal.client(api_key=portal.api_key) as client:
        await datasets.get_dataset(client, "velos", fields="id")
        await datasets.list_datasets(client, tag=["a", "b"])
    one, two = portal.requests
    assert (one.operation, one.method, one.fields) == ("get_dataset", "GET", "id")
    assert (one.parameters, two.query["tag"]) == ({"dataset": "velos"}, ["a", "b"])
    assert one.has_key
    assert portal.api_key not in repr(portal.requests)


FAULTS: dict[str, tuple[dict[str, Any], type[Exception]]] = {
    "too many": ({"status": 429, "retry_after": 7}, RateLimitedError),
    "error": ({"status": 500}, ServerError),
    "refused": ({"status": 400, "json": {"errors": {"title": ["no"]}}}, BadRequestError),
    "closed": ({"cut": "head"}, NetworkError),
    "cut": ({"cut": "body"}, NetworkError),
}


@pytest.mark.parametrize(("fault", "error"), FAULTS.values(), ids=FAULTS)
async def test_a_fault_lasts_as_many_times_as_it_says(
    fault: dict[str, Any], error: type[Exception]
) -> None:
    portal = FakePortal()
    portal.add(models.Dataset, title="Vélos")
    portal.script("get_dataset", **fault, times=1)
    async with portal.client(retry=RetryPolicy(attempts=1)) as client:
        await datasets.list_datasets(client)  # Another operation.
        with pytest.raises(error):
            await datasets.get_dataset(client, "velos")
    async with portal.client() as client:
        assert (await datasets.get_dataset(client, "velos")).title == "Vélos"


async def test_a_locked_portal() -> None:
    portal = FakePortal()
    portal.script("create_dataset", status=423)
    async with portal.client(api_key=portal.api_key) as client:
        with pytest.raises(LockedError):
            await datasets.create_dataset(client, body=NEW)
        assert (await datasets.list_datasets(client)).total == 0


async def test_a_call_that_is_cut_has_been_carried_out() -> None:
    portal = FakePortal()
    portal.script("create_dataset", cut="head", times=1)
    async with portal.client(api_key=portal.api_key) as client:
        with pytest.raises(NetworkError):
            await datasets.create_dataset(client, body=NEW)
        assert (await datasets.list_datasets(client)).total == 1


def test_a_slow_answer_takes_its_time_or_times_out() -> None:
    portal = FakePortal()
    portal.script("list_datasets", delay=20)

    async def main() -> float:
        async with portal.client(timeout=30) as client:
            await datasets.list_datasets(client)
            with pytest.raises(TimeoutError):
                await datasets.list_datasets(client.with_options(timeout=5))
        return asyncio.get_running_loop().time()

    assert clock.run(main()) == 25


CALLS: dict[str, Callable[[Client], Awaitable[object]]] = {
    "suggest_tags": lambda client: api.tags.suggest_tags(client, q="a"),
    "filter 'q'": lambda client: datasets.list_datasets(client, q="a"),
    "order 'views'": lambda client: datasets.list_datasets(client, sort="views"),
    "GET https://portal.example/api/1/nothing": lambda client: client.request("GET", "nothing"),
}


@pytest.mark.parametrize(("problem", "call"), CALLS.items(), ids=CALLS)
async def test_what_cannot_be_simulated_says_so(
    problem: str, call: Callable[[Client], Awaitable[object]]
) -> None:
    async with FakePortal().client() as client:
        with pytest.raises(UnansweredError, match=re.escape(problem)) as caught:
            await call(client)
    assert "FakePortal.answer" in str(caught.value)


async def test_answers_are_stated(tmp_path: Path) -> None:
    portal = FakePortal()
    velos = portal.add(models.Dataset, title="Vélos")
    portal.answer("list_datasets", [velos] * 3, parameters={"q": "vélo"})
    portal.answer("suggest_tags", [{"text": "a"}])
    portal.answer("suggest_tags", [{"text": "b"}], parameters={"q": "b"})
    portal.answer("get_site_tags_csv", "name;count\nvelo;1\n")
    file = {"title": "a", "url": "https://files.example/a.csv"}
    (resource,) = portal.add(models.Dataset, resources=[file]).resources
    portal.answer("redirect_resource", resource.url)
    portal.answer(f"GET {resource.url}", b"a;b\n")
    portal.answer("delete_reuse", None)
    async with portal.client(api_key=portal.api_key) as client:
        page = await datasets.list_datasets(client, q="vélo", page_size=2, fields="title")
        assert (len(page.data), page.total) == (2, 3)
        assert [one.text for one in await api.tags.suggest_tags(client, q="a")] == ["a"]
        assert [one.text for one in await api.tags.suggest_tags(client, q="b")] == ["b"]
        rows = [one async for one in api.site.get_site_tags_csv(client).rows()]
        assert rows == [{"name": "velo", "count": "1"}]
        assert await datasets.redirect_resource(client, resource.id) == resource.url
        await files.download(client, resource, tmp_path / "a.csv")
        await api.reuses.delete_reuse(client, "1")
    assert (tmp_path / "a.csv").read_bytes() == b"a;b\n"


@pytest.mark.parametrize(
    ("target", "url"),
    [
        (
            "GET https://Files.example:443/été b.csv#a",
            "https://files.example/%C3%A9t%C3%A9%20b.csv",
        ),
        ("GET https://files.example/a?format=csv", "https://files.example/a?format=csv"),
        ("GET https://files.example/a", "https://files.example/a?format=json"),
        ("GET https://a.example", "https://a.example/"),
        ("GET https://a.example/b?", "https://a.example/b"),
    ],
)
async def test_an_address_is_answered_in_any_spelling(
    tmp_path: Path, target: str, url: str
) -> None:
    portal = FakePortal()
    (resource,) = portal.add(models.Dataset, resources=[{"title": "a", "url": url}]).resources
    portal.answer("GET https://files.example/a", b"json")
    portal.answer(target, b"a;b\n")
    portal.script(target, status=503, times=1)
    async with portal.client() as client:
        with pytest.raises(DownloadError, match="503"):
            await files.download(client, resource, tmp_path / "a.csv")
        await files.download(client, resource, tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_bytes() == b"a;b\n"


async def test_a_page_that_is_not_asked_for_is_the_first() -> None:
    portal = FakePortal()
    velos = portal.add(models.Dataset, title="Vélos")
    portal.answer("list_datasets", [velos, velos], parameters={"page": 1})
    async with portal.client() as client:
        assert (await datasets.list_datasets(client)).total == 2


async def test_a_deleted_dataset_is_gone_for_visitors_only() -> None:
    portal = FakePortal()
    velos = portal.add(models.Dataset, title="Vélos")
    async with portal.client(api_key=portal.api_key) as admin, portal.client() as visitor:
        await datasets.delete_dataset(admin, velos.id)
        assert (await datasets.get_dataset(admin, velos.id)).deleted is not None
        with pytest.raises(GoneError):
            await datasets.get_dataset(visitor, velos.id)
        assert (await datasets.list_datasets(visitor)).total == 0


async def test_the_network_is_refused_to_clients_without_a_transport(tmp_path: Path) -> None:
    file = {"title": "a", "url": "https://files.example/a.csv"}
    (resource,) = FakePortal().add(models.Dataset, resources=[file]).resources
    older = Client()
    with network_refused():
        async with older:
            for call in (
                lambda: datasets.list_datasets(older),
                lambda: files.download(older, resource, tmp_path / "a.csv"),
            ):
                with pytest.raises(NetworkRefusedError, match=r"real host \(GET https://"):
                    await call()


async def test_a_client_that_was_opened_before_is_refused_the_network_too() -> None:
    portal = FakePortal()
    async with Client() as client:
        with portal.replacing_network():
            assert (await datasets.list_datasets(client)).total == 0
        with network_refused(), pytest.raises(NetworkRefusedError):
            await datasets.list_datasets(client)


async def test_blocks_that_replace_the_network_can_be_nested() -> None:
    portal = FakePortal()
    async with Client() as client:
        with portal.replacing_network():
            with network_refused():
                with portal.replacing_network():
                    assert (await datasets.list_datasets(client)).total == 0
                with pytest.raises(NetworkRefusedError):
                    await datasets.list_datasets(client)
            assert (await datasets.list_datasets(client)).total == 0


def test_the_plugin_refuses_the_network_to_fixtures_of_a_session(tmp_path: Path) -> None:
    (tmp_path / "test_session.py").write_text(
        "import asyncio, pytest, aiodatagouv\n"
        "from aiodatagouv.testing import NetworkRefusedError\n"
        "async def call():\n"
        "    async with aiodatagouv.Client() as client:\n"
        "        await aiodatagouv.api.datasets.list_datasets(client)\n"
        "@pytest.fixture(scope='session')\n"
        "def catalogue():\n"
        "    with pytest.raises(NetworkRefusedError):\n"
        "        asyncio.run(call())\n"
        "def test_one(catalogue):\n"
        "    pass\n",
        "utf-8",
    )
    options = ["-p", "aiodatagouv.testing.plugin"]
    done = subprocess.run(
        [*PYTEST, *options, str(tmp_path)], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


async def test_errors_are_not_narrowed_by_a_mask() -> None:
    portal = FakePortal()
    portal.answer("get_reuse", {"message": "no"}, status=400)
    async with portal.client() as client:
        with pytest.raises(NotFoundError):
            await datasets.get_dataset(client, "nothing", fields="id")
        with pytest.raises(BadRequestError, match="no"):
            await reuses.get_reuse(client, "one", fields="id")


async def test_objects_without_a_field_do_not_pass_its_filter() -> None:
    portal = FakePortal()
    portal.add(models.Dataset.from_dict({"id": "1", "title": "V"}))
    async with portal.client() as client:
        assert (await datasets.list_datasets(client, tag=["a"])).total == 0
        assert (await datasets.list_datasets(client, featured=True)).total == 0
        with pytest.raises(NotFoundError):
            await datasets.get_resource(client, "1", "2")


async def test_the_error_of_a_redirect_can_be_stated() -> None:
    portal = FakePortal()
    portal.answer("redirect_resource", {"message": "gone for good"}, status=404)
    async with portal.client() as client:
        with pytest.raises(NotFoundError, match="gone for good"):
            await datasets.redirect_resource(client, "1")


async def test_a_portal_replaces_the_network() -> None:
    portal = FakePortal()
    with network_refused(), portal.replacing_network():
        async with Client() as client:
            assert (await datasets.list_datasets(client)).total == 0


async def test_a_harvest_of_a_portal_in_memory(tmp_path: Path) -> None:
    portal = FakePortal()
    for number in range(45):
        portal.add(models.Dataset, title=f"Dataset {number}")
    async with portal.client() as client:
        walk = datasets.list_datasets(client, page_size=10)
        report = await bulk.harvest(walk, tmp_path / "datasets.jsonl", concurrency=4)
    assert (report.items, report.complete) == (45, True)


async def test_a_harvest_of_a_portal_in_memory_is_brought_up_to_date(tmp_path: Path) -> None:
    portal = FakePortal()
    velos, trains = [portal.add(models.Dataset, title=one) for one in ("Vélos", "Trains")]
    path = tmp_path / "a.parquet"
    async with portal.client(api_key=portal.api_key) as client:
        await bulk.harvest(datasets.list_datasets(client, fields="id,title"), path, since="last")
        body = models.DatasetWrite.of(velos, title="Bus")
        await datasets.update_dataset(client, velos.id, body=body)
        for number in range(80):  # More than a minute by the clock of the portal.
            portal.add(models.Reuse, title=f"Reuse {number}")
        await bulk.harvest(datasets.list_datasets(client, fields="id,title"), path, since="last")
        portal.add(trains, title="Trams")
        found = datasets.list_datasets(client, fields="id,title")
        report = await bulk.harvest(found, path, since="last")
        assert (await client.portal()).release == OPERATIONS["get_site"].releases[0]
    assert (report.complete, report.changed) == (True, 1)
    rows = pq.read_table(path).to_pylist()
    assert {row["id"]: row["title"] for row in rows} == {velos.id: "Bus", trains.id: "Trams"}


def test_programs_do_not_load_what_is_for_tests() -> None:
    loaded = loaded_by("import aiodatagouv; aiodatagouv.Client()")
    assert {"aiodatagouv.testing", "aiodatagouv._http.memory", "pytest"}.isdisjoint(loaded)
    assert "pytest" not in loaded_by("import aiodatagouv.testing")
