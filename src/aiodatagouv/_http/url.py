"""URLs: parsed and joined, with a ValueError for each that is none."""

from __future__ import annotations

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
