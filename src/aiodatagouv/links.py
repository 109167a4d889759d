"""Links in answers to lists of objects."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar
from urllib.parse import parse_qs, unquote

from ._decoding.declared import Model, is_model
from ._decoding.place import Place, origin_of, path_of
from ._encoding.parameters import QueryValue
from ._views.getters import placed
from ._views.view import View
from .errors import DecodeError, MaskError
from .operation import Operation
from .types import JsonObject

if TYPE_CHECKING:
    from .client import Client
    from .pagination import Paginator
    from .types import Fields

Item = TypeVar("Item")

_OWN = __name__.partition(".")[0]
"""This package, whose lists a link to anything leads to."""

_FORM = frozenset({"page", "page_size", "lang", "X-Fields"})
"""The query parameters of an address that do not tell which list it is, but the form of answers."""


class LinkedPage(Protocol[Item]):
    """A page of the list that a link leads to: the model of the pages of that list."""

    @property
    def data(self) -> list[Item]:
        """Its items."""
        ...

    @property
    def page(self) -> int:
        """The number of this page, from 1."""
        ...

    @property
    def page_size(self) -> int:
        """The most items that a page has."""
        ...

    @property
    def total(self) -> int:
        """The number of items of all pages."""
        ...

    @property
    def next_page(self) -> str | None:
        """The URL of the page after this one, None on the last."""
        ...

    @property
    def previous_page(self) -> str | None:
        """The URL of the page before this one, None on the first."""
        ...


class Link(View, Generic[Item], init=False):
    """A link to a list, which an answer has instead of the objects.

    >>> dataset.resources.total
    3
    >>> async for resource in dataset.resources.follow(client): ...       # all of them
    >>> page = await dataset.resources.follow(client, page_size=10)       # one page
    """

    href: str
    """The address of the first page."""
    rel: str
    """The relation of the list to the object, such as ``subsection``."""
    total: int
    """The number of objects in the list."""
    type: str
    """The HTTP method, ``GET``."""

    _item: ClassVar[Any] = None
    """The model of the objects, None for any."""

    if not TYPE_CHECKING:

        def __class_getitem__(cls, item: Any) -> Any:
            # A class is a model like any other, which an alias of typing is not.
            return _link_to(item) if is_model(item) else cls

    def __reduce__(self) -> tuple[Any, ...]:
        # The class of links to a model cannot be found by its name.
        return (_link, (self._item, self._json, self._place))

    def follow(
        self,
        client: Client,
        *,
        page: int | None = None,
        page_size: int | None = None,
        fields: Fields | None = None,
    ) -> Paginator[LinkedPage[Item], Item]:
        """Return the list that it leads to, as the function of that list does.

        Nothing is sent yet: await the paginator for one page, or iterate over it for the items of
        all pages. The address only tells which list it is, and its filters; the calls are those of
        the list's own function, at the portal of the client.

        Args:
            client: A client of the portal that sent the link.
            page: The page to start at, the first one when None: that of the address is ignored.
            page_size: Items a page. When None, 100 in a walk, and otherwise the portal's default.
            fields: The fields of each item to ask for; all of them when None.

        Raises:
            DecodeError: The address is not that of a list of such objects at the client's portal.
            MissingFieldError: The address was not among the fields wanted of the link.
            MaskError: The items have no such fields, or are always sent with all of them.
            ValueError: The page size is not positive, or a part of the address would lead to
                another path.
        """
        operation, arguments, query = self._target(client)
        if fields is not None:
            if not operation.masked:
                raise MaskError(f"{operation.name}: the portal always sends all fields")
            arguments["fields"] = fields
        listed = operation.function(client, **arguments, page=page, page_size=page_size)
        linked: Paginator[LinkedPage[Item], Item] = listed._with_query(query)
        return linked

    def _target(self, client: Client) -> tuple[Operation, dict[str, Any], dict[str, QueryValue]]:
        """The operation at the address, and the parameters of its path and of its query."""
        from ._http.urls import join, parse_url  # Models load no HTTP library.

        portal = parse_url(client.base_url)
        try:
            url = join(portal, self.href)
        except ValueError:
            raise self._unusable(client) from None
        path, root = (one.raw_path.decode().partition("?")[0] for one in (url, portal))
        # Behind a proxy, a portal may take https for http; the address itself is not called.
        is_own = url.scheme in ("http", "https") and (url.host, url.port) == (
            portal.host,
            portal.port,
        )
        is_own = is_own and path.startswith(root)
        found = _find(_origin_of(self._item)[0], path.removeprefix(root)) if is_own else None
        if found is None:
            raise self._unusable(client)
        operation, values = found
        if self._item is not None and operation.model is not self._item:
            raise self._unusable(client, f", a list of {operation.item}")
        names = [one.name for one in operation.parameters if one.place == "path"]
        arguments = dict(zip(names, map(unquote, values), strict=True))
        query = parse_qs(url.query.decode(), keep_blank_values=True)
        filters = {
            name: values[0] if len(values) == 1 else values
            for name, values in query.items()
            if name not in _FORM
        }
        return operation, {**arguments}, {**filters}

    def _unusable(self, client: Client, words: str = "") -> DecodeError:
        call = origin_of(self._place)
        items = "" if self._item is None else f" of {_origin_of(self._item)[1]}"
        return DecodeError(
            f"{self.href!r}{words}",
            operation="" if call is None else call.operation,
            path=path_of((self._place, "href")),
            expected=f"the address of a list{items} at {client.base_url}",
        )


@cache
def _link_to(item: Any) -> type[Link[Any]]:
    """The class of links to lists of a model."""
    made = type("Link", (Link,), {"__module__": __name__, "_item": item})
    # Set afterwards: before attrs 25.2, a class of attrs cannot be made with brackets in its name.
    made.__name__ = made.__qualname__ = f"Link[{_origin_of(item)[1]}]"
    return made


def _link(item: Any, json: JsonObject, place: Place) -> Link[Any]:
    return placed(Link if item is None else _link_to(item), json, place)


def _origin_of(item: type[Model] | None) -> tuple[str, str]:
    """The package of a model, and its name there: ``Resource`` or ``v2.Topic``."""
    if item is None:
        return _OWN, ""
    package, is_generated, module = item.__module__.partition(".models.")
    version = module.rpartition(".")[0]
    name = f"{version}.{item.__name__}" if version else item.__name__
    return package if is_generated else _OWN, name


def _find(package: str, path: str) -> tuple[Operation, tuple[str, ...]] | None:
    """The list at a path below the root of a portal, and the values in the path."""
    for route, operation in _routes(package):
        if found := route.fullmatch(path):
            return (operation, found.groups()) if operation.kind == "page" else None
    return None


@cache
def _routes(package: str) -> list[tuple[re.Pattern[str], Operation]]:
    """The operations of a package that read, by their paths; those without parameters first."""
    operations: Mapping[str, Operation] = import_module(package).OPERATIONS
    reading = [one for one in operations.values() if one.method == "GET"]
    return [(_route(one), one) for one in sorted(reading, key=lambda one: len(_parts(one)))]


def _parts(operation: Operation) -> list[str]:
    """The path of an operation below the root of a portal, split at its parameters."""
    path = f"api/{operation.version}{operation.path}"
    return re.split(r"\{[^{}]*\}", path.rstrip("/"))


def _route(operation: Operation) -> re.Pattern[str]:
    return re.compile("([^/]+)".join(map(re.escape, _parts(operation))) + "/?")
