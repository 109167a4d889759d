"""One request and its response, from its admission until its connection is free again."""

from __future__ import annotations

from contextlib import ExitStack

from attrs import define, field

from .. import _http
from .._events import Sent
from .._limits.gate import Gate, now
from .._limits.line import Permit
from .call import Call
from .options import Options
from .progress import Progress
from .redirects import Hop
from .session import Session


@define(eq=False)
class Exchange:
    """A request that was admitted, and its response; it must be ended, whatever happens."""

    session: Session
    gate: Gate
    permit: Permit
    progress: Progress
    _files: ExitStack = field(factory=ExitStack, init=False)
    """Closes the files in the body of the request."""
    _response: _http.Response | None = field(default=None, init=False)
    _started: float | None = field(default=None, init=False)
    _waited: float = field(default=0.0, init=False)

    @property
    def response(self) -> _http.Response:
        """The response, once the request was sent; its body may still have to be read."""
        assert self._response is not None
        return self._response

    async def send(self, call: Call, hop: Hop, options: Options) -> None:
        """Build the request, and send it."""
        request = self.session.request(call, hop, options, self._files)
        progress = self.progress
        progress.attempts += hop.number == 0  # Redirects are followed in the same attempt.
        self._started = now()
        self._waited = self._started - progress.since
        progress.waited += self._waited
        self._response = await self.session.send(request)

    async def end(self) -> None:
        """Close the response, free the connection, and report the request."""
        try:
            if self._response is not None:
                await _http.close(self._response)
        finally:
            self.gate.leave(self.permit)
            if self._started is not None:
                self._report(self._started)
            self._response = None  # It may echo the key, and a traceback shows local variables.
            self._files.close()

    def _report(self, started: float) -> None:
        progress, status, size = self.progress, None, 0
        if self._response is not None:
            status, size = self._response.status_code, self._response.extensions["body"].size
        progress.since = now()
        took = progress.since - started
        progress.events.sent(Sent(progress.attempts, status, self._waited, took, size))
