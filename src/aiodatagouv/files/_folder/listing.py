"""The files that a source has: a dataset, or a list of datasets or of resources."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, TypeAlias, cast
from urllib.parse import urlencode

from attrs import define, field

from ..._decoding.declared import declared
from ..._views.view import View
from ..._walk.seen import Seen
from ...api import datasets
from ...client import Client
from ...errors import DataGouvError, GoneError, NotFoundError
from ...links import Link
from ...pagination import Paginator
from ...types import Id
from .names import safe_name
from .plan import Listed
from .report import Outcome

if TYPE_CHECKING:
    from ...models import Dataset, v2

Source: TypeAlias = (
    "Id | Dataset | v2.Dataset | Paginator[Any, Any] | AsyncIterable[Any] | Iterable[Any]"
)
"""A dataset, its id or its slug; or a list of datasets, of resources, or of both."""

_FIELDS = "id,slug,resources{id,title,url,format,filetype,filesize,checksum,last_modified,extras}"

_FORM = frozenset({"page_size", "lang"})
"""The parameters of a list that do not tell which objects it has."""


@define
class Listing:
    """The files of a source, listed one by one.

    Attributes:
        client: The client of the portal.
        source: The source.
        identity: The name of the source, once the first file is listed.
        problem: Why there may be files that were not listed.
    """

    client: Client
    source: Source
    identity: str = ""
    problem: str | None = None
    _seen: set[str] = field(factory=set[str])

    @property
    def number(self) -> int:
        """The number of files that were listed."""
        return len(self._seen)

    def has(self, resource: str) -> bool:
        """Whether a resource was listed."""
        return resource in self._seen

    async def files(self) -> AsyncGenerator[Listed | Outcome]:
        """List the files; a dataset that cannot be read is a failure among them.

        A resource that comes twice is listed once. An error after the first file ends the list,
        and is the :attr:`problem`.

        Raises:
            APIError, NetworkError, DecodeError: The source cannot be read.
            MissingFieldError: The fields that were asked for lack the ``id`` or the ``url``.
            TypeError: It is not a source.
        """
        found = self._all()
        try:
            async with aclosing(found):
                async for one in found:
                    if isinstance(one, Outcome):
                        self.problem = "a dataset could not be read"
                    elif one.id in self._seen:
                        continue
                    else:
                        self._seen.add(one.id)
                    yield one
        except DataGouvError as error:
            if not self._seen:
                raise
            self.problem = f"the source could not be listed: {error}"

    async def _all(self) -> AsyncGenerator[Listed | Outcome]:
        source = self.source
        if isinstance(source, str) or _has(source, "resources"):
            id = source if isinstance(source, str) else cast("Any", source).id
            dataset = await datasets.get_dataset(self.client, id, fields=_FIELDS)
            self.identity = f"{self.client.base_url} dataset {dataset.id}"
            for resource in dataset.resources:
                yield Listed.of(resource, dataset.id)
            return
        self.identity = _identity(self.client, source)
        items = self._items(source)
        async with aclosing(items):
            async for item in items:
                if _has(item, "resources"):
                    for one in await self._files_of(item):
                        yield one
                elif _has(item, "dataset_id"):  # Of version 2: a resource and its dataset.
                    yield Listed.of(item.resource, item.dataset_id)
                elif _has(item, "url"):
                    yield Listed.of(item)
                else:
                    raise TypeError(f"neither a dataset nor a resource: {type(item).__name__}")

    async def _items(self, source: Any) -> AsyncGenerator[Any]:
        """The objects of a list."""
        items: AsyncIterator[Any]
        if isinstance(source, Paginator):
            is_stable = source._listing.unstable is None
            items = source.items(stable=True) if is_stable else self._counted(source)
        elif isinstance(source, AsyncIterable):
            items = aiter(source)
        elif isinstance(source, Iterable) and not isinstance(source, bytes):
            for item in source:
                yield item
            return
        else:
            raise TypeError(f"neither a dataset nor a list: {type(source).__name__}")
        try:
            async for item in items:
                yield item
        finally:
            if isinstance(items, AsyncGenerator):
                await items.aclose()

    async def _counted(self, source: Paginator[Any, Any]) -> AsyncGenerator[Any]:
        """The objects of a list whose order does not hold, so that some may move and be missed."""
        listing, number, total = source._listing, 0, 0
        seen = Seen()
        pages = source.pages()
        async with aclosing(pages):
            async for page in pages:
                total = page.total
                for item in page.data:
                    if seen.new([item.id]):
                        number += 1
                        yield item
        number += (listing.first - 1) * listing.page_size
        if number != total:
            self.problem = f"{number:,} of {total:,} objects were listed: the list has changed"

    async def _files_of(self, dataset: Any) -> list[Listed | Outcome]:
        """The files of one of several datasets, in a folder of their own."""
        id, folder = cast("str", dataset.id), safe_name(cast("str", dataset.slug)) or dataset.id
        resources: Any = dataset.resources
        if isinstance(resources, Link):
            if not resources.total:
                return []
            # One request for all of them: pages of a list may change between them.
            try:
                resources = (await datasets.get_dataset(self.client, id, fields=_FIELDS)).resources
            except (NotFoundError, GoneError):  # Deleted since it was listed.
                return []
            except DataGouvError as error:
                return [Outcome(resource=None, dataset=id, status="failed", reason=str(error))]
        return [Listed.of(resource, id, folder) for resource in resources]


def _has(item: Any, name: str) -> bool:
    """Whether an item is of a model that has a field."""
    return isinstance(item, View) and name in declared(type(item))


def _identity(client: Client, source: Any) -> str:
    """The name of a list: the same for the same list, whatever the size of its pages."""
    if not isinstance(source, Paginator):
        return client.base_url
    call = source.call
    query = sorted(pair for pair in call.query_pairs() if pair[0] not in _FORM)
    return f"{client.base_url} {call.operation.name} {call.path} {urlencode(query)}".rstrip()
