"""Check that the wheel and the sdist in a folder have every file that they should, and no other.

The files of the package are those that git knows; the others are listed here.
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent

DIST_INFO = {"METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE"}
"""The metadata of the wheel."""

SDIST = {
    ".gitignore",  # hatchling adds it, so that a wheel of the sdist leaves out the same files.
    "CHANGELOG.md",
    "CITATION.cff",
    "LICENSE",
    "PKG-INFO",
    "README.md",
    "SECURITY.md",
    "pyproject.toml",
}
"""The files of the sdist beside ``src``."""

COMPLETIONS = {
    "share/bash-completion/completions/aiodatagouv",
    "share/fish/vendor_completions.d/aiodatagouv.fish",
    "share/zsh/site-functions/_aiodatagouv",
}
"""The files that a wheel installs beside the package, below the prefix of the environment."""

NEEDED = {"src/aiodatagouv/py.typed", *(f"src/{name}" for name in COMPLETIONS)}
"""Files that git must know, since nothing else fails without them."""


def sources(*options: str) -> set[str]:
    """Return the files below ``src`` that git knows.

    Args:
        *options: Options of ``git ls-files``, which selects the files.

    Raises:
        CalledProcessError: This is no checkout.
    """
    command = ["git", "ls-files", "-z", *options, "--", "src"]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return {name for name in done.stdout.split("\0") if name}


def in_wheel(name: str, files: Iterable[str]) -> set[str]:
    """Return the files that a wheel should have.

    Args:
        name: The name and the version: ``aiodatagouv-0.1.0``.
        files: The files below ``src``.
    """
    data = f"{name}.data/data/"
    package = {one.removeprefix("src/") for one in files}
    shared = {one for one in package if one.startswith("share/")}
    return (
        package - shared
        | {data + one for one in shared}
        | {f"{name}.dist-info/{one}" for one in DIST_INFO}
    )


def in_sdist(name: str, files: Iterable[str]) -> set[str]:
    """Return the files that an sdist should have, with the arguments of :func:`in_wheel`."""
    return {f"{name}/{one}" for one in {*files, *SDIST}}


def problems(found: Iterable[str], expected: Iterable[str]) -> list[str]:
    """Return one line for each file that is missing or does not belong there."""
    found, expected = [*found], {*expected}
    return [
        *(f"{name} is missing" for name in sorted(expected.difference(found))),
        *(f"{name} does not belong there" for name in sorted({*found} - expected)),
        *(f"{name} is there twice" for name in sorted({*found}) if found.count(name) > 1),
    ]


def check(folder: Path, files: set[str]) -> Iterator[str]:
    """Yield one line for each problem of the wheel and the sdist in a folder."""
    yield from (f"git does not know {name}" for name in sorted(NEEDED - files))
    wheels, sdists = [*folder.glob("*.whl")], [*folder.glob("*.tar.gz")]
    if len(wheels) != 1 or len(sdists) != 1:
        yield f"{folder} has {len(wheels)} wheels and {len(sdists)} sdists, not one of each"
        return
    wheel, sdist = wheels[0], sdists[0]
    with zipfile.ZipFile(wheel) as archive:
        name = "-".join(wheel.name.split("-")[:2])
        names = [one.filename for one in archive.infolist() if not one.is_dir()]
        yield from (f"{wheel.name}: {one}" for one in problems(names, in_wheel(name, files)))
    with tarfile.open(sdist) as tar:
        name = sdist.name.removesuffix(".tar.gz")
        members = [one for one in tar.getmembers() if not one.isdir()]
        names = [one.name for one in members]
        yield from (f"{sdist.name}: {one}" for one in problems(names, in_sdist(name, files)))
        yield from (f"{sdist.name}: {one.name} is no file" for one in members if not one.isfile())


if __name__ == "__main__":
    sys.exit("\n".join(check(Path(sys.argv[1]), sources())) or None)
