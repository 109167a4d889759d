"""The pages of the repository: their relative links lead to files and headings that exist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[1]

PAGES = sorted(
    str(path.relative_to(ROOT))
    for pattern in ("*.md", "docs/*.md", "changes/README.md", "tests/portal/README.md")
    for path in ROOT.glob(pattern)
    if path.name != "index.md"  # It leads to pages that only the site has.
)


@cache
def tokens(path: Path) -> list[Token]:
    """The parts of a page, those inside lines too."""
    parsed = MarkdownIt("commonmark").enable("table").parse(path.read_text(encoding="utf-8"))
    return [inside for one in parsed for inside in (one, *(one.children or ()))]


def links(path: Path) -> Iterator[str]:
    """The relative links and images of a page."""
    targets = (one.attrGet("href") or one.attrGet("src") for one in tokens(path))
    for target in targets:
        if isinstance(target, str) and not urlsplit(target).scheme:
            yield unquote(target)


@cache
def anchors(path: Path) -> set[str]:
    """The anchors of the headings of a page, as GitHub and the site make them."""
    several = tokens(path)
    opened = [number for number, one in enumerate(several) if one.type == "heading_open"]
    titles = [re.sub(r"[`*]|\]\(.*?\)|\[", "", several[number + 1].content) for number in opened]
    slugs = [re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles]
    again = [slugs[:number].count(slug) for number, slug in enumerate(slugs)]
    return {f"{slug}-{times}" if times else slug for slug, times in zip(slugs, again, strict=True)}


def problem(page: Path, link: str) -> str | None:
    """Tell what is wrong with a link, or None."""
    name, _, anchor = link.partition("#")
    target = (page.parent / name).resolve() if name else page
    if not target.is_relative_to(ROOT) or not target.exists():
        return f"{link}: there is no such file"
    if anchor and target.suffix == ".md" and anchor not in anchors(target):
        return f"{link}: there is no such heading"
    return None


@pytest.mark.parametrize("page", PAGES)
def test_the_links_of_a_page_lead_to_files_and_headings(page: str) -> None:
    path = ROOT / page
    found = [problem(path, link) for link in links(path)]
    assert [one for one in found if one] == []


def test_wrong_links_are_found() -> None:
    readme = ROOT / "README.md"
    assert {"docs/cli.md", "docs/harvest.md#other-stores"} <= {*links(readme)}
    assert problem(readme, "docs/harvest.md#other-stores") is None
    assert problem(readme, "docs/harvest.md#other-shops") is not None
    assert problem(readme, "docs/nothing.md") is not None
    assert problem(readme, "#install") is None
    assert problem(readme, "../outside.md") is not None
