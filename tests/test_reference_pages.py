"""The reference: every public module, function and model has a page, and every page is listed."""

from __future__ import annotations

import re
from pathlib import Path
from pkgutil import iter_modules
from runpy import run_path

import pytest

import aiodatagouv
from aiodatagouv import OPERATIONS, models

DOCS = Path(__file__).parents[1] / "docs"

WITHOUT_A_PAGE = {"api", "models", "generated", "version"}
"""Functions and models have derived pages; the others are not for users."""


def write(folder: Path) -> None:
    """Write the derived pages, as `make docs` does."""
    run_path(str(DOCS / "reference_pages.py"))["write"](folder)


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the derived pages, and one that an older release had."""
    folder = tmp_path_factory.mktemp("reference")
    (folder / "functions").mkdir()
    (folder / "functions" / "gone.md").write_text("# Gone")
    write(folder)
    return folder


def documented(folder: Path, directive: str) -> list[str]:
    """Return the names that the pages of a folder document by a directive."""
    text = "".join(page.read_text(encoding="utf-8") for page in folder.rglob("*.md"))
    return re.findall(rf"^\.\. {directive}:: aiodatagouv\.(.+)$", text, re.M)


def listed(page: Path) -> set[str]:
    """Return the pages in the tables of contents of a page."""
    tables = re.findall(
        r"^```\{toctree\}\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S
    )
    lines = [line for table in tables for line in table.splitlines() if line and line[0] != ":"]
    targets = [line.partition("<")[2].rstrip(">") or line for line in lines]
    return {one for one in targets if "://" not in one}


def test_every_public_module_has_its_place() -> None:
    found = {one.name for one in iter_modules(aiodatagouv.__path__) if one.name[0] != "_"}
    pages = {name.split(".")[0] for name in documented(DOCS / "reference", "automodule")}
    assert found - WITHOUT_A_PAGE == pages - WITHOUT_A_PAGE


def test_every_group_of_functions_has_a_page(reference: Path) -> None:
    tags = {one.tag for one in OPERATIONS.values()}
    assert {page.stem for page in (reference / "functions").iterdir()} == {*tags, "index"}
    assert {*documented(reference / "functions", "automodule")} == {
        "api",
        *(f"api.{tag}" for tag in tags),
    }
    assert listed(reference / "functions" / "index.md") == tags


def test_every_operation_is_in_the_list_of_functions(reference: Path) -> None:
    text = (reference / "functions" / "index.md").read_text(encoding="utf-8")
    assert f"All {len(OPERATIONS)} operations" in text
    named = re.findall(r"<aiodatagouv\.api\.([\w.]+)>", text)
    assert sorted(named) == sorted(
        f"{one.tag}.{one.name.removeprefix('v2.')}" for one in OPERATIONS.values()
    )


def test_every_model_and_enum_has_a_place(reference: Path) -> None:
    names = [*documented(reference / "models", "autoclass")]
    names += documented(reference / "models", "autodata")
    public = {*models.__all__, *(f"v2.{name}" for name in models.v2.__all__)} - {"v2"}
    assert sorted(names) == sorted(f"models.{name}" for name in public)
    assert listed(reference / "models" / "index.md") == {"*"}


def test_every_page_is_in_a_table_of_contents() -> None:
    pages = [*DOCS.glob("*.md"), *(DOCS / "reference").glob("*.md")]
    written = {page.relative_to(DOCS).with_suffix("").as_posix() for page in pages}
    derived = {"reference/functions/index", "reference/models/index"}
    assert listed(DOCS / "index.md") | {"index"} == written | derived


def test_pages_that_are_the_same_are_left_untouched(reference: Path) -> None:
    before = {page: page.stat().st_mtime_ns for page in reference.rglob("*.md")}
    write(reference)
    assert {page: page.stat().st_mtime_ns for page in reference.rglob("*.md")} == before
