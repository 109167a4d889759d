"""The portals that are known by name, and the one that is called by default."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from .._environment import PORTAL

if TYPE_CHECKING:
    from httpx import URL

PRODUCTION = "https://www.data.gouv.fr/"
"""data.gouv.fr."""

DEMO = "https://demo.data.gouv.fr/"
"""The demonstration portal, for trying writes."""

_API = re.compile(r"/api(/[12])?$")
"""The end of the root of an API."""

_BELOW = re.compile(r"/api/\d+(/|$)")
"""The mark of an address below the root of an API, which is not that of a portal."""


def portal_of(base_url: str | None, default: str | None = PRODUCTION) -> URL:
    """Find the root of a portal, with a slash at its end; below it are ``api/1/`` and ``api/2/``.

    Args:
        base_url: The root, or that of one of its APIs; ``production`` or ``demo``; the
            environment's portal when None.
        default: The portal when the environment names none; None if there is no such portal.

    Raises:
        TypeError: It is not text.
        ValueError: It is not the URL of a portal, or no portal is named.
    """
    from .addresses import impossible  # They load an HTTP library.
    from .urls import parse_url

    name = "base_url" if base_url is not None else PORTAL
    given = base_url if base_url is not None else os.environ.get(PORTAL) or default
    if given is None:
        raise ValueError("base_url: there is no default portal: give the URL of one")
    if not isinstance(given, str):
        raise TypeError(f"base_url is a {type(given).__name__}: it must be text")
    try:
        url = parse_url({"production": PRODUCTION, "demo": DEMO}.get(given, given))
    except ValueError as error:
        # Without what may be a password.
        hidden = str(error).replace(repr(given), repr(given.rpartition("@")[2]))
        raise ValueError(
            f"{name}: {hidden}: give the URL of a portal, or production or demo"
        ) from None
    if url.userinfo or url.query or url.fragment:
        raise ValueError(f"{name}: a portal's URL has no user, password, query or fragment")
    if problem := impossible(url):
        raise ValueError(f"{name}: {url} {problem}")
    path = _API.sub("", url.path.rstrip("/"))
    if _BELOW.search(path):
        raise ValueError(f"{name}: {url} is not the root of a portal, nor that of its API v1 or v2")
    return url.copy_with(path=f"{path}/")
