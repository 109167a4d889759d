"""The pytest plugin: ``pytest_plugins = ["aiodatagouv.testing.plugin"]`` in ``conftest.py``.

It is no entry point: installing this package changes nothing in the tests of a project.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, nullcontext

import pytest

from .. import _http
from .network import network_refused
from .portal import FakePortal

MARKER = "datagouv_network"


def pytest_configure(config: pytest.Config) -> None:
    """Refuse the network to clients without a transport, also those of fixtures of a session."""
    config.addinivalue_line("markers", f"{MARKER}: the test may call real portals")
    refused = ExitStack()
    refused.enter_context(network_refused())
    config.add_cleanup(refused.close)


@pytest.fixture(autouse=True)
def datagouv_network_if_marked(request: pytest.FixtureRequest) -> Iterator[None]:
    """Bring the network back in a test with the marker."""
    is_marked = request.node.get_closest_marker(MARKER) is not None
    with _http.replaced(None) if is_marked else nullcontext():
        yield


@pytest.fixture
def fake_portal() -> FakePortal:
    """An empty portal in memory."""
    return FakePortal()
