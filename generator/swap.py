"""Replace several files and folders by new ones: all of them, or none."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

PREFIX = ".replaced"
"""The prefix of the folder that has what is being replaced."""


def swap(new: Path, target: Path, names: Sequence[str]) -> None:
    """Move files and folders from one folder into another, in place of those of the same names.

    Each is a rename, so that nothing is ever half written. If one fails, the others are undone.

    Args:
        new: The folder that has the new ones, on the same file system.
        target: The folder to move them into.
        names: Their paths below both folders.
    """
    with tempfile.TemporaryDirectory(dir=target, prefix=PREFIX) as old:
        begun: list[tuple[Path, Path, bool]] = []
        try:
            for number, name in enumerate(names):
                place, aside = target / name, Path(old, str(number))
                existed = place.exists()
                begun.append((place, aside, existed))
                if existed:
                    place.rename(aside)
                place.parent.mkdir(parents=True, exist_ok=True)
                (new / name).rename(place)
        except BaseException:
            for place, aside, existed in reversed(begun):
                if aside.exists() or not existed:
                    _remove(place)
                if aside.exists():
                    aside.rename(place)
            raise


def recover(target: Path, names: Sequence[str]) -> None:
    """Put back what a run that was killed had only moved aside.

    Args:
        target: The folder that :func:`swap` moved files and folders into.
        names: Their paths, as they were given to it.
    """
    for old in target.glob(f"{PREFIX}*"):
        for number, name in enumerate(names):
            aside = old / str(number)
            if aside.exists() and not (target / name).exists():
                aside.rename(target / name)
        shutil.rmtree(old)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
