"""Durable writing of files: a kill or power cut leaves the old content or the new, never a mix."""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


def part_of(path: Path) -> Path:
    """The temporary path, in the same folder, where a file is written until it is complete."""
    return path.with_name(f"{path.name}.part")


def sync(file: BinaryIO) -> None:
    """Flush a file to disk."""
    file.flush()
    os.fsync(file.fileno())


def replace(part: Path, path: Path) -> None:
    """Rename a file that is on disk to its final path, with the permissions of the file there."""
    if path.exists():
        shutil.copymode(path, part)
    part.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Flush the entries of a folder to disk, so that new and renamed files survive a power cut."""
    if os.name == "nt":  # Windows cannot open a folder, and needs no flush of its entries.
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def is_special(path: Path) -> bool:
    """Whether a path is something else than a file or folder, such as a device or a pipe."""
    return path.exists() and not path.is_file() and not path.is_dir()


@contextmanager
def written(path: Path) -> Generator[BinaryIO]:
    """Open a file to write; it replaces the one at the path when the context is left.

    If the context is left by an error, the file at the path stays as it is. A symbolic link is
    followed. A device or pipe is written to directly.
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
