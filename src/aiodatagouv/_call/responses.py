"""Responses: success or failure, and the error for a failing status."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, cast

from .. import _http, errors
from .._limits.quota import retry_after
from .._missing import json_object
from ..errors import one_line, text_of
from ..operation import Operation
from .redirects import is_redirect


def is_success(operation: Operation, response: _http.Response) -> bool:
    """Whether a call has succeeded; a redirect counts only if the operation answers one."""
    is_answer = operation.kind == "redirect" and is_redirect(response)
    return response.is_success or is_answer


def error_of(operation: Operation, response: _http.Response, url: str) -> errors.APIError:
    """The error for a response with a failing status, its body read; ``url`` is shown in it."""
    status = response.status_code
    body = json_object(response.content)
    problems: Any = body.get("errors")
    # Proxies answer in HTML or not at all: then HTTP's own phrase says more than the body.
    message = text_of(body.get("message") or body.get("error") or "")
    if not one_line(message):
        message = _phrase(response)
    if problems and not isinstance(problems, dict):
        message = f"{message}: {text_of(problems)}"
    return errors.class_of(status)(
        message,
        errors=cast("dict[str, Any]", problems) if isinstance(problems, dict) else None,
        operation=operation.name,
        method=response.request.method,
        url=url,
        status=status,
        sentry_id=response.headers.get("X-Sentry-ID"),
        retry_after=retry_after(response.headers, datetime.now(UTC)),
        response=response,
    )


def _phrase(response: _http.Response) -> str:
    known = {one.value: one.phrase for one in HTTPStatus}
    return response.reason_phrase or known.get(response.status_code, "without a reason")
