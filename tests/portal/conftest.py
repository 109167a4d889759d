"""Fixtures: clients of the real portal, and portals of their own for modules."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from aiodatagouv import Client

from ..clients import client_of
from .portal import RELEASES, Portal, running_portal


@pytest.fixture(scope="module", params=RELEASES)
def own_portal(request: pytest.FixtureRequest) -> Iterator[Portal]:
    """A separate portal of each release, for modules whose tests change or break its datasets."""
    with running_portal(datasets=60, release=request.param) as running:
        yield running


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
