"""The requests that a portal in memory has received, as tests look at them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from .. import _http
from .._fields import mask as masks
from ..operation import Operation


@frozen
class RecordedRequest:
    """A request that a portal in memory has received.

    Attributes:
        operation: The name of the operation, None for any other URL.
        method: The HTTP method.
        url: The URL, without the query.
        parameters: The parameters in the path.
        query: The query parameters, each with its values.
        fields: The mask, as it was sent; None for whole answers.
        body: The body as JSON, None if it is not JSON.
        content: The body as it was sent, which the repr leaves out.
        has_key: Whether an API key was sent. The key itself is not recorded.
    """

    operation: str | None
    method: str
    url: str
    parameters: Mapping[str, str]
    query: Mapping[str, list[str]]
    fields: str | None
    body: Any
    content: bytes = field(repr=False)
    has_key: bool


def recorded_of(
    request: _http.Request, found: tuple[Operation, dict[str, str]] | None
) -> RecordedRequest:
    """Record a request, whose operation and parameters in the path have been found."""
    operation, parameters = found or (None, {})
    query: dict[str, list[str]] = {}
    for name, value in request.url.params.multi_items():
        query.setdefault(name, []).append(value)
    is_json = "json" in request.headers.get("Content-Type", "")
    return RecordedRequest(
        operation=operation.name if operation else None,
        method=request.method,
        url=str(request.url.copy_with(query=None, userinfo=b"")),
        parameters=parameters,
        query=query,
        fields=request.headers.get(masks.HEADER),
        body=_json(request.content) if is_json else None,
        content=request.content,
        has_key="X-API-KEY" in request.headers,
    )


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:  # The field says that there is none.
        return None
