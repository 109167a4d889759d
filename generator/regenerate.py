"""Bring the generated code up to date with the API that a portal serves, and report the changes."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType

from packaging.version import Version

from . import combine, corrections, pin, renaming, served
from .build import Attempt, attempt
from .corrections import Correction, CorrectionError
from .diff import Status, compare_attempts, report, status_of
from .diff.sources import Source
from .document import DocumentError
from .emit import ROOMS, emit
from .errors import GenerationError
from .moved import Places, moved
from .pin import PinError, Release
from .swap import swap

Take = Callable[[Path], list[Release]]
"""Pins a release in a folder, and returns its entries: those there if the API is unchanged."""


OPENAPI = "openapi"
"""The folder with pins, corrections and names, below the root of the project."""

PACKAGE = "src/aiodatagouv"
"""The folder of the package, below the root of the project."""

GENERATED = [f"{PACKAGE}/{room}" for room in ROOMS]
"""The folders with the generated code, below the root of the project."""


def regenerate(root: Path, take: Take) -> tuple[Status, str]:
    """Pin a document and generate from it, if that changes what callers see.

    Pins and code are replaced together, or nothing is. Corrections and names that a new release
    makes superfluous or impossible do not stop it: the report lists them, and ``generate`` refuses
    them until they are deleted.

    Args:
        root: The folder of the project.
        take: Pins the release.

    Returns:
        The class of the changes, and the report in Markdown.

    Raises:
        GenerationError: The document is refused, or no code can be generated from it.
    """
    openapi = root / OPENAPI
    known = pin.read_pins(openapi)
    renames = renaming.read(openapi / "names.toml")
    aliases = renaming.read_aliases(openapi / "names.toml")
    newest = known[0][0].release if known else "0"
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, OPENAPI)
        shutil.copytree(openapi, folder)
        entries = take(folder)
        pinned = entries[0]
        refuse_older(pinned.release, newest)
        if entries == [entry for entry, _ in known if entry.release == pinned.release]:
            return Status.SAME, unchanged(pinned)
        pins = pin.read_pins(folder)
        before = attempt(known, corrections.for_newest(openapi, newest), renames, aliases)
        fixes = corrections.for_newest(openapi, pinned.release)
        try:
            after = attempt(pins, fixes, renames, aliases)
        except DocumentError:
            raise
        except GenerationError as error:
            raise _with_moved(error, _moved(fixes, known, pins)) from None
        places = _moved(fixes, known, pins)
        old, new = (f"udata {release}" for release in (newest, pinned.release))
        status, text = compared(old, new, before, after, places)
        if status is not Status.SAME:
            releases = pin.release_names(pins)
            marked = served.mark(after.view, releases, served.read(openapi))
            emit(marked, releases, Path(scratch, PACKAGE))
            swap(Path(scratch), root, [*written_by_pin(pinned.release), *GENERATED])
    return status, text


def refuse_older(release: str, newest: str) -> None:
    """Refuse a release that is older than the newest pinned one.

    Raises:
        PinError: It is.
    """
    if Version(release) < Version(newest):
        raise PinError(
            f"{release} is older than {newest}, which is pinned: `make pin` adds an older release"
        )


def newest_of(root: Path) -> str:
    """Return the newest pinned release of a project, or "0" if none is."""
    return next((one.release for one in pin.read_entries(root / OPENAPI)), "0")


def _moved(fixes: list[Correction], known: combine.Pins, pins: combine.Pins) -> Places:
    (_, old), (_, new) = combine.by_release(known)[0], combine.by_release(pins)[0]
    return moved(fixes, old, new)


def _with_moved(error: GenerationError, places: Places) -> GenerationError:
    """Add to an error the corrections whose loss may be its cause."""
    if not places:
        return error
    lost = "; ".join(f"{name} at {' > '.join(one)}" for name, (one, *_) in places.items())
    return CorrectionError(f"{error}; corrections that the API moved: {lost}")


def compared(
    old: str, new: str, before: Attempt, after: Attempt, places: Places = MappingProxyType({})
) -> tuple[Status, str]:
    """Return the class of the changes between two releases, by their names, and the report.

    Args:
        old: The name of the older release.
        new: The name of the newer one.
        before: The declarations of the older release.
        after: Those of the newer one.
        places: The corrections that need other places as well, and these places.
    """
    changes = compare_attempts(before, after)
    text = report.as_markdown(Source(old, before), Source(new, after), changes, places)
    return status_of(changes), text


def unchanged(pinned: Release) -> str:
    """Return the report of an API that is that of a pinned release."""
    return f"**No change**: the API is that of udata {pinned.release}.\n"


def written_by_pin(release: str) -> list[str]:
    """Return the files that may change when a release is pinned, below the root of the project."""
    files = [pin.file_of(release, api) for api in pin.VERSIONS]
    return [f"{OPENAPI}/{name}" for name in (*files, "pin.toml")]
