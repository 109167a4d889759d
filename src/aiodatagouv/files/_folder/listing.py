"""The files that a source has: a dataset, or a list of datasets or of resources."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable, Sequence
from contextlib import aclosing
from typing import Any, TypeAlias
from urllib.parse import urlencode

from attrs import define, field

from ..._views.view import View
from ..._walk.seen import Seen
from ...api import datasets
from ...client import Client
from ...errors import DataGouvError, GoneError, NotFoundError
from ...links import Link
from ...models import (
    CommunityResource,
    Dataset,
    DatasetFull,
    Resource,
    UploadedCommunityResource,
    UploadedResource,
    v2,
)
from ...pagination import Paginator
from ...types import Id
from .names import safe_name
from .plan import Listed, plain
from .report import Outcome

AnyDataset: TypeAlias = Dataset | DatasetFull | v2.Dataset | v2.DatasetFull
"""A dataset, as the portal answers it."""

AnyResource: TypeAlias = (
    Resource
    | CommunityResource
    | UploadedResource
    | UploadedCommunityResource
    | v2.SpecificResource
)
"""A resource, as the portal answers it."""

Source: TypeAlias = (
    Id
    | AnyDataset
    | Sequence[Id]
    | AsyncIterable[AnyDataset | AnyResource]
    | Iterable[AnyDataset | AnyResource]
)
"""A dataset, its id or its slug; or a list of datasets, of resources, or of both."""

_FIELDS = "id,slug,resources{id,title,url,format,filetype,filesize,checksum,last_modified,extras}"

_FORM = frozenset({"page_size", "lang"})
"""The parameters of a list that do not tell which objects it has."""

_UNKNOWN = "a resource could not be read"
"""The problem of a list that has a resource whose id is not known."""

_KEYED = " with a key"
"""The end of the name of a source that may have objects which only a key shows."""


@define
class Listing:
    """The files of a source, listed one by one.

    Attributes:
        client: The client of the portal.
        source: The source.
        is_named: Whether each file must be of a source that is known again in a later run.
        verify: Whether the files must have the properties that the portal has for them.
        problem: Why there may be files that were not listed.
    """

    client: Client
    source: Source
    is_named: bool = False
    verify: bool = True
    problem: str | None = None
    _seen: set[str] = field(factory=set[str])
    _whole: set[str] = field(factory=set[str])

    def is_gone(self, source: str, resource: str) -> bool:
        """Whether a resource that a source had is not in it any more, once all is listed."""
        return source in self._whole and resource not in self._seen

    async def files(self) -> AsyncGenerator[Listed | Outcome]:
        """List the files; what cannot be read is a failure among them.

        A resource that comes twice is listed once. An error after the first file ends the list,
        and is the :attr:`problem`.

        Raises:
            APIError, NetworkError, DecodeError: The source cannot be read.
            TypeError: It is not a source.
            ValueError: It must have a name, and has none.
        """
        found, is_first = self._all(), True
        try:
            async with aclosing(found):
                async for one in found:
                    is_first = False
                    id = one.id if isinstance(one, Listed) else one.resource
                    if id in self._seen:
                        continue
                    if id is not None:
                        self._seen.add(id)
                    yield one
        except DataGouvError as error:
            if is_first:
                raise
            self.problem = f"the source could not be listed: {error}"

    async def _all(self) -> AsyncGenerator[Listed | Outcome]:
        source = self.source
        if isinstance(source, str | AnyDataset):
            dataset = await self._read(source if isinstance(source, str) else source.id)
            for one in self._of_dataset(plain(dataset.id), dataset.resources):
                yield one
            return
        name = self._name(_query(source)) if isinstance(source, Paginator) else ""
        if name:
            self._end(name)
        items = self._items(source)
        async with aclosing(items):
            async for item in items:
                for one in await self._files_of(item, name):
                    yield one

    async def _items(self, source: Any) -> AsyncGenerator[Any]:
        """The objects of a list."""
        items: AsyncIterator[Any]
        if isinstance(source, Paginator):
            is_stable = source._listing.unstable is None
            items = source.items(stable=True) if is_stable else self._counted(source)
        elif isinstance(source, AsyncIterable):
            items = aiter(source)
        elif isinstance(source, Iterable) and not isinstance(source, bytes | dict):
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
                    # One without an id is reported, and cannot be told from others.
                    id = _text(item, "id") if isinstance(item, View) else None
                    if id is None or seen.new([id]):
                        number += 1
                        yield item
        number += (listing.first - 1) * listing.page_size
        if number != total:
            self.problem = f"{number:,} of {total:,} objects were listed: the list has changed"

    async def _files_of(self, item: Any, name: str) -> list[Listed | Outcome]:
        """The files of an item of a list; an error is a failure."""
        is_id = isinstance(item, str) and isinstance(self.source, Sequence)
        if is_id or isinstance(item, AnyDataset):
            return await self._of_one_of_several(item, name)
        if not isinstance(item, AnyResource):
            raise TypeError(f"neither a dataset nor a resource: {type(item).__name__}")
        if self.is_named and not name:
            raise ValueError(
                "delete needs a dataset, several, or a paginator: a list of resources is not known "
                "again from run to run"
            )
        if not isinstance(item, v2.SpecificResource):
            return [self._listed(item, source=name)]
        try:
            return [self._listed(item.resource, item.dataset_id, source=name)]
        except DataGouvError as error:
            self.problem = _UNKNOWN
            return [_failed(error)]

    async def _of_one_of_several(self, item: Id | AnyDataset, name: str) -> list[Listed | Outcome]:
        """The files of one of several datasets, in a folder of their own."""
        id = item if isinstance(item, str) else _text(item, "id")
        is_listed = not isinstance(item, str)
        try:
            dataset = await self._read(item) if isinstance(item, str) else item
            resources = dataset.resources
            if isinstance(resources, Link):
                # One request for all of them: pages of a list may change between them.
                resources = (await self._read(dataset.id)).resources if resources.total else []
            id = plain(dataset.id)
        except DataGouvError as error:
            if is_listed and isinstance(error, NotFoundError | GoneError):
                return []  # It was deleted since it was listed.
            if name:
                self.problem = "a dataset could not be read"
            return [_failed(error, dataset=id)]
        folder = safe_name(_text(dataset, "slug") or "") or safe_name(id) or "dataset"
        return self._of_dataset(id, resources, folder, name)

    def _of_dataset(
        self, id: str, resources: Iterable[Resource], folder: str = "", name: str = ""
    ) -> list[Listed | Outcome]:
        """The files of a dataset, which is a source of its own if the list has no name."""
        source = name or self._name(f"dataset {id}")
        if not name:
            self._end(source)
        return [self._listed(one, id, folder, source=source) for one in resources]

    def _listed(
        self, resource: View, dataset: str | None = None, folder: str = "", *, source: str
    ) -> Listed | Outcome:
        try:
            return Listed.of(resource, dataset, folder, source=source, verify=self.verify)
        except DataGouvError as error:
            id = _text(resource, "id")
            if id is None:
                self.problem = _UNKNOWN
            return _failed(error, resource=id, dataset=dataset)

    async def _read(self, id: str) -> Dataset:
        return await datasets.get_dataset(self.client, id, fields=_FIELDS)

    def _name(self, text: str) -> str:
        """The name of a source: the same for the same one, from run to run."""
        return f"{self.client.base_url} {text}{_KEYED if self.client._key else ''}"

    def _end(self, name: str) -> None:
        """Note that a source is listed as a whole; with a key, also as it is without."""
        self._whole |= {name, name.removesuffix(_KEYED)}


def resources_only(items: Iterable[Any] | AsyncIterable[Any]) -> None:
    """Check that a list is not one of datasets, as far as that shows before it is read.

    Raises:
        TypeError: It is.
    """
    if isinstance(items, str | View) or (
        isinstance(items, Sequence) and any(isinstance(one, str | AnyDataset) for one in items)
    ):
        raise TypeError("neither a resource nor a list of resources: sync() takes datasets")


def _failed(
    error: DataGouvError, *, resource: str | None = None, dataset: str | None = None
) -> Outcome:
    reason = plain(str(error))
    return Outcome(resource=resource, dataset=dataset, status="failed", reason=reason)


def _text(item: View, name: str) -> str | None:
    """A text among the fields of an item, None if it has none."""
    value = item.to_dict().get(name)
    return plain(value) if isinstance(value, str) else None


def _query(source: Paginator[Any, Any]) -> str:
    """The name of the list of a paginator, which does not depend on the size of its pages."""
    call = source.call
    query = sorted(pair for pair in call.query_pairs if pair[0] not in _FORM)
    return f"{call.operation.name} {call.path} {urlencode(query)}".rstrip()
