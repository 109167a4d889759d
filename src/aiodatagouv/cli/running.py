"""Runs what a command does, until it is done or somebody asks it to stop."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from .exits import Interrupted
from .settings import client_of, logs

if TYPE_CHECKING:
    from ..client import Client

T = TypeVar("T")


def run(ctx: click.Context, work: Callable[[Client], Awaitable[T]], **options: Any) -> T:
    """Run some work with a client as the command line asks for.

    Args:
        ctx: The command line.
        work: The work.
        **options: What else the client is to be told.

    Raises:
        Interrupted: Ctrl-C or SIGTERM has ended it; what it had open is closed.
        Exception: Whatever the client or the work raises.
    """

    async def with_client() -> T:
        async with client_of(ctx, **options) as client:
            return await work(client)

    try:
        with logs(ctx), asyncio.Runner() as runner:
            return runner.run(_terminable(with_client))
    except KeyboardInterrupt:
        # What the runner makes of a first Ctrl-C, once the work is cancelled; and of a second.
        raise Interrupted(signal.SIGINT) from None


async def _terminable(work: Callable[[], Awaitable[T]]) -> T:
    """Do some work, which SIGTERM cancels as Ctrl-C does."""
    task = asyncio.current_task()
    assert task is not None
    was_told = False

    def tell() -> None:
        nonlocal was_told
        was_told = True
        task.cancel()

    with _on_terminate(tell):
        try:
            return await work()
        except asyncio.CancelledError:
            if was_told:
                raise Interrupted(signal.SIGTERM) from None
            raise


@contextmanager
def _on_terminate(call: Callable[[], None]) -> Generator[None]:
    loop, before = asyncio.get_running_loop(), signal.getsignal(signal.SIGTERM)
    try:
        loop.add_signal_handler(signal.SIGTERM, call)
    except NotImplementedError:  # Windows has no such signals.
        yield
        return
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
        signal.signal(signal.SIGTERM, before or signal.SIG_DFL)
