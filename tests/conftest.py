"""What tests share: the real portal, and clients of scripted ones."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import httpx
import pytest
from hypothesis import settings

from aiodatagouv import Client

from .clients import client_of
from .portal.portal import Portal, running_portal

# The same examples each time, however slow the machine is.
settings.register_profile("tests", deadline=None, derandomize=True)
settings.load_profile("tests")

Handler = Callable[[httpx.Request], httpx.Response]


@pytest.fixture(scope="session")
def portal() -> Iterator[Portal]:
    """A real udata portal with 60 datasets.

    Tests that use it are in the group of that name, so that one worker runs them all and there is
    one portal.
    """
    with running_portal(datasets=60) as running:
        yield running


@pytest.fixture(autouse=True)
def _same_chances() -> None:
    """Let what is left to chance, such as the time of another attempt, be the same each time."""
    random.seed(0)


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep a key of whoever runs the tests out of them."""
    monkeypatch.delenv("DATAGOUV_API_KEY", raising=False)


@pytest.fixture
def scripted() -> Callable[..., Client]:
    """Make a client of a portal that answers as a function says: for what a real one never does."""

    def make(handler: Handler, **options: object) -> Client:
        return client_of(
            "https://portal.example/", transport=httpx.MockTransport(handler), **options
        )

    return make


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put every test of the real portal into one group."""
    for item in items:
        if {"portal", "own_portal"} & {*getattr(item, "fixturenames", ())}:
            item.add_marker(pytest.mark.xdist_group("portal"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how much the real portal has proven."""
    proven: dict[str, set[str]] = {}
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            if name.startswith("proven "):
                proven.setdefault(name.removeprefix("proven "), set()).add(str(value))
    for name, values in sorted(proven.items()):
        terminalreporter.write_line(f"{len(values)} operations proven by the portal: {name}")
