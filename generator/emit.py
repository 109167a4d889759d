"""Render the templates, and format and check the result."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from . import names, safe, verify
from .declarations import Operation, View
from .errors import GenerationError
from .qualified import MODELS, in_class, in_function
from .target import OWN, Target
from .versions import bare, is_second, up

TEMPLATES = Path(__file__).with_name("templates")
ROOMS = ("api", "models")

TIDY = ["check", "--fix", "--select", "F,I,RUF036"]
LAYOUT = ["format", "--line-length", str(safe.WIDTH)]
# Ignore magic trailing commas, so that anything that fits on one line is on one line.
LAYOUT += ["--config", "format.skip-magic-trailing-comma=true"]


class EmitError(GenerationError):
    """Ruff rejected the generated code."""


def emit(view: View, releases: list[str], package: Path, target: Target = OWN) -> None:
    """Write the files of a package into a new folder, which the caller then puts in its place.

    For the façade, these are ``api/`` and ``models/``; another package has nothing else.

    Args:
        view: The declarations to write.
        releases: The releases of udata that they come from, newest first.
        package: The folder, which has nothing else.
        target: The package.
    """
    texts = render(view, releases, target)
    for name, text in texts.items():
        path = package / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for command in (LAYOUT, TIDY, LAYOUT):
        _ruff(command, package)
    verify.files({name: (package / name).read_text(encoding="utf-8") for name in texts}, target)


def render(view: View, releases: list[str], target: Target = OWN) -> dict[str, str]:
    """Return the checked text of each file by its name, before ruff formats it.

    Raises:
        UnsafeError: A value does not have the form that the generated code needs.
        VerifyError: A file contains more than declarations.
    """
    texts = _files(view, releases, target)
    if len({name.casefold() for name in texts}) != len(texts):
        raise EmitError("two files would have the same name")
    verify.files(texts, target)
    return texts


def _files(view: View, releases: list[str], target: Target) -> dict[str, str]:
    templates = environment()
    files: dict[str, str] = {}

    def add(name: str, template: str, **values: object) -> None:
        if name in files:
            raise EmitError(f"two files would be called {name}")
        files[name] = templates.get_template(template).render(
            values, releases=releases, target=target
        )

    has_second = any(map(is_second, view.tags))
    add("api/operations.py", "api/operations.py.jinja", second=has_second)
    for second in (False, True)[: 1 + has_second]:
        room = "v2/" if second else ""
        which = {"which": "API v2" if second else "the API", "second": has_second and not second}
        tags = {tag: each for tag, each in view.tags.items() if is_second(tag) is second}
        add(
            f"api/{room}__init__.py",
            "api/__init__.py.jinja",
            tags={bare(tag): view.tag_descriptions[tag] for tag in tags},
            modules=sorted([*map(bare, tags), *(["v2"] if which["second"] else [])]),
            is_second=second,
            **which,
        )
        add(
            f"api/{room}ops.py",
            "api/ops.py.jinja",
            operations=[one for each in tags.values() for one in each],
            aliases={old: new for old, new in view.aliases.items() if is_second(old) is second},
            up="..." if second else "..",
            **which,
        )
        models = [one for one in view.models if one.is_second is second]
        enums = [one for one in view.enums if one.is_second is second]
        init = {"models": models, "enums": enums, **which}
        add(f"models/{room}__init__.py", "models/__init__.py.jinja", **init)
        add(f"models/{room}enums.py", "models/enums.py.jinja", enums=enums)
        for tag, operations in tags.items():
            name = f"api/{room}{safe.name(bare(tag))}.py"
            add(name, "api/tag.py.jinja", **_tag(view, tag, operations))
        for model in models:
            template = "models/body.py.jinja" if model.is_sent else "models/view.py.jinja"
            named, documentation = in_class(model), model.documentation
            path, is_first = (
                f"models/{room}{safe.name(model.file)}.py",
                MODELS in named.base + named.code,
            )
            add(path, template, model=named, documentation=documentation, first=is_first)
    if not target.is_facade:
        for name in ("__init__.py", "__main__.py", "client.py"):
            add(name, f"package/{name}.jinja")
    return files


def _tag(view: View, tag: str, operations: list[Operation]) -> dict[str, Any]:
    """Return the values of the template of a tag."""
    operations = [in_function(one) for one in operations]
    code = " ".join(one.code for one in operations)
    words = {*re.findall(r"[\w.]+", code)}
    functions = {one.function for one in operations}
    projects = any(one.projected for one in operations)
    switches = any(one.switch for one in operations)
    typing = {
        "Any": "Any" in words,
        "Literal": switches,
        "TypeVar": projects,
        "overload": projects or switches,
    }
    return {
        "description": view.tag_descriptions[tag] or names.sentence(bare(tag)),
        "operations": operations,
        "first": any(one.startswith(MODELS) for one in words),
        "second": any(map(is_second, words)),
        "up": up(tag),
        "code": code,
        "words": words,
        "typing": [name for name, is_used in typing.items() if is_used],
        "answers": any(one.kind not in ("page", "stream") for one in operations),
        "fields": any(one.masked for one in operations),
        "projects": projects,
        "aliases": {bare(old): bare(new) for old, new in view.aliases.items() if new in functions},
    }


@cache
def environment() -> Environment:
    """Return the environment of the templates, which print only what passed a filter."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        finalize=safe.finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        # Marks the results of macros; what the filters return is never escaped.
        autoescape=True,
    )
    made.filters = {**safe.FILTERS}
    return made


def _ruff(command: list[str], folder: Path) -> None:
    # Isolated, because the project's settings refer to the final folder names.
    options = ["--isolated", "--no-cache", "--quiet", "--target-version", "py311"]
    done = subprocess.run(
        [sys.executable, "-m", "ruff", *command, *options, str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise EmitError((done.stdout + done.stderr)[:2000])
