"""Tests that run the Python snippets of the README and the docs."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import textwrap
from collections.abc import Awaitable
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest

from aiodatagouv import Client
from aiodatagouv.api import datasets

from .portal import Portal
from .test_calls import PNG

PROJECT = Path(__file__).parents[2]


def blocks(page: str) -> list[str]:
    """Return the Python snippets of a page."""
    text = (PROJECT / page).read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```$", text, re.M | re.S)


# The snippet for a cluster is not run, because it needs a scheduler; see `test_dask`.
*HARVESTS, CLUSTER = blocks("docs/harvest.md")
BLOCKS = [*blocks("README.md"), *HARVESTS, *blocks("docs/errors.md")]


def test_every_snippet_type_checks(tmp_path: Path) -> None:
    body = "".join([*BLOCKS, CLUSTER])
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
    for block in BLOCKS:
        # Make the snippets call the test portal instead of data.gouv.fr.
        code = block.replace("Client(", f"Client(base_url={portal.url!r}, ")
        code = code.replace("a-slug-or-id", str(first.id))
        flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        compiled = compile(code, "README.md", "exec", flags, dont_inherit=True)
        result = FunctionType(compiled, names)()
        if isinstance(result, Awaitable):
            await result
    printed = capsys.readouterr().out
    assert str(first.title) in printed
    assert "get_dataset: 404" in printed
    assert Path("tags.csv").stat().st_size > 0
    assert len(Path("datasets.jsonl.gz").read_bytes()) > 0
    assert len([*Path().glob("datasets-?.parquet")]) == 4


async def test_the_tests_in_the_docs_pass() -> None:
    (block,) = blocks("docs/testing.md")
    names: dict[str, Any] = {}
    exec(compile(block, "docs/testing.md", "exec", dont_inherit=True), names)
    tests = [name for name in names if name.startswith("test_")]
    assert len(tests) == 4
    for name in tests:
        await names[name]()
