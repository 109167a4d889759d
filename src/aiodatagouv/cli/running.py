"""Run a command's work with a client, until it is done or a signal stops it."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from . import exits
from .parameters import chosen, chosen_verbosity

if TYPE_CHECKING:
    from ..client import Client
    from ..operation import Operation

T = TypeVar("T")


def run(
    ctx: click.Context,
    work: Callable[[Client], Awaitable[T]],
    operation: Operation,
    **options: Any,
) -> T:
    """Run some work with the client that the command line asks for.

    Args:
        ctx: The command's context.
        work: The work.
        operation: The operation that it calls.
        **options: Further options of the client.

    Raises:
        Interrupted: Ctrl-C or SIGTERM ended the work; everything it had opened is closed.
        Exception: Any error of the client or the work.
    """

    async def with_client() -> T:
        async with _client(ctx, operation, **options) as client:
            return await work(client)

    try:
        with _logs(chosen_verbosity(ctx)), asyncio.Runner() as runner:
            return runner.run(_terminable(with_client))
    except KeyboardInterrupt:
        # Raised by the runner after a first Ctrl-C has cancelled the work, and by a second one.
        raise exits.Interrupted(signal.SIGINT) from None


@contextmanager
def stoppable() -> Generator[None]:
    """Do some work without an event loop that Ctrl-C and SIGTERM end.

    Raises:
        Interrupted: One of them did; everything that was opened inside is closed.
    """

    def stop(number: int, frame: object) -> NoReturn:
        raise exits.Interrupted(signal.Signals(number))

    before = {one: signal.signal(one, stop) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)


def _client(ctx: click.Context, operation: Operation, **options: Any) -> Client:
    """Make the client, with the API key of the environment."""
    options["base_url"] = chosen(ctx, "portal")
    rate = chosen(ctx, "rate")
    if rate is not None:
        options["rate"] = rate
    client: Client = operation.client_class(**options)
    return client


class _Stderr(logging.Handler):
    """Print to the current ``sys.stderr``, which a progress line replaces to stay below."""

    def emit(self, record: logging.LogRecord) -> None:
        exits.say(record.getMessage())


@contextmanager
def _logs(verbosity: int) -> Generator[None]:
    """Print the library's log at the level of ``-v`` or ``-vv``."""
    log, handler = logging.getLogger("aiodatagouv"), _Stderr()
    level = log.level
    if verbosity:
        log.addHandler(handler)
        log.setLevel(logging.INFO if verbosity == 1 else logging.DEBUG)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(level)


async def _terminable(work: Callable[[], Awaitable[T]]) -> T:
    """Do some work that SIGTERM cancels as Ctrl-C does."""
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
                raise exits.Interrupted(signal.SIGTERM) from None
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
