"""The Python of the README and the docs, run: the README's on the real portal."""

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

README = Path(__file__).parents[2] / "README.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```$", README.read_text(encoding="utf-8"), re.M | re.S)


def test_every_snippet_type_checks(tmp_path: Path) -> None:
    body = "".join(BLOCKS)
    program = tmp_path / "readme.py"
    program.write_text(
        "async def main(api_key: str) -> None:\n" + textwrap.indent(body, "    "), encoding="utf-8"
    )
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", str(program)],
        cwd=README.parent,
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
    first = (await datasets.list_datasets(visitor)).data[0]
    names: dict[str, object] = {"api_key": portal.api_key, "__name__": "readme"}
    for block in BLOCKS:
        # The snippets call data.gouv.fr; here its place is taken.
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


async def test_the_tests_in_the_docs_pass() -> None:
    page = (README.parent / "docs" / "testing.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```python\n(.*?)^```$", page, re.M | re.S)
    names: dict[str, Any] = {}
    exec(compile(block, "docs/testing.md", "exec", dont_inherit=True), names)
    tests = [name for name in names if name.startswith("test_")]
    assert len(tests) == 4
    for name in tests:
        await names[name]()
