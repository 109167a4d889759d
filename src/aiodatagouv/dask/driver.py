"""The preparation of a harvest by a cluster: what is read once for all parts of the list."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Any

from attrs import define, evolve

from .. import bulk
from ..bulk._journal.checkpoint import start_of
from ..bulk._journal.finished import latest_at
from ..bulk._update.recorded import Recorded
from ..bulk._update.recording import record
from ..bulk._update.update import check_update
from ..bulk.describing import release_of
from ..bulk.destination import sink_of
from ..bulk.lists import Paginate
from ..bulk.partition import Part
from ..bulk.plan import Plan
from ..bulk.report import Counters, Report
from ..bulk.sinks import FileSink
from ..client import Client
from ..errors import CheckpointError, DestinationError
from ..pagination import Paginator
from .folder import Folder
from .worker import Job


@define
class Driver:
    """The preparation of a harvest: the split of its list, its changes, the portal's release.

    Attributes:
        paginate: Makes the paginator of the list.
        folder: The folder.
        job: The harvest.
        rate: Requests a second.
        is_strict: Whether the folder must be complete for an update since the latest harvest.
    """

    paginate: Paginate
    folder: Folder
    job: Job
    rate: float
    is_strict: bool

    def check(self) -> None:
        """Check that the list can be harvested into the folder so, before anything is removed.

        Raises:
            MaskError: The items have no such list to explode.
            DestinationError: It cannot be updated, or a package for it is missing.
            ValueError: The parts cannot be partitioned so.
        """
        plan, since = self._plan(), self.job.options.since
        sink = self._sink(plan, 0)
        if since is not None:
            check_update(plan, sink, since, is_strict=False)

    def split(self, parts: int) -> list[Part]:
        """The parts of the list, as the folder knows them, or newly split and recorded there.

        Raises:
            CheckpointError: The folder is that of another harvest, damaged, or half updated.
            DestinationError: There is no complete harvest to update.
            APIError, NetworkError: A call failed.
        """
        plan, since = self._plan(), self.job.options.since
        query = self._query(plan)
        into = plan.projection.class_ if plan.projection else None
        whole = Part(self._list().call, into, None, None, 0, 0)
        known = self.folder.read_split(whole, query)
        if since is None and self.folder.is_half_updated:
            raise CheckpointError(
                f"{self.folder.path}: an update was interrupted, and some parts may be older than "
                "others: give since again to complete it, or harvest all anew, without resuming"
            )
        must_exist = since is not None and (self.is_strict or since != "last")
        if must_exist and not (known and all(self._existing(known))):
            raise DestinationError(f"{self.folder.path}: there is no harvest yet to update")
        if known is None:
            known = asyncio.run(self._partition(parts))
            self.folder.write_split(known, query)
        return known

    def read_for_all(self, parts: list[Part]) -> tuple[list[Part], list[Report]]:
        """Read what all parts need: the changes for an update, the release for new tables.

        Returns:
            The parts with it, and the reports of the requests of an update. The report of a new
            harvest is the sum of those of its parts, whoever continues it.

        Raises:
            APIError, NetworkError, DecodeError: A call failed.
        """
        reports: list[Report] = []
        existing = self._existing(parts)
        since = self._since(parts, existing)
        if since is not None:
            changes, report = asyncio.run(self._record(since, parts[-1].end))
            parts = [evolve(part, changes=changes) for part in parts]
            reports.append(report)
        is_update = self.job.options.since is not None
        is_done = self.folder.is_complete and all(existing)
        if self.folder.suffix == ".parquet" and (is_update or not is_done):
            release, report = asyncio.run(self._ask())
            parts = [evolve(part, release=release) for part in parts]
            reports += [report] if is_update else []
        return parts, reports

    def _since(self, parts: list[Part], existing: list[bool]) -> dt.datetime | None:
        """The date of the oldest changes that any part needs; None if they are not read here."""
        since = self.job.options.since
        if since is None:
            return None
        if since != "last":
            return start_of(since)
        paths = [self.folder.part(number) for number, is_there in enumerate(existing) if is_there]
        return min((date for path in paths if (date := latest_at(path))), default=None)

    def _existing(self, parts: list[Part]) -> list[bool]:
        """Whether each part has a file, or a folder that a kill has left under another name."""
        plan = self._plan()
        return [self._sink(plan, number).exists() for number in range(len(parts))]

    def _list(self) -> Paginator[Any, Any]:
        return self.paginate(self._client())

    def _plan(self) -> Plan:
        found, options = self._list(), self.job.options
        keys = options.partition_by
        return Plan.of(found.client, found, None, None, options.explode, partition_by=keys)

    def _sink(self, plan: Plan, number: int) -> FileSink:
        sink = sink_of(self.folder.part(number), plan)
        assert isinstance(sink, FileSink)  # As it is for every path.
        return sink

    async def _record(self, since: dt.datetime, total: int) -> tuple[Recorded, Report]:
        async with self._client() as client:
            return await record(
                self.paginate(client),
                since,
                self.folder.changes,
                total=total,
                explode=self.job.options.explode,
                skip_broken=self.job.options.skip_broken,
            )

    async def _partition(self, parts: int) -> list[Part]:
        async with self._client() as client:
            return await bulk.partition(self.paginate(client), parts)

    async def _ask(self) -> tuple[str | None, Report]:
        """The release of udata that the portal runs, if it tells, and a report of the requests."""
        counters = Counters(Report(operation=self._list().call.operation.name))
        async with self._client() as client:
            release = await release_of(counters.observe(client))
        counters.conclude()
        return release, counters.report

    def _client(self) -> Client:
        return self.job.client_at(self.rate)

    def _query(self, plan: Plan) -> dict[str, Any]:
        """The JSON that identifies the harvest, whatever its page size and its workers' key."""
        identity = {
            **plan.identity,
            "suffix": self.folder.suffix,
            **self.job.options.query(),
        }
        return {key: value for key, value in identity.items() if key not in ("key", "page_size")}
