"""Where a redirect of the portal leads, and whether to go there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import _http, auth
from .errors import RedirectError

if TYPE_CHECKING:
    from .operation import Operation

MAX_REDIRECTS = 5


def is_redirect(response: _http.Response) -> bool:
    """Whether an answer says to go elsewhere."""
    return response.status_code in _http.REDIRECTS and "Location" in response.headers


def next_url(
    operation: Operation, response: _http.Response, portal: _http.URL, hops: int
) -> _http.URL | None:
    """Where to go next, or None when the answer is the one that was asked for.

    Args:
        operation: What was called.
        response: The answer.
        portal: The root of the portal's API.
        hops: How many redirects led here.

    Raises:
        RedirectError: To what is no address, with a write to where it must not be repeated, or once
            too often.
    """
    if not is_redirect(response):
        return None
    answers_address = operation.kind == "redirect"
    # 308 is the portal tidying its own addresses (a slash, an old slug).
    if answers_address and response.status_code != 308:
        return None
    if hops >= MAX_REDIRECTS:
        problem = f"redirected more than {MAX_REDIRECTS} times"
        raise refused(operation, response, portal, problem)
    try:
        # A password in it would be sent along; the portal gives none.
        url = _http.join(response.url, response.headers["Location"]).copy_with(userinfo=b"")
    except ValueError as error:
        raise refused(operation, response, portal, f"redirected to what is {error}") from None
    same_origin = auth.origin(url) == auth.origin(portal)
    if answers_address and not same_origin:
        return None
    if url.scheme not in ("http", "https"):
        problem = f"redirected to {auth.shown(url, portal)}, which is not on the web"
        raise refused(operation, response, portal, problem)
    if operation.method != "GET" and not (same_origin and response.status_code in (307, 308)):
        where = auth.shown(url, portal)
        problem = f"redirected to {where}, where a write is not repeated"
        raise refused(operation, response, portal, problem)
    if not url.query and same_origin:
        # The portal's own redirects drop the query.
        url = url.copy_with(query=response.url.query or None)
    return url


def refused(
    operation: Operation, response: _http.Response, portal: _http.URL, problem: str
) -> RedirectError:
    """The error for a redirect that is not followed."""
    url = auth.shown(response.url, portal)
    return RedirectError(problem, operation=operation.id, method=operation.method, url=url)
