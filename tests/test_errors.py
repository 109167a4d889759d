"""Errors say in one line what happened, and travel between processes."""

from __future__ import annotations

import pickle

import httpx
import pytest

from aiodatagouv import OPERATIONS, APIError, DataGouvError, DecodeError, RateLimitedError, errors

CREATE = OPERATIONS["create_reuse"]
URL = "https://portal.example/api/1/reuses/"


def error(
    status: int, content: bytes | str = b"", headers: dict[str, str] | None = None
) -> APIError:
    request = httpx.Request("POST", URL)
    response = httpx.Response(status, content=content, headers=headers, request=request)
    return errors.from_response(CREATE, response)


@pytest.mark.parametrize(
    ("status", "body", "text"),
    [
        (403, '{"message": "Not yours"}', "403 Not yours (POST URL)"),
        (
            400,
            '{"errors": {"title": ["required"]}}',
            "400 Bad Request (POST URL) title: ['required']",
        ),
        (
            400,
            '{"message": "Invalid", "errors": {"title": ["required"], "url": ["bad"]}}',
            "400 Invalid (POST URL) title: ['required']; url: ['bad']",
        ),
        (
            415,
            '{"success": false, "error": "Unsupported", "message": "No .exe"}',
            "415 No .exe (POST URL)",
        ),
        (404, '{"error": "Not found", "status": 404}', "404 Not found (POST URL)"),
        (502, "<html><h1>Bad gateway</h1></html>", "502 Bad Gateway (POST URL)"),
        (429, "", "429 Too Many Requests (POST URL)"),
        (500, "[1, 2]", "500 Internal Server Error (POST URL)"),
    ],
)
def test_every_shape_of_body_makes_one_line(status: int, body: str, text: str) -> None:
    assert str(error(status, body)) == "create_reuse: " + text.replace("URL", URL)


def test_the_fields_that_are_wrong_can_be_read() -> None:
    caught = error(400, '{"errors": {"title": ["required"]}}')
    assert caught.errors == {"title": ["required"]}
    assert (caught.operation, caught.method, caught.url) == ("create_reuse", "POST", URL)


def test_support_wants_the_sentry_id() -> None:
    caught = error(500, headers={"X-Sentry-ID": "abc123"})
    assert caught.sentry_id == "abc123"
    assert str(caught).endswith("[X-Sentry-ID abc123]")


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7.0), ("", None), ("soon", None), ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0)],
)
def test_how_long_to_wait(header: str, seconds: float | None) -> None:
    caught = error(429, headers={"Retry-After": header})
    assert isinstance(caught, RateLimitedError)
    assert caught.retry_after == seconds


@pytest.mark.parametrize(
    "raised",
    [
        error(400, '{"message": "Invalid", "errors": {"title": ["required"]}}'),
        error(429, headers={"Retry-After": "7"}),
        DecodeError("7", operation="get_dataset", path="$.owner", expected="an object"),
        errors.NetworkError("GET https://portal.example: refused"),
        errors.TimeoutError("GET https://portal.example: timed out"),
        errors.MaskError("no such field"),
    ],
    ids=lambda one: type(one).__name__,
)
def test_every_error_pickles(raised: DataGouvError) -> None:
    copied = pickle.loads(pickle.dumps(raised))
    assert type(copied) is type(raised)
    assert str(copied) == str(raised)
    attributes = {k: v for k, v in vars(raised).items() if k != "response"}
    assert attributes.items() <= vars(copied).items()


def test_timeouts_are_pythons_too() -> None:
    assert issubclass(errors.TimeoutError, TimeoutError)
