"""Spans and metrics of calls, by OpenTelemetry."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, NumberDataPoint
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from aiodatagouv import (
    AddressError,
    Client,
    DecodeError,
    LockedError,
    NotFoundError,
    RateLimitedError,
    RetryPolicy,
    files,
    otel,
)
from aiodatagouv.api import datasets, site
from aiodatagouv.models import DatasetWrite

from . import clock
from .clients import client_of
from .test_secrets import KEY, MIXED, SPELLINGS
from .worlds import PORTAL, Files, resource

Handler = Callable[[httpx.Request], httpx.Response]


class Telemetry:
    """Providers that keep spans and metrics in memory."""

    def __init__(self) -> None:
        self._spans, self._metrics = InMemorySpanExporter(), InMemoryMetricReader()
        self.tracers, self.meters = TracerProvider(), MeterProvider([self._metrics])
        self.tracers.add_span_processor(SimpleSpanProcessor(self._spans))
        self.tracer = self.tracers.get_tracer("the program")

    def observe(self, client: Client) -> Client:
        return otel.instrument(client, tracer_provider=self.tracers, meter_provider=self.meters)

    def spans(self) -> list[ReadableSpan]:
        """The spans that have ended, in this order."""
        return [*self._spans.get_finished_spans()]

    def counts(self, *labels: str) -> dict[tuple[Any, ...], float]:
        """The name of each metric and its values of some attributes -> its sum."""
        data, found = self._metrics.get_metrics_data(), dict[tuple[Any, ...], float]()
        assert data is not None
        for metric in data.resource_metrics[0].scope_metrics[0].metrics:
            for point in metric.data.data_points:
                assert isinstance(point, NumberDataPoint)
                attributes = dict(point.attributes or {})
                key = (metric.name.removeprefix("aiodatagouv."), *map(attributes.get, labels))
                found[key] = found.get(key, 0) + point.value
        return found


def answers(*statuses: int, **headers: str) -> Handler:
    """A portal that answers these statuses first, and then 200."""
    left = [*statuses]

    def answer(request: httpx.Request) -> httpx.Response:
        if left:
            return httpx.Response(left.pop(0), json={}, headers=headers)
        return ok(request)

    return answer


def ok(request: httpx.Request) -> httpx.Response:
    """A table of tags, or an object."""
    if request.url.path.endswith("tags.csv"):
        return httpx.Response(
            200, text="name;count\nvelo;3\n", headers={"Content-Type": "text/csv"}
        )
    return httpx.Response(200, json={"id": "1"})


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


async def test_a_call_is_a_span_named_by_its_operation(
    scripted: Callable[..., Client],
) -> None:
    telemetry = Telemetry()
    async with scripted(answers()) as client:
        observed = telemetry.observe(client)
        with telemetry.tracer.start_as_current_span("parent") as parent:
            await datasets.get_dataset(observed, "velos", fields="id")
        await datasets.get_dataset(client, "velos")  # Its own calls stay unobserved.
    span, _ = telemetry.spans()
    assert (span.name, span.kind) == ("get_dataset", SpanKind.CLIENT)
    assert span.parent == parent.get_span_context()
    assert span.status.status_code is StatusCode.UNSET
    found = attributes(span)
    assert found.pop("aiodatagouv.waited") < 1
    assert found == {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "server.address": "portal.example",
        "server.port": 443,
        "url.full": "https://portal.example/api/1/datasets/velos/",
        "url.template": "/api/1/datasets/{dataset}/",
        "aiodatagouv.operation": "get_dataset",
        "aiodatagouv.attempts": 1,
    }


def test_retries_are_events_and_the_waits_are_summed(scripted: Callable[..., Client]) -> None:
    telemetry = Telemetry()

    async def main() -> None:
        handler = answers(503, 429, **{"Retry-After": "7"})
        async with scripted(handler, retry=RetryPolicy(base=0)) as client:
            await datasets.get_dataset(telemetry.observe(client), "velos")

    clock.run(main())
    (span,) = telemetry.spans()
    events = [(one.name, dict(one.attributes or {})) for one in span.events]
    assert [
        (name, one["error.type"], one["http.response.status_code"], one["aiodatagouv.attempt"])
        for name, one in events
    ] == [("retry", "ServerError", 503, 1), ("retry", "RateLimitedError", 429, 2)]
    assert [one["aiodatagouv.wait"] for _, one in events] == [7, 7]
    found = attributes(span)
    assert found["aiodatagouv.attempts"] == 3
    assert found["http.request.resend_count"] == 2
    assert found["http.response.status_code"] == 200
    assert found["aiodatagouv.waited"] == pytest.approx(14)
    assert telemetry.counts("http.response.status_code", "error.type") == {
        ("requests", 503, None): 1,
        ("requests", 429, None): 1,
        ("requests", 200, None): 1,
        ("retries", None, "ServerError"): 1,
        ("retries", None, "RateLimitedError"): 1,
        ("rate_limited", None, None): 1,
        ("waited", None, None): pytest.approx(14),
    }


async def test_a_failed_call_is_a_span_with_the_type_of_its_error(
    scripted: Callable[..., Client],
) -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        return httpx.Response(404 if request.method == "GET" else 423, json={"message": "no"})

    telemetry = Telemetry()
    body = DatasetWrite(title="a", description="b", frequency="monthly")
    async with scripted(refuse) as client:
        observed = telemetry.observe(client)
        with pytest.raises(NotFoundError) as caught:
            await datasets.get_dataset(observed, "velos")
        with pytest.raises(LockedError):
            await datasets.create_dataset(observed, body=body)
    # The portal was asked which operations it has: those calls are below the one that failed.
    *asked, first, last = telemetry.spans()
    assert all(one.parent == first.get_span_context() for one in asked)
    failed = [first, last]
    assert [attributes(one)["error.type"] for one in failed] == ["NotFoundError", "LockedError"]
    assert failed[0].status.status_code is StatusCode.ERROR
    assert failed[0].status.description == str(caught.value)
    labels = "aiodatagouv.operation", "server.address"
    assert telemetry.counts(*labels)["locked", "create_dataset", "portal.example"] == 1


def test_a_call_that_is_refused_without_being_sent_has_no_status(
    scripted: Callable[..., Client],
) -> None:
    telemetry = Telemetry()

    async def main() -> None:
        async with scripted(answers(429, **{"Retry-After": "99"})) as client:
            observed = telemetry.observe(client)
            for _ in range(2):
                with pytest.raises(RateLimitedError):
                    await datasets.get_dataset(observed, "velos")

    clock.run(main())
    sent, refused = map(attributes, telemetry.spans())
    assert (sent["aiodatagouv.attempts"], refused["aiodatagouv.attempts"]) == (1, 0)
    assert "http.response.status_code" not in refused
    assert refused["error.type"] == "RateLimitedError"
    assert telemetry.counts()["requests",] == 1


async def test_a_request_without_an_answer_and_a_cancelled_call_end_their_spans(
    scripted: Callable[..., Client],
) -> None:
    async def silent(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/broken/"):
            raise httpx.ReadError("cut off")
        await asyncio.Event().wait()
        raise AssertionError

    telemetry = Telemetry()
    async with scripted(silent) as client:
        observed = telemetry.observe(client)
        with pytest.raises(Exception, match="cut off"):
            await datasets.get_dataset(observed, "broken")
        call = asyncio.ensure_future(datasets.get_dataset(observed, "velos"))
        for _ in range(20):
            await asyncio.sleep(0)
        call.cancel()
        await asyncio.wait([call])
    kinds = [attributes(one)["error.type"] for one in telemetry.spans()]
    assert kinds == ["NetworkError", "CancelledError"]
    assert telemetry.counts("http.response.status_code")["requests", None] == 2


async def test_the_span_of_a_call_is_current_while_it_is_sent(
    scripted: Callable[..., Client],
) -> None:
    current: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        span = trace.get_current_span()
        current.append(span.name if isinstance(span, ReadableSpan) else "none")
        return ok(request)

    telemetry = Telemetry()
    async with scripted(answer) as client:
        observed = telemetry.observe(client)
        with telemetry.tracer.start_as_current_span("parent"):
            await datasets.get_dataset(observed, "velos")
            async with site.get_site_tags_csv(observed) as chunks:
                # The work of the reader is not part of the call.
                assert trace.get_current_span().get_span_context() == parent_of(telemetry)
                assert [one async for one in chunks]
    assert current == ["get_dataset", "get_site_tags_csv"]


def parent_of(telemetry: Telemetry) -> object:
    (span,) = telemetry.spans()
    return span.parent


async def test_a_stream_is_a_span_until_it_was_read(scripted: Callable[..., Client]) -> None:
    telemetry = Telemetry()
    async with scripted(answers(503), retry=RetryPolicy(base=0)) as client:
        observed = telemetry.observe(client)
        async with site.get_site_tags_csv(observed) as chunks:
            assert telemetry.spans() == []
            assert [one async for one in chunks]
        with pytest.raises(DecodeError):
            async with site.get_site_datasets_csv(observed):
                pass
        with pytest.raises(LookupError):
            async with site.get_site_tags_csv(observed):
                raise LookupError("the reader's own, with a secret")
    read, page, broken = telemetry.spans()
    assert read.name == "get_site_tags_csv"
    assert attributes(read)["aiodatagouv.attempts"] == 2
    assert read.status.status_code is StatusCode.UNSET
    assert attributes(page)["error.type"] == "DecodeError"
    assert (broken.status.status_code, broken.status.description) == (
        StatusCode.ERROR,
        "LookupError",
    )


def page(request: httpx.Request) -> httpx.Response:
    """A page of a list of 60 items."""
    number, size = (int(request.url.params.get(one, 1)) for one in ("page", "page_size"))
    items = [{"id": str(one)} for one in range((number - 1) * size, min(number * size, 60))]
    following = f"{PORTAL}next/" if number * size < 60 else None
    more = {"next_page": following, "previous_page": None}
    return httpx.Response(
        200, json={"data": items, "page": number, "page_size": size, "total": 60, **more}
    )


async def test_pages_that_are_fetched_ahead_have_the_span_of_the_caller_as_parent(
    scripted: Callable[..., Client],
) -> None:
    telemetry = Telemetry()
    async with scripted(page) as client:
        observed = telemetry.observe(client)

        async def walk(name: str) -> int:
            with telemetry.tracer.start_as_current_span(name):
                found = datasets.list_datasets(observed, page_size=5).items(concurrency=4)
                return len([one async for one in found])

        assert [*await asyncio.gather(walk("first"), walk("second"))] == [60, 60]
    spans = telemetry.spans()
    for name in ("first", "second"):
        (parent,) = [one for one in spans if one.name == name]
        pages = [one for one in spans if one.parent == parent.get_span_context()]
        assert {one.name for one in pages} == {"list_datasets"}
        assert len(pages) >= 12


async def test_an_endpoint_without_a_function_is_named_by_its_method(
    scripted: Callable[..., Client],
) -> None:
    telemetry = Telemetry()
    async with scripted(answers()) as client:
        await telemetry.observe(client).request("GET", "some/6b08d01a8713e5c463ce6091/")
    (span,) = telemetry.spans()
    assert span.name == "GET"
    assert not {"url.template", "aiodatagouv.operation"} & attributes(span).keys()
    assert telemetry.counts("aiodatagouv.operation")["requests", None] == 1


async def test_a_client_derived_from_an_observed_one_is_observed(
    scripted: Callable[..., Client],
) -> None:
    telemetry, retries = Telemetry(), list[object]()
    async with scripted(answers(503)) as client:
        derived = telemetry.observe(client).with_options(
            lang="fr", retry=RetryPolicy(base=0), on_retry=retries.append
        )
        await datasets.get_dataset(derived, "velos")
    assert len(telemetry.spans()) == len(retries) == 1


async def test_a_download_is_a_span_without_the_query_of_its_address(tmp_path: Path) -> None:
    telemetry, address = Telemetry(), "https://files.example/stops.csv"
    world = Files({f"{address}?signature=SECRET": b"a;b\n"})
    async with world.client() as client:
        one = resource("6b08d01a-8713-4e5c-a463-ce6091d5c5b8", f"{address}?signature=SECRET")
        await files.download(telemetry.observe(client), one, tmp_path / "stops.csv")
    (span,) = telemetry.spans()
    found = attributes(span)
    assert (span.name, found["url.full"]) == ("download", address)
    assert (found["http.response.status_code"], found["aiodatagouv.attempts"]) == (200, 1)


def test_the_retries_and_redirects_of_a_download_are_measured(tmp_path: Path) -> None:
    telemetry, left = Telemetry(), [503]

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.host == "files.example":
            return httpx.Response(302, headers={"Location": "https://store.example/stops.csv"})
        if left:
            return httpx.Response(left.pop(), headers={"Retry-After": "7"})
        return httpx.Response(200, content=b"a;b\n")

    async def main() -> None:
        one = resource("6b08d01a-8713-4e5c-a463-ce6091d5c5b8", "https://files.example/stops.csv")
        transport, policy = httpx.MockTransport(answer), RetryPolicy(base=0)
        async with client_of(PORTAL, transport=transport, retry=policy) as client:
            await files.download(telemetry.observe(client), one, tmp_path / "stops.csv")

    clock.run(main())
    (span,) = telemetry.spans()
    found = attributes(span)
    assert (found["aiodatagouv.attempts"], found["http.response.status_code"]) == (2, 200)
    assert found["aiodatagouv.waited"] == pytest.approx(7)
    # All are counted under the host of the first request.
    assert telemetry.counts("server.address", "http.response.status_code", "error.type") == {
        ("requests", "files.example", 302, None): 2,
        ("requests", "files.example", 503, None): 1,
        ("requests", "files.example", 200, None): 1,
        ("retries", "files.example", None, "DownloadError"): 1,
        ("waited", "files.example", None, None): pytest.approx(7),
    }


@pytest.mark.parametrize("address", ["//files.example:99999/a", "//files.example:b/a", "//[::1/a"])
async def test_an_impossible_address_fails_as_without_telemetry(
    tmp_path: Path, address: str
) -> None:
    telemetry, one = Telemetry(), resource("6b08d01a", f"https:{address}")
    async with Files().client() as client:
        with pytest.raises(AddressError) as plain:
            await files.download(client, one, tmp_path / "a")
        with pytest.raises(AddressError) as caught:
            await files.download(telemetry.observe(client), one, tmp_path / "a")
    assert str(caught.value) == str(plain.value)
    (span,) = telemetry.spans()
    assert attributes(span)["error.type"] == "AddressError"
    assert "server.address" not in attributes(span)
    assert ("requests",) not in telemetry.counts()


@pytest.mark.parametrize("name", [*SPELLINGS, *MIXED])
async def test_no_span_or_metric_contains_the_key(name: str) -> None:
    spelled = {**SPELLINGS, **MIXED}[name](KEY)
    telemetry = Telemetry()

    def hostile(request: httpx.Request) -> httpx.Response:
        headers = [(b"X-Sentry-ID", spelled.encode())]
        return httpx.Response(503, json={"message": f"your {spelled}"}, headers=headers)

    transport, policy = httpx.MockTransport(hostile), RetryPolicy(base=0, attempts=2)
    async with client_of(PORTAL, api_key=KEY, transport=transport, retry=policy) as client:
        observed = telemetry.observe(client)
        for call in (
            datasets.get_dataset(observed, "velos"),
            datasets.list_datasets(observed, q=KEY),
            observed.request("GET", f"some/{KEY}"),
        ):
            with pytest.raises(Exception, match="503"):
                await call
    everything = "\n".join(one.to_json() for one in telemetry.spans())
    everything += repr(telemetry.counts("aiodatagouv.operation", "error.type"))
    assert "your" in everything
    assert KEY not in everything
    assert spelled.rstrip("=") not in everything


def loaded_by(statements: Iterable[str]) -> list[str]:
    program = "\n".join([*statements, "import sys", "print(*sys.modules)"])
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    return done.stdout.split()


def test_opentelemetry_is_loaded_by_its_own_module_only() -> None:
    assert not [
        name
        for name in loaded_by(["from aiodatagouv import Client, api, bulk, files", "Client()"])
        if name.startswith("opentelemetry")
    ]


def test_without_its_extra_the_module_names_the_missing_package() -> None:
    program = "import sys; sys.modules['opentelemetry'] = None; import aiodatagouv.otel"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    reason = "aiodatagouv.otel needs opentelemetry-api: pip install 'aiodatagouv[otel]'"
    assert done.stderr.splitlines()[-1] == f"ModuleNotFoundError: {reason}"
