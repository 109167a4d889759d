"""The harvest: from the pages of a list to a destination."""

from __future__ import annotations

import asyncio
import datetime as dt
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, overload

from .._walk.pages import check_concurrency
from .._walk.split import Split
from ..client import Client
from ..pagination import Paginator
from ..types import Fields
from ._journal.checkpoint import Journal
from ._journal.storage import CheckpointFile
from ._update.update import check_update, update
from .describing import describe
from .destination import sink_of
from .partition import Part
from .plan import Plan
from .public import explained, without_key
from .report import Counters, Report
from .sinks import FileSink, Sink
from .whole import Progress, WholeHarvest
from .writer import Writer


@overload
async def harvest(
    source: Paginator[Any, Any],
    destination: str | os.PathLike[str] | Sink,
    *,
    concurrency: int = 4,
    fields: Fields | None = None,
    into: type[Any] | None = None,
    explode: str | None = None,
    only_public: bool = False,
    resume: bool = True,
    since: dt.date | Literal["last"] | None = None,
    strict: bool = False,
    skip_broken: bool = False,
    split: Split = False,
    partition_by: str | Sequence[str] | None = None,
    storage_options: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> Report: ...
@overload
async def harvest(
    source: Part,
    destination: str | os.PathLike[str] | Sink,
    *,
    client: Client,
    concurrency: int = 4,
    fields: Fields | None = None,
    into: type[Any] | None = None,
    explode: str | None = None,
    only_public: bool = False,
    resume: bool = True,
    since: dt.date | Literal["last"] | None = None,
    strict: bool = False,
    skip_broken: bool = False,
    partition_by: str | Sequence[str] | None = None,
    storage_options: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> Report: ...
async def harvest(
    source: Paginator[Any, Any] | Part,
    destination: str | os.PathLike[str] | Sink,
    *,
    client: Client | None = None,
    concurrency: int = 4,
    fields: Fields | None = None,
    into: type[Any] | None = None,
    explode: str | None = None,
    only_public: bool = False,
    resume: bool = True,
    since: dt.date | Literal["last"] | None = None,
    strict: bool = False,
    skip_broken: bool = False,
    split: Split = False,
    partition_by: str | Sequence[str] | None = None,
    storage_options: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> Report:
    """Write all items of a list to a file.

    >>> report = await bulk.harvest(api.datasets.list_datasets(client), "datasets.jsonl.gz")
    >>> report.complete
    True

    Every item that exists throughout is written exactly once, whatever is created, changed or
    deleted meanwhile: in order of creation, and in a table by id. Where the portal cannot sort a
    list by creation, or its release does not know that sort order, its own order is kept, and the
    report says why only the number of items could be checked.

    A file appears under its name once it is whole. Until then it is ``<name>.part``, and
    ``<name>.checkpoint`` records the progress: after an error, an interrupt or a kill, the same
    call continues there. The checkpoint stays, and remembers when the harvest began.

    Args:
        source: The list, as the function of its operation returns it, or a :class:`Part` of one.
        destination: A file, in the format of its suffix: ``.jsonl``, ``.jsonl.gz``, ``.jsonl.zst``
            (extra ``zstd``) or ``.parquet`` (extra ``parquet``); or a :class:`Sink`. An object in
            a store is a URL, such as ``s3://bucket/datasets.jsonl.gz`` (extra ``fsspec``, and the
            store's package), which appears once it is whole too.
        client: The client that harvests a :class:`Part`; a list has its own.
        concurrency: The most pages in flight at once.
        fields: The fields wanted, unless the list was made with some.
        into: A class to decode the items into, and to write them as; instead of fields.
        explode: Write a flat table, with a row for each object of this list in each item, such as
            ``"resources"``; a dotted path for a list in an object. ``fields`` are then those of the
            item, whose columns have the name of its model in front (``dataset_title``), and those
            of the objects if it names the list; by default, the id and all of the objects.
        only_public: Whether to leave out what only the key shows: the list is read without it.
        resume: Whether to continue an interrupted run; otherwise it is forgotten.
        since: Fetch only the changes since a date, or since the latest complete harvest began
            (``"last"``), and update the file: changed items are replaced, new ones appended,
            deleted ones removed. Without any, the file is left as it is. Such a run fetches one
            page at a time, and starts again from the beginning if it is interrupted. With
            ``"last"``, the first run harvests all. New items belong to the last part of a list.
        strict: Whether ``since="last"`` is an error if no complete harvest of this file is known.
        skip_broken: Whether to leave out an object that makes every page with it a 500, even after
            the retries, or a 400. Its page is narrowed down to it, and the rest is taken; the
            report names it, and is then not ``complete`` but ``complete_but_for`` one. More than
            ten such objects in a page are an error, as is a single one by default. In a file that
            is updated, it keeps its older version, and later updates ask for it again. A run
            that has failed without this option can be continued with it.
        split: Whether to read a search of more results than pages reach in parts, by any facets
            (True) or by these; see :meth:`aiodatagouv.Paginator.items`. An interrupted run reads
            all parts again, and writes what was not written.
        partition_by: What to partition a ``.parquet`` by, which is then a folder of that name, with
            a file in a folder for each value: ``year(created_at)``, ``month(...)`` or ``day(...)``
            of a date, a column, or a field of a struct (``organization.name``); several separated
            by commas, or a list. It takes at most 1,000 partitions.
        storage_options: Options of the store of a URL for fsspec, such as its endpoint, in addition
            to those that fsspec is configured with. They are not recorded.
        progress: Called after each page.

    Raises:
        TooManyResultsError: A search has more results than pages reach, or a part of one that
            cannot be split further has. Nothing was written.
        DestinationError: The destination cannot be written as asked, or somebody else's file has
            the name of its temporary file or checkpoint; as a :class:`~aiodatagouv.StoreError`, the
            store of a URL fails.
        OrderError: With ``since``: the portal does not sort the list by creation. The file is
            unchanged: harvest all anew.
        CheckpointError: The checkpoint belongs to another harvest, is damaged or in use, or does
            not describe the files there.
        MaskError: The items cannot be narrowed down to the fields, or have no such list to explode.
        AuthenticationError: The list needs a key.
        APIError, NetworkError, DecodeError: A call fails. The items that were received are kept.
        OSError: The file cannot be written.
        ValueError: The concurrency or the page size is not positive, the list cannot be split, the
            destination cannot be partitioned so, or ``since`` is given with ``resume=False``, or
            ``strict`` without ``since="last"``.
        TypeError: A part is given without a client, or a list with one.
    """
    if isinstance(source, Paginator) and client is None:
        client = source.client
    elif not isinstance(source, Part) or client is None:
        but = " with client=" if client is not None else ""
        raise TypeError(
            "harvest takes a list that is not awaited, such as api.datasets.list_datasets(client), "
            f"or a Part with client=, but was given {type(source).__name__}{but}"
        )
    check_concurrency(concurrency)
    if strict and since != "last":
        raise ValueError("strict is about since='last': give both, or leave it out")
    if since is not None and not resume:
        raise ValueError("since updates a file, resume=False replaces it: give one of them")
    counters = Counters(Report(operation=source.call.operation.name))
    observed = without_key(counters.observe(client)) if only_public else counters.observe(client)
    plan = Plan.of(
        observed,
        source,
        fields,
        into,
        explode,
        skips_broken=skip_broken,
        split=split,
        partition_by=partition_by,
    )
    sink = sink_of(destination, plan, storage_options)

    def begin() -> Journal | None:
        is_strict = strict or since != "last"
        if since is not None:
            check_update(plan, sink, since, is_strict=is_strict)
        place = sink.checkpoint
        if place is None:
            return None
        file = sink if isinstance(sink, FileSink) else None
        has_file = file is not None and file.exists()
        return Journal.open(
            CheckpointFile(place) if isinstance(place, Path) else place,
            plan.identity,
            resume=resume,
            since=since if is_strict or has_file else None,
            must_know=is_strict,
            claim=file.claim if file else None,
        )

    # A store answers after a while, and has no lock that a cancelled call could keep.
    is_near = sink.checkpoint is None or isinstance(sink.checkpoint, Path)
    journal = begin() if is_near else await asyncio.to_thread(begin)
    explodes = None if plan.flat is None else plan.flat.lines
    with explained(only_public=only_public):
        async with Writer(sink, journal, counters, explodes) as writer:
            await describe(sink, observed, journal, plan.part)
            if journal is not None and journal.since is not None:
                await update(plan, writer, journal.since, progress)
            else:
                await WholeHarvest(plan, writer, concurrency, progress).run()
    return counters.report
