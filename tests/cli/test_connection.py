"""The portal, the key, the rate and the log, which are options of every command."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import httpx
import pytest

from aiodatagouv import Client

from .running import Run, page

KEY = "a-key-that-must-not-be-shown"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--portal", "https://one.example", "--rate", "2", "get", "datasets"],
        ["get", "--portal", "https://one.example", "--rate", "2", "datasets"],
        ["get", "datasets", "--portal", "https://one.example", "--rate", "2"],
        ["--rate", "7", "get", "datasets", "--portal", "https://one.example", "--rate", "2"],
    ],
)
def test_options_are_accepted_before_and_after_the_command(
    run: Run, says: Any, clients: list[dict[str, Any]], arguments: Sequence[str]
) -> None:
    assert run(*arguments, portal=says(json=page())).status == 0
    assert clients[0]["base_url"] == "https://one.example"
    assert clients[0]["rate"] == 2


@pytest.mark.parametrize(
    ("given", "environment", "url"),
    [
        ([], None, "https://www.data.gouv.fr/"),
        ([], "demo", "https://demo.data.gouv.fr/"),
        (["--portal", "demo"], None, "https://demo.data.gouv.fr/"),
        ([], "https://env.example", "https://env.example/"),
        (["--portal", "production"], "https://env.example", "https://www.data.gouv.fr/"),
    ],
)
def test_the_portal_option_takes_precedence_over_the_environment(
    run: Run,
    says: Any,
    clients: list[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    given: Sequence[str],
    environment: str | None,
    url: str,
) -> None:
    if environment:
        monkeypatch.setenv("DATAGOUV_PORTAL", environment)
    assert run(*given, "get", "datasets", portal=says(json=page())).status == 0
    assert Client(base_url=clients[0]["base_url"]).base_url == url


@pytest.mark.parametrize(("text", "rate"), [("auto", "auto"), ("inf", float("inf")), ("0.5", 0.5)])
def test_rate_options_are_parsed(
    run: Run, says: Any, clients: list[dict[str, Any]], text: str, rate: float | str
) -> None:
    run("get", "datasets", "--rate", text, portal=says(json=page()))
    assert clients[0]["rate"] == rate


def test_the_rate_defaults_to_the_librarys(
    run: Run, says: Any, clients: list[dict[str, Any]]
) -> None:
    run("get", "datasets", portal=says(json=page()))
    assert "rate" not in clients[0]


def test_verbose_logs_each_request(run: Run, says: Any) -> None:
    quiet = run("get", "datasets", portal=says(json=page()))
    loud = run("-v", "get", "datasets", "-v", portal=says(json=page()))
    assert quiet.err == ""
    assert loud.err.startswith("list_datasets: 200, attempt 1")
    assert loud.err.count("\n") == 1
    assert loud.out == quiet.out
    # Verbosity ends with the command.
    assert run("get", "datasets", portal=says(json=page())).err == ""


def test_the_key_is_read_from_the_environment(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATAGOUV_API_KEY", KEY)
    keys: list[str] = []

    def portal(request: httpx.Request) -> httpx.Response:
        keys.append(request.headers["X-API-KEY"])
        return httpx.Response(401, json={"message": f"not {KEY}"})

    result = run("get", "me", "-vv", portal=portal)
    assert keys == [KEY]
    assert result.status == 1
    assert "401" in result.err
    assert KEY not in result.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["--api-key", KEY, "get", "datasets"],
        ["get", "datasets", f"--api-key={KEY}"],
        ["get", "datasets", "--api-key", KEY],
        ["get", "datasets", "--api_key"],
        ["harvest", "datasets", "--api-key", KEY],
        ["harvest", "dataset-followers", "--api-key", KEY],
        ["call", "create_reuse", "--api-key", KEY],
    ],
)
def test_a_key_on_the_command_line_is_refused(run: Run, arguments: Sequence[str]) -> None:
    status, out, err = run(*arguments)
    assert (status, out) == (2, "")
    assert "DATAGOUV_API_KEY" in err
    assert KEY not in err
    assert err.count("\n") == 1


def test_a_key_is_not_sent_unencrypted(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATAGOUV_API_KEY", KEY)
    status, _, err = run("get", "datasets", "--portal", "http://portal.example")
    assert status == 2
    assert err == (
        "Error: --portal: http://portal.example/: an API key is only sent over https or to this "
        "machine\n"
    )


def test_a_malformed_key_is_refused_without_showing_it(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATAGOUV_API_KEY", f"{KEY}\n{KEY}")
    status, _, err = run("get", "datasets")
    assert status == 2
    assert "the API key in DATAGOUV_API_KEY has a character that no key has" in err
    assert KEY not in err


def test_a_401_without_a_key_names_the_environment_variable(
    run: Run, says: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = says(401, json={"message": "wrong credentials"})
    status, _, err = run("get", "me", portal=refused)
    assert status == 1
    assert "401 wrong credentials" in err
    assert "no key was sent: set the environment variable DATAGOUV_API_KEY" in err
    monkeypatch.setenv("DATAGOUV_API_KEY", "a-key-of-mine")
    assert "no key was sent" not in run("get", "me", portal=refused).err
