"""The files of a folder on disk: compared, tidied up, and removed."""

from __future__ import annotations

from pathlib import Path

from .._download.checksums import USUAL, Checksum, new_hash
from .._download.part import Part, Source


def has(path: Path, checksum: Checksum, size: int | None = None) -> bool:
    """Whether a file is there, and has a checksum and a size."""
    if path.is_symlink() or not path.is_file():
        return False
    if size not in (None, path.stat().st_size):
        return False
    sofar = new_hash(checksum.type)
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            sofar.update(chunk)
    return checksum.value == sofar.hexdigest()


def tidy(path: Path) -> None:
    """Remove what is left of an interrupted download."""
    part = Part.open(path, Source.of("", USUAL))
    try:
        part.discard()
    finally:
        part.close()


def remove(path: Path, folder: Path) -> None:
    """Remove a file, what is left of a download of it, and its folder if that is empty then."""
    if not path.parent.is_dir():
        return
    path.unlink(missing_ok=True)
    tidy(path)
    if path.parent != folder and not any(path.parent.iterdir()):
        path.parent.rmdir()
