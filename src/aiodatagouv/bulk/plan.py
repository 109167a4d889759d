"""What is to be harvested: the call, what becomes of its answers, and between which dates."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, cast

import msgspec
from attrs import frozen

from .. import answers, masks
from ..errors import MaskError
from ..lists import dates_of, including, keyed, page_size, read_page
from ..walk import Batch

if TYPE_CHECKING:
    from ..masks import Mask
    from ..operation import Call, Order
    from ..pagination import Paginator
    from ..projection import Projection
    from ..types import Fields
    from .partition import Part

Lines = list[bytes]
"""Items, each as a JSON object without a line break."""


@frozen
class Plan:
    """What is to be harvested.

    Attributes:
        call: The call that is walked, with no more than the fields wanted.
        projection: How its items are decoded into a class; they stay as they are when None.
        part: The part of the list that is wanted; all of it when None.
    """

    call: Call
    projection: Projection[Any] | None = None
    part: Part | None = None

    @classmethod
    def of(
        cls, source: Paginator[Any, Any] | Part, fields: Fields | None, into: type[Any] | None
    ) -> Plan:
        """What a caller wants.

        Raises:
            MaskError: The fields cannot be had, or are said twice.
        """
        from .partition import Part

        call, part = source.call, source if isinstance(source, Part) else None
        projection = source.projection() if isinstance(source, Part) else source.projection
        if fields is not None or into is not None:
            if call.fields is not None or (fields is not None and into is not None):
                raise MaskError(f"{call.operation.id}: say once only which fields are wanted")
            if into is not None:
                call, projection = answers.project(call, into)
            else:
                call = call.with_fields(masks.write(masks.read(fields or "", call.operation)))
        return cls(call, projection, part)

    def query(self, portal: str, *, has_key: bool) -> dict[str, Any]:
        """What tells this harvest from others, as JSON.

        Args:
            portal: The root of its API.
            has_key: Whether it is called with a key, which shows more.
        """
        mask = self.call.mask()
        several: dict[str, list[str]] = {}
        for name, value in self.call.query_pairs():
            if name == "page_size":
                continue
            several.setdefault(f"parameter {name}", []).append(value)
        return {
            "portal": portal,
            "operation": self.call.operation.id,
            **{f"path {name}": str(value) for name, value in self.call.path.items()},
            **{name: values[0] if len(values) == 1 else values for name, values in several.items()},
            "fields": None if mask is None else masks.write(mask),
            "class": None if self.projection is None else self.projection.class_.__qualname__,
            "key": has_key,
            "page_size": page_size(self.call),
            **({} if self.part is None else self.part.to_dict()),
        }

    def wide(self, *orders: Order) -> Call:
        """The call that asks for the ids and some dates as well."""
        call = keyed(self.call)
        for order in orders:
            call = including(call, order.date)
        return call

    def reader(self, *orders: Order) -> Callable[[str, bytes], Batch[Lines]]:
        """What reads a page of :meth:`wide`; its dates are those of the first of the orders."""
        wanted = self.call.mask()
        extra = [["id"], *(order.date.split(".") for order in orders)]

        def read(operation: str, content: bytes) -> Batch[Lines]:
            page = read_page(operation, content)
            dates = dates_of(operation, page.page, orders[0].date) if orders else []
            if self.projection is not None:
                objects = self.projection.page(operation, content).data
                lines = [_encoded(one) for one in objects]
            else:
                lines = [_line(item, wanted, extra) for item in page.page]
            return Batch(lines, page.ids, page.total, page.size, page.has_more, dates)

        return read


def _line(item: dict[str, Any], wanted: Mask | None, extra: list[list[str]]) -> bytes:
    if wanted is not None:
        for path in extra:
            masks.strip(item, wanted, path)
    return _encoded(item)


def _encoded(item: Any) -> bytes:
    """An item as JSON; NaN, which that has not, becomes null."""
    # The order of sets is another one in each process; that of the portal is kept.
    order: Literal["deterministic"] | None = None if type(item) is dict else "deterministic"
    try:
        return msgspec.json.encode(item, order=order)
    except UnicodeEncodeError:
        return msgspec.json.encode(_readable(msgspec.to_builtins(item)), order=order)


def _readable(value: Any) -> Any:
    """JSON with no half of a surrogate pair, which is no text: it becomes the sign for that."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_readable(one) for one in value]
    if isinstance(value, dict):
        items = cast("dict[str, Any]", value).items()
        return {_readable(name): _readable(one) for name, one in items}
    return value
