"""Errors: one-line messages, attributes, and pickling between processes."""

from __future__ import annotations

import copy
import math
import pickle
from collections.abc import Callable
from functools import partial
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiodatagouv import OPERATIONS, APIError, DataGouvError, DecodeError, RateLimitedError, errors
from aiodatagouv._call.responses import error_of

CREATE = OPERATIONS["create_reuse"]
URL = "https://portal.example/api/1/reuses/"


def nested(inner: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    names = st.sampled_from(["message", "errors", "error", "status", "title"])
    return st.lists(inner) | st.dictionaries(names, inner)


def error(
    status: int, content: bytes | str = b"", headers: dict[str, str] | httpx.Headers | None = None
) -> APIError:
    request = httpx.Request("POST", URL)
    response = httpx.Response(status, content=content, headers=headers, request=request)
    return error_of(CREATE, response, URL)


@pytest.mark.parametrize(
    ("status", "body", "text"),
    [
        (403, '{"message": "Not yours"}', "403 Not yours (POST URL)"),
        (
            400,
            '{"errors": {"title": ["required"]}}',
            "400 Bad Request [title: required] (POST URL)",
        ),
        (
            400,
            '{"message": "Invalid", "errors": {"title": ["required"], "url": ["bad"]}}',
            "400 Invalid [title: required; url: bad] (POST URL)",
        ),
        (
            415,
            '{"success": false, "error": "Unsupported", "message": "No .exe"}',
            "415 No .exe (POST URL)",
        ),
        (404, '{"error": "Not found", "status": 404}', "404 Not found (POST URL)"),
        (502, "<html><h1>Bad gateway</h1></html>", "502 Bad Gateway (POST URL)"),
        (429, "", "429 Too Many Requests (POST URL)"),
        (
            400,
            '{"errors": {"resources": [{"url": ["wrong"]}, {}]}}',
            "400 Bad Request [resources: url: wrong] (POST URL)",
        ),
        (400, '{"message": "Invalid", "errors": ["a", "b"]}', "400 Invalid: a, b (POST URL)"),
        (400, '{"message": {"page": "no number"}}', "400 page: no number (POST URL)"),
        (400, '{"message": null, "error": ""}', "400 Bad Request (POST URL)"),
        (400, '{"message": "two\\nlines"}', "400 two lines (POST URL)"),
        (400, '{"message": "' + 2000 * "x" + '"}', f"400 {500 * 'x'}... (POST URL)"),
        (400, '{"message": ' + 900 * "[" + 900 * "]" + "}", "400 ... (POST URL)"),
        (400, '{"message": "\\u001b[31mred\\ud800"}', "400 [31mred (POST URL)"),
        (400, '\ufeff{"message": "marked"}', "400 marked (POST URL)"),
        (400, '{"message": "\\ud800"}', "400 Bad Request (POST URL)"),
        (418, "{", "418 I'm a teapot (POST URL)"),
        (599, "", "599 without a reason (POST URL)"),
        (500, "[1, 2]", "500 Internal Server Error (POST URL)"),
    ],
)
def test_every_error_body_makes_a_one_line_message(status: int, body: str, text: str) -> None:
    assert str(error(status, body)) == "create_reuse: " + text.replace("URL", URL)


def test_the_errors_of_each_field_are_available() -> None:
    caught = error(400, '{"errors": {"title": ["required"]}}')
    assert caught.errors == {"title": ["required"]}
    assert (caught.operation, caught.method, caught.url) == ("create_reuse", "POST", URL)


def test_the_sentry_id_is_available() -> None:
    caught = error(500, headers={"X-Sentry-ID": "abc123"})
    assert caught.sentry_id == "abc123"
    assert str(caught).endswith("[X-Sentry-ID abc123]")


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("9" * 400, math.inf),
        ("-7", None),
        ("1.5", 1.5),
        ("30, 7", 30.0),
        ("7 s", None),
        ("", None),
        ("soon", None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("Wed, 21 Oct 2026 07:28:30 GMT", 30.0),
        ("Wed, 21 Oct 99999 07:28:30 GMT", None),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_read_by_the_portals_clock(
    status: int, header: str, seconds: float | None
) -> None:
    headers = {"Retry-After": header, "Date": "Wed, 21 Oct 2026 07:28:00 GMT"}
    assert error(status, headers=headers).retry_after == seconds


@given(text=st.text(st.characters(max_codepoint=0xFF, exclude_categories=["Cc"])))
def test_any_header_value_makes_a_valid_error(text: str) -> None:
    names = (b"Retry-After", b"Date", b"X-Sentry-ID")
    headers = httpx.Headers([(name, text.encode("latin-1")) for name in names])
    caught = error(429, headers=headers)
    assert caught.retry_after is None or caught.retry_after >= 0


@given(content=st.binary() | st.recursive(st.text() | st.none(), nested).map(msgspec.json.encode))
def test_any_body_makes_a_one_line_message(content: bytes) -> None:
    assert len(str(error(400, content)).splitlines()) == 1


def test_retry_after_falls_back_to_the_local_clock() -> None:
    caught = error(429, headers={"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"})
    assert isinstance(caught, RateLimitedError)
    assert caught.retry_after == 0


RAISED: list[DataGouvError] = [
    error(400, '{"message": "Invalid", "errors": {"title": ["required"]}}'),
    *(error(status, '{"message": "no"}') for status in (401, 403, 404, 410, 423, 500)),
    error(418, b"\xff\0"),
    error(429, headers={"Retry-After": "7"}),
    DecodeError("7", operation="get_dataset", path="$.owner", expected="an object", id="a"),
    errors.NotJSONError("a page", operation="get_dataset", expected="JSON"),
    errors.MissingFieldError("Dataset", "title", operation="get_dataset", is_masked=True),
    errors.NetworkError("refused", operation="get_site", method="GET", url=URL, is_sent=False),
    errors.RedirectError("too many", operation="get_site", method="GET", url=URL),
    errors.TimeoutError("timed out", operation="get_site", method="GET", url=URL),
    errors.UnreachableError("no such host", operation="get_site", method="GET", url=URL),
    errors.OrderError("list_datasets", "is not sorted by date as requested"),
    errors.UnknownOrderError("list_datasets", "cannot be sorted by 'created'", "harvest all"),
    errors.MaskError("no such field"),
    errors.TooManyResultsError("v2.search_datasets", 74_202, 10_000, "narrow it"),
    errors.MissingResultsError("v2.search_datasets", 12, 74_202, 3),
    errors.CheckpointError("it is damaged"),
    errors.DestinationError("it is a folder"),
    errors.StoreError("s3://bucket/a.jsonl: Access Denied"),
    errors.HarvestFileError("a.jsonl, row 3: Input data was truncated"),
    errors.IntegrityError("stops.csv", "sha1", "da39", "0beec"),
    errors.AddressError("file:///etc/passwd", "is not http or https"),
    errors.NoTableError("7c", "the crawler has not analysed it"),
    errors.DownloadError("https://files.example.org/stops.csv", 404),
    errors.TooLargeError("https://files.example.org/stops.csv", 1 << 30),
    errors.UploadError("5a", "7c", "its title could not be set"),
]

COPIES: dict[str, Callable[[Any], Any]] = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    **{
        f"pickle, protocol {number}": partial(
            lambda number, one: pickle.loads(pickle.dumps(one, number)), number
        )
        for number in range(pickle.HIGHEST_PROTOCOL + 1)
    },
}


def test_the_errors_tried_are_all_that_there_are() -> None:
    classes = {one for one in vars(errors).values() if isinstance(one, type)}
    assert {type(one) for one in RAISED} == {
        one for one in classes if issubclass(one, DataGouvError) and one is not DataGouvError
    }


@pytest.mark.parametrize("raised", RAISED, ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("how", COPIES)
def test_every_error_can_be_copied_and_pickled(how: str, raised: DataGouvError) -> None:
    noted = copy.copy(raised)
    noted.add_note("during the night")
    copied = COPIES[how](noted)
    assert type(copied) is type(raised)
    assert str(copied) == str(raised)
    assert repr(copied) == repr(raised)
    attributes = {k: v for k, v in vars(noted).items() if k != "response"}
    assert attributes.items() <= vars(copied).items()
    response: httpx.Response | None = getattr(raised, "response", None)
    other: httpx.Response | None = getattr(copied, "response", None)
    if response is not None:
        assert other is not None
        assert other.status_code == response.status_code
        assert other.content == response.content
        assert other.headers == response.headers


@pytest.mark.parametrize("how", COPIES)
def test_a_group_of_errors_can_be_copied_and_pickled(how: str) -> None:
    copied = COPIES[how](ExceptionGroup("two calls failed", RAISED))
    assert [str(one) for one in copied.exceptions] == [str(one) for one in RAISED]


def test_errors_of_calls_that_were_never_sent_say_so() -> None:
    for kind in (errors.MaskError, errors.CheckpointError, errors.DestinationError):
        assert kind("no").attempts == 0


def test_timeout_error_is_also_the_builtin_one() -> None:
    assert issubclass(errors.TimeoutError, TimeoutError)


def test_a_wait_is_rounded_to_tenths_of_a_second() -> None:
    error = RateLimitedError("not yet", status=429, retry_after=59.9993)
    assert "429 not yet, wait 60 s" in str(error)
    assert "wait 0.3 s" in str(RateLimitedError("not yet", status=429, retry_after=0.2502))
