"""Several hosts at once: none gets too much, and none that is slow or dead holds up the others."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Generic, Self, TypeVar

from attrs import define, field, fields, frozen

from ...errors import DataGouvError, NetworkError, UnreachableError
from ...operation import Operation
from ...retry import NEVER, RetryPolicy
from .plan import host_at

T = TypeVar("T")

IN_A_ROW = 3
"""The files of a host in a row without any answer, after which it is asked for no more of them."""

CONNECTING = 3
"""The attempts to connect to a host for one file; a later run makes more."""


@frozen
class Brief(RetryPolicy):
    """A retry policy that gives up sooner on hosts that cannot be connected to.

    Attributes:
        policy: The policy that decides otherwise.
    """

    policy: RetryPolicy = NEVER

    @classmethod
    def of(cls, policy: RetryPolicy) -> Self:
        """A policy that decides as another one does, but for that."""
        known = {one.name: getattr(policy, one.name) for one in fields(RetryPolicy)}
        return cls(**known, policy=policy)

    def wait(
        self,
        operation: Operation,
        error: DataGouvError,
        *,
        attempt: int,
        elapsed: float,
        jitter: float,
    ) -> float | None:
        """The seconds to wait before a file is asked for again, or None to give up."""
        if isinstance(error, NetworkError) and not error.is_sent and attempt >= CONNECTING:
            return None
        return self.policy.wait(operation, error, attempt=attempt, elapsed=elapsed, jitter=jitter)


@define
class HostLimit:
    """Admits only so many requests to each host at once, those after a redirect included.

    Attributes:
        per_host: The number of requests.
    """

    per_host: int
    _hosts: dict[str, tuple[asyncio.Semaphore, int]] = field(
        factory=dict[str, tuple[asyncio.Semaphore, int]]
    )

    @asynccontextmanager
    async def __call__(self, host: str) -> AsyncGenerator[None]:
        """Wait until a host takes another request."""
        free, users = self._hosts.get(host, (asyncio.Semaphore(self.per_host), 0))
        self._hosts[host] = free, users + 1
        try:
            async with free:
                yield
        finally:
            free, users = self._hosts.pop(host)
            if users > 1:
                self._hosts[host] = free, users - 1


class AsideError(UnreachableError):
    """A host was put aside, and is not asked."""

    def __str__(self) -> str:
        return str(self.args[0])


@define
class HostWatch:
    """Admits requests to hosts, but to none that does not answer.

    The host that counts is the one that a request was for, which may be that of a redirect.

    Attributes:
        limit: Admits only so many at once.
        aside: The hosts that are asked for no more files, and why.
    """

    limit: HostLimit
    aside: dict[str, str] = field(factory=dict[str, str])
    _silent: Counter[str] = field(factory=Counter[str])

    @asynccontextmanager
    async def __call__(self, host: str) -> AsyncGenerator[None]:
        """Wait until a host takes another request.

        Raises:
            AsideError: It was put aside.
        """
        async with self.limit(host):
            if host in self.aside:
                raise AsideError(self.aside[host])
            try:
                yield
            except NetworkError:
                raise
            except Exception:
                self._silent[host] = 0  # It has answered, although not with the file.
                raise
            self._silent[host] = 0

    def count(self, error: NetworkError) -> str | None:
        """Count a file that a host has not answered for; return it if it is put aside by that."""
        host = host_at(error.url)
        if isinstance(error, AsideError) or host in self.aside:
            return None
        self._silent[host] += 1
        if self._silent[host] < IN_A_ROW:
            return None
        self.aside[host] = f"{host} was put aside, as it does not answer: {error}"
        return host


@define
class HostQueues(Generic[T]):
    """Work for several hosts, of which each takes only so much at once.

    Hosts are served in turn. A queue that is full makes its producer wait: :attr:`most` bounds
    memory, and is so large that a slow host rarely fills it alone.

    Attributes:
        per_host: The most pieces of work for one host at once.
        most: The most pieces of work that wait, of all hosts together.
    """

    per_host: int
    most: int
    _waiting: dict[str, deque[T]] = field(factory=dict[str, deque[T]])
    _active: dict[str, int] = field(factory=dict[str, int])
    _size: int = 0
    _is_closed: bool = False
    _changed: asyncio.Condition = field(factory=asyncio.Condition)

    async def put(self, host: str, work: T) -> None:
        """Add work for a host; wait while too much is waiting."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._size < self.most)
            self._waiting.setdefault(host, deque()).append(work)
            self._size += 1
            self._changed.notify_all()

    async def take(self) -> tuple[str, T] | None:
        """Take the next work, once its host takes more; None if there will be none.

        The caller tells by :meth:`done` that it is done.
        """
        async with self._changed:
            while (host := self._next()) is None:
                if self._is_closed and not self._size:
                    return None
                await self._changed.wait()
            queue = self._waiting.pop(host)
            work = queue.popleft()
            if queue:
                self._waiting[host] = queue  # At the end: it is the others' turn.
            self._size -= 1
            self._active[host] = self._active.get(host, 0) + 1
            self._changed.notify_all()
            return host, work

    async def done(self, host: str) -> None:
        """Tell that a host takes more work."""
        async with self._changed:
            self._active[host] -= 1
            if not self._active[host]:
                del self._active[host]
            self._changed.notify_all()

    async def close(self) -> None:
        """Tell that no more work will be added."""
        async with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    async def drop(self, host: str) -> deque[T]:
        """Remove and return the work that waits for a host."""
        async with self._changed:
            work = self._waiting.pop(host, deque[T]())
            self._size -= len(work)
            self._changed.notify_all()
            return work

    def _next(self) -> str | None:
        """The next host that takes more work."""
        for host in self._waiting:
            if self._active.get(host, 0) < self.per_host:
                return host
        return None
