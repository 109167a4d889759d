"""The extraction of a list: all of it, or what has changed since the last load."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import aclosing, asynccontextmanager, contextmanager
from itertools import chain
from typing import Any

import dlt
from attrs import define, field, frozen
from dlt.common.configuration.container import Container
from dlt.common.pipeline import PipelineContext
from dlt.destinations.exceptions import DatabaseUndefinedRelation
from dlt.destinations.sql_client import WithSqlClient
from dlt.extract import DltResource

from .._walk.pages import Batch, walk
from .._walk.seen import Seen
from .._walk.skipped import Skipped
from ..bulk._lines.lines import Lines
from ..bulk._update.changes import ChangeWalk
from ..bulk.plan import Plan
from ..bulk.public import explained, without_key
from ..bulk.report import Counters, Report, next_since
from ..client import Client
from ..errors import OrderError
from .tables import DELETED, FETCHED, Form, Rows, Table

_log = logging.getLogger("aiodatagouv")

_ANEW = 'load it anew each time, with write_disposition="replace"'
"""The advice for a list that cannot be updated."""

_CHUNK = 10_000
"""Rows that are read from the destination at once."""


@define
class SharedClient:
    """The client of all lists of a source, while dlt extracts them in one event loop.

    Attributes:
        connect: Makes the client.
    """

    connect: Callable[[], Client] = field(repr=False)
    _users: dict[asyncio.AbstractEventLoop, tuple[Client, int]] = field(factory=dict, repr=False)

    @asynccontextmanager
    async def used(self) -> AsyncGenerator[Client]:
        """Use the client: the first user of a loop makes it, the last one closes it."""
        loop = asyncio.get_running_loop()
        client, users = self._users.get(loop) or (self.connect(), 0)
        self._users[loop] = client, users + 1
        try:
            yield client
        finally:
            client, users = self._users.pop(loop)
            if users > 1:
                self._users[loop] = client, users - 1
            else:
                await client.aclose()


@define
class WholeWalk:
    """A walk over all items of a list.

    Attributes:
        plan: The plan of the list.
        concurrency: The most pages in flight at once.
        seen: The items that were yielded.
        skipped: The items that the portal cannot send.
    """

    plan: Plan
    concurrency: int
    seen: Seen = field(factory=Seen)
    skipped: tuple[Skipped, ...] = ()

    @property
    def present(self) -> set[str]:
        """The ids of the items that exist."""
        return self.seen.ids | {one.id for one in self.skipped if one.id}

    async def batches(self) -> AsyncGenerator[tuple[Batch[Lines], list[int]]]:
        """Iterate over the pages, with the indexes of their new items.

        Raises:
            OrderError: The portal does not sort the list by creation: items may be missing.
                Raised after all that were found.
        """
        listing, reader = self.plan.listing, self.plan.reader()
        if listing.unstable is None:
            tolerant = listing.tolerant_walk(reader)
            tolerant.stable.seen = self.seen
            async with aclosing(tolerant.batches(concurrency=self.concurrency)) as batches:
                async for batch, new in batches:
                    yield batch, new
            self.skipped = tuple(tolerant.stable.skipped)
            return
        pages = walk(
            listing.client._start,
            listing.fetcher(reader),
            first=listing.first,
            concurrency=self.concurrency,
        )
        async with aclosing(pages):
            async for batch in pages:
                self.skipped += batch.skipped
                yield batch, self.seen.new(batch.ids)


@frozen
class Extraction:
    """The extraction of a list.

    Attributes:
        table: The table of the list.
        shared: The client.
        concurrency: The most pages in flight at once.
        only_public: Whether the list is read without the key.
        skips_broken: Whether items that the portal cannot send are left out.
        form: The form of the rows.
    """

    table: Table
    shared: SharedClient
    concurrency: int
    only_public: bool
    skips_broken: bool
    form: Form

    async def rows(self) -> AsyncGenerator[Any]:
        """Iterate over the pages of rows to load, inside a run of dlt.

        The state of the resource is set at the end; dlt commits it together with the rows.

        Raises:
            ValueError: The table was made of rows of another form, or the destination has no SQL
                for an update.
            OrderError: The portal does not sort the list as an update needs it.
            AuthenticationError: The list needs a key.
            APIError, NetworkError, DecodeError: A call fails.
        """
        began = dt.datetime.now(dt.UTC)
        resource, state = dlt.current.resource(), dlt.current.resource_state()
        # Not in the state of the resource, which dlt empties before a table is replaced.
        forms = dlt.current.source_state().setdefault("rows", {})
        if _tables_of(resource):
            _check_form(resource.name, forms.get(resource.name), self.form)
        rows = Rows(self.table, self.form, began)
        counters = Counters(Report(operation=self.table.operation.name))
        is_merged = self.table.is_updated and _disposition(resource) != "replace"
        if is_merged:
            _check_destination(resource.name)
        known, place = _known(resource) if is_merged else None, _place()
        with _json_as_text(resource), explained(only_public=self.only_public):
            async with self.shared.used() as client:
                plan = self._plan(client, counters)
                query = {key: one for key, one in plan.identity.items() if key != "page_size"}
                # The date of the last run is that of one dataset.
                was_loaded = state.get("query") == query and state.get("place") == place
                if known is not None and was_loaded:
                    since = dt.datetime.fromisoformat(state["since"])
                    stale = {*state["stale"]}
                    found: ChangeWalk | WholeWalk = ChangeWalk(plan, since, known, _ANEW, stale)
                else:
                    found = WholeWalk(plan, self.concurrency)
                    yield rows.none()
                doubt = plan.listing.unstable
                try:
                    async with aclosing(found.batches()) as batches:
                        async for batch, new in batches:
                            counters.add(items=len(new), pages=1, total=batch.total)
                            if new:
                                yield rows.of(batch.page[index] for index in new)
                except OrderError as error:
                    if is_merged:
                        raise OrderError(error.operation, error.problem, _ANEW) from error
                    doubt = error.problem
                    fields = {"event": "doubt", "operation": error.operation, "problem": doubt}
                    _log.warning("%s", error, extra=fields)
            if gone := sorted((known or set()) - found.present):
                yield rows.deleted(gone)
        counters.set(removed=len(gone), skipped=found.skipped)
        _conclude(counters, doubt)
        resource.custom_metrics.update(counters.report.to_dict())
        forms[resource.name] = self.form
        if self.table.is_updated:
            state["query"], state["place"] = query, place
            state["stale"] = [one.id for one in found.skipped if one.id]
            state["since"] = next_since(began, counters.began).isoformat()

    def _plan(self, client: Client, counters: Counters) -> Plan:
        listed, observed = self.table.source(client), counters.observe(client)
        if self.only_public:
            observed = without_key(observed)
        return Plan.of(observed, listed, None, None, skips_broken=self.skips_broken)


def _check_form(name: str, before: Form | None, form: Form) -> None:
    """Refuse to change the form of the rows of a table.

    dlt adds columns to dictionaries that may not be null and that Arrow tables lack. It would fail
    to load the rows, and then to load this package again in each later run.

    Args:
        name: The name of the table.
        before: The form of the rows that it has, if that is known.
        form: The form of those to load.
    """
    if before is not None and before != form:
        raise ValueError(
            f"{name} was loaded with rows={before!r}, and cannot go on with rows={form!r}: keep "
            f'rows={before!r}, or give run(..., refresh="drop_resources") once, which loads the '
            "table anew"
        )


def _check_destination(name: str) -> None:
    """Refuse a destination that later runs could not update, before it is loaded."""
    context = Container()[PipelineContext]
    destination = context.pipeline().destination if context.is_active() else None
    if destination is not None and not issubclass(destination.client_class, WithSqlClient):
        raise ValueError(
            f"{name} cannot be updated in {destination.destination_name}, which has no SQL: {_ANEW}"
        )


def _place() -> list[str | None] | None:
    """The destination and the dataset of the pipeline; None without a pipeline."""
    context = Container()[PipelineContext]
    if not context.is_active():
        return None
    pipeline = context.pipeline()
    destination = pipeline.destination
    name = destination.destination_name if destination else None
    return [name, pipeline.dataset_name]


def _conclude(counters: Counters, doubt: str | None) -> None:
    """Set the outcome of an extraction.

    Args:
        counters: Its counters.
        doubt: Why only the number of items can be checked, if so.
    """
    report = counters.report
    if doubt is None:
        counters.conclude()
    else:
        is_complete = report.items + len(report.skipped) == report.total
        reason = f"only the number of items can be checked: {doubt}"
        counters.conclude(reason, is_complete=is_complete)


@contextmanager
def _json_as_text(resource: DltResource) -> Generator[None]:
    """Drop dlt's warnings, one a page, that the columns of JSON are text in Arrow."""
    start = f"In resource: {resource.name}, when merging arrow schema"

    def is_other(record: logging.LogRecord) -> bool:
        return not record.getMessage().startswith(start)

    logger = logging.getLogger("dlt")
    logger.addFilter(is_other)
    try:
        yield
    finally:
        logger.removeFilter(is_other)


def _disposition(resource: DltResource) -> str:
    """How dlt writes the rows of a resource in this run."""
    found = resource.write_disposition
    return found["disposition"] if isinstance(found, dict) else str(found)


def _tables_of(resource: DltResource) -> list[str]:
    """The tables of a resource that earlier runs have loaded."""
    schema = dlt.current.source_schema()
    return [
        name
        for name, one in schema.tables.items()
        if one.get("resource") == resource.name and not schema.is_new_table(name)
    ]


def _known(resource: DltResource) -> set[str] | None:
    """The ids of the items in the destination; None if it has no table of them.

    Where dlt cannot merge, a table has all rows that were ever loaded: the latest one counts.
    """
    if not (tables := _tables_of(resource)):
        return None
    latest: dict[str, tuple[dt.datetime, bool]] = {}
    with dlt.current.pipeline().sql_client(dlt.current.source_schema().name) as client:
        names = ", ".join(map(client.escape_column_name, ("id", FETCHED, DELETED)))
        query = f"SELECT {names} FROM {client.make_qualified_table_name(tables[0])}"
        try:
            with client.execute_query(query) as cursor:
                for key, fetched, is_deleted in chain.from_iterable(cursor.iter_fetch(_CHUNK)):
                    if key not in latest or latest[key][0] <= fetched:
                        latest[key] = fetched, bool(is_deleted)
        except DatabaseUndefinedRelation:
            return None
    return {key for key, (_, is_deleted) in latest.items() if not is_deleted}
