"""The way to a file: requests to the hosts that redirect to it, and to the one that has it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import TypeAlias

from attrs import define, frozen

from ... import _http
from ..._events import Events, Sent
from ..._http.outside import Answer, Outside, PrivateAddressError
from ..._http.urls import origin
from ..._limits.gate import now
from ...errors import NetworkError, TimeoutError, UnreachableError
from .addresses import first_hop, next_hop, private, shown

OPERATION = "download"
"""The name of downloads in errors."""

Admit: TypeAlias = Callable[[str], AbstractAsyncContextManager[object]]
"""Admits requests to a host, by its name and its port, if that is not the usual one."""

_REDIRECTS = frozenset({301, 302, 303, 307, 308})


@define
class Requests:
    """Reports the requests of a download. Times are those of the event loop.

    Attributes:
        events: Receives them.
        since: When the request before has ended, or the first one could be sent.
        attempt: The number of the attempt, from 1.
    """

    events: Events
    since: float
    attempt: int = 0

    @asynccontextmanager
    async def sent(self, sending: AbstractAsyncContextManager[Answer]) -> AsyncGenerator[Answer]:
        """Send a request, and report it once its answer was read."""
        started = now()
        waited, status, size = started - self.since, None, 0
        try:
            async with sending as answer:
                status = answer.status
                try:
                    yield answer
                finally:
                    size = answer.received
        finally:
            self.since = now()
            took = self.since - started
            self.events.sent(Sent(self.attempt, status, waited, took, size))


@frozen
class Route:
    """Asks for files, and follows redirects to them.

    Attributes:
        outside: The connections.
        portal: The portal, which may be on this network.
        timeout: Seconds to connect, and seconds without any byte.
        allow_private: Whether hosts may have addresses that are not of the internet.
        admit: Admits the requests to a host, each until its answer was read.
    """

    outside: Outside
    portal: _http.URL
    timeout: _http.Timeout
    allow_private: bool
    admit: Admit = nullcontext

    @asynccontextmanager
    async def get(
        self, address: str, headers: Mapping[str, str], requests: Requests
    ) -> AsyncGenerator[tuple[_http.URL, Answer]]:
        """Ask for a file, and follow redirects; the answer is read inside the context.

        Args:
            address: The address of the file.
            headers: Further headers.
            requests: Reports every request.

        Raises:
            AddressError: An address on the way is refused.
            NetworkError: There is no answer.
        """
        url = first_hop(address, allow_private=self.allow_private, portal=self.portal)
        source: _http.URL | None = None
        hops, is_home = 0, origin(url) == origin(self.portal)
        while True:
            may_be_private = self.allow_private or is_home
            sending = self.outside.get(
                url, headers, timeout=self.timeout, allow_private=may_be_private
            )
            try:
                async with (
                    self.admit(host_of(url)),
                    translated(url),
                    requests.sent(sending) as answer,
                ):
                    location = answer.headers.get("Location")
                    if answer.status not in _REDIRECTS or location is None:
                        yield url, answer
                        return
            except PrivateAddressError as error:
                raise private(url, str(error), source) from None
            source, url = (
                url,
                next_hop(
                    url,
                    location,
                    hops=hops,
                    is_home=is_home,
                    allow_private=self.allow_private,
                    portal=self.portal,
                ),
            )
            hops, is_home = hops + 1, is_home and origin(url) == origin(self.portal)


def host_of(url: _http.URL) -> str:
    """The host of an address, with its port if that is not the usual one of its scheme."""
    return url.netloc.decode("ascii")


@asynccontextmanager
async def translated(url: _http.URL) -> AsyncGenerator[None]:
    """Replace the errors of the connections by those of this library.

    Raises:
        NetworkError: A request failed.
    """
    try:
        yield
        return
    except (_http.Failure, _http.CodingError) as error:
        failure = _http.failure_of(error)
    kind = TimeoutError if failure.timed_out else NetworkError
    if failure.is_final:
        kind = UnreachableError
    raise kind(
        str(failure),
        operation=OPERATION,
        method="GET",
        url=shown(url),
        is_sent=failure.is_sent,
    )
