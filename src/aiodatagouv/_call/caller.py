"""The caller: makes calls for a client, and for every client derived from it."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any, Self, TypeVar

from .._unset import UNSET

if TYPE_CHECKING:  # The base of `Client` loads nothing that takes long.
    import asyncio
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
    from contextlib import AbstractAsyncContextManager

    from .. import _http
    from .._events import OnResponse, OnRetry
    from .auth import ApiKey
    from .call import Call
    from .options import Options
    from .pipeline import Pipeline
    from .shared import Shared

T = TypeVar("T")


class Caller:
    """The base of ``Client``: it opens the session, and hands calls to the pipeline."""

    def __init__(self, portal: _http.URL, key: ApiKey, shared: Shared, options: Options) -> None:
        self._portal = portal
        self._key = key
        self._shared = shared
        self._options = options
        self._is_derived = False

    def _read(self, call: Call, read: Callable[[_http.Response], T]) -> Awaitable[T]:
        """Make a call and read its answer; ``read`` may raise a ``DecodeError``."""
        return self._pipeline().request(call, read)

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
        from attrs import evolve

        derived = copy(self)
        given = {name: one for name, one in options.items() if one is not UNSET}
        derived._options = evolve(self._options, **given)
        derived._is_derived = True
        return derived

    def _with_hooks(self, *, on_response: OnResponse, on_retry: OnRetry) -> Self:
        """A derived client that calls these hooks before those of this client."""
        from .._events import both

        own = self._options
        return self._derived(
            on_response=both(on_response, own.on_response), on_retry=both(on_retry, own.on_retry)
        )

    def _pipeline(self) -> Pipeline:
        return self._shared.pipeline(self._portal, self._key, self._options)
