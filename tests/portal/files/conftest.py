"""Fixtures: portals of each release for files that are sent and fetched."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from aiodatagouv import Client

from ...clients import client_of
from ..portal import RELEASES, Portal, running_portal


@pytest.fixture(scope="package", params=RELEASES)
def release(request: pytest.FixtureRequest) -> str:
    one: str = request.param
    return one


@pytest.fixture(scope="package")
def own_portal(release: str) -> Iterator[Portal]:
    """A portal that tests change."""
    with running_portal(datasets=20, release=release) as running:
        yield running


@pytest.fixture(scope="package")
def quiet_portal(release: str) -> Iterator[Portal]:
    """A portal that no test changes: its exports are as of its start."""
    with running_portal(datasets=30, release=release) as running:
        yield running


@pytest.fixture
async def client(own_portal: Portal) -> AsyncIterator[Client]:
    """A client with the administrator's API key."""
    async with client_of(own_portal.url, api_key=own_portal.api_key) as opened:
        yield opened


@pytest.fixture
async def reader(quiet_portal: Portal) -> AsyncIterator[Client]:
    """A client of the portal that does not change, without an API key."""
    async with client_of(quiet_portal.url, api_key="") as opened:
        yield opened
