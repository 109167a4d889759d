"""Clients for tests: they neither wait for their turn nor call again, unless a test wants that."""

from __future__ import annotations

import math
from typing import Any

from aiodatagouv import Client


def client_of(url: str, **options: Any) -> Client:
    """A client of the portal at an address."""
    return Client(base_url=url, **{"retry": None, "rate": math.inf, **options})
