"""An event loop with virtual time: a sleep advances the clock and returns at once.

The work of a thread is done in the event loop as well.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from typing import Any, TypeVar, TypeVarTuple, Unpack

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class _Selector(selectors.DefaultSelector):
    """Advances the virtual time by the timeout instead of waiting."""

    now = 0.0

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if not ready and timeout is None:
            raise RuntimeError("deadlock: every task is waiting, and no timer is pending")
        if not ready and timeout:
            self.now += timeout
        return ready


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._virtual = _Selector()
        super().__init__(self._virtual)

    def time(self) -> float:
        return self._virtual.now

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[Unpack[Ts]], T], *args: *Ts
    ) -> asyncio.Future[T]:
        async def work() -> T:
            return func(*args)

        return self.create_task(work())


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in virtual time, starting at 0."""
    with asyncio.Runner(loop_factory=_Loop) as runner:
        return runner.run(main)
