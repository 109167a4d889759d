"""The plan of a harvest, prepared once: the list, its decoding, its identity."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from .._call import answers
from .._call.caller import Caller
from .._fields import mask as masks
from .._walk.keys import KeyReader, dates_of, read_page
from .._walk.listing import Listing
from .._walk.pages import Batch
from .._walk.split import Split, facets_of
from .._walk.visibility import marks_of
from ..errors import MaskError
from ..operation import Order
from ..pagination import Paginator
from ..types import Fields
from ._lines.lines import Lines, line_of, raw_lines
from ._table.hive import Key, read_keys
from .flat import Flat
from .partition import Part

if TYPE_CHECKING:
    from .._fields.projection import Projection


@frozen
class Plan:
    """The plan of a harvest.

    Attributes:
        listing: The list, with the dates of creation if only a part of it is wanted.
        projection: The decoding of items into a class; None to keep them as they are.
        flat: The flat table that is wanted; None for a row for each item.
        part: The part of the list that is wanted; None for all of it.
        split: The facets to split a search by; none for any; None to read it whole.
        first: The number of the first page wanted.
        identity: The JSON that identifies the harvest.
        keys: What the rows of a table are partitioned by.
    """

    listing: Listing
    projection: Projection[Any] | None
    flat: Flat | None
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
        explode: str | None = None,
        *,
        skips_broken: bool = False,
        split: Split = False,
        partition_by: str | Sequence[str] | None = None,
    ) -> Plan:
        """Prepare a harvest.

        Raises:
            MaskError: The list cannot be narrowed down to the fields, or they are given twice; or
                its items have no such list to explode.
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
        flat = None
        if explode is not None:
            if projection is not None:
                raise MaskError(f"{call.operation.name}: explode takes fields instead of a class")
            flat = Flat.of(call.operation, explode, call.mask)
            call = call.with_mask(flat.mask)
        listing = evolve(Listing.of(client, call), skips_broken=skips_broken)
        if client._key:
            listing = listing.marked()
        first = listing.first
        if part is not None:
            listing, first = listing.dated(listing.created), part.start // listing.page_size + 1
        facets = facets_of(listing, split) if split else None
        identity = _identity(listing, projection, part)
        if flat is not None:
            identity["explode"] = ".".join(flat.path)
            if "id" in flat.columns:
                identity["row_key"] = flat.key  # With the id of the object, it identifies a row.
        if facets is not None:
            identity["split"] = [*facets] or True
        keys = () if partition_by is None else read_keys(partition_by)
        if keys:
            identity["partition_by"] = ", ".join(map(str, keys))
        return cls(listing, projection, flat, part, facets, first, identity, keys)

    @property
    def key(self) -> str:
        """The name of the field by which rows are told to be of an item."""
        return "id" if self.flat is None else self.flat.key

    @property
    def scattering(self) -> list[str]:
        """The partition keys that may put the rows of an item into several folders."""
        flat = self.flat
        return [] if flat is None else [str(key) for key in self.keys if not flat.owns(key.path[0])]

    def dated(self, order: Order) -> Plan:
        """The same plan, with the list in a sort order and its dates."""
        return evolve(self, listing=self.listing.sorted(order).dated(order))

    def reader(self) -> Callable[[str, bytes], Batch[Lines]]:
        """A function that decodes a page into lines."""
        listing, projection = self.listing, self.projection
        dates = [listing.date] if listing.date else []
        keys = KeyReader(*dates, marking=listing.marking)
        is_raw = projection is None and not listing.asks_for_more

        def read(operation: str, content: bytes) -> Batch[Lines]:
            raw = raw_lines(content) if is_raw else None
            found = None if raw is None else keys.read_strictly(operation, content)
            if raw is not None and found is not None:
                return found.batch(raw, listing.date)
            page = read_page(operation, content)
            dates = dates_of(operation, page.page, listing.date) if listing.date else []
            marks = [marks_of(one, listing.marking) for one in page.page if listing.marking]
            if projection is not None:
                lines = [line_of(one) for one in projection.page(operation, content).data]
            else:
                for item in page.page:
                    listing.strip(item)
                lines = [line_of(item) for item in page.page]
            size = page.size
            return Batch(lines, page.ids, page.total, size, page.has_more, dates, marks=marks)

        return read


def _identity(
    listing: Listing, projection: Projection[Any] | None, part: Part | None
) -> dict[str, Any]:
    """The JSON that identifies a harvest."""
    call, client = listing.call, listing.client
    several: dict[str, list[str]] = {}
    for name, value in call.query_pairs:
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
