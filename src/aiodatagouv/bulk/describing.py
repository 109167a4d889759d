"""The metadata of a destination: when its harvest began, and what the portal runs."""

from __future__ import annotations

import datetime as dt
import logging
from typing import Protocol, runtime_checkable

from ..client import Client
from ..errors import APIError, NetworkError
from ._journal.checkpoint import Journal
from .partition import Part
from .sinks import Sink

_log = logging.getLogger("aiodatagouv")


@runtime_checkable
class DescribedSink(Protocol):
    """The protocol of a destination with metadata about the harvest.

    The state that its ``commit`` returns has them: a run that continues keeps them.
    """

    def describe(self, began: dt.datetime, release: str | None) -> None:
        """Set the metadata, before anything is written.

        Args:
            began: When the harvest began.
            release: The release of udata that the portal runs, None if unknown.
        """


async def describe(sink: Sink, client: Client, journal: Journal | None, part: Part | None) -> None:
    """Tell a destination with metadata what they are, unless an interrupted run has done so.

    Args:
        sink: The destination.
        client: The client of the portal.
        journal: The checkpoint, if there is one.
        part: The part that is harvested, which knows the portal's release if that was asked once
            for all parts; None for a whole list, for which the portal is asked.
    """
    if not isinstance(sink, DescribedSink) or (journal is not None and journal.entries):
        return
    release = await release_of(client) if part is None else part.release
    sink.describe(began_of(journal), release)


async def release_of(client: Client) -> str | None:
    """The release of udata that a portal runs; None if it does not tell.

    The portal is asked without retries, because a harvest goes on without an answer.
    """
    release, reason = None, "it does not say so"
    try:
        release = (await client.with_options(retry=None).portal()).release
    except (APIError, NetworkError) as error:
        reason = str(error)
    if release is None:
        line = "the file does not name the release of udata that the portal runs: %s"
        _log.info(line, reason, extra={"event": "no_release", "problem": reason})
    return release


def began_of(journal: Journal | None) -> dt.datetime:
    """When a harvest began: without a checkpoint, now."""
    return dt.datetime.now(dt.UTC) if journal is None else journal.began
