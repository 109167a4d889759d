"""The fields of log records, for formatters that write them as JSON."""

from __future__ import annotations

import ast
import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from aiodatagouv import Client, NetworkError, RetryPolicy
from aiodatagouv.api import datasets

from . import clock
from .clients import client_of
from .test_otel import answers
from .test_secrets import KEY
from .worlds import PORTAL

ROOT = Path(__file__).parents[1]

OWN = {*vars(logging.makeLogRecord({}))}
"""The attributes that every record has."""

LOGS = r"_log\.(debug|info|warning|error|exception|log)$"


def calls() -> Iterator[ast.Call]:
    """Every call of the logger in the package."""
    for path in (ROOT / "src" / "aiodatagouv").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and re.match(LOGS, ast.unparse(node.func)):
                yield node


def documented() -> dict[str, tuple[str, set[str]]]:
    """Each event -> its level and its fields, as the docs have them."""
    page = (ROOT / "docs" / "observability.md").read_text(encoding="utf-8")
    table = page.partition("| `event` |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| ([^|]+) \|", table, re.M)
    return {event: (level, {*re.findall(r"`(\w+)`", fields)}) for event, level, fields in rows}


def fields_of(record: logging.LogRecord) -> dict[str, Any]:
    """The fields that a JSON formatter adds to a message: all but those of every record."""
    return {name: value for name, value in vars(record).items() if name not in {*OWN, "message"}}


def test_every_log_line_has_fields_and_every_event_is_documented() -> None:
    found = [*calls()]
    assert len(found) == 11
    assert all("extra" in {keyword.arg for keyword in call.keywords} for call in found)
    named = {
        event
        for path in (ROOT / "src" / "aiodatagouv").rglob("*.py")
        for event in re.findall(r'"event": "(\w+)"', path.read_text(encoding="utf-8"))
    }
    assert named == {*documented()}
    assert not {field for _, fields in documented().values() for field in fields} & OWN


def test_a_json_formatter_sees_the_fields(
    scripted: Callable[..., Client], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "aiodatagouv")

    async def main() -> None:
        handler = answers(503, 429, **{"Retry-After": "7"})
        async with scripted(handler, retry=RetryPolicy(base=0)) as client:
            await datasets.get_dataset(client, "velos")

    clock.run(main())
    records = [one for one in caplog.records if one.name == "aiodatagouv"]
    seen = [json.loads(json.dumps(fields_of(one))) for one in records]
    for record, fields in zip(records, seen, strict=True):
        level, names = documented()[fields["event"]]
        assert (record.levelname.lower(), {*fields}) == (level, {"event", *names})
    name = "get_dataset"
    assert [
        (one["event"], one.get("operation"), one["status"], one.get("attempt")) for one in seen
    ] == [
        ("request", name, 503, 1),
        ("retry", name, 503, 1),
        ("pause", None, 429, None),
        ("request", name, 429, 2),
        ("retry", name, 429, 2),
        ("request", name, 200, 3),
    ]
    assert [one["wait_ms"] for one in seen if "wait_ms" in one] == [7000, 7000, 7000]
    assert [one["error"] for one in seen if "error" in one] == ["ServerError", "RateLimitedError"]
    waits = [one["waited_ms"] for one in seen if one["event"] == "request"]
    assert waits == pytest.approx([0, 7000, 7000], abs=1)


async def test_no_field_has_the_key(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "aiodatagouv")

    def echo(request: httpx.Request) -> httpx.Response:
        headers = {"X-Sentry-ID": KEY, "Location": f"/{KEY}"}
        status = 503 if request.method == "GET" else 301
        return httpx.Response(status, json={"message": KEY}, headers=headers)

    policy = RetryPolicy(base=0, attempts=2)
    transport = httpx.MockTransport(echo)
    async with client_of(PORTAL, api_key=KEY, transport=transport, retry=policy) as client:
        for call in (
            datasets.get_dataset(client, "velos"),
            datasets.delete_dataset(client, "velos"),
        ):
            with pytest.raises(Exception, match=r"503|redirected"):
                await asyncio.ensure_future(call)
    seen = [repr(vars(one)) for one in caplog.records]
    assert any("'event': 'retry'" in one for one in seen)
    assert KEY not in "\n".join(seen)


class Cut(httpx.AsyncByteStream):
    """A body that breaks off."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield bytes(5000)
        raise httpx.ReadError("cut")


async def test_the_size_of_an_answer_that_breaks_off_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "aiodatagouv")
    transport = httpx.MockTransport(lambda _: httpx.Response(200, stream=Cut()))
    async with client_of("https://portal.example", transport=transport) as client:
        with pytest.raises(NetworkError):
            await datasets.get_dataset(client, "velos")
    (record,) = [one for one in caplog.records if one.name == "aiodatagouv"]
    assert fields_of(record)["size"] == 5000
