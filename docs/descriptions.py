"""Describes each page by its first sentence: to search engines, and in the list `llms.txt`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment


def remember(app: Sphinx, tree: nodes.document) -> None:
    """Keep the first sentence of a page with its metadata."""
    for paragraph in tree.findall(nodes.paragraph):
        text = " ".join(paragraph.astext().split())
        sentence = re.split(r"(?<=\.) (?=[A-Z])", text)[0]
        app.env.metadata[app.env.docname]["description"] = re.sub(":$", ".", sentence)
        return


def with_description(
    app: Sphinx, page: str, _template: str, context: dict[str, object], _: nodes.document | None
) -> None:
    """Add the sentence to the head of a page."""
    if text := app.env.metadata[page].get("description"):
        meta = f'<meta name="description" content="{escape(text)}" />'
        context["metatags"] = f"{context.get('metatags', '')}\n{meta}"


def list_pages(app: Sphinx, failure: Exception | None) -> None:
    """Write `llms.txt`: all pages, in the order and below the captions of the sidebar."""
    if failure or app.builder.name != "html":
        return
    start = app.config.root_doc
    lines = [f"# {app.config.project}", "", f"> {app.env.metadata[start]['description']}"]
    for tree in app.env.tocs[start].findall(addnodes.toctree):
        lines += ["", f"## {tree['caption']}", ""]
        for _, page in tree["entries"]:
            lines += _lines(app.env, page, app.config.html_baseurl)
    (Path(app.outdir) / "llms.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _lines(env: BuildEnvironment, page: str, base: str) -> Iterator[str]:
    """A line for a page, and one for each page below it."""
    if page not in env.titles:  # An address elsewhere.
        return
    # The sources of the reference are directives, which say nothing without being built.
    path = f"{page}.html" if "/" in page else f"_sources/{page}.md.txt"
    text = env.metadata[page].get("description", "")
    yield f"- [{env.titles[page].astext()}]({base}{path})" + (f": {text}" if text else "")
    for below in env.toctree_includes.get(page, []):
        yield from _lines(env, below, base)
