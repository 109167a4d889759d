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
    _files: ExitStack = field(factory=ExitStack)
    """Closes the files in the body of the request."""
    _response: _http.Response | None = None
    _started: float | None = None
    _waited: float = 0.0

    @property
    def response(self) -> _http.Response:
        """The response, once the request was sent; its body may still have to be read."""
        assert self._response is not None
        return self._response

    async def send(self, call: Call, hop: Hop, options: Options) -> _http.Response:
        """Build the request, and send it."""
        request = self.session.request(call, hop, options, self._files)
        progress = self.progress
        progress.attempts += hop.number == 0  # Redirects are followed in the same attempt.
        self._started = now()
        self._waited = self._started - progress.since
        progress.waited += self._waited
        self._response = await self.session.send(request)
        return self._response

    async def end(self) -> None:
        """Close the response, free the connection, and report the request."""
        try:
            if self._response is not None:
                await _http.close(self._response)
        finally:
            self._files.close()
            self.gate.leave(self.permit)
            if self._started is not None:
                self._report(self._started)

    def _report(self, started: float) -> None:
        progress, answer = self.progress, self._response
        progress.since = now()
        status = None if answer is None else answer.status_code
        size = 0 if answer is None else answer.num_bytes_downloaded
        took = progress.since - started
        progress.events.sent(Sent(progress.attempts, status, self._waited, took, size))
