"""Shared fixtures: the real portal, and clients of scripted portals."""

from __future__ import annotations

import gc
import random
import signal
from collections.abc import Callable, Iterator

import httpx
import pytest
from hypothesis import HealthCheck, settings

from aiodatagouv import Client
from aiodatagouv._environment import AUTHORITIES, KEY, PORTAL, PROXIES
from aiodatagouv._walk import stable
from aiodatagouv.bulk import describing, writer

from . import moving, versions
from .clients import client_of
from .portal.conformance import portals, table
from .portal.portal import PINNED, RELEASES, Portal, running_portal

# The same examples in every run, however slow the machine is.
settings.register_profile(
    "tests", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("tests")

# A background job of a shell ignores Ctrl-C, and so would the commands that the tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)

SLOW = {
    *("test_broken", "test_bulk", "test_client_package", "test_clocks", "test_columns"),
    *("test_dask", "test_diff", "test_diff_report", "test_diff_silence", "test_disks"),
    *("test_downloads_resumed", "test_flat_harvests", "test_generator", "test_harvest_diff"),
    *("test_hostile_answers", "test_hostile_swagger", "test_imports", "test_killed", "test_life"),
    *("test_merging", "test_ownership", "test_partitions", "test_parts", "test_previous"),
    *("test_propose", "test_regenerate", "test_releases", "test_restarts", "test_s3"),
    *("test_served", "test_stable", "test_stores", "test_swap", "test_sync", "test_sync_histories"),
    *("test_sync_kills", "test_tables", "test_unknown_orders", "test_uploads", "test_versions"),
}
"""The modules that generate code, kill processes or try many histories; `make check` omits them."""

Handler = Callable[[httpx.Request], httpx.Response]


@pytest.fixture(scope="session")
def portal() -> Iterator[Portal]:
    """A real udata portal with 60 datasets.

    The tests that use it share the xdist group of that name, so that one worker runs them all and
    only one portal is started.
    """
    with running_portal(datasets=60) as running:
        yield running


@pytest.fixture(autouse=True)
def _fixed_seed() -> None:
    """Seed the random generator, so that the delays of retries are the same in every run."""
    random.seed(0)


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove what the library reads from the environment: the key, the portal, the proxy."""
    for name in (KEY, PORTAL, *AUTHORITIES, *PROXIES, "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(params=versions.VERSIONS, ids=lambda one: f"v{one}")
def version(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Run a test with each version of the API; see `versions`."""
    one: int = request.param
    monkeypatch.setattr(versions, "current", one)
    return one


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten stretches and commits, so that some tens of items already make a long list."""
    monkeypatch.setattr(stable, "STRETCH", 28)
    monkeypatch.setattr(stable, "WINDOW", 3)
    monkeypatch.setattr(writer, "COMMIT", 2)


@pytest.fixture
def same_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let all harvests say that they began at the same time, so that they write the same bytes."""
    monkeypatch.setattr(describing, "began_of", lambda _: moving.START)


@pytest.fixture
def scripted() -> Callable[..., Client]:
    """Make clients of a scripted portal, for behaviour that a real one never shows."""

    def make(handler: Handler, **options: object) -> Client:
        return client_of(
            "https://portal.example/", transport=httpx.MockTransport(handler), **options
        )

    return make


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--operations",
        choices=["check", "write"],
        help="check or write docs/operations.md from a run of all conformance tests",
    )
    parser.addoption(
        "--portals",
        choices=["check", "write"],
        help="check or write docs/portals.md from a run over all releases of udata",
    )


def pytest_collection_finish() -> None:
    """Exempt what is loaded by now from garbage collection: it stays until the end."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(tryfirst=True)  # Runs before xdist reads the groups.
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put every test of a real portal into the xdist group of its release.

    One worker runs all tests of a group. The tests of the shared portal form a third group, and a
    test may also name its own.
    """
    for item in items:
        if item.path.stem in SLOW:
            item.add_marker(pytest.mark.slow)
        if item.get_closest_marker("xdist_group"):
            continue
        parameters = item.callspec.params if hasattr(item, "callspec") else {}
        release = parameters.get("release", parameters.get("own_portal"))
        if release is not None:
            item.add_marker(pytest.mark.xdist_group(str(release)))
        elif {"portal", "own_portal", "locked_portal"} & {*getattr(item, "fixturenames", ())}:
            item.add_marker(pytest.mark.xdist_group("portal"))


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    table.session_end(session)
    portals.session_end(session)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how many operations were proven against real portals."""
    passed = terminalreporter.getreports("passed")
    properties = [one for report in passed for one in report.user_properties]
    masked = {value for name, value in properties if name == "masked"}
    if masked:
        terminalreporter.write_line(f"{len(masked)} operations masked by every path of their model")
    proven = table.proofs(passed)
    is_of_pins = RELEASES == PINNED
    read = table.fields_read(passed)
    for line in table.figures(proven, read) if proven and is_of_pins else []:
        terminalreporter.write_line(line)
