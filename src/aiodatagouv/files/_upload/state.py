"""The state that the uploads of one client share, so that they do not collide."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from email.utils import parsedate_to_datetime
from typing import Any
from weakref import WeakKeyDictionary

from attrs import Factory, define, field

from ...api import datasets
from ...client import Client
from .places import Place, Stored

_APART = 1.1
"""Seconds between two files of one name: the portal stores them under their name and its second."""

_SKEW = dt.timedelta(seconds=60)
"""How much later than the portal stamps a resource its ``Date`` headers may be."""


@define(eq=False)
class DatasetUploads:
    """The uploads to one dataset, which create their resources one after the other.

    The portal does not say which request has created a resource. Since this process creates one at
    a time, a new one that is not :attr:`claimed` is that of the request under way.

    Attributes:
        claimed: The resources that uploads of this process have created, by their ids.
    """

    claimed: dict[str, Stored] = Factory(dict[str, Stored])
    _lock: asyncio.Lock = Factory(asyncio.Lock)
    _ended: dict[str, float] = Factory(dict[str, float])
    _known: dict[bool, list[Stored]] = Factory(dict[bool, list[Stored]])

    @asynccontextmanager
    async def turn(self) -> AsyncGenerator[None]:
        """Wait until no other upload creates a resource here, and keep the others waiting."""
        async with self._lock:
            yield

    @asynccontextmanager
    async def apart(self, name: str) -> AsyncGenerator[None]:
        """Wait until a file of this normalized name can be created, and note when that was."""
        now = asyncio.get_running_loop().time
        # Names that were used long ago are forgotten.
        self._ended = {one: end for one, end in self._ended.items() if now() - end < _APART}
        if name in self._ended:
            await asyncio.sleep(_APART - (now() - self._ended[name]))
        try:
            yield
        finally:
            self._ended[name] = now()

    async def known(self, place: Place) -> list[Stored]:
        """The files that were there before the first upload, and those that uploads created."""
        if place.community not in self._known:
            self._known[place.community] = await place.seen()
        return [*self._known[place.community], *self.claimed.values()]


@define(eq=False)
class ClientUploads:
    """The uploads of a client and those derived from it.

    Attributes:
        datasets: The id of a dataset -> the uploads to it.
    """

    datasets: dict[str, DatasetUploads] = Factory(dict[str, DatasetUploads])
    _ids: dict[str, str] = Factory(dict[str, str])
    _extensions: list[str] | None = None
    _ahead: float | None = field(default=None)
    """The portal's clock minus that of the event loop, in seconds, at least."""

    @classmethod
    def of(cls, client: Client) -> ClientUploads:
        """The uploads of a client."""
        return _shared.setdefault(client._shared.gate, cls())

    def watched(self, client: Client) -> Client:
        """A derived client whose answers set the clock."""
        return client._with_hooks(on_response=self._read_clock, on_retry=lambda _: None)

    def of_dataset(self, dataset: str) -> DatasetUploads:
        """The uploads to a dataset."""
        return self.datasets.setdefault(dataset, DatasetUploads())

    async def id_of(self, client: Client, dataset: str) -> str:
        """The id of a dataset that is given by its id or its slug, which is asked once."""
        if dataset not in self._ids:
            found = await datasets.get_dataset(client, dataset, fields="id")
            self._ids[dataset] = self._ids[found.id] = found.id
        return self._ids[dataset]

    async def extensions(self, client: Client) -> list[str]:
        """The extensions that the portal lists, which is asked once."""
        if self._extensions is None:
            self._extensions = await datasets.list_allowed_extensions(client)
        return self._extensions

    def earliest(self) -> dt.datetime | None:
        """The time, by the portal's clock, before which nothing is created that is asked for now.

        None if the portal has not told its time.
        """
        if self._ahead is None:
            return None
        seconds = asyncio.get_running_loop().time() + self._ahead
        return dt.datetime.fromtimestamp(seconds, dt.UTC) - _SKEW

    def _read_clock(self, response: Any) -> None:
        try:
            date = parsedate_to_datetime(response.headers.get("Date", ""))
        except ValueError:
            return  # Some proxies send none, or one of their own making.
        self._ahead = date.timestamp() - asyncio.get_running_loop().time()


_shared: WeakKeyDictionary[Any, ClientUploads] = WeakKeyDictionary()
