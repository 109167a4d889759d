"""The ownership of paths: locks against other processes, and the error for files of others."""

from __future__ import annotations

import os
from pathlib import Path

from filelock import FileLock, Timeout

from .errors import DataGouvError, DestinationError


def locked(path: Path, in_use: DataGouvError, patience: float = 0) -> FileLock:
    """Lock a path against other processes and tasks, by a file beside it.

    Args:
        path: The path.
        in_use: The error if it is locked already.
        patience: Seconds to wait until it is not.

    Raises:
        DestinationError: Something of others is at the place of the lock.
        OSError: There can be no file.
    """
    lock = FileLock(path.with_name(f"{path.name}.lock"), timeout=patience, thread_local=False)
    place = Path(lock.lock_file)
    if place.is_symlink():
        raise foreign(place, "is a symbolic link")
    if place.exists() and (not place.is_file() or place.stat().st_size):
        raise foreign(place, "is not a lock, which is an empty file")
    if place.parent.is_dir():
        place.touch()  # Otherwise a folder that takes no file is a lock in use.
    try:
        lock.acquire()
    except Timeout:
        raise in_use from None
    return lock


def release(lock: FileLock) -> None:
    """Give a lock back, and remove its file, unless somebody has written to it."""
    place = Path(lock.lock_file)
    try:
        # On other systems, a file that is open cannot be removed.
        if os.name == "posix" and place.is_file() and not place.stat().st_size:
            place.unlink(missing_ok=True)
    finally:
        lock.release()


def foreign(path: Path | str, reason: str) -> DestinationError:
    """The error for something of others at the place of a file of this library."""
    return DestinationError(
        f"{path} {reason}: move it away, or remove it, if nobody needs it; or choose another "
        "destination"
    )
