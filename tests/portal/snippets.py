"""The snippets of the README and the docs, and how they are run against the portal."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Awaitable
from pathlib import Path
from textwrap import indent
from types import FunctionType

from .portal import PROJECT

PAGES = ["README.md", *sorted(f"docs/{path.name}" for path in (PROJECT / "docs").glob("*.md"))]
"""All pages: a new one is found by its file."""

NOT_RUN = {
    "docs/clusters.md": "needs a scheduler of Dask; test_dask.py runs the same calls",
    "docs/dlt.md": "needs databases, which test_dlt.py has",
    "docs/testing.md": "is made of tests, which pytest runs",
}
"""The pages whose Python snippets the portal alone cannot run, with the reason."""

NOT_CALLED = {
    "s3://": "needs an object store; test_s3.py has one",
    "dados.example.pt": "is no portal",
    "--organization an-id --tag transport": "fetches the files of hosts that tests do not reach",
}
"""Parts of commands that are not run, with the reason."""

MADE = "dados_example_pt"
"""A package for another portal, in whose place is this one: it has the same names."""

DATASET = "a-slug-or-id"
"""The dataset of the snippets, in the place of which that of a test is put."""

COMMAND = re.compile(r"^\$ ((?:\w+=\S+ )*(?:aiodatagouv|cp|mkdir) .*)$", re.M)
"""The commands that are run: not `pip` and `make`, which set up an environment."""


def text_of(page: str) -> str:
    """The text of a page."""
    return (PROJECT / page).read_text(encoding="utf-8")


def blocks(page: str) -> list[str]:
    """The Python snippets of a page."""
    text = text_of(page).replace(f"from {MADE} ", "from aiodatagouv ")
    return re.findall(r"^```python\n(.*?)^```$", text, re.M | re.S)


def commands(page: str) -> list[str]:
    """The commands of a page that can be run, one a line, as a shell takes them."""
    consoles = re.findall(r"^```console\n(.*?)^```$", text_of(page), re.M | re.S)
    found = [command for block in consoles for command in COMMAND.findall(block)]
    return [one for one in found if not any(part in one for part in NOT_CALLED)]


def modules(page: str) -> list[str]:
    """The Python snippets of a page as modules, for a type checker.

    Each whole program is one; the other snippets are one together, in a function that may await.
    """
    programs = [one for one in blocks(page) if is_program(one)]
    others = "".join(one for one in blocks(page) if not is_program(one))
    if not others:
        return programs
    return [*programs, "async def page(api_key: str) -> None:\n" + indent(others, "    ")]


def is_program(snippet: str) -> bool:
    """Whether a snippet is a whole program, which runs an event loop of its own."""
    return "asyncio.run(" in snippet


async def run(page: str, snippets: list[str], dataset: str, names: dict[str, object]) -> None:
    """Run snippets one after the other, as the page says them, but for the dataset.

    Args:
        page: The page, for tracebacks.
        snippets: Its snippets, or some of them. A whole program is run as one, in a process of its
            own; the others in this one, all with the same names.
        dataset: The dataset in the place of the one of the snippets.
        names: The names that the snippets find, and to which they add their own.
    """
    for snippet in snippets:
        code = snippet.replace(DATASET, dataset)
        if is_program(snippet):
            print(shell(f'exec "{sys.executable}" -', stdin=code))
            continue
        flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        compiled = compile(code, page, "exec", flags, dont_inherit=True)
        result = FunctionType(compiled, names)()
        if isinstance(result, Awaitable):
            await result


def shell(command: str, *, stdin: str = "", succeeds: tuple[int, ...] = (0,)) -> str:
    """Run a command with a shell, in the present folder; return its output.

    Raises:
        AssertionError: It exits with another status than those of a success.
    """
    programs = Path(sys.executable).parent
    environment = {
        **os.environ,
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(PROJECT / "src"),
        "HOME": str(Path.cwd()),
    }
    done = subprocess.run(
        ["sh", "-c", command],
        env=environment,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in succeeds, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr
