"""The project of another portal's package: the folder that ``python -m generator client`` makes."""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from attrs import define, evolve
from packaging.version import Version

from aiodatagouv.version import __version__

from . import corrections, emit, names, pin, renaming
from .adapt import Shared
from .build import Attempt, attempt, build
from .declarations import Operation, View
from .diff import Status
from .errors import GenerationError, one_line
from .pin import Release
from .regenerate import Take, compared, unchanged
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
        status: The class of what was written in a project that existed, compared with what its
            document declared before; SAME if nothing was, and where there is nothing to compare.
        report: The comparison in Markdown, if there is one.
    """

    target: Target
    release: Release
    view: View
    skipped: list[str]
    status: Status = Status.SAME
    report: str = ""


def make(
    folder: Path,
    openapi: Path,
    take: Take | None,
    *,
    name: str | None = None,
    portal: str | None = None,
) -> Made:
    """Generate a project: all of it, or leave its folder as it was.

    Args:
        folder: The folder of the project: new, empty, or made here before.
        openapi: The folder with the corrections and names of the façade.
        take: Pins the Swagger in a folder; if it declares the same as the pinned one, that one is
            kept. The project's own corrections and names that do not apply to it are reported.
            When None, the pinned one is used again, with the copies of the façade's corrections
            and names that it was generated with, and all own ones must apply.
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
        made, after = _generate(new, openapi, take, target)
        if before is None:
            _write_once(new, PACKAGING, _values(made))
            folder.parent.mkdir(parents=True, exist_ok=True)
            swap(new.parent, folder.parent, [folder.name])
            return made
        if take is None:
            _update(new, folder, target)
            return made
        made = _compare(folder / "openapi", made, after)
        if made.status is not Status.SAME or _has_same_pins(new, folder):
            is_written = _update(new, folder, target)
            return _remade(made) if is_written and made.status is Status.SAME else made
    return make(folder, openapi, pin.read_entries)


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


def _generate(new: Path, openapi: Path, take: Take | None, target: Target) -> tuple[Made, Attempt]:
    own, shared = new / "openapi", new / "openapi" / "shared"
    if take is not None:
        pin.keep_only(own, take(own))
        shared.mkdir(exist_ok=True)
        for table in SHARED:
            shutil.copyfile(openapi / table, shared / table)
    release, declared, skipped = _declared(own, is_strict=take is None)
    package = new / "src" / target.package
    package.mkdir(parents=True)
    emit.emit(declared.view, [release.release], package, target)
    (package / "py.typed").touch()
    (own / "skipped.txt").write_text("".join(f"{one}\n" for one in skipped), "utf-8")
    return Made(target, release, declared.view, skipped), declared


def _declared(own: Path, *, is_strict: bool = False) -> tuple[Release, Attempt, list[str]]:
    """Return the pinned release, what it declares, and what of the façade does not apply to it."""
    shared = own / "shared"
    pins = pin.read_pins(own)
    if len(found := pin.release_names(pins)) != 1:
        raise ProjectError(f"openapi/ has {len(found)} pinned releases: pass URL=, UDATA= or FILE=")
    fixes = [one for table in SHARED[:2] for one in corrections.read(shared / table)]
    given = Shared(fixes, renaming.read(shared / "names.toml"))
    inputs = (
        pins,
        corrections.read(own / "corrections.toml"),
        renaming.read(own / "names.toml"),
        renaming.read_aliases(own / "names.toml"),
        given,
    )
    declared = Attempt(build(*inputs), [], {}, []) if is_strict else attempt(*inputs)
    return pins[0][0], declared, given.skipped


def _compare(own: Path, made: Made, after: Attempt) -> Made:
    """Add the class of the changes and the report."""
    try:
        old, before, _ = _declared(own)
    except (GenerationError, OSError) as error:
        # A damaged project is mended; nobody knows what it declared.
        unknown = f"**Breaking**, perhaps: nothing to compare with: {one_line(str(error))}\n"
        return evolve(made, status=Status.BREAKING, report=unknown)
    before_name, after_name = (f"udata {one.release}" for one in (old, made.release))
    status, report = compared(before_name, after_name, before, after)
    return evolve(made, status=status, report=report)


def _has_same_pins(new: Path, folder: Path) -> bool:
    return pin.read_entries(new / "openapi") == pin.read_entries(folder / "openapi")


def _remade(made: Made) -> Made:
    """Return the report of files that differ, though their document declares the same."""
    why = "The files are those of another version of the generator, its corrections or its names."
    report = f"{unchanged(made.release)}\n{why}\n"
    return evolve(made, status=Status.DOCUMENTATION, report=report)


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


def _update(new: Path, folder: Path, target: Target) -> bool:
    """Replace what is generated, and the range of the dependency on the façade.

    Returns:
        Whether anything differed. What does not is not written.
    """
    generated = [f"src/{target.package}", "openapi"]
    differs = _files(new, generated) != _files(folder, generated)
    replaced = [*(generated if differs else ()), *_packaging(new, folder)]
    if replaced:
        swap(new, folder, replaced)
    return bool(replaced)


def _files(folder: Path, names: Sequence[str]) -> dict[Path, bytes]:
    """Return the bytes of the files below some folders, without what running the code leaves."""
    return {
        path.relative_to(folder): path.read_bytes()
        for name in names
        for path in (folder / name).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def _packaging(new: Path, folder: Path) -> list[str]:
    """Write ``pyproject.toml`` with the range of this façade, and return its name if it differs."""
    name = "pyproject.toml"
    text = (folder / name).read_text(encoding="utf-8")
    ranged = DEPENDENCY.sub(rf"aiodatagouv\1{version_range(__version__)}", text)
    (new / name).write_text(ranged, encoding="utf-8")
    return [] if ranged == text else [name]
