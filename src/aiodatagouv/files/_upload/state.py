"""The state that uploads share, so that they do not collide: of a client, and of a process."""

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

_APART = 1.1
"""Seconds between two files of one name: the portal stores them under their name and its second."""

_CLAIMS = 100_000
"""How many resources a process remembers to have created."""

_SKEW = dt.timedelta(seconds=60)
"""How much later than the portal stamps a resource its ``Date`` headers may be."""


@define(eq=False)
class DatasetUploads:
    """The uploads to one dataset by this event loop, which create resources one after the other.

    The portal does not say which request has created a resource. Since one is created at a time, a
    new one that no other upload has claimed is that of the request under way, or of another
    program.
    """

    portal: str
    _lock: asyncio.Lock = Factory(asyncio.Lock)
    _ended: dict[str, float] = Factory(dict[str, float])
    _under_way: int = 0

    @asynccontextmanager
    async def turn(self) -> AsyncGenerator[None]:
        """Wait until no other upload creates a resource here, and keep the others waiting."""
        self._under_way += 1
        try:
            async with self._lock:
                yield
        finally:
            self._under_way -= 1

    @asynccontextmanager
    async def apart(self, name: str) -> AsyncGenerator[None]:
        """Wait until a file of this normalized name can be created, and note when that was."""
        now = asyncio.get_running_loop().time
        self._forget(now())
        if name in self._ended:
            await asyncio.sleep(_APART - (now() - self._ended[name]))
        try:
            yield
        finally:
            self._ended[name] = now()

    def claim(self, id: str) -> None:
        """Note that an upload of this process has created a resource."""
        _claimed[self.portal, id] = None
        if len(_claimed) > _CLAIMS:
            del _claimed[next(iter(_claimed))]

    def is_claimed(self, id: str) -> bool:
        """Whether an upload of this process has created a resource."""
        return (self.portal, id) in _claimed

    def is_idle(self, now: float) -> bool:
        """Whether there is nothing that a later upload has to know."""
        self._forget(now)
        return not self._under_way and not self._ended

    def _forget(self, now: float) -> None:
        """Forget the names that were used long ago."""
        self._ended = {one: end for one, end in self._ended.items() if now - end < _APART}


@define(eq=False)
class ClientUploads:
    """The uploads of a client and those derived from it.

    Attributes:
        portal: The address of the portal.
    """

    portal: str
    _ids: dict[str, str] = Factory(dict[str, str])
    _extensions: list[str] | None = None
    _ahead: float | None = field(default=None)
    """The portal's clock minus that of the event loop, in seconds, at least."""

    @classmethod
    def of(cls, client: Client) -> ClientUploads:
        """The uploads of a client."""
        return _of_client.setdefault(client._shared.gate, cls(client.base_url))

    def watched(self, client: Client) -> Client:
        """A derived client whose answers set the clock."""
        return client._with_hooks(on_response=self._read_clock, on_retry=lambda _: None)

    def of_dataset(self, dataset: str) -> DatasetUploads:
        """The uploads to a dataset, by all clients of this event loop."""
        loop = asyncio.get_running_loop()
        for closed in [one for one in _of_loop if one.is_closed()]:
            del _of_loop[closed]
        there = _of_loop.setdefault(loop, {})
        for key in [key for key, one in there.items() if one.is_idle(loop.time())]:
            del there[key]
        return there.setdefault((self.portal, dataset), DatasetUploads(self.portal))

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


_of_client: WeakKeyDictionary[Any, ClientUploads] = WeakKeyDictionary()

_of_loop: dict[asyncio.AbstractEventLoop, dict[tuple[str, str], DatasetUploads]] = {}
"""An event loop -> the portal and the id of a dataset -> the uploads to it."""

_claimed: dict[tuple[str, str], None] = {}
"""The portals and the ids of the resources that uploads of this process have created.

They are few bytes each; the oldest are forgotten, of which no upload under way can be in doubt.
"""
