"""Files that are whole or not there: what a power cut or a kill leaves is what was committed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


def part_of(path: Path) -> Path:
    """Where a file is written until it is whole."""
    return path.with_name(f"{path.name}.part")


def sync(file: BinaryIO) -> None:
    """Return once what was written is on disk."""
    file.flush()
    os.fsync(file.fileno())


def replace(part: Path, path: Path) -> None:
    """Give a file that is on disk its name, and the permissions of the one that has had it."""
    if path.exists():
        shutil.copymode(path, part)
    part.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Return once the names in a folder are on disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def is_special(path: Path) -> bool:
    """Whether there is something of that name that is no file: a device or a pipe."""
    return path.exists() and not path.is_file() and not path.is_dir()


@contextmanager
def written(path: Path) -> Generator[BinaryIO]:
    """A file that gets its name once all has been written, instead of the one that has it.

    Where a symbolic link is, it is what that leads to. What is no file is written to as it is.
    """
    if is_special(path):
        with path.open("wb") as file:
            yield file
        return
    path = path.resolve()
    part = part_of(path)
    try:
        with part.open("wb") as file:
            yield file
            sync(file)
        replace(part, path)
    finally:
        part.unlink(missing_ok=True)
