"""Fixtures: clients of the real portal."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from aiodatagouv import Client

from ..clients import client_of
from .portal import Portal


@pytest.fixture
async def admin(portal: Portal) -> AsyncIterator[Client]:
    """A client with the administrator's API key."""
    async with client_of(portal.url, api_key=portal.api_key) as client:
        yield client


@pytest.fixture
async def visitor(portal: Portal) -> AsyncIterator[Client]:
    """A client without an API key."""
    async with client_of(portal.url, api_key="") as client:
        yield client
