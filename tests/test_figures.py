"""Tests that the figures of the README are those of the docs and of the benchmarks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from aiodatagouv import OPERATIONS

PROJECT = Path(__file__).parents[1]

ROW = re.compile(
    r"^\| `(?P<name>[\w.]+)` \| `[^`]+` \| `[^`]+` \| [^|]* \|(?P<proofs>[^|]*\|[^|]*)\|[^|]*\|$",
    re.M,
)
"""A row of the table of operations: the function, and its proof for each of two releases."""


class Count(NamedTuple):
    """A number of operations, for each version of the API."""

    first: int
    second: int

    def row(self, name: str) -> str:
        """The row of the table of the README."""
        return f"| {name} | {self.first} | {self.second} | {self.first + self.second} |"


def text_of(page: str) -> str:
    return (PROJECT / page).read_text(encoding="utf-8")


def proven() -> dict[str, bool]:
    """The operations of `docs/operations.md`: whether a whole answer proves each."""
    rows = ROW.finditer(text_of("docs/operations.md"))
    return {
        row["name"]: any(
            proof.strip() in {"decoded", "empty", "streamed", "redirect"}
            for proof in row["proofs"].split("|")
        )
        for row in rows
    }


def counted(names: list[str]) -> Count:
    """The number of names of each version of the API."""
    second = sum(name.startswith("v2.") for name in names)
    return Count(len(names) - second, second)


def test_the_coverage_in_the_readme_is_that_of_the_operations() -> None:
    readme, proofs = text_of("README.md"), proven()
    assert len(proofs) == len(OPERATIONS)
    whole = [name for name, is_proven in proofs.items() if is_proven]
    assert counted([*proofs]).row("operations") in readme
    assert counted(whole).row("of these proven by an answer of the real server") in readme
    assert f"{len(proofs)} operations in two versions" in readme


def test_the_releases_in_the_readme_are_those_of_the_portals() -> None:
    header = re.search(r"^\| Group \|(.*)\|$", text_of("docs/portals.md"), re.M)
    assert header is not None
    releases = [one.strip() for one in header[1].split("|")]
    line = f"| releases of udata tested | | | {len(releases)}: {releases[-1]} to {releases[0]} |"
    assert line in text_of("README.md")


def test_the_fields_in_the_readme_are_those_of_the_operations() -> None:
    found = re.search(r"all ([\d,]+) fields of the response models", text_of("docs/operations.md"))
    assert found is not None
    assert f"| fields of answers read | | | {found[1]} |" in text_of("README.md")


def test_the_speed_in_the_readme_is_that_of_the_benchmarks() -> None:
    """Each row of the README has its result from the same row of `benchmarks/RESULTS.md`."""
    table = text_of("README.md").split("## How fast it is")[1].split("\n\n")[1]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    results = text_of("benchmarks/RESULTS.md")
    for measured, compared, result in rows[2:]:
        factor = result.split()[0]
        assert f"| {measured} | {compared} | {factor} |" in results, measured
