"""Traces and metrics of calls, by OpenTelemetry.

>>> from aiodatagouv import otel
>>>
>>> async with Client() as client:
...     observed = otel.instrument(client)
...     dataset = await api.datasets.get_dataset(observed, "a-slug")
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TypeAlias, TypeVar
from urllib.parse import urlsplit

from attrs import define, field, frozen

from ._call.caller import Caller
from ._events import Sent, Watch, status_of
from .errors import DataGouvError
from .operation import Operation
from .retry import Retry
from .version import __version__

try:
    from opentelemetry import metrics, trace
except ModuleNotFoundError as error:
    text = "aiodatagouv.otel needs opentelemetry-api: pip install 'aiodatagouv[otel]'"
    raise ModuleNotFoundError(text, name=error.name) from None

__all__ = ["instrument"]

_NAME = "aiodatagouv"
"""The name of the instrumentation."""

_RATE_LIMITED, _LOCKED = 429, 423

C = TypeVar("C", bound=Caller)

Attributes: TypeAlias = dict[str, str | int | float]


def instrument(
    client: C,
    *,
    tracer_provider: trace.TracerProvider | None = None,
    meter_provider: metrics.MeterProvider | None = None,
) -> C:
    """Derive a client whose calls make spans and metrics.

    It shares the connections and the limits of the client, and lives as long. Clients derived from
    it make spans and metrics as well; a second call of this function replaces the providers.

    Args:
        client: The client, whose own calls stay unobserved.
        tracer_provider: Makes the spans; the global provider when None.
        meter_provider: Makes the metrics; the global provider when None.

    Returns:
        The derived client, of the same class.
    """
    tracer = trace.get_tracer(_NAME, __version__, tracer_provider)
    instruments = _Instruments.of(metrics.get_meter(_NAME, __version__, meter_provider))
    redact = client._key.redact

    def shown(text: str) -> str:
        return redact(text.encode(errors="backslashreplace")).decode(errors="replace")

    def observe(operation: Operation, url: str) -> Watch:
        return _Call.begin(tracer, instruments, operation, shown(url), shown)

    return client._derived(observer=observe)


@frozen
class _Instruments:
    """The metrics: counters with the operation and the host as attributes."""

    requests: metrics.Counter
    retries: metrics.Counter
    rate_limited: metrics.Counter
    locked: metrics.Counter
    waited: metrics.Counter

    @classmethod
    def of(cls, meter: metrics.Meter) -> _Instruments:
        counter = meter.create_counter
        return cls(
            counter("aiodatagouv.requests", "{request}", "Requests sent, redirects included"),
            counter("aiodatagouv.retries", "{retry}", "Calls sent again after a failure"),
            counter("aiodatagouv.rate_limited", "{request}", "Requests answered 429"),
            counter("aiodatagouv.locked", "{request}", "Requests answered 423: read-only mode"),
            counter("aiodatagouv.waited", "s", "Time that calls waited to be sent"),
        )


@define
class _Call:
    """Records one call as a span and in the metrics; a ``Watch``."""

    span: trace.Span
    instruments: _Instruments
    labels: Attributes
    """The attributes of its metrics."""
    shown: Callable[[str], str]
    """Removes the API key from a text."""
    attempts: int = 0
    waited: float = 0.0
    status: int | None = field(default=None)

    @classmethod
    def begin(
        cls,
        tracer: trace.Tracer,
        instruments: _Instruments,
        operation: Operation,
        url: str,
        shown: Callable[[str], str],
    ) -> _Call:
        """Start the span, below the current one."""
        labels: Attributes = {"http.request.method": operation.method, **_server(url)}
        # An endpoint without a function has a path that may contain ids: too many names.
        name = operation.method
        if operation.tag:
            name = labels["aiodatagouv.operation"] = operation.name
        attributes = {**labels, "url.full": url}
        if operation.tag and operation.path:
            attributes["url.template"] = f"/api/{operation.version}{operation.path}"
        span = tracer.start_span(name, kind=trace.SpanKind.CLIENT, attributes=attributes)
        return cls(span, instruments, labels, shown)

    def current(self) -> AbstractContextManager[object]:
        """See ``Watch``."""
        return trace.use_span(self.span, record_exception=False, set_status_on_exception=False)

    def sent(self, request: Sent) -> None:
        """See ``Watch``."""
        self.attempts, self.status = request.attempt, request.status
        self.waited += request.waited
        labels = dict(self.labels)
        if request.status is not None:
            labels["http.response.status_code"] = request.status
        self.instruments.requests.add(1, labels)
        if request.status == _RATE_LIMITED:
            self.instruments.rate_limited.add(1, self.labels)
        if request.status == _LOCKED:
            self.instruments.locked.add(1, self.labels)

    def retried(self, retry: Retry) -> None:
        """See ``Watch``."""
        reason = type(retry.error).__name__
        attributes: Attributes = {
            "error.type": reason,
            "error.message": self.shown(str(retry.error)),
            "aiodatagouv.attempt": retry.attempt,
            "aiodatagouv.wait": retry.wait,
        }
        if (status := status_of(retry.error)) is not None:
            attributes["http.response.status_code"] = status
        self.span.add_event("retry", attributes)
        self.instruments.retries.add(1, {**self.labels, "error.type": reason})

    def ended(self, error: BaseException | None) -> None:
        """See ``Watch``."""
        if isinstance(error, DataGouvError):
            # It may have waited without being sent, or was refused before.
            self.attempts = max(self.attempts, error.attempts)
            self.waited = max(self.waited, error.waited)
        self.span.set_attribute("aiodatagouv.attempts", self.attempts)
        self.span.set_attribute("aiodatagouv.waited", self.waited)
        if self.attempts > 1:
            self.span.set_attribute("http.request.resend_count", self.attempts - 1)
        if self.status is not None:
            self.span.set_attribute("http.response.status_code", self.status)
        if error is not None:
            kind = type(error).__name__
            self.span.set_attribute("error.type", kind)
            # The message of another error, which the reader of a stream raises, may say anything.
            is_ours = isinstance(error, DataGouvError)
            message = self.shown(str(error)) if is_ours else kind
            self.span.set_status(trace.StatusCode.ERROR, message)
        self.span.end()
        self.instruments.waited.add(self.waited, self.labels)


def _server(url: str) -> Attributes:
    """The host and the port of a URL; nothing if it has none, or impossible ones.

    The call itself will refuse such a URL, with its own error.
    """
    try:
        where = urlsplit(url)
        host, port = where.hostname, where.port
    except ValueError:
        return {}
    if not host:
        return {}
    return {"server.address": host, "server.port": port or (443 if where.scheme == "https" else 80)}
