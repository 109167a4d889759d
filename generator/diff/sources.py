"""Read what is compared: a pin, a file, a portal, the udata package or a git revision."""

from __future__ import annotations

import datetime as dt
import io
import subprocess
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from attrs import frozen

from .. import corrections, origins, pin, renaming
from ..build import Attempt, attempt
from ..errors import GenerationError

Pins = list[tuple[pin.Release, dict[str, Any]]]


class SourceError(GenerationError):
    """A source is unknown, ambiguous, or cannot be read."""


@frozen
class Source:
    """One side of a comparison: the name that the caller gave for it, and what was made of it."""

    name: str
    made: Attempt


def read(name: str, root: Path) -> Source:
    """Read a source.

    The corrections and names are those of ``openapi/``, as far as they apply; a git revision has
    its own.

    Args:
        name: A pinned release, a file, a URL, ``udata==<release>`` or a git revision. ``pin:``,
            ``file:`` and ``git:`` before it tell the kind, if the name alone does not.
        root: The folder of the project.

    Raises:
        SourceError: It is none of these, or more than one.
        GenerationError: It cannot be read, or no code can be generated from it.
    """
    kind, value = _kind(name, root)
    try:
        return Source(name, READERS[kind](value, root))
    except GenerationError as error:
        raise SourceError(f"cannot compare {name}: {error}") from error


def _kind(name: str, root: Path) -> tuple[str, str]:
    """Return the kind of a source, and its name without a prefix."""
    if not name.strip() or not name.isprintable():
        raise SourceError("OLD and NEW are both needed: " + KINDS)
    if name.startswith(("http://", "https://")):
        return "url", name
    for prefix in ("pin:", "file:", "git:", "udata=="):
        if name.startswith(prefix):
            return prefix.rstrip(":="), name.removeprefix(prefix)
    is_release = pin.RELEASE.fullmatch(name) is not None
    found = {
        "pin": is_release and name in _pinned(root),
        "file": Path(name).is_file(),
        "git": _commit(name, root) is not None,
    }
    kinds = [kind for kind, is_one in found.items() if is_one]
    if is_release and "pin" not in kinds:
        kinds.append("udata")
    if not kinds:
        raise SourceError(f"{name!r} is not known: it must be {KINDS}")
    if len(kinds) > 1:
        marked = [f"{kind}{'==' if kind == 'udata' else ':'}{name}" for kind in kinds]
        raise SourceError(f"{name!r} is ambiguous: say {' or '.join(marked)}")
    return kinds[0], name


KINDS = "a pinned release, a file, the URL of a portal's API, udata==<release> or a git revision"


def _pinned(root: Path) -> set[str]:
    return {release.release for release, _ in pin.read_pins(root / "openapi")}


def _from_pin(release: str, root: Path) -> Attempt:
    found = [one for one in pin.read_pins(root / "openapi") if one[0].release == release]
    if not found:
        raise SourceError(f"{release!r} is not pinned")
    return _corrected(found, root / "openapi")


def _from_file(name: str, root: Path) -> Attempt:
    _, contents = origins.read_file(Path(name), release="0")
    return _corrected(_one(name, contents), root / "openapi")


def _from_url(url: str, root: Path) -> Attempt:
    return _corrected(_one(url, origins.fetch(url)), root / "openapi")


def _from_udata(release: str, root: Path) -> Attempt:
    return _corrected(_one(f"udata {release}", origins.dump(release)), root / "openapi")


def _from_git(revision: str, root: Path) -> Attempt:
    commit = _commit(revision, root)
    if commit is None:
        raise SourceError("there is no such commit")
    # The commands run in the root, which may be a folder of the repository: paths are its own.
    done = _git(["archive", "--format=tar", commit, "openapi"], root)
    if done.returncode:
        raise SourceError("that commit has no folder openapi")
    with tempfile.TemporaryDirectory() as scratch:
        try:
            with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
                archive.extractall(scratch, filter="data")
        except tarfile.TarError as error:
            raise SourceError(f"its folder openapi cannot be read: {error}") from None
        folder = Path(scratch, "openapi")
        return _corrected(pin.read_pins(folder), folder)


READERS: dict[str, Callable[[str, Path], Attempt]] = {
    "pin": _from_pin,
    "file": _from_file,
    "url": _from_url,
    "udata": _from_udata,
    "git": _from_git,
}


def _one(name: str, contents: pin.Contents) -> Pins:
    # The number of its release is not compared, and only a number is safe to print.
    return [
        (pin.Release("0", name, name, dt.date.min, "", 0, api), pin.parse(content))
        for api, content in contents.items()
    ]


def _corrected(pins: Pins, folder: Path) -> Attempt:
    fixes, names = folder / "corrections.toml", folder / "names.toml"
    return attempt(
        pins,
        corrections.read(fixes) if fixes.exists() else [],
        renaming.read(names) if names.exists() else {},
        renaming.read_aliases(names) if names.exists() else {},
    )


def _commit(revision: str, root: Path) -> str | None:
    """Return the commit of a revision, None if there is none or this is no repository."""
    done = _git(
        ["rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"], root
    )
    return done.stdout.decode().strip() if done.returncode == 0 else None


def _git(command: list[str], root: Path) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(["git", *command], cwd=root, capture_output=True, check=False)
    except FileNotFoundError:  # Without git there are no revisions.
        return subprocess.CompletedProcess(command, 127, b"", b"")
