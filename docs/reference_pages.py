"""Writes the pages that are derived from the package: the list of operations, functions, models."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from itertools import groupby
from pathlib import Path

from aiodatagouv import OPERATIONS, Operation, models

OUTPUT = "functions", "models"
"""The folders of `docs/reference` that are written, and that git ignores."""


def write(reference: Path) -> None:
    """Write the pages below a folder; those that are the same already are left untouched."""
    pages = {"functions/index.md": _index(), "models/index.md": _MODELS}
    for tag in _tags():
        pages[f"functions/{tag}.md"] = _group(tag)
    for letter, names in groupby(_models(), key=lambda name: _bare(name)[0]):
        pages[f"models/{letter.lower()}.md"] = _letter(letter, [*names])
    pages["models/enums.md"] = _enums()
    for folder in OUTPUT:
        (reference / folder).mkdir(parents=True, exist_ok=True)
        for old in (reference / folder).glob("*.md"):
            if f"{folder}/{old.name}" not in pages:
                old.unlink()
    for name, text in pages.items():
        path = reference / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def type_aliases() -> dict[str, str]:
    """The names that signatures keep as they are written, and the names that they stand for."""
    names = [*_models(), *_enum_names()]
    return {f"models.{name}": f"aiodatagouv.models.{name}" for name in names}


def _tags() -> list[str]:
    """The groups of operations, those of version 2 last."""
    tags = {operation.tag for operation in OPERATIONS.values()}
    return sorted(tags, key=lambda tag: (tag.startswith("v2."), tag))


def _models() -> list[str]:
    """The names of the models, by their letter; those that only version 2 has with ``v2.``."""
    enums = {*_enum_names()}
    names = [*models.__all__, *(f"v2.{name}" for name in models.v2.__all__)]
    own = {name for name in names if name not in enums and name != "v2"}
    return sorted(own, key=lambda name: (_bare(name), name))


def _enum_names() -> list[str]:
    first, second = (import_module(f"aiodatagouv.models{at}.enums") for at in ("", ".v2"))
    shared = {name for name in vars(first) if name in models.__all__}
    own = {f"v2.{name}" for name in vars(second) if name in models.v2.__all__}
    return sorted(shared | own)


def _bare(name: str) -> str:
    return name.removeprefix("v2.")


FILTER = """\
<p><label>Filter: <input id="operation-filter" type="search" autocomplete="off"
placeholder="words of a name, a path or a summary"></label> <span id="operation-count"
role="status"></span></p>
"""
"""An input for words, by which `_static/operations.js` filters the table of class `operations`."""


def _index() -> str:
    """The list of all operations, a table that a script can filter."""
    rows = sorted(OPERATIONS.values(), key=lambda one: (one.version, one.tag, one.name))
    lines = [
        "# Operations and functions\n",
        f"All {len(rows)} operations of the API: the function, the method, the path,",
        "and the arguments that it requires. A name leads to the whole signature. How each was",
        "tested on the real server is in [a table of its own](../../operations.md).\n",
        f"```{{raw}} html\n{FILTER}```\n",
        "```{list-table}",
        ":class: operations",
        ":header-rows: 1",
        ":widths: 38 37 25\n",
        "* - Function",
        "  - Method and path",
        "  - Summary",
        *(line for one in rows for line in _row(one)),
        "```\n",
        "## All functions have in common\n",
        "```{eval-rst}",
        ".. automodule:: aiodatagouv.api",
        "```\n",
        "```{toctree}",
        ":hidden:\n",
        *_tags(),
        "```",
    ]
    return "\n".join(lines) + "\n"


def _row(operation: Operation) -> Iterator[str]:
    name = f"{operation.tag}.{operation.name.removeprefix('v2.')}"
    taken = ", ".join(["client", *(one.name for one in operation.parameters if one.required)])
    yield f"* - {{py:func}}`{name}({taken}) <aiodatagouv.api.{name}>`"
    yield f"  - `{operation.method} /api/{operation.version}{operation.path}`"
    dropped = f" Dropped by udata {operation.deprecated}." if operation.deprecated else ""
    yield f"  - {_escaped(operation.summary)}{dropped}"


def _escaped(text: str) -> str:
    return "".join(f"\\{one}" if one in r"\`*_[]<>{}$" else one for one in text)


def _group(tag: str) -> str:
    """The functions of a group, with the whole documentation of each."""
    names = [one.name.removeprefix("v2.") for one in OPERATIONS.values() if one.tag == tag]
    return "\n".join(
        [
            f"# api.{tag}\n",
            f"Functions: {', '.join(f'`{name}`' for name in names)}.\n",
            "```{eval-rst}",
            f".. automodule:: aiodatagouv.api.{tag}",
            "   :members:",
            "```\n",
        ]
    )


_MODELS = """\
# Models

The objects of the API, by their first letter: `Dataset` is what is answered, `DatasetWrite` what is
sent, `DatasetPage` a page of them.

```{toctree}
:glob:
:maxdepth: 2

*
```
"""


def _letter(letter: str, names: list[str]) -> str:
    """The models whose names begin with a letter, with all of their fields."""
    lines = [f"# Models: {letter}\n", f"From `{names[0]}` to `{names[-1]}`.\n"]
    for name in names:
        lines += [
            "```{eval-rst}",
            f".. autoclass:: aiodatagouv.models.{name}",
            "   :members:",
            "   :undoc-members:",
            "```\n",
        ]
    return "\n".join(lines)


def _enums() -> str:
    """The enums: the values that the pinned release knows."""
    lines = ["# Enums\n", "The values that the pinned releases know. Answers may have others.\n"]
    for name in _enum_names():
        lines += ["```{eval-rst}", f".. autodata:: aiodatagouv.models.{name}", "```\n"]
    return "\n".join(lines)
