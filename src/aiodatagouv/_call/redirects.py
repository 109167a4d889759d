"""Redirects: the requests of one attempt, and whether a redirect of the portal is followed."""

from __future__ import annotations

from attrs import frozen

from .. import _http
from .._http import urls
from ..errors import RedirectError
from ..operation import Operation

MAX_REDIRECTS = 5

_STATUSES = frozenset({301, 302, 303, 307, 308})


@frozen
class Hop:
    """One request of an attempt: the first one, or one that follows a redirect.

    Attributes:
        url: Its URL.
        may_send_key: Whether the client has a key, and this and all before it go to the portal.
        is_home: Whether this one goes to the portal.
        number: How many requests of the attempt came before it.
        unrouted: The portal's answer that it has no such path, if this one is tried instead.
    """

    url: _http.URL
    may_send_key: bool
    is_home: bool = True
    number: int = 0
    unrouted: _http.Response | None = None


def is_redirect(response: _http.Response) -> bool:
    """Whether a response is a redirect with a target."""
    return response.status_code in _STATUSES and "Location" in response.headers


def next_url(
    operation: Operation, response: _http.Response, portal: _http.URL, hops: int
) -> _http.URL | None:
    """The URL to call next, or None if the response is the final one.

    Raises:
        RedirectError: The target is not a web address, or is http after https; a write must not be
            sent there again; or there were too many redirects.
    """
    if not is_redirect(response):
        return None
    wants_target = operation.kind == "redirect"
    # 308 is the portal tidying its own addresses (a slash, an old slug).
    if wants_target and response.status_code != 308:
        return None
    if hops >= MAX_REDIRECTS:
        raise refused(operation, response, portal, f"redirected more than {MAX_REDIRECTS} times")
    try:
        # A password in it would be sent along; the portal never sends one.
        url = _http.join(response.url, response.headers["Location"]).copy_with(userinfo=b"")
    except ValueError as error:
        raise refused(operation, response, portal, f"redirected to {error}") from None
    same_origin = urls.origin(url) == urls.origin(portal)
    if wants_target and not same_origin:
        return None
    where = urls.shown(url, portal)
    if url.scheme not in ("http", "https"):
        raise refused(operation, response, portal, f"redirected to {where}, which is not http(s)")
    if (response.url.scheme, url.scheme) == ("https", "http"):
        raise refused(operation, response, portal, f"redirected from https to {where}")
    if operation.method != "GET" and not (same_origin and response.status_code in (307, 308)):
        problem = (
            f"redirected to {where}: a write is only sent again to the portal itself, after a 307 "
            "or 308"
        )
        raise refused(operation, response, portal, problem)
    if not url.query and same_origin and urls.origin(response.url) == urls.origin(portal):
        # The portal's own redirects drop the query.
        url = url.copy_with(query=response.url.query or None)
    return url


def refused(
    operation: Operation, response: _http.Response, portal: _http.URL, problem: str
) -> RedirectError:
    """The error for a redirect that is not followed."""
    url = urls.shown(response.url, portal)
    return RedirectError(problem, operation=operation.name, method=operation.method, url=url)
