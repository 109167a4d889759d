"""The plan of a harvest, prepared once: the list, its decoding, its identity."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, cast

import msgspec
from attrs import evolve, frozen

from .._call import answers
from .._call.caller import Caller
from .._fields import mask as masks
from .._walk.listing import Listing, dates_of, read_page
from .._walk.pages import Batch
from .._walk.split import Split, facets_of
from ..errors import MaskError
from ..operation import Order
from ..pagination import Paginator
from ..types import Fields
from .hive import Key, read_keys
from .partition import Part

if TYPE_CHECKING:
    from .._fields.projection import Projection

Lines = list[bytes]
"""Items, each as a JSON object without a line break."""


@frozen
class Plan:
    """The plan of a harvest.

    Attributes:
        listing: The list, with the dates of creation if only a part of it is wanted.
        projection: The decoding of items into a class; None to keep them as they are.
        part: The part of the list that is wanted; None for all of it.
        split: The facets to split a search by; none for any; None to read it whole.
        first: The number of the first page wanted.
        identity: The JSON that identifies the harvest.
        keys: What the rows of a table are partitioned by.
    """

    listing: Listing
    projection: Projection[Any] | None
    part: Part | None
    split: tuple[str, ...] | None
    first: int
    identity: Mapping[str, Any]
    keys: tuple[Key, ...] = ()

    @classmethod
    def of(
        cls,
        client: Caller,
        source: Paginator[Any, Any] | Part,
        fields: Fields | None,
        into: type[Any] | None,
        *,
        skips_broken: bool = False,
        split: Split = False,
        partition_by: str | Sequence[str] | None = None,
    ) -> Plan:
        """Prepare a harvest.

        Raises:
            MaskError: The list cannot be narrowed down to the fields, or they are given twice.
            ValueError: The page size is not positive, a part cannot be walked, the list cannot be
                split, or ``partition_by`` cannot be read.
        """
        call, part = source.call, source if isinstance(source, Part) else None
        projection = source.projection() if isinstance(source, Part) else source.projection
        if fields is not None or into is not None:
            if call.mask is not None or (fields is not None and into is not None):
                raise MaskError(f"{call.operation.name}: the fields wanted are given twice")
            if into is not None:
                call, projection = answers.project(call, into)
            else:
                call = call.with_mask(masks.read(fields or "", call.operation))
        listing = evolve(Listing.of(client, call), skips_broken=skips_broken)
        first = listing.first
        if part is not None:
            listing, first = listing.dated(listing.created), part.start // listing.page_size + 1
        facets = facets_of(listing, split) if split else None
        identity = _identity(listing, projection, part)
        if facets is not None:
            identity["split"] = [*facets] or True
        keys = () if partition_by is None else read_keys(partition_by)
        if keys:
            identity["partition_by"] = ", ".join(map(str, keys))
        return cls(listing, projection, part, facets, first, identity, keys)

    def dated(self, order: Order) -> Plan:
        """The same plan, with the list in a sort order and its dates."""
        return evolve(self, listing=self.listing.sorted(order).dated(order))

    def reader(self) -> Callable[[str, bytes], Batch[Lines]]:
        """A function that decodes a page into lines."""
        listing = self.listing

        def read(operation: str, content: bytes) -> Batch[Lines]:
            page = read_page(operation, content)
            dates = dates_of(operation, page.page, listing.date) if listing.date else []
            if self.projection is not None:
                objects = self.projection.page(operation, content).data
                lines = [_encoded(one) for one in objects]
            else:
                for item in page.page:
                    listing.strip(item)
                lines = [_encoded(item) for item in page.page]
            return Batch(lines, page.ids, page.total, page.size, page.has_more, dates)

        return read


def _identity(
    listing: Listing, projection: Projection[Any] | None, part: Part | None
) -> dict[str, Any]:
    """The JSON that identifies a harvest."""
    call, client = listing.call, listing.client
    several: dict[str, list[str]] = {}
    for name, value in call.query_pairs():
        if name != "page_size":
            several.setdefault(f"parameter {name}", []).append(value)
    return {
        "portal": f"{client._portal}api/{call.operation.version}/",
        "operation": call.operation.id,
        "path": call.path,
        **({"headers": ", ".join(call.operation.headers)} if call.operation.headers else {}),
        **{name: values[0] if len(values) == 1 else values for name, values in several.items()},
        "fields": None if call.mask is None else masks.write(call.mask),
        "class": None if projection is None else projection.class_.__qualname__,
        # A key shows more items.
        "key": bool(client._key),
        **({"lang": client._options.lang} if client._options.lang else {}),
        "page_size": listing.page_size,
        **({} if part is None else part.to_dict()),
    }


def _encoded(item: Any) -> bytes:
    """An item as JSON; NaN, which JSON does not have, becomes null."""
    # Sets have another order in each process; the portal's own order is kept.
    order: Literal["deterministic"] | None = None if type(item) is dict else "deterministic"
    try:
        return msgspec.json.encode(item, order=order)
    except UnicodeEncodeError:
        return msgspec.json.encode(_printable(msgspec.to_builtins(item)), order=order)


def _printable(value: Any) -> Any:
    """JSON in which halves of surrogate pairs, which are not text, are replacement characters."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_printable(one) for one in value]
    if isinstance(value, dict):
        items = cast("dict[str, Any]", value).items()
        return {_printable(name): _printable(one) for name, one in items}
    return value
