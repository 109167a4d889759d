"""Render the templates, format the result, and replace the previously generated files."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from openapi_python_client.strings import safe_for_docstring

from . import names
from .declarations import Operation, View
from .descriptions import ended

TEMPLATES = Path(__file__).with_name("templates")
ROOMS = ("api", "models")
WIDTH = 100

TIDY = ["check", "--fix", "--select", "F,I,RUF036"]
LAYOUT = ["format", "--line-length", str(WIDTH)]
# Ignore magic trailing commas, so that anything that fits on one line is on one line.
LAYOUT += ["--config", "format.skip-magic-trailing-comma=true"]


class EmitError(Exception):
    """Ruff rejected the generated code."""


def emit(view: View, releases: list[str], package: Path) -> None:
    """Write ``api/`` and ``models/`` into a package, and leave both unchanged on failure.

    Args:
        view: The declarations to write.
        releases: The releases of udata that they come from, for the header of each file.
        package: The folder of the package.
    """
    new = package / ".generated"
    shutil.rmtree(new, ignore_errors=True)
    try:
        for name, text in _files(view, releases).items():
            path = new / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        for command in (LAYOUT, TIDY, LAYOUT):
            _ruff(command, new)
        for room in ROOMS:
            shutil.rmtree(package / room, ignore_errors=True)
            (new / room).rename(package / room)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _files(view: View, releases: list[str]) -> dict[str, str]:
    environment = _environment(releases)

    def render(template: str, **values: object) -> str:
        return environment.get_template(template).render(values)

    everything = [one for operations in view.tags.values() for one in operations]
    files = {
        "api/__init__.py": render(
            "api/__init__.py.jinja", tags={tag: view.tag_descriptions[tag] for tag in view.tags}
        ),
        "api/ops.py": render("api/ops.py.jinja", operations=everything),
        "models/__init__.py": render(
            "models/__init__.py.jinja", models=view.models, enums=view.enums
        ),
        "models/enums.py": render("models/enums.py.jinja", enums=view.enums),
    }
    for tag, operations in view.tags.items():
        files[f"api/{tag}.py"] = render(
            "api/tag.py.jinja",
            description=view.tag_descriptions[tag] or names.sentence(tag),
            operations=operations,
            classes=sorted({name for one in operations for name in one.classes}),
            enums=sorted({name for one in operations for name in one.enums}),
            code=" ".join(one.code for one in operations),
            answers=any(one.kind not in ("page", "stream") for one in operations),
            fields=any(one.masked for one in operations),
            projects=any(one.projected for one in operations),
        )
    for model in view.models:
        template = "models/body.py.jinja" if model.is_sent else "models/view.py.jinja"
        files[f"models/{model.module}.py"] = render(template, model=model)
    return files


def _environment(releases: list[str]) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    environment.globals["releases"] = releases
    environment.filters |= {
        "docstring": _docstring,
        "module_name": names.module_name,
        "quoted": lambda text: json.dumps(text, ensure_ascii=False),
        "sentence": names.sentence,
        "summary": _summary,
    }
    return environment


def _summary(operation: Operation) -> str:
    return ended(operation.summary) or ended(names.sentence(operation.function))


def _docstring(text: str, indent: int = 4, before: str = '"""') -> str:
    """Escape a text for a docstring, wrap it, and indent every line except the first.

    Args:
        text: A description from the API.
        indent: The indentation of the docstring, in spaces.
        before: The text that precedes this one on the first line.
    """
    paragraphs = str(safe_for_docstring(ended(text))).split("\n\n")
    wrapped = [
        textwrap.fill(
            " ".join(paragraph.split()),
            WIDTH - indent - len('."""'),
            initial_indent=" " * len(before),
            break_long_words=False,
            break_on_hyphens=False,
        ).lstrip()
        for paragraph in paragraphs
    ]
    lines = "\n\n".join(wrapped).replace("\n", "\n" + " " * indent)
    lines = "\n".join(line.rstrip() for line in lines.split("\n"))
    # A quote at the very end would close the docstring one character early.
    return f"{lines} " if lines.endswith('"') else lines


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
