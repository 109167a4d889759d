"""The caller: makes calls for a client, and for every client derived from it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from copy import copy
from typing import Any, Self, TypeVar

from attrs import define, evolve, field

from .. import _http
from .._events import OnResponse, OnRetry, both
from .._http.outside import Outside
from .._limits.gate import Gate
from .._missing import Known
from ..types import UNSET
from .auth import ApiKey
from .call import Call
from .options import Options
from .pipeline import Pipeline
from .session import Session

T = TypeVar("T")


@define
class Shared:
    """The state that a client shares with those derived from it; the first call opens it."""

    gate: Gate
    connect: Callable[[], Session]
    outside: Outside
    session: Session | None = None
    loop: asyncio.AbstractEventLoop | None = None
    is_closed: bool = False
    tasks: set[asyncio.Task[Any]] = field(factory=set[asyncio.Task[Any]])
    known: Known = field(factory=Known)

    def open(self) -> Session:
        """The session, opened by the first call; raises a ``RuntimeError`` if that is too late."""
        if self.is_closed:
            raise RuntimeError("the Client is closed: make another one")
        loop = asyncio.get_running_loop()
        if self.session is None:
            self.session, self.loop = self.connect(), loop
        if self.loop is not loop:
            raise RuntimeError(
                "the Client was opened in another event loop, to which its connections belong: "
                "open one in each loop"
            )
        return self.session

    def start(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Start a task that does not outlive the client."""
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self._forget)
        return task

    async def close(self) -> None:
        """Cancel the tasks and close the connections."""
        session = None if self.session is None else self.open()
        self.session, self.is_closed = None, True
        tasks = [*self.tasks]
        for task in tasks:
            task.cancel()
        try:
            await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            await self.outside.aclose()
            if session is not None:
                await session.aclose()

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self.tasks.discard(task)
        if not task.cancelled():
            # Its waiter, if any, gets the error; having no waiter is no reason for a log entry.
            task.exception()


class Caller:
    """The base of ``Client``: it opens the session, and hands calls to the pipeline.

    Raises:
        APIError: The portal answers that the call failed.
        NetworkError: There is no answer, or only a part of it.
        RuntimeError: The client is closed, or was opened in another event loop.
    """

    def __init__(self, portal: _http.URL, key: ApiKey, shared: Shared, options: Options) -> None:
        self._portal = portal
        self._key = key
        self._shared = shared
        self._options = options
        self._is_derived = False

    async def _read(self, call: Call, read: Callable[[_http.Response], T]) -> T:
        """Make a call and read its answer; ``read`` may raise a ``DecodeError``."""
        return await self._pipeline().request(call, read)

    def _stream(self, call: Call) -> AbstractAsyncContextManager[_http.Response]:
        """Make a call, and leave the body of the response to be read inside the context."""
        return self._pipeline().stream(call)

    def _chunks(self, response: _http.Response) -> AsyncIterator[bytes]:
        """Iterate over the body of a response of :meth:`_stream` as it arrives."""
        return self._shared.open().chunks(response)

    def _start(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Start a task that does not outlive the client."""
        return self._shared.start(work)

    def _derived(self, **options: Any) -> Self:
        """A client with the same connections and other options, those that are not ``UNSET``."""
        derived = copy(self)
        given = {name: one for name, one in options.items() if one is not UNSET}
        derived._options = evolve(self._options, **given)
        derived._is_derived = True
        return derived

    def _with_hooks(self, *, on_response: OnResponse, on_retry: OnRetry) -> Self:
        """A derived client that calls these hooks before those of this client."""
        own = self._options
        return self._derived(
            on_response=both(on_response, own.on_response), on_retry=both(on_retry, own.on_retry)
        )

    def _pipeline(self) -> Pipeline:
        shared, session = self._shared, self._shared.open()
        return Pipeline(self._portal, self._key, session, shared.gate, self._options, shared.known)
