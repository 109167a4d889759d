"""Clients for tests, which by default have no rate limit and do not retry."""

from __future__ import annotations

import math
from typing import Any

from aiodatagouv import Client


def client_of(url: str, **options: Any) -> Client:
    """Create a client of the portal at a URL."""
    return Client(base_url=url, **{"retry": None, "rate": math.inf, **options})
