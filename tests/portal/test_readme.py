"""Tests that run the Python snippets of the README and the docs."""

from __future__ import annotations

import ast
import io
import json
import logging
import re
import subprocess
import sys
import textwrap
from collections.abc import Awaitable
from pathlib import Path
from types import FunctionType
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
from prometheus_client import REGISTRY

from aiodatagouv import Client, api
from aiodatagouv.api import datasets
from aiodatagouv.api.v2 import topics
from aiodatagouv.models import DatasetWrite, Resource, v2

from ..ranges import serving
from .portal import Portal
from .test_calls import PNG

PROJECT = Path(__file__).parents[2]


def blocks(page: str) -> list[str]:
    """Return the Python snippets of a page."""
    text = (PROJECT / page).read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```$", text, re.M | re.S)


# The snippet for a cluster is not run, because it needs a scheduler; see `test_dask`.
[CLUSTER] = blocks("docs/clusters.md")
BLOCKS = [*blocks("README.md"), *blocks("docs/harvest.md"), *blocks("docs/errors.md")]
SECOND = blocks("docs/api-v2.md")
FILES = blocks("docs/files.md")
DLT = blocks("docs/dlt.md")
OBSERVED = blocks("docs/observability.md")


@pytest.mark.parametrize(
    "snippets",
    [[*BLOCKS, CLUSTER], SECOND, FILES, DLT, OBSERVED],
    ids=["README", "api-v2", "files", "dlt", "observability"],
)
def test_every_snippet_type_checks(snippets: list[str], tmp_path: Path) -> None:
    body = "".join(snippets)
    program = tmp_path / "readme.py"
    program.write_text(
        "async def main(api_key: str) -> None:\n" + textwrap.indent(body, "    "), encoding="utf-8"
    )
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", str(program)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.startswith("Success"), done.stdout


async def run(snippets: list[str], portal: Portal, dataset: str, names: dict[str, object]) -> None:
    """Run snippets one after the other, at the portal instead of data.gouv.fr."""
    for block in snippets:
        code = block.replace("Client(", f"Client(base_url={portal.url!r}, ")
        code = code.replace("a-slug-or-id", dataset)
        flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        compiled = compile(code, "README.md", "exec", flags, dont_inherit=True)
        result = FunctionType(compiled, names)()
        if isinstance(result, Awaitable):
            await result


async def test_every_snippet_of_api_v2_runs(
    portal: Portal, visitor: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    first = (await datasets.list_datasets(visitor)).data[0]
    names: dict[str, object] = {"api_key": portal.api_key, "__name__": "readme"}
    await run(SECOND, portal, first.id, names)
    topic, client = names["topic"], names["client"]
    assert isinstance(topic, v2.Topic)
    assert isinstance(client, Client)
    (element,) = [one async for one in topics.list_topic_elements(visitor, topic.id)]
    assert element.element is not None
    assert element.element.id == first.id
    assert f"{first.title} {len(first.resources)}" in capsys.readouterr().out
    await topics.delete_topic(client, topic.id)
    await client.aclose()


async def test_every_snippet_runs(
    portal: Portal,
    visitor: Client,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("carte.png").write_bytes(PNG)
    Path("pistes.csv").write_text("nom;longueur\nLoire;800\n", encoding="utf-8")
    first = (await datasets.list_datasets(visitor)).data[0]
    names: dict[str, object] = {"api_key": portal.api_key, "__name__": "readme"}
    await run(BLOCKS, portal, first.id, names)
    printed = capsys.readouterr().out
    assert str(first.title) in printed
    assert "get_dataset: 404" in printed
    assert Path("tags.csv").stat().st_size > 0
    assert len(Path("datasets.jsonl.gz").read_bytes()) > 0
    assert len([*Path().glob("datasets-?.parquet")]) == 4


async def test_every_snippet_of_files_runs(
    portal: Portal,
    admin: Client,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("carte.png").write_bytes(PNG)
    Path("stops.csv").write_text("name;lat\nLoire;47.2\n", encoding="utf-8")
    Path("lines.csv").write_bytes(b"name;length\n" * 200_000)
    body = DatasetWrite(title="Arrêts", description="Tous.", frequency="monthly")
    dataset = await datasets.create_dataset(admin, body=body)
    names: dict[str, object] = {"api_key": portal.api_key, "__name__": "files"}
    # The crawler of the portal makes the Parquet file.
    before, after = FILES[:-2], FILES[-2:]
    await run(before, portal, dataset.id, names)
    resource, replaced = names["resource"], names["replaced"]
    assert isinstance(resource, Resource)
    assert isinstance(replaced, Resource)
    assert (replaced.id, replaced.title) == (resource.id, "Stops")
    assert Path("copy.csv").read_bytes() == b"name;lat\nLoire;47.2\nBlain;47.4\n"
    assert {one.name for one in Path("folder").iterdir()} == {"new.csv", "lines.csv"}

    private = [one.replace(".scan()", ".scan(allow_private=True)") for one in after]
    with serving(parquet(rows=3)) as served:
        extras = {"analysis:parsing:parquet_url": served.url}
        await api.v2.datasets.update_resource_extras(admin, dataset.id, resource.id, body=extras)
        await run(private, portal, dataset.id, names)
    printed = capsys.readouterr().out
    assert "[(3,)]" in printed
    assert "lines.csv: 2,400,000 of 2,400,000 bytes" in printed
    assert pyarrow.parquet.read_metadata("resources.parquet").num_rows > 0


async def test_every_snippet_of_observability_runs(
    portal: Portal,
    visitor: Client,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = (await datasets.list_datasets(visitor)).data[0]
    log = logging.getLogger("aiodatagouv")
    monkeypatch.setattr(log, "handlers", [])
    monkeypatch.setattr(log, "level", log.level)
    names: dict[str, Any] = {"__name__": "observability"}
    await run(OBSERVED, portal, first.id, names)
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
