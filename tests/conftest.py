"""What tests share: the real portal, and clients of scripted ones."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import httpx
import pytest
from hypothesis import settings

from aiodatagouv import Client
from aiodatagouv._walk import stable
from aiodatagouv.bulk import writer

from .clients import client_of
from .portal.conformance import table
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
    """Keep the environment of whoever runs the tests out of them."""
    monkeypatch.delenv("DATAGOUV_API_KEY", raising=False)
    monkeypatch.delenv("DATAGOUV_PORTAL", raising=False)


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a list be long that has some tens of items."""
    monkeypatch.setattr(stable, "STRETCH", 28)
    monkeypatch.setattr(stable, "WINDOW", 3)
    monkeypatch.setattr(writer, "COMMIT", 2)


@pytest.fixture
def scripted() -> Callable[..., Client]:
    """Make a client of a portal that answers as a function says: for what a real one never does."""

    def make(handler: Handler, **options: object) -> Client:
        return client_of(
            "https://portal.example/", transport=httpx.MockTransport(handler), **options
        )

    return make


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--operations",
        choices=["check", "write"],
        help="whether docs/operations.md says what this run proves; a run of all conformance tests",
    )


@pytest.hookimpl(tryfirst=True)  # Before the groups are read.
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put every test of a real portal into one group, which is one worker's: that of its release.

    The portal of the other tests is a third group; a test may also name its own.
    """
    for item in items:
        if item.get_closest_marker("xdist_group"):
            continue
        parameters = item.callspec.params if hasattr(item, "callspec") else {}
        if "release" in parameters:
            item.add_marker(pytest.mark.xdist_group(str(parameters["release"])))
        elif {"portal", "own_portal"} & {*getattr(item, "fixturenames", ())}:
            item.add_marker(pytest.mark.xdist_group("portal"))


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    table.session_end(session)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how much the real portals have proven."""
    passed = terminalreporter.getreports("passed")
    properties = [one for report in passed for one in report.user_properties]
    masked = {value for name, value in properties if name == "masked"}
    if masked:
        terminalreporter.write_line(f"{len(masked)} operations masked by every path of their model")
    proven = table.proofs(passed)
    for line in table.figures(proven) if proven else []:
        terminalreporter.write_line(line)
