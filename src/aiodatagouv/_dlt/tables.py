"""The tables of a dlt source: their names, their columns, the conversion of items into rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, TypeAlias

import dlt
import pyarrow as pa
from attrs import frozen
from dlt.common.data_types.typing import TDataType
from dlt.common.schema.typing import TColumnSchema

from .._fields import mask as masks
from .._names import bare, find, lists_of, suggestion
from .._walk.listing import Listing
from ..api.operations import OPERATIONS
from ..bulk._lines.lines import item_of
from ..bulk._table import columns
from ..bulk.lists import Paginate, operation_of
from ..client import Client
from ..operation import Operation
from ..pagination import Paginator
from ..types import Fields, Mask

List: TypeAlias = str | Paginate
"""A list: its name, the function of its operation, or another one that makes its paginator."""

Form: TypeAlias = Literal["arrow", "dicts"]
"""The form of rows: Arrow tables, or lists of dictionaries."""

DELETED = "_deleted"
"""The column that is true in the row of an item that no longer exists."""

FETCHED = "_fetched_at"
"""The column of the date when the run began that has fetched a row."""

_TYPES: dict[pa.DataType, TDataType] = {
    pa.bool_(): "bool",
    pa.int64(): "bigint",
    pa.float64(): "double",
    pa.string(): "text",
    pa.timestamp("us", tz="UTC"): "timestamp",
    pa.date32(): "date",
}
"""The type of a column in Arrow -> in dlt."""

_OWN: list[pa.Field[Any]] = [
    pa.field(FETCHED, pa.timestamp("us", tz="UTC")),
    pa.field(DELETED, pa.bool_()),
]


@frozen
class Table:
    """A table, and the list that it holds.

    Attributes:
        name: The name of the table.
        paginate: Makes the paginator of the list.
        operation: The operation of the list.
        mask: The fields wanted, the id among them; None for all.
        is_updated: Whether the list can be brought up to date; otherwise it is loaded anew.
        has_ids: Whether the items have ids.
        schema: The columns. Those of nested objects and lists hold JSON.
        nested: The columns of nested objects and lists that dlt makes tables and columns of.
    """

    name: str
    paginate: Paginate
    operation: Operation
    mask: Mask | None
    is_updated: bool
    has_ids: bool
    schema: pa.Schema
    nested: frozenset[str]

    @classmethod
    def of(
        cls,
        name: str,
        paginate: Paginate,
        fields: Fields | None,
        *,
        is_nested: bool = False,
    ) -> Table:
        """Prepare a table.

        Args:
            name: Its name.
            paginate: Makes the paginator of the list.
            fields: The fields wanted; None for those of the paginator, or all.
            is_nested: Whether dlt makes tables and columns of nested lists and objects.

        Raises:
            MaskError: The list has no such field.
            ValueError: The fields are given twice, or the items are decoded into a class.
        """
        nobody = _nobody()
        found = paginate(nobody)
        if found.projection is not None:
            raise ValueError(f"{name}: give fields instead of a class: columns are of the model")
        call = found.call
        if fields is not None:
            if call.mask is not None:
                raise ValueError(f"{name}: the fields wanted are given twice")
            call = call.with_mask(masks.read(fields, call.operation))
        listing = Listing.of(nobody, call)
        mask = listing.keyed.mask
        is_updated = listing.unstable is None and call.operation.changed is not None
        whole = columns.of_model(masks.model_of(call.operation), mask)
        flat = [_flat(one) for one in whole]
        nested = {one.name for one in whole if pa.types.is_nested(one.type)}
        return cls(
            name,
            paginate,
            call.operation,
            mask,
            is_updated,
            listing.has_ids,
            pa.schema([*flat, *_OWN] if is_updated else flat),
            frozenset(nested if is_nested else ()),
        )

    @property
    def hints(self) -> dict[str, TColumnSchema]:
        """The columns as dlt describes them.

        Only the id is never null: the rows of deleted items have no more, and releases of udata
        differ in the fields that they send.
        """
        return {one.name: _hint(one) for one in self.schema if one.name not in self.nested}

    def source(self, client: Client) -> Paginator[Any, Any]:
        """The list, with the fields wanted."""
        found = self.paginate(client)
        return Paginator(client, found.call.with_mask(self.mask), found._page)


class Rows:
    """Converts items into rows of a table.

    Args:
        table: The table.
        form: The form of the rows.
        began: When the run began.
    """

    def __init__(self, table: Table, form: Form, began: dt.datetime) -> None:
        self._table = table
        self._form = form
        self._own: dict[str, Any] = {FETCHED: began} if table.is_updated else {}
        own = {one.name for one in _OWN} if table.is_updated else set[str]()
        self._rows = columns.Rows(pa.schema([one for one in table.schema if one.name not in own]))

    def of(self, lines: Iterable[bytes]) -> Any:
        """The rows of items, each given as JSON."""
        return self._formed([self._row(item_of(line)) for line in lines])

    def none(self) -> Any:
        """No rows, for which dlt makes the table nevertheless."""
        return dlt.mark.materialize_table_schema() if self._form == "dicts" else self._formed([])

    def deleted(self, ids: Iterable[str]) -> Any:
        """The rows of items that no longer exist."""
        return self._formed([{"id": key, DELETED: True, **self._own} for key in ids])

    def _row(self, item: dict[str, Any]) -> dict[str, Any]:
        nested = {name: item[name] for name in self._table.nested if name in item}
        return {**self._rows.row(item), **nested, **self._own}

    def _formed(self, rows: list[dict[str, Any]]) -> Any:
        if self._form == "dicts":
            return rows
        return pa.Table.from_pylist(rows, schema=self._table.schema)


def several(lists: List | Sequence[List] | Mapping[str, List]) -> dict[str, Paginate]:
    """The functions that make the paginators of lists, by the names of their tables.

    Raises:
        ValueError: There is no list at all or of a name, it needs arguments, or two have the same
            name.
        TypeError: A function makes no list.
    """
    if isinstance(lists, Mapping):
        named = {str(name): _function(one) for name, one in lists.items()}
        return _some(named)
    found: dict[str, Paginate] = {}
    for one in lists if isinstance(lists, Iterable) and not isinstance(lists, str) else [lists]:
        function = _function(one)
        name = bare(operation_of(function).name).replace(".", "_")
        if name in found:
            raise ValueError(f"two lists are named {name}: give a mapping with other names")
        found[name] = function
    return _some(found)


def _some(found: dict[str, Paginate]) -> dict[str, Paginate]:
    if not found:
        raise ValueError("there are no lists to load: give at least one")
    return found


def portal_of(paginates: Iterable[Paginate]) -> str | None:
    """The portal that the package of some lists calls by default.

    Raises:
        ValueError: They are of several packages.
    """
    portals = {operation_of(paginate).client_class().base_url for paginate in paginates}
    if len(portals) > 1:
        raise ValueError("the lists are of several portals: make a source for each")
    return next(iter(portals), None)


def _nobody() -> Client:
    """A client that makes no calls, for the description of lists."""
    return Client(base_url="production", api_key="")


def _function(list_: List) -> Paginate:
    """The function that makes the paginator of a list."""
    if not isinstance(list_, str):
        operation_of(list_)  # Raises an error if it is none.
        return list_
    lists = lists_of({one.name: one for one in OPERATIONS.values()})
    if (found := find(list_, lists)) is None:
        raise ValueError(f"there is no list {list_!r}.{suggestion(list_, lists)}")
    name, operation = found
    if needed := [one.name for one in operation.parameters if one.required]:
        raise ValueError(
            f"the list {name} needs {', '.join(needed)}: give a function of a client, such as "
            f"lambda client: api.{operation.tag}.{operation.name.rpartition('.')[2]}(client, ...)"
        )
    return operation.function


def _hint(field: pa.Field[Any]) -> TColumnSchema:
    """A column as dlt describes it."""
    type_ = _TYPES[field.type] if field.metadata is None else "json"
    hint = TColumnSchema(name=field.name, data_type=type_, nullable=field.nullable)
    return {**hint, "hard_delete": True} if field.name == DELETED else hint


def _flat(field: pa.Field[Any]) -> pa.Field[Any]:
    """A column without structs and lists: their JSON."""
    if pa.types.is_nested(field.type):
        return pa.field(field.name, pa.string(), metadata=columns.JSON)
    return field.with_nullable(field.name != "id")
