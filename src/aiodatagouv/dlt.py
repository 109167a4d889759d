"""A dlt source: lists of a portal as tables of any destination of dlt, kept up to date.

>>> import dlt
>>> from aiodatagouv.dlt import source
>>>
>>> pipeline = dlt.pipeline("catalog", destination="duckdb", dataset_name="datagouv")
>>> pipeline.run(source(["datasets", "organizations"]))
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any, Literal

from ._walk.pages import check_concurrency
from .client import Client
from .rate import RATE, Rate
from .retry import RETRY, RetryPolicy
from .types import Fields

try:
    import dlt
    import pyarrow as pyarrow
except ModuleNotFoundError as error:
    text = f"aiodatagouv.dlt needs {error.name}: pip install 'aiodatagouv[dlt]'"
    raise ModuleNotFoundError(text, name=error.name) from None

from dlt.extract import DltResource, DltSource

from ._dlt.extraction import Extraction, SharedClient
from ._dlt.tables import Form, List, Table, portal_of, several

__all__ = ["source"]


def source(
    lists: List | Sequence[List] | Mapping[str, List],
    *,
    fields: Fields | Mapping[str, Fields] | None = None,
    base_url: str | None = None,
    api_key: str | None = None,
    rate: float | Rate | Literal["auto"] | None = RATE,
    retry: RetryPolicy | None = RETRY,
    concurrency: int = 4,
    only_public: bool = False,
    skip_broken: bool = False,
    rows: Form = "arrow",
    max_table_nesting: int = 0,
) -> DltSource:
    """Make a dlt source of lists: a resource and a table for each.

    The first run loads a whole list. Later runs load what has changed since, as
    :func:`aiodatagouv.bulk.harvest` with ``since="last"`` does, and mark the items that no longer
    exist; dlt merges both into the table by the ``id``. What the next run needs is in dlt's state,
    which is committed with the data.

    The columns are the fields of the model, or those of ``fields``, with the types of the model;
    nested objects and lists are JSON. Values that no column can hold are in
    ``additional_properties``. A list that the portal cannot sort by creation and by changes, or
    whose items have no id, is loaded anew by each run, as is every list with dlt's
    ``write_disposition="replace"``.

    Args:
        lists: The lists: functions such as ``api.datasets.list_datasets``, or names such as
            ``"datasets"``; one, several, or a mapping from the names of the tables to them. With
            parameters, a function that makes the paginator for a client:
            ``{"bike": lambda client: api.datasets.list_datasets(client, tag="velo")}``.
        fields: The fields wanted of all lists, or a mapping from the names of tables to those of
            each; all fields by default. The ``id`` is always among them.
        base_url: The portal, as for the client of the package that has the lists.
        api_key: The API key. When None, dlt's secret ``sources.aiodatagouv.api_key``, or else the
            environment variable ``DATAGOUV_API_KEY``.
        rate: Requests a second, of all lists together.
        retry: The policy for calls that fail; None for no retries.
        concurrency: The most pages in flight at once of each list that is loaded whole.
        only_public: Whether to leave out what only the key shows: the lists are read without it.
        skip_broken: Whether to leave out objects that the portal cannot send, as
            :func:`aiodatagouv.bulk.harvest` does; an older version stays in the table.
        rows: Whether pages are Arrow tables, which is several times as fast, or lists of
            dictionaries, for programs that change each row with ``add_map``. A table keeps the form
            of its first run, unless dlt's ``refresh="drop_resources"`` loads it anew: with another
            one, the run fails with a ``ValueError``.
        max_table_nesting: With dictionaries: the depth to which dlt makes tables of its own for
            nested lists, and columns for nested objects. 0 keeps them as JSON.

    Returns:
        The source, named ``aiodatagouv``.

    Raises:
        MaskError: A list has no such field.
        ValueError: There is no list of that name, two tables have the same name, or an argument
            makes no sense.
        TypeError: A function makes no list.
    """
    check_concurrency(concurrency)
    if rows not in ("arrow", "dicts"):
        raise ValueError(f"rows is {rows!r}: it must be 'arrow' or 'dicts'")
    if max_table_nesting < 0 or (max_table_nesting and rows == "arrow"):
        raise ValueError("max_table_nesting must be 0, or positive with rows='dicts'")
    found = several(lists)
    if isinstance(fields, Mapping) and (unknown := fields.keys() - found.keys()):
        raise ValueError(f"fields: {min(unknown)} is none of the tables {', '.join(found)}")
    tables = [
        Table.of(
            name,
            paginate,
            fields.get(name) if isinstance(fields, Mapping) else fields,
            is_nested=max_table_nesting > 0,
        )
        for name, paginate in found.items()
    ]
    portal = portal_of(found.values()) if base_url is None else base_url
    key = _secret() if api_key is None else api_key

    def connect() -> Client:
        return Client(base_url=portal, api_key=key, rate=rate, retry=retry)

    connect()  # Raises an error for arguments that it does not take.
    shared = SharedClient(connect)

    @dlt.source(name="aiodatagouv", section="aiodatagouv", max_table_nesting=max_table_nesting)
    def aiodatagouv() -> list[DltResource]:
        return [
            _resource(
                Extraction(
                    table,
                    shared,
                    concurrency,
                    only_public=only_public,
                    skips_broken=skip_broken,
                    form=rows,
                )
            )
            for table in tables
        ]

    return aiodatagouv()


def _secret() -> str | None:
    """The API key among dlt's secrets, if there is one.

    ``dlt.secrets.get`` would keep the key in the trace of the run, which is a file.
    """
    for provider in dlt.secrets.config_providers:
        value, _ = provider.get_value("api_key", str, None, "sources", "aiodatagouv")
        if value is not None:
            return str(value)
    return None


def _resource(extraction: Extraction) -> DltResource:
    """The resource of a list."""
    table = extraction.table

    async def rows() -> AsyncGenerator[Any]:  # dlt does not take a method.
        async with aclosing(extraction.rows()) as pages:
            async for page in pages:
                yield page

    make = dlt.resource(
        rows,
        name=table.name,
        columns=table.hints,
        primary_key="id" if table.has_ids else (),
        write_disposition="merge" if table.is_updated else "replace",
    )
    return make()
