"""The ownership of paths: locks against other processes, and the error for files of others."""

from __future__ import annotations

import os
from pathlib import Path

from filelock import FileLock, Timeout

from .errors import DataGouvError, DestinationError


def locked(path: Path, in_use: DataGouvError) -> FileLock:
    """Lock a path against other processes and tasks, by a file beside it.

    Args:
        path: The path.
        in_use: The error if it is locked already.

    Raises:
        DestinationError: A symbolic link is at the place of the lock.
    """
    lock = FileLock(path.with_name(f"{path.name}.lock"), timeout=0, thread_local=False)
    place = Path(lock.lock_file)
    if place.is_symlink():
        raise foreign(place, "is a symbolic link")
    try:
        lock.acquire()
    except Timeout:
        raise in_use from None
    return lock


def release(lock: FileLock) -> None:
    """Give a lock back, and remove its file."""
    try:
        if os.name == "posix":  # Elsewhere, a file that is open cannot be removed.
            Path(lock.lock_file).unlink(missing_ok=True)
    finally:
        lock.release()


def foreign(path: Path, reason: str) -> DestinationError:
    """The error for something of others at the place of a file of this library."""
    return DestinationError(
        f"{path} {reason}: move it away, or remove it, if nobody needs it; or choose another "
        "destination"
    )
