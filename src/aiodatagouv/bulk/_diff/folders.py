"""The folder of a harvest: the files of its parts, and whether all of them are there."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ...errors import HarvestFileError
from .._journal.storage import CHECKPOINTS, MANIFEST, SPLIT
from ..sinks import SUFFIXES

_ASIDE = (".checkpoint", ".lock")
"""The suffixes of what a harvest leaves beside its file."""


def parts_of(folder: Path) -> list[Path]:
    """The files of the parts, in order; other files begin with ``_`` or ``.``.

    Raises:
        HarvestFileError: There are none, some are missing, or the folder has other files.
    """
    parts: list[Path] = []
    for path in _files(folder):
        if path.name.endswith(SUFFIXES):
            parts.append(path)
        elif not path.name.endswith(_ASIDE):
            raise HarvestFileError(f"{folder} is no harvest: {path.name} is no part of one")
    _check_finished(folder)
    manifest = manifest_of(folder)
    if manifest is not None:
        _check_named(folder, parts, manifest)
    if not parts:
        raise HarvestFileError(f"{folder} is no harvest: it has no files with rows")
    return parts


def manifest_of(folder: Path) -> Mapping[str, Any] | None:
    """The manifest of a harvest by a cluster; None if the folder has none.

    Raises:
        HarvestFileError: It is damaged.
    """
    path = folder / MANIFEST
    try:
        manifest: Mapping[str, Any] = json.loads(path.read_bytes())
        _sizes(manifest)
        _ = manifest["query"]["operation"]
    except FileNotFoundError:
        return None
    except (ValueError, LookupError, TypeError) as error:
        raise HarvestFileError(f"{path} is damaged ({error!r}): harvest all anew") from None
    return manifest


def _files(folder: Path) -> Iterator[Path]:
    """Iterate over the files that a program would read as one table, in order.

    Raises:
        HarvestFileError: One is temporary.
    """
    for path in sorted(folder.rglob("*")):
        steps = path.relative_to(folder).parts
        if any(step.startswith(("_", ".")) for step in steps):
            continue
        for step in steps:
            if step.endswith(".part"):
                raise _incomplete(folder, f"{step} is of a harvest under way")
        if not path.is_dir():
            yield path


def _check_finished(folder: Path) -> None:
    """Check that no harvest of a part, and none of a cluster, was begun and not finished.

    Raises:
        HarvestFileError: One was.
    """
    aside = folder / CHECKPOINTS
    for path in sorted(aside.glob("*.part")):
        raise _incomplete(folder, f"{path.name} is of a harvest under way")
    for path in sorted([*folder.glob("*.checkpoint"), *aside.glob("*.checkpoint")]):
        if not (folder / path.stem).exists():
            raise _incomplete(folder, f"{path.name} is there, but not {path.stem}")
    if (aside / SPLIT).exists() and not (folder / MANIFEST).exists():
        raise _incomplete(folder, f"{MANIFEST}, which a cluster writes last, is not there")


def _check_named(folder: Path, parts: list[Path], manifest: Mapping[str, Any]) -> None:
    """Check that the files are those that the manifest names.

    Raises:
        HarvestFileError: They are not.
    """
    there = {path.relative_to(folder).as_posix(): path.stat().st_size for path in parts}
    named = _sizes(manifest)
    for name in sorted(named.keys() - there.keys()):
        raise _incomplete(folder, f"{MANIFEST} names {name}, which is not there")
    for name in sorted(there):
        if name not in named:
            raise HarvestFileError(f"{folder} is no harvest: {MANIFEST} does not name {name}")
        if there[name] != named[name]:
            raise HarvestFileError(
                f"{folder / name} has {there[name]:,} bytes, not {named[name]:,} as {MANIFEST} "
                "says: it was changed afterwards"
            )


def _sizes(manifest: Mapping[str, Any]) -> dict[str, int]:
    """The names of the files that a manifest names, with their sizes in bytes."""
    return {part["file"]: part["size"] for part in manifest["parts"]}


def _incomplete(folder: Path, reason: str) -> HarvestFileError:
    return HarvestFileError(
        f"{folder} is incomplete: {reason}: complete the harvest by the same call"
    )
