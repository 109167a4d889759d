"""The size and the checksum of a file or folder, by which it is recognised."""

from __future__ import annotations

import hashlib
from pathlib import Path


def fingerprint(path: Path) -> tuple[int, str]:
    """The size and the checksum of a file, or of all files in a folder with their names."""
    if path.is_file():
        with path.open("rb") as file:
            checksum = hashlib.file_digest(file, "sha256").hexdigest()
            return file.tell(), checksum
    total, whole = 0, hashlib.sha256()
    for one in sorted(one for one in path.rglob("*") if one.is_file()):
        size, checksum = fingerprint(one)
        whole.update(f"{checksum} {size} {one.relative_to(path).as_posix()}\n".encode())
        total += size
    return total, whole.hexdigest()
