"""The state that clients of the same connections share: these, the limits, and the tasks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from attrs import define, field

from .. import _http
from .._http.outside import Outside
from .._limits.gate import Gate
from .._missing import Known
from .auth import ApiKey
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

    def pipeline(self, portal: _http.URL, key: ApiKey, options: Options) -> Pipeline:
        """The pipeline of calls with some options; the first call opens the session."""
        return Pipeline(portal, key, self.open(), self.gate, options, self.known)

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
