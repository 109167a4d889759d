"""Tests that run the snippets of the README and the docs, and check their types."""

from __future__ import annotations

import io
import json
import logging
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
from prometheus_client import REGISTRY

import aiodatagouv
from aiodatagouv import Client, api, files
from aiodatagouv.api import datasets
from aiodatagouv.api.v2 import topics
from aiodatagouv.models import DatasetWrite, Resource, ReuseWrite, v2

from ..ranges import serving
from .portal import PROJECT, Portal
from .snippets import NOT_CALLED, NOT_RUN, PAGES, blocks, commands, modules, run, shell, text_of
from .test_calls import PNG

OWN_TEST = {
    "docs/api-v2.md": "its topic is read back, and deleted",
    "docs/files.md": "the crawler of the portal, which has a table of a resource, is played",
    "docs/observability.md": "its metrics and log records are looked at",
}
"""The pages that a test of their own runs, with what it does besides."""

TABLES = [f"{age}.{kind}" for age in ("old", "new") for kind in ("jsonl", "parquet")]
TABLES += ["yesterday.jsonl.gz", "today.jsonl.gz"]
"""The harvests that commands of the docs compare."""


def reuse_at(url: str) -> ReuseWrite:
    """A reuse; the portal accepts each URL once."""
    return ReuseWrite(
        title="Carte",
        description="Une carte.",
        type="visualization",
        topic="transport_and_mobility",
        url=url,
    )


@pytest.fixture(autouse=True)
def desk(portal: Portal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files that the pages name, and the portal in the place of the real ones."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATAGOUV_PORTAL", portal.url)
    monkeypatch.setattr(aiodatagouv, "DEMO", portal.url)
    monkeypatch.setattr(aiodatagouv, "PRODUCTION", portal.url)
    Path("carte.png").write_bytes(PNG)
    Path("pistes.csv").write_text("nom;longueur\nLoire;800\n", encoding="utf-8")
    Path("stops.csv").write_text("name;lat\nLoire;47.2\n", encoding="utf-8")
    Path("lines.csv").write_bytes(b"name;length\n" * 200_000)
    Path("new.csv").write_text("name;lat\nBlain;47.4\n", encoding="utf-8")
    return tmp_path


@pytest.fixture
async def dataset(admin: Client) -> str:
    """The id of a dataset whose files are on the portal."""
    body = DatasetWrite(title="Arrêts", description="Tous.", frequency="monthly")
    return (await datasets.create_dataset(admin, body=body)).id


def test_the_exceptions_are_pages_and_parts_of_commands() -> None:
    assert {*NOT_RUN, *OWN_TEST} <= {*PAGES}
    assert not {*NOT_RUN} & {*OWN_TEST}
    every = "".join(map(text_of, PAGES))
    assert [part for part in NOT_CALLED if part not in every] == []


STRICT = {
    "typeCheckingMode": "strict",
    "pythonVersion": "3.11",
    "extraPaths": [str(PROJECT / "src")],
    # The snippets of a page are one function: what they show is its variables.
    "reportUnusedVariable": False,
    "reportUnusedFunction": False,
}
"""The settings of pyright for snippets."""


@pytest.mark.parametrize(
    ("checker", "passed"),
    [
        (["mypy", "--strict"], "Success"),
        (["basedpyright", "--pythonpath", sys.executable, "--project"], "0 errors, 0 warnings"),
    ],
    ids=["mypy", "basedpyright"],
)
def test_every_snippet_type_checks(checker: list[str], passed: str, desk: Path) -> None:
    folder = desk / "snippets"
    folder.mkdir()
    (folder / "pyrightconfig.json").write_text(json.dumps(STRICT), encoding="utf-8")
    for page in PAGES:
        for number, module in enumerate(modules(page)):
            name = f"{Path(page).stem.replace('-', '_')}_{number}.py"
            (folder / name).write_text(module, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", *checker, str(folder)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.startswith(passed), done.stdout


@pytest.mark.parametrize(
    "page", [one for one in PAGES if blocks(one) and one not in NOT_RUN and one not in OWN_TEST]
)
async def test_every_snippet_of_a_page_runs(
    page: str, portal: Portal, visitor: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = (await datasets.list_datasets(visitor)).data[0]
    if "export DATAGOUV_API_KEY=" in text_of(page):
        monkeypatch.setenv("DATAGOUV_API_KEY", portal.api_key)
    await run(page, blocks(page), first.id, {"api_key": portal.api_key, "__name__": "page"})


@pytest.mark.parametrize("page", [one for one in PAGES if commands(one)])
async def test_every_command_of_a_page_runs(
    page: str, portal: Portal, admin: Client, dataset: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATAGOUV_API_KEY", portal.api_key)
    monkeypatch.setenv("LOG", "log")
    Path("reuse.json").write_text(
        json.dumps(reuse_at(f"https://carte.example.org/new/{page}").to_dict()), encoding="utf-8"
    )
    for table in TABLES:
        if any(table in command for command in commands(page)):
            shell(f"aiodatagouv harvest datasets -o {table} --fields id,title")
    names = await things_on(portal, admin, dataset, f"https://carte.example.org/old/{page}")
    for command in commands(page):
        for name, value in names.items():
            command = re.sub(name, value, command)
        # The status 10 of `diff` says that there are differences.
        shell(command, succeeds=(0, 10) if " diff " in command else (0,))


async def things_on(portal: Portal, admin: Client, dataset: str, url: str) -> dict[str, str]:
    """Make what the commands name; return a pattern of each with what stands for it."""
    body = DatasetWrite(title="Lignes", description="Toutes.", frequency="monthly")
    other = await datasets.create_dataset(admin, body=body)
    reuse = await api.reuses.create_reuse(admin, body=reuse_at(url))
    topic_body = v2.TopicWrite(name="Vélos", description="Tous.", tags=["velo"])
    topic = await topics.create_topic(admin, body=topic_body)
    resource = await files.upload(admin, dataset, b"name\nLoire\n", name="rivers.csv")
    replaced = await files.upload(admin, dataset, b"name\nSeine\n", name="others.csv")
    return {
        r"https://www\.data\.gouv\.fr/(?=datasets/r/)": portal.url,
        "(?<=--resource )6b08d01a-8713-4e5c-a463-ce6091d5c5b8": replaced.id,
        "6b08d01a-8713-4e5c-a463-ce6091d5c5b8": resource.id,
        r"\ban-id\b": portal.ids["/organizations/{org}/"]["org"],
        r"\bone-slug\b": dataset,
        r"\banother-slug\b": other.id,
        r"(?<=topic )a-slug-or-id": topic.id,
        r"(?<=reuse )a-slug-or-id|(?<=reuse_image )a-slug-or-id": reuse.id,
        "a-slug-or-id": dataset,
    }


async def test_every_snippet_of_api_v2_runs(
    portal: Portal, visitor: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    first = (await datasets.list_datasets(visitor)).data[0]
    names: dict[str, object] = {"api_key": portal.api_key, "__name__": "readme"}
    await run("docs/api-v2.md", blocks("docs/api-v2.md"), first.id, names)
    topic, client = names["topic"], names["client"]
    assert isinstance(topic, v2.Topic)
    assert isinstance(client, Client)
    (element,) = [one async for one in topics.list_topic_elements(visitor, topic.id)]
    assert element.element is not None
    assert element.element.id == first.id
    assert f"{first.title} {len(first.resources)}" in capsys.readouterr().out
    await topics.delete_topic(client, topic.id)
    await client.aclose()


async def test_every_snippet_of_files_runs(
    portal: Portal,
    admin: Client,
    dataset: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    names: dict[str, object] = {"api_key": portal.api_key, "__name__": "files"}
    # The crawler of the portal makes the Parquet file.
    *before, crawled, exported = blocks("docs/files.md")
    await run("docs/files.md", before, dataset, names)
    resource, replaced = names["resource"], names["replaced"]
    assert isinstance(resource, Resource)
    assert isinstance(replaced, Resource)
    assert (replaced.id, replaced.title) == (resource.id, "Stops")
    assert Path("copy.csv").read_bytes() == b"name;lat\nLoire;47.2\nBlain;47.4\n"
    assert {one.name for one in Path("folder").iterdir()} == {"new.csv", "lines.csv"}

    crawled = crawled.replace(".scan()", ".scan(allow_private=True)")
    with serving(parquet(rows=3)) as served:
        extras = {"analysis:parsing:parquet_url": served.url}
        await api.v2.datasets.update_resource_extras(admin, dataset, resource.id, body=extras)
        await run("docs/files.md", [crawled, exported], dataset, names)
    printed = capsys.readouterr().out
    assert "[(3,)]" in printed
    assert "lines.csv: 2,400,000 of 2,400,000 bytes" in printed
    assert pyarrow.parquet.read_metadata("resources.parquet").num_rows > 0


async def test_every_snippet_of_observability_runs(
    visitor: Client,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = (await datasets.list_datasets(visitor)).data[0]
    log = logging.getLogger("aiodatagouv")
    monkeypatch.setattr(log, "handlers", [])
    monkeypatch.setattr(log, "level", log.level)
    names: dict[str, Any] = {"__name__": "observability"}
    page = "docs/observability.md"
    await run(page, blocks(page), first.id, names)
    counted = REGISTRY.get_sample_value(
        "datagouv_answers_total", {"method": "GET", "status": "200"}
    )
    assert counted == 1
    for counter in ("ANSWERS", "RETRIES", "WAITS"):
        REGISTRY.unregister(names[counter])
    line = json.loads(capsys.readouterr().out)
    assert (line["event"], line["operation"], line["status"]) == ("request", "get_dataset", 200)
    assert line["message"].startswith("get_dataset: 200, attempt 1")


def parquet(rows: int) -> bytes:
    """Return a table as a Parquet file."""
    file = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table({"n": [*range(rows)]}), file)
    return file.getvalue()
