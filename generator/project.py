"""The project of another portal's package: the folder that ``python -m generator client`` makes."""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from attrs import define
from packaging.version import Version

from aiodatagouv.version import __version__

from . import corrections, emit, names, pin, renaming
from .adapt import Shared
from .build import build
from .declarations import Operation, View
from .errors import GenerationError
from .pin import Release
from .swap import recover, swap
from .target import FACADE, Target

SHARED = ("older.toml", "corrections.toml", "names.toml")
"""The corrections and names of the façade, of which each project has copies."""

OWN = ("openapi/corrections.toml", "openapi/names.toml")
"""The corrections and names of a project: written once, and its owners' from then on."""

PACKAGING = ("pyproject.toml", "README.md")
"""The other files that are written once."""

DEPENDENCY = re.compile(r"""(?<=["'])aiodatagouv((?:\[[\w, -]*\])?)\s*[<>=~!][^"';]*(?=["';])""")
"""The dependency on the façade, in a ``pyproject.toml``."""


class ProjectError(GenerationError):
    """A folder is not a project, or a package cannot have the name that is wanted."""


@define(frozen=True)
class Made:
    """A project that was generated.

    Attributes:
        target: Its package.
        release: Its pinned release.
        view: The declarations of the package.
        skipped: One line for each correction and name of the façade that does not apply.
    """

    target: Target
    release: Release
    view: View
    skipped: list[str]


def make(
    folder: Path,
    openapi: Path,
    take: Callable[[Path], Release] | None,
    *,
    name: str | None = None,
    portal: str | None = None,
) -> Made:
    """Generate a project: all of it, or leave its folder as it was.

    Args:
        folder: The folder of the project: new, empty, or made here before.
        openapi: The folder with the corrections and names of the façade.
        take: Pins the Swagger in a folder; when None, the pinned one is used again, with the
            copies of the façade's corrections and names that it was generated with.
        name: The package's name; when None, that of the project, or one made of the portal's host.
        portal: The root of the API of a new project's portal.

    Raises:
        GenerationError: The folder is another one, or no code can be generated.
    """
    folder = folder.resolve()
    for swapped in (folder, folder.parent):
        recover(swapped)
    before = _target(folder)
    target = before or Target(name or package_name(portal), portal)
    if name not in (None, target.package):
        raise ProjectError(f"{folder} is the project of {target.package}, not of {name}")
    check_name(target.package)
    if before is None and take is None:
        raise ProjectError(f"{folder} has no project: pass URL=, UDATA= or FILE= for a new one")
    with tempfile.TemporaryDirectory() as scratch:
        new = Path(scratch, folder.name)
        (new / "openapi").mkdir(parents=True)
        if (folder / "openapi").exists():
            shutil.copytree(folder / "openapi", new / "openapi", dirs_exist_ok=True)
        _write_once(new, OWN, {})
        made = _generate(new, openapi, take, target)
        if before is None:
            _write_once(new, PACKAGING, _values(made))
            folder.parent.mkdir(parents=True, exist_ok=True)
            swap(new.parent, folder.parent, [folder.name])
        else:
            replaced = [f"src/{target.package}", "openapi", *_packaging(new, folder)]
            swap(new, folder, replaced)
    return made


def check_name(name: str) -> None:
    """Check the name of a package.

    Raises:
        ProjectError: It is not a name in Python in lower case, or another package has it.
    """
    taken = {FACADE, *sys.stdlib_module_names}
    if not names.is_usable(name) or name != name.lower() or name in taken:
        raise ProjectError(
            f"{name!r} cannot be the name of a package: pass PACKAGE=, such as dados_gov_pt: lower "
            "case, no name of Python's own"
        )


def package_name(portal: str | None) -> str:
    """Return the name of a package for a portal: ``dados_gov_pt``."""
    if portal is None:
        raise ProjectError("pass PACKAGE=, the name of the package, or URL=, its portal")
    host = portal.partition("://")[2].partition("/")[0].partition(":")[0]
    return re.sub(r"[.-]+", "_", host.lower().removeprefix("www."))


def version_range(version: str) -> str:
    """Return the versions that are compatible with one: up to the next minor one before 1.0."""
    major, minor, *_ = Version(version).release
    return f">={version},<{f'0.{minor + 1}' if major == 0 else major + 1}"


def _target(folder: Path) -> Target | None:
    """Return the package of a project; None if the folder is new or empty.

    Raises:
        ProjectError: The folder has something else.
    """
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return None
    try:
        settings = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
        of: dict[str, Any] = settings["tool"][FACADE]
        package, portal = of["package"], of["portal"]
    except (OSError, ValueError, KeyError, TypeError):
        package = portal = None
    if not isinstance(package, str) or not isinstance(portal, str):
        raise ProjectError(f"{folder} is neither empty nor a project of `generator client`")
    if portal and not pin.URL.fullmatch(portal):
        raise ProjectError(f"{portal!r} in pyproject.toml is not the URL of a portal's API")
    return Target(package, portal or None)


def _generate(
    new: Path, openapi: Path, take: Callable[[Path], Release] | None, target: Target
) -> Made:
    own, shared = new / "openapi", new / "openapi" / "shared"
    if take is not None:
        pin.keep_only(own, take(own))
        shared.mkdir(exist_ok=True)
        for table in SHARED:
            shutil.copyfile(openapi / table, shared / table)
    pins = pin.read_pins(own)
    if len(pins) != 1:
        raise ProjectError(f"openapi/ has {len(pins)} pinned documents: pass URL=, UDATA= or FILE=")
    release, _ = pins[0]
    fixes = [one for table in SHARED[:2] for one in corrections.read(shared / table)]
    given = Shared(fixes, renaming.read(shared / "names.toml"))
    view = build(
        pins,
        corrections.read(own / "corrections.toml"),
        renaming.read(own / "names.toml"),
        renaming.read_aliases(own / "names.toml"),
        given,
    )
    package = new / "src" / target.package
    package.mkdir(parents=True)
    emit.emit(view, [release.release], package, target)
    (package / "py.typed").touch()
    (own / "skipped.txt").write_text("".join(f"{one}\n" for one in given.skipped), "utf-8")
    return Made(target, release, view, given.skipped)


def _write_once(new: Path, files: Sequence[str], values: dict[str, Any]) -> None:
    """Write the files that the project does not have yet."""
    for name in files:
        path = new / name
        if not path.exists():
            text = emit.environment().get_template(f"project/{name}.jinja")
            path.write_text(text.render(values), encoding="utf-8")


def _values(made: Made) -> dict[str, Any]:
    """Return the values of the templates."""
    return {
        "target": made.target,
        "releases": [made.release.release],
        "distribution": made.target.package.replace("_", "-"),
        "range": version_range(__version__),
        "first": _first(made.view),
    }


def _first(view: View) -> Operation | None:
    """Return a list that needs no parameters, for the example of the first call."""
    lists = [
        one
        for operations in view.tags.values()
        for one in operations
        if one.kind == "page" and not any(argument.required for argument in one.arguments)
    ]
    return min(lists, key=lambda one: one.function != "list_datasets", default=None)


def _packaging(new: Path, folder: Path) -> list[str]:
    """Write ``pyproject.toml`` with the range of this façade, and return its name if it differs."""
    name = "pyproject.toml"
    text = (folder / name).read_text(encoding="utf-8")
    ranged = DEPENDENCY.sub(rf"aiodatagouv\1{version_range(__version__)}", text)
    (new / name).write_text(ranged, encoding="utf-8")
    return [] if ranged == text else [name]
