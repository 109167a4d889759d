"""URLs: parsed, joined and compared, and how errors show them."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from functools import lru_cache
from urllib.parse import urlencode

import httpx
from httpx import URL


def parse_url(text: str) -> URL:
    """Parse an absolute http(s) URL.

    Raises:
        ValueError: It is not one.
    """
    try:
        url = URL(text)
    except httpx.InvalidURL as error:
        raise ValueError(f"not a URL: {text!r} ({error})") from error
    # httpx escapes characters that no host has.
    if url.scheme not in ("http", "https") or not url.host or "%" in url.host:
        raise ValueError(f"not an http or https URL: {text!r}")
    return url


def join(url: URL, location: str) -> URL:
    """Resolve a reference, such as a ``Location`` header, against a URL.

    Raises:
        ValueError: The result is not a URL with a host.
    """
    try:
        target = url.join(location)
    except (httpx.InvalidURL, UnicodeError) as error:
        raise ValueError(f"not a URL: {location!r} ({error})") from error
    if not target.host:
        raise ValueError(f"not a URL with a host: {location!r}")
    return target


def endpoint(portal: URL, version: int, path: str, query: Sequence[tuple[str, str]]) -> URL:
    """The URL of a path of a portal's API, with a query.

    Raises:
        ValueError: It is too long.
    """
    text = f"{portal}api/{version}/{path}"
    return _parsed(f"{text}?{urlencode(query)}" if query else text)


@lru_cache(maxsize=256)
def _parsed(text: str) -> URL:
    """Parse a URL. It takes a while, and the same ones are often called again."""
    try:
        return URL(text)
    except httpx.InvalidURL as error:
        raise ValueError(f"not a URL: {text!r:.80} ({error})") from error


def origin(url: URL) -> tuple[str, str, int | None]:
    """Scheme, host and port."""
    return url.scheme, url.host, url.port or {"http": 80, "https": 443}.get(url.scheme)


def shown(url: URL, portal: URL) -> str:
    """A URL as errors show it: without the query at another host, which may be a signature."""
    return str(url if origin(url) == origin(portal) else url.copy_with(query=None, userinfo=b""))


def is_private(url: URL) -> bool:
    """Whether nobody can read the traffic: https, or this machine."""
    if url.scheme == "https" or url.host == "localhost":
        return True
    try:
        return ipaddress.ip_address(url.host).is_loopback
    except ValueError:
        return False
