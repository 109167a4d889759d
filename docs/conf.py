"""The configuration of Sphinx for the documentation. `make docs` builds it."""

from __future__ import annotations

import builtins
import os
import re
from pathlib import Path

from descriptions import list_pages, remember, with_description
from docutils import nodes
from reference_pages import FILTER, type_aliases, write
from sphinx.addnodes import desc, desc_signature, pending_xref, pending_xref_condition
from sphinx.application import Sphinx
from sphinx.util.docstrings import prepare_docstring

import aiodatagouv
from aiodatagouv._views.getters import Undecided

SOURCE = "https://github.com/aiodatagouv/aiodatagouv"
HERE = Path(__file__).parent

project = "aiodatagouv"
copyright = "the contributors of aiodatagouv"
version = release = aiodatagouv.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinx_llms_txt",
]
exclude_patterns = ["requirements.*"]
nitpicky = True
# Only names of this package lead somewhere: the site is built without a network, and so without
# the inventories of others.
nitpick_ignore_regex = [
    ("py:.*", r"(?!aiodatagouv\.).*"),
    # Type variables have no page either.
    ("py:class", r"aiodatagouv\.(.*\.)?(C|Item|PageT|T|V)"),
    # Private modules and packages have no page.
    ("py:.*", r"aiodatagouv\.(.*\.)?_.*"),
]

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 4
copybutton_prompt_text = r"\$ |>>> |\.\.\. "
copybutton_prompt_is_regexp = True

autodoc_member_order = "bysource"
autodoc_mock_imports = ["distributed", "dlt", "fsspec", "pyarrow"]
autodoc_type_aliases = type_aliases()
autodoc_typehints_format = "short"
napoleon_use_rtype = False
python_maximum_signature_line_length = 80
python_use_unqualified_type_names = True
toc_object_entries_show_parents = "hide"

html_theme = "furo"
html_title = "aiodatagouv"
html_static_path = ["_static"]
html_favicon = "_static/favicon.svg"
html_css_files = ["site.css"]
html_js_files = ["operations.js"]
html_baseurl = os.environ.get("READTHEDOCS_CANONICAL_URL", "")
html_theme_options = {
    "source_repository": SOURCE,
    "source_branch": "main",
    "source_directory": "docs/",
}

# The pages of the reference are directives, which say nothing without being built.
llms_txt_exclude = ["reference/functions/*", "reference/models/*"]
llms_txt_file = False  # Written with a description of each page, by `list_pages`.


def to_repository(_: Sphinx, page: str, content: list[str]) -> None:
    """Lead links to files beside the documentation to the repository."""
    if "/" not in page:
        content[0] = content[0].replace("](../", f"]({SOURCE}/blob/main/")


def to_definitions(_: Sphinx, tree: nodes.document) -> None:
    """Lead names of Python to the place where they are documented.

    ``type`` is Python's own, not a field of a model, and ``aiodatagouv.Paginator`` is documented
    in its module.
    """
    for link in [*tree.findall(pending_xref)]:
        target = link.get("reftarget", "")
        top, _, rest = target.removeprefix("aiodatagouv.").partition(".")
        if link.get("refdomain") == "py" and hasattr(builtins, target):
            # A short name and a full one are both there, each below a condition.
            first = link.children[0]
            both = isinstance(first, pending_xref_condition)
            link.replace_self(first.children if both else link.children)
        elif target.startswith("aiodatagouv.") and top in aiodatagouv.__all__:
            public = getattr(aiodatagouv, top)
            module = public.__module__ if isinstance(public, type) else "aiodatagouv"
            link["reftarget"] = ".".join(filter(None, [module, top, rest]))


def with_filter(app: Sphinx, tree: nodes.document) -> None:
    """Give the table of tested operations, which is written by the tests, the filter."""
    if app.env.docname == "operations":
        for table in [*tree.findall(nodes.table)]:
            table["classes"] += ["operations", "tested"]
            table.parent.insert(table.parent.index(table), nodes.raw("", FILTER, format="html"))


def without_fields(_: Sphinx, tree: nodes.document) -> None:
    """Leave the fields of models out of the contents of a page, which are then its classes."""
    for described in tree.findall(desc):
        if described["objtype"] == "attribute":
            for signature in described.findall(desc_signature):
                signature["_toc_name"] = ""


def without_descriptor(
    _: Sphinx, what: str, name: str, value: object, options: object, lines: list[str]
) -> None:
    """Remove the documentation of the descriptor from a field that has none of its own."""
    if what == "attribute" and lines and lines[0] == prepare_docstring(Undecided.__doc__ or "")[0]:
        lines.clear()


def with_names(
    _: Sphinx,
    what: str,
    name: str,
    value: object,
    options: object,
    taken: str | None,
    returned: str | None,
) -> tuple[str, str | None] | None:
    """Replace the placeholders in a signature by the names of enums and the JSON of a model."""
    if taken == "(*json, **fields)":
        return "(json)", returned
    if taken is None or "TypeAliasForwardRef" not in taken:
        return None
    return re.sub(r"TypeAliasForwardRef\('([^']+)'\)", r"\1", taken), returned


def setup(app: Sphinx) -> None:
    """Write the derived pages before they are read."""
    app.connect("builder-inited", lambda _: write(HERE / "reference"))
    app.connect("source-read", to_repository)
    app.connect("doctree-read", to_definitions)
    app.connect("doctree-read", with_filter)
    app.connect("doctree-read", remember)
    # Before Sphinx collects the contents.
    app.connect("doctree-read", without_fields, priority=100)
    app.connect("html-page-context", with_description)
    app.connect("build-finished", list_pages)
    # Before napoleon takes the colon in it for the end of a type.
    app.connect("autodoc-process-docstring", without_descriptor, priority=100)
    app.connect("autodoc-process-signature", with_names)
