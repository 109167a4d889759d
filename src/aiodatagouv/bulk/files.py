"""Files that are whole or not there: what a power cut or a kill leaves is what was committed."""

from __future__ import annotations

import os
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
    """Give a file that is on disk its name, instead of the one that has it."""
    part.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Return once the names in a folder are on disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def new_of(path: Path) -> Path:
    """Where what is to replace a small file is written."""
    return path.with_name(f"{path.name}.new")


@contextmanager
def written(path: Path) -> Generator[BinaryIO]:
    """A file that replaces the one of its name once all has been written."""
    part = new_of(path)
    with part.open("wb") as file:
        yield file
        sync(file)
    replace(part, path)
