"""Files that a harvest has completed, as their checkpoints describe them."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from attrs import frozen

from ..report import Report
from .checkpoint import Identity, changed, latest_of, read
from .place import Seal
from .storage import CheckpointFile, checkpoint_of


@frozen
class Finished:
    """A file that a harvest has completed.

    Attributes:
        report: The report of the run that completed it.
        seal: Its size, its checksum and the number of its items.
        query: The identity of the harvest.
        latest: The date since which the next update needs the changes; None if it is not known.
    """

    report: Report
    seal: Seal
    query: Identity
    latest: dt.datetime | None

    @classmethod
    def at(cls, destination: Path) -> Finished | None:
        """Read what is known of a file, and check its contents; None if it is not complete.

        Raises:
            CheckpointError: The file is not the one that was completed, or the checkpoint is
                damaged.
        """
        destination = destination.resolve()
        head, body, _ = read(CheckpointFile(checkpoint_of(destination)))
        if not (body and "done" in body[-1] and destination.exists()):
            return None
        done = body[-1]
        seal = None if done["seal"] is None else Seal(**done["seal"])
        if seal is None or not seal.fits(destination):
            raise changed(destination)
        return cls(Report(**done["done"]), seal, head["query"], latest_of(head, body))


def latest_at(destination: Path) -> dt.datetime | None:
    """The date since which the next update of a file needs the changes; None if it is not known.

    Raises:
        CheckpointError: The checkpoint is damaged.
    """
    head, body, _ = read(CheckpointFile(checkpoint_of(destination.resolve())))
    return latest_of(head, body) if head else None
