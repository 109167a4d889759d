"""The pytest plugin: ``pytest_plugins = ["aiodatagouv.testing.plugin"]`` in ``conftest.py``.

It is no entry point: installing this package changes nothing in the tests of a project.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .network import network_refused
from .portal import FakePortal

MARKER = "datagouv_network"


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker of the tests that may call real portals."""
    config.addinivalue_line("markers", f"{MARKER}: the test may call real portals")


@pytest.fixture(autouse=True)
def datagouv_without_network(request: pytest.FixtureRequest) -> Iterator[None]:
    """Refuse the network to clients without a transport, unless the test is marked."""
    if request.node.get_closest_marker(MARKER) is not None:
        yield
        return
    with network_refused():
        yield


@pytest.fixture
def fake_portal() -> FakePortal:
    """An empty portal in memory."""
    return FakePortal()
