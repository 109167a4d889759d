"""Fixtures: a portal of each release, clients of its users, and the prover."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack
from functools import cache

import httpx
import pytest
from packaging.version import Version

from aiodatagouv import OPERATIONS, Client, Operation

from ...clients import client_of
from ..portal import PINNED, RELEASES, Portal, running_portal, serves
from .differences import KNOWN, Difference

pytest.register_assert_rewrite(f"{__package__}.prover")

from .prover import Opener, PortalOf, Prover, Watched  # noqa: E402


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test on every release that its markers ``serving`` and ``since`` allow."""
    chosen = [mark.args[0] for mark in metafunc.definition.iter_markers("parametrize")]
    if "release" in metafunc.fixturenames and not any("release" in names for names in chosen):
        metafunc.parametrize("release", [*filter(is_for(metafunc.definition), RELEASES)])


def is_for(test: pytest.Item) -> Callable[[str], bool]:
    """Return a function that tells whether a test is for a release."""
    by_name = {one.name: one for one in OPERATIONS.values()}
    needed = [by_name[name] for mark in test.iter_markers("serving") for name in mark.args]
    oldest = [Version(mark.args[0]) for mark in test.iter_markers("since")]

    def is_for_release(release: str) -> bool:
        is_new = all(one <= Version(release) for one in oldest)
        return is_new and all(serves(release, one) for one in needed)

    return is_for_release


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out tests that are for none of the chosen releases, instead of skipping them."""
    for item in items:
        for known in KNOWN:
            if is_of(item, known):
                item.add_marker(pytest.mark.xfail(reason=known.reason, strict=True))
    nowhere = [item for item in items if is_for_no_release(item)]
    items[:] = [item for item in items if item not in nowhere]
    config.hook.pytest_deselected(items=nowhere)


def is_of(item: pytest.Item, known: Difference) -> bool:
    """Tell whether a test is one that is known to fail."""
    if not isinstance(item, pytest.Function) or item.originalname != known.test:
        return False
    if not hasattr(item, "callspec"):
        return False
    release = item.callspec.params.get("release")
    return release in known.releases and item.callspec.id in (release, f"{release}-{known.case}")


def is_for_no_release(item: pytest.Item) -> bool:
    if not hasattr(item, "callspec") or PINNED == RELEASES:
        return False
    return not isinstance(item.callspec.params.get("release", ""), str)


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

    def note_read(operation: Operation, fields: set[str]) -> None:
        record_property("read", [own_portal.release, operation.id, *sorted(fields)])

    def note_lacking(fields: set[str]) -> None:
        record_property("lacking", [own_portal.release, *sorted(fields)])

    return Prover(own_portal, seen, note, note_read, note_lacking)


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
