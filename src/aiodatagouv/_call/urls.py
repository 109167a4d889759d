"""URLs: their origin, and how errors show them."""

from __future__ import annotations

import ipaddress

from .. import _http


def origin(url: _http.URL) -> tuple[str, str, int | None]:
    """Scheme, host and port."""
    return url.scheme, url.host, url.port or {"http": 80, "https": 443}.get(url.scheme)


def shown(url: _http.URL, portal: _http.URL) -> str:
    """A URL as errors show it: without the query at another host, which may be a signature."""
    return str(url if origin(url) == origin(portal) else url.copy_with(query=None, userinfo=b""))


def is_private(url: _http.URL) -> bool:
    """Whether nobody can read the traffic: https, or this machine."""
    if url.scheme == "https" or url.host == "localhost":
        return True
    try:
        return ipaddress.ip_address(url.host).is_loopback
    except ValueError:
        return False
