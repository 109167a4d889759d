"""Replace several files and folders by new ones: all of them, or none, also if the run is killed.

While they are replaced, the folder has a hidden one with what is new, what was moved aside, and a
journal. The journal is written before anything is moved, and its removal is the moment from which
the new files count. A run that finds one puts everything back.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from .errors import GenerationError

SCRATCH = ".swapping"
"""The hidden folder. It is the same in each run, so that the next run finds it; git ignores it."""


class SwapError(GenerationError):
    """A journal names a file outside of its folder."""


def swap(new: Path, target: Path, names: Sequence[str]) -> None:
    """Copy files and folders from one folder into another, in place of those of the same names.

    One that only the other folder has is removed.

    They are copied beside their places first; each is then moved by a rename, so that nothing is
    ever half written. If a step fails, all are undone; if the run is killed, :func:`recover` does.

    Args:
        new: The folder that has the new ones.
        target: The folder to put them into.
        names: Their paths below the folders.
    """
    with _locked(target):
        _undo(target)
        try:
            _replace(new, target, names)
        except BaseException:
            _undo(target)
            raise
        _clean(target)


def recover(target: Path) -> None:
    """Put back what a run that was killed had replaced only in part.

    Args:
        target: The folder that :func:`swap` was called for.
    """
    if (target / SCRATCH).exists():
        with _locked(target):
            _undo(target)


def _replace(new: Path, target: Path, names: Sequence[str]) -> None:
    scratch = target / SCRATCH
    for part in ("new", "old"):
        (scratch / part).mkdir(parents=True)
    (scratch / ".gitignore").write_text("*\n")
    for number, name in enumerate(names):
        if not (new / name).exists():
            continue
        copy = shutil.copytree if (new / name).is_dir() else shutil.copy2
        copy(new / name, scratch / "new" / str(number))
    made = [_first_missing(target, name) for name in names]
    (scratch / "journal.part").write_text(json.dumps([*zip(names, made, strict=True)]))
    (scratch / "journal.part").rename(scratch / "journal")
    for number, (name, missing) in enumerate(zip(names, made, strict=True)):
        place = target / name
        if missing is None:
            place.rename(scratch / "old" / str(number))
        if (copied := scratch / "new" / str(number)).exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            copied.rename(place)
    (scratch / "journal").unlink()


def _first_missing(target: Path, name: str) -> str | None:
    """Return the highest part of a path that does not exist, None if all of it does."""
    above = [parent for parent in reversed(Path(name).parents) if parent.name]
    return next(
        (str(one) for one in [*above, Path(name)] if not os.path.lexists(target / one)), None
    )


def _undo(target: Path) -> None:
    """Undo a swap that was begun, and remove the hidden folder; if killed, it can be repeated."""
    journal, old = target / SCRATCH / "journal", target / SCRATCH / "old"
    if journal.exists():
        for number, (name, missing) in enumerate(json.loads(journal.read_text())):
            aside, place = old / str(number), _below(target, missing or name)
            was_moved = os.path.lexists(aside)
            if was_moved or missing is not None:
                _remove(place)
            if was_moved:
                aside.rename(place)
        journal.unlink()
    _clean(target)


def _clean(target: Path) -> None:
    if (target / SCRATCH).exists():
        shutil.rmtree(target / SCRATCH)


def _below(target: Path, name: str) -> Path:
    """Return a path of a journal, which may have come with a folder of somebody else."""
    path = target / name
    if path.name == ".." or not path.parent.resolve().is_relative_to(target.resolve()):
        raise SwapError(f"{target / SCRATCH} names {name}, which is not below it: remove it")
    return path


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def _locked(target: Path) -> Iterator[None]:
    """Keep other runs from undoing this one; the end of a process, in any way, ends its lock."""
    descriptor = os.open(target, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
