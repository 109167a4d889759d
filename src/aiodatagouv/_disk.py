"""Durable writing of files: a kill or power cut leaves the old content or the new, never a mix."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import stat
from collections.abc import Collection, Generator
from contextlib import contextmanager
from io import BufferedRandom
from pathlib import Path
from typing import BinaryIO

_NAME = 50
"""Characters of a file's name that its temporary files repeat: names have at most 255 bytes."""

_LEFT = re.compile(r"(.+)\.[0-9a-f]{16}\.part")
"""The name of a temporary file."""


def part_of(path: Path) -> Path:
    """The path, in the same folder, where a harvest is written until it is complete."""
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


def created(path: Path, target: Path) -> BufferedRandom:
    """Create a file, which will replace another one. A link is not followed.

    The file is readable to those only who can read the one that it replaces.

    Raises:
        FileExistsError: There is something at the path.
    """
    try:
        mode = stat.S_IMODE(target.stat().st_mode) | stat.S_IRUSR | stat.S_IWUSR
    except FileNotFoundError:
        mode = 0o666  # The system subtracts the umask.
    return open(path, "x+b", opener=lambda name, flags: os.open(name, flags, mode))


def reopened(path: Path) -> BufferedRandom:
    """Open an existing file to read and write. A link is not followed.

    Raises:
        OSError: There is no file, or a symbolic link.
    """
    added = getattr(os, "O_NOFOLLOW", 0)
    return open(path, "r+b", opener=lambda name, flags: os.open(name, flags | added))


def sweep(folder: Path, names: Collection[str]) -> None:
    """Remove what killed calls of :func:`written` have left of files with these names.

    Nothing may be writing them meanwhile. Those of long names, which files may share, are left.
    """
    starts = {name for name in names if len(name) <= _NAME}
    for path in folder.iterdir():
        found = _LEFT.fullmatch(path.name)
        if found is not None and found[1] in starts and path.is_file() and not path.is_symlink():
            path.unlink(missing_ok=True)


@contextmanager
def written(path: Path) -> Generator[BinaryIO]:
    """Open a file to write; it replaces the one at the path when the context is left.

    Until then it is a temporary file beside it, with a name of its own: of several writers, the
    last one to end replaces the others' file. If the context is left by an error, the file at the
    path stays as it is. A symbolic link is followed. A device or pipe is written to directly.
    """
    if is_special(path):
        with path.open("wb") as special:
            yield special
        return
    path = path.resolve()
    part = part_of(path.with_name(f"{path.name[:_NAME]}.{secrets.token_hex(8)}"))
    file = created(part, path)
    try:
        with file:
            yield file
            sync(file)
        replace(part, path)
    except BaseException as error:
        part.unlink(missing_ok=True)
        if isinstance(error, OSError):
            named(error, path)
        raise


def named(error: OSError, path: Path | str) -> None:
    """Name the file in the error of a write, such as that of a full disk, which does not."""
    if error.errno is not None and error.filename is None:
        error.filename = str(path)
