"""The command line with a function as the portal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from aiodatagouv import Client
from aiodatagouv.cli import main

from .running import Handler, Result, Run


@pytest.fixture
def run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Result]:
    """Run the command line in this process, with a function as the portal."""
    monkeypatch.delenv("DATAGOUV_PORTAL", raising=False)

    def refuse(request: httpx.Request) -> httpx.Response:
        raise AssertionError(f"{request.url} was called")

    def run(*arguments: str, portal: Handler = refuse) -> Result:
        transport = httpx.MockTransport(portal)
        monkeypatch.setattr("aiodatagouv._http.transport.default_transport", lambda *_: transport)
        status = main(arguments)
        return Result(status, *capsys.readouterr())

    return run


@pytest.fixture
def requests() -> list[httpx.Request]:
    return []


@pytest.fixture
def says(requests: list[httpx.Request]) -> Callable[..., Handler]:
    """Make a portal that adds each request to ``requests`` and always gives the same answer."""

    def says(*arguments: Any, **options: Any) -> Handler:
        def portal(request: httpx.Request) -> httpx.Response:
            requests.append(request)
            return httpx.Response(*arguments or [200], **options)

        return portal

    return says


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Record the options of every client that is created."""
    made: list[dict[str, Any]] = []
    true = Client.__init__

    def init(self: Client, **options: Any) -> None:
        made.append(options)
        true(self, **options)

    monkeypatch.setattr(Client, "__init__", init)
    return made


@pytest.fixture
def complete(run: Run, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[str]]:
    """Ask, as a shell does, for the words that may end a command."""

    def complete(words: str) -> list[str]:
        monkeypatch.setenv("_AIODATAGOUV_COMPLETE", "bash_complete")
        monkeypatch.setenv("COMP_WORDS", f"aiodatagouv {words}")
        monkeypatch.setenv("COMP_CWORD", str(len(words.split(" "))))
        result = run()
        assert (result.status, result.err) == (0, "")
        return [line.partition(",")[2] for line in result.out.splitlines()]

    return complete
