"""Fixtures: a portal of each release, clients of its users, and the prover."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack
from functools import cache

import httpx
import pytest

from aiodatagouv import Client, Operation

from ...clients import client_of
from ..portal import RELEASES, Portal, running_portal

pytest.register_assert_rewrite(f"{__package__}.prover")

from .prover import Opener, PortalOf, Prover, Watched  # noqa: E402


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test on every release, or on those in its ``releases`` marker."""
    chosen = [mark.args[0] for mark in metafunc.definition.iter_markers("parametrize")]
    if "release" in metafunc.fixturenames and not any("release" in names for names in chosen):
        marker = metafunc.definition.get_closest_marker("releases")
        metafunc.parametrize("release", marker.args if marker else RELEASES)


@pytest.fixture(scope="session")
def portal_of() -> Iterator[PortalOf]:
    """Portals by release and purpose, shared by all tests of a worker, which may write to them."""
    with ExitStack() as running:

        @cache
        def portal(release: str, purpose: str = "") -> Portal:
            return running.enter_context(running_portal(60, release=release))

        yield portal


@pytest.fixture
def own_portal(release: str, portal_of: PortalOf) -> Portal:
    """The portal of the test's release."""
    return portal_of(release)


@pytest.fixture
def seen() -> list[httpx.Response]:
    """The responses of the portal in this test."""
    return []


@pytest.fixture
def prove(
    own_portal: Portal, seen: list[httpx.Response], record_property: Callable[[str, object], None]
) -> Prover:
    """The prover, which records the proven operations in the test report."""

    def note(operation: Operation, how: str) -> None:
        record_property("proven", [own_portal.release, operation.id, how])

    return Prover(own_portal, seen, note, lambda fields: record_property("read", sorted(fields)))


@pytest.fixture
async def opened(own_portal: Portal, seen: list[httpx.Response]) -> AsyncIterator[Opener]:
    """A function that opens a client with an API key until the end of the test."""
    async with AsyncExitStack() as clients:

        async def client_with(api_key: str) -> Client:
            transport = Watched(own_portal, seen)
            client = client_of(own_portal.url, api_key=api_key, transport=transport)
            return await clients.enter_async_context(client)

        yield client_with


@pytest.fixture
async def admin(own_portal: Portal, opened: Opener) -> Client:
    """A client of the administrator, who also administers the first two organizations."""
    return await opened(own_portal.api_key)


@pytest.fixture
async def user(own_portal: Portal, opened: Opener) -> Client:
    """A client of an ordinary user, who is an editor of the first organization."""
    return await opened(own_portal.user_api_key)


@pytest.fixture
async def other(own_portal: Portal, opened: Opener) -> Client:
    """A client of another ordinary user."""
    return await opened(own_portal.other_api_key)


@pytest.fixture
async def visitor(opened: Opener) -> Client:
    """A client without an API key."""
    return await opened("")
