"""The command line, run against scripted portals and servers."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import inspect
import io
import json
import os
import pty
import random
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, get_args, get_type_hints

import click
import httpx
import pytest
from attrs import evolve

from aiodatagouv import (
    OPERATIONS,
    APIError,
    Client,
    MaskError,
    NetworkError,
    Retry,
    RetryPolicy,
    ServerError,
    StoreError,
    bulk,
)
from aiodatagouv._meter import Meter
from aiodatagouv.bulk.writer import KEPT
from aiodatagouv.cli import main, operations
from aiodatagouv.cli.parameters import KnownValues, to_click
from aiodatagouv.cli.progress import Waiting
from aiodatagouv.operation import Parameter
from aiodatagouv.version import __version__

from . import answers, clock
from .servers import OK, server
from .servers import says as says_bytes

Handler = Callable[[httpx.Request], httpx.Response]

KEY = "a-key-that-must-not-be-shown"

VELOS = {"id": "1", "slug": "velos", "title": "Vélos"}
HARVESTED = bulk.Report(operation="list_datasets", items=3, total=3, pages=1, requests=2, bytes=900)
REUSE = {
    "title": "Carte",
    "description": "Des pistes.",
    "type": "visualization",
    "url": "https://x",
}


def page(*items: object, **more: object) -> dict[str, object]:
    ends = {"next_page": None, "previous_page": None}
    return {"data": [*items], "page": 1, "page_size": 100, "total": len(items), **ends, **more}


class Result(NamedTuple):
    status: int
    out: str
    err: str


Run = Callable[..., Result]


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


def lines(result: Result) -> list[Any]:
    return [json.loads(line) for line in result.out.splitlines()]


# ---- Commands and their parameters


@pytest.mark.parametrize("tag", sorted({one.tag for one in OPERATIONS.values()}))
def test_commands_take_the_parameters_of_their_functions(tag: str) -> None:
    for operation in OPERATIONS.values():
        if operation.tag != tag:
            continue
        parameters = {
            name: one
            for name, one in inspect.signature(operation.function).parameters.items()
            if name not in ("client", "fields", "into")
        }
        read = {one.name: one for one in operation.parameters}
        assert [*read] == [*parameters]
        hints = get_type_hints(operation.function)
        for name, parameter in parameters.items():
            assert (read[name].place == "path") == (
                parameter.kind is parameter.POSITIONAL_OR_KEYWORD
            )
            assert read[name].required == (parameter.default is parameter.empty)
            if name != "body":
                values = operation.known_values(read[name].type.removeprefix("Sequence["))
                assert not values or values == get_args(get_args(hints[name])[0])
                type_ = to_click(read[name], operation).type
                assert not isinstance(type_, KnownValues) or type_.values


def test_every_command_shows_its_help(run: Run) -> None:
    for name, operation in operations.Package().by_name.items():
        status, out, err = run("call", name, "--help")
        assert (status, err) == (0, "")
        assert operation.summary.split()[0] in out
        assert operations.address(operation) in " ".join(out.split())
        words = "".join(out.split()).replace("-", "")
        for one in operation.parameters:
            if one.place != "body":
                assert "".join(one.description.split()).replace("-", "") in words
        assert "``" not in out
        assert ".. deprecated" not in out


def test_help_separates_path_parameters_from_options(run: Run) -> None:
    path, _, others = run("call", "delete_dataset", "--help").out.partition("Parameters of the")
    assert "Arguments:\n  DATASET  The dataset ID or slug.\n" in path
    assert "--send-legal-notice / --no-send-legal-notice" in others
    assert "DATASET" not in others
    assert "no longer serve it; 14.13.0 does." in run("harvest", "pages", "--help").out


def test_every_list_can_be_harvested_by_a_short_name(run: Run) -> None:
    names = operations.Package().lists
    assert len(names) == 38
    assert {one.kind for one in names.values()} == {"page"}
    assert names["datasets"].id == "list_datasets"
    assert names["organization-contact-points"].id == "get_organization_contact_point"
    assert names["activities"].id == "activity"
    assert names["v2.datasets"].id == "v2.list_datasets"
    assert names["v2.topic-elements"].id == "v2.topic_elements"
    out = run("harvest", "--help").out
    assert all(f"  {name} " in out for name in names)


def test_groups_of_the_second_version_of_the_api_follow_those_of_the_first(run: Run) -> None:
    out = run("call", "--help").out
    titles = re.findall(r"^(\w.*):$", out.partition("\nAccess type:")[2], re.M)
    second = [title for title in titles if title.endswith(" (v2)")]
    assert "Topics (v2)" in second
    assert titles[-len(second) :] == second == sorted(second)


@pytest.mark.parametrize("version", ["", "v2."])
@pytest.mark.parametrize("name", ["datasets", "list_datasets", "list-datasets"])
def test_a_list_accepts_its_short_and_full_names(run: Run, version: str, name: str) -> None:
    result = run("harvest", f"{version}{name}", "--help")
    assert result.out.startswith(f"Usage: aiodatagouv harvest {version}datasets ")


@pytest.mark.parametrize("name", ["v2.topics", "v2.list_topics", "v2.get_topics_api"])
def test_help_shows_the_version_in_the_path(run: Run, name: str) -> None:
    assert "\n  GET /api/2/topics/\n" in run("get", name, "--help").out
    assert "\n  GET /reuses/topics/\n" in run("get", "reuse_topics", "--help").out


@pytest.mark.parametrize("name", ["get_dataset", "get-dataset", "dataset", "v2.dataset"])
def test_an_operation_accepts_several_spellings_of_its_name(run: Run, says: Any, name: str) -> None:
    assert lines(run("get", name, "velos", portal=says(json=VELOS))) == [VELOS]


@pytest.mark.parametrize(
    "name", ["list_reuse_topics", "list-reuse-topics", "reuse_topics", "reuse-topics"]
)
def test_an_operation_accepts_its_api_id(run: Run, name: str) -> None:
    for command in ("get", "call"):
        result = run(command, name, "--help")
        assert result.out.startswith(f"Usage: aiodatagouv {command} list_reuse_topics ")


@pytest.mark.parametrize("name", ["activities", "list_activities", "activity"])
def test_a_list_accepts_its_api_id(run: Run, name: str) -> None:
    assert run("harvest", name, "--help").out.startswith("Usage: aiodatagouv harvest activities ")


def test_a_parameter_without_a_description_is_still_listed(run: Run) -> None:
    assert "  --license TEXT\n" in run("get", "list_datasets", "--help").out
    out = run("get", "get_harvest_job", "--help").out
    assert out.startswith("Usage: aiodatagouv get get_harvest_job [OPTIONS] JOB\n")
    assert "Arguments:" not in out


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["harvest", "dataset"], "'dataset'. Did you mean datasets"),
        (["harvest", "dattasets"], "Did you mean datasets"),
        (["harvest", "orgs"], "'orgs'. Did you mean organizations, organization-datasets"),
        (["harvest", "topics"], "Did you mean v2.topics?"),
        (["harvest", "v2-datasets"], "Did you mean v2.datasets"),
        (["harvest", "v2.topic"], "Did you mean v2.topics"),
        (["harvest", "v2.create_topic"], "try 'aiodatagouv call v2.create_topic'"),
        (["get", "v2.user"], "No such command 'v2.user'."),
        (
            ["harvest", "get_dataset"],
            "get_dataset is not a list: try 'aiodatagouv get get_dataset'",
        ),
        (["harvest", "reuse_image"], "try 'aiodatagouv call upload_reuse_image'"),
        (["harvest", "create_reuse"], "try 'aiodatagouv call create_reuse'"),
        (["get", "create-reuse"], "create_reuse is a POST: try 'aiodatagouv call create_reuse'"),
        (["get", "get_datset"], "Did you mean get_dataset"),
        (["call", "create_resue", "--body", "{}"], "Did you mean create_reuse"),
        (["call", "xxxxxxxxxxxxx"], "No such command 'xxxxxxxxxxxxx'."),
        (["datasets"], "No such command 'datasets': try 'aiodatagouv harvest datasets'."),
        (["dataset", "velos"], "'dataset': try 'aiodatagouv get dataset'."),
        (["create-reuse"], "'create-reuse': try 'aiodatagouv call create-reuse'."),
        (["havest", "datasets"], "No such command 'havest'."),  # Newer Clicks add a hint.
    ],
)
def test_an_unknown_name_is_an_error_with_a_hint(
    run: Run, arguments: Sequence[str], hint: str
) -> None:
    status, out, err = run(*arguments)
    assert (status, out) == (2, "")
    assert hint in err
    assert err.startswith("Error: ")
    assert err.count("\n") == 1


# ---- Options


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["harvest", "-o", "a.jsonl"], "The options of LIST come after it."),
        (["get", "--field", "id", "dataset"], "The options of OPERATION come after it."),
        (["--tag", "velo", "harvest", "datasets"], "The options of COMMAND come after it."),
    ],
)
def test_an_option_too_early_is_an_error_that_says_so(
    run: Run, arguments: Sequence[str], expected: str
) -> None:
    status, _, err = run(*arguments)
    assert status == 2
    assert expected in err


def test_filters_of_every_kind_are_sent(run: Run, says: Any, requests: list[httpx.Request]) -> None:
    arguments = ["--tag", "eau", "--tag", "velo", "--featured", "--page-size", "7", "--q", "pistes"]
    result = run("get", "list_datasets", *arguments, portal=says(json=page(VELOS)))
    assert result.status == 0
    assert str(requests[0].url.query, "ascii") == (
        "featured=true&page_size=7&q=pistes&tag=eau&tag=velo"
    )


def test_a_boolean_option_may_be_false_or_omitted(
    run: Run, says: Any, requests: list[httpx.Request]
) -> None:
    run("get", "list_datasets", "--no-featured", portal=says(json=page()))
    run("get", "list_datasets", portal=says(json=page()))
    assert [dict(one.url.params) for one in requests] == [{"featured": "false"}, {}]


@pytest.mark.parametrize("command", ["get", "harvest"])
def test_an_option_may_be_sent_as_a_header(
    run: Run, says: Any, requests: list[httpx.Request], command: str
) -> None:
    for option in ([], ["--no-full-objects"], ["--full-objects"]):
        answer = says(json=page({"id": "1", "license": {"id": "lov2"}}))
        assert run(command, "v2.datasets", *option, portal=answer).status == 0
    headers = [one.headers.get("X-Get-Datasets-Full-Objects") for one in requests]
    assert [*dict.fromkeys(headers)] == [None, "True"]
    assert {one.url.path for one in requests} == {"/api/2/datasets/"}
    assert "full_objects" not in str([one.url for one in requests])


def test_option_names_follow_the_api(run: Run, says: Any, requests: list[httpx.Request]) -> None:
    run("get", "list_discussions", "--for", "abc", portal=says(json=page()))
    run("get", "list_discussions", "--page_size", "3", portal=says(json=page()))
    catalog = says(text="<rdf/>", headers={"Content-Type": "application/rdf+xml"})
    run("get", "get_site_catalog", "xml", "--format", "csv", portal=catalog)
    assert [dict(one.url.params) for one in requests] == [
        {"for": "abc"},
        {"page_size": "3"},
        {"format": "csv"},
    ]
    assert requests[2].url.path == "/api/1/site/catalog.xml"


def test_unknown_values_are_accepted(run: Run, says: Any, requests: list[httpx.Request]) -> None:
    out = run("get", "list_datasets", "--help").out
    assert "-created, -followers" in out
    run("get", "list_datasets", "--sort", "by-magic", portal=says(json=page()))
    assert requests[0].url.params["sort"] == "by-magic"


@pytest.mark.parametrize("tag", sorted({one.tag for one in OPERATIONS.values()}))
def test_every_id_in_a_path_is_text(tag: str) -> None:
    for operation in OPERATIONS.values():
        for one in operation.parameters:
            if operation.tag == tag and one.type == "Id":
                assert to_click(one, operation).type is click.STRING


def test_a_constant_that_json_lacks_is_refused(run: Run) -> None:
    status, _, err = run("call", "update_reuse", "x", "--body", '{"extras": {"a": NaN}}')
    assert status == 2
    assert "it is not JSON: NaN is not a value of JSON" in err


def test_date_options_are_parsed() -> None:
    day = Parameter("day", "query", "dt.date", description="A day.")
    option = to_click(day, OPERATIONS["list_datasets"])
    assert option.type.convert("2026-11-24", option, None) == dt.date(2026, 11, 24)
    with pytest.raises(click.UsageError, match="'24/11/2026' is not a date: write 2026-11-24"):
        option.type.convert("24/11/2026", option, None)


@pytest.mark.parametrize(
    ("fields", "mask"),
    [
        (["id,organization{name}"], "id,organization{name}"),
        (["id, organization.name"], "id,organization{name}"),
        (["title"], "title"),
        (["id", "organization.name"], "id,organization{name}"),
        (["organization.name,organization", "id"], "organization,id"),
        (["id", "organization{slug,name}"], "id,organization{slug,name}"),
        (["title", "*"], "title,*"),
        (["organization.name", "owner{slug}"], "organization{name},owner{slug}"),
    ],
)  # fmt: skip
def test_fields_are_given_as_masks_or_dotted_paths(
    run: Run, says: Any, requests: list[httpx.Request], fields: Sequence[str], mask: str
) -> None:
    options = [one for field in fields for one in ("--fields", field)]
    assert run("get", "dataset", "velos", *options, portal=says(json=VELOS)).status == 0
    assert requests[0].headers["X-Fields"] == mask


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["get", "dataset", "velos", "--fields", "titel"], "titel is not a field of Dataset"),
        (["get", "dataset", ""], "the path parameter dataset is ''"),
        (
            ["get", "dataset"],
            "Missing argument 'DATASET'. Try 'aiodatagouv get get_dataset --help'.",
        ),
        (["get", "suggest_datasets"], "Missing option '--q'"),
        (["get", "get_avatar", "abc", "large"], "'large' is not a valid integer"),
        (["get", "datasets", "--page-size", "many"], "'many' is not a valid integer"),
        (["get", "datasets", "--rate", "0"], "'0' is not a rate"),
        (["get", "datasets", "--rate", "fast"], "'fast' is not a rate"),
        (["get", "datasets", "--portal", "www.data.gouv.fr"], "not an http or https URL"),
        (["get", "datasets", "--nonsense"], "--nonsense"),
        (["harvest", "datasets", "--concurrency", "0"], "0 is not in the range"),
        (["harvest", "datasets", "--since", "monday", "-o", "x"], "'monday' is not a date"),
        (["harvest", "datasets", "--since", "last"], "--since needs a file"),
        (["harvest", "datasets", "--since", "last", "--fresh", "-o", "x.jsonl"], "--fresh"),
        (["harvest", "datasets", "--strict"], "--strict is about --since last"),
        (["harvest", "datasets", "--strict", "-o", "x.jsonl"], "--strict is about --since last"),
        (
            ["harvest", "datasets", "--strict", "--since", "2026-01-01", "-o", "x.jsonl"],
            "--strict is about --since last",
        ),
        (["get", "datasets", "--portal", ""], "not an http or https URL: ''"),
        (["harvest", "datasets", "--page", "2"], "--page"),
        (["--rate", "inf"], "Missing command"),
        (["nonsense"], "nonsense"),
    ],
)
def test_a_usage_error_is_one_line(run: Run, arguments: Sequence[str], message: str) -> None:
    status, out, err = run(*arguments)
    assert (status, out) == (2, "")
    assert err.startswith("Error: ")
    assert message in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--portal", "data.gouv.fr", "not an http or https URL"),
        ("--portal", "https://me@x.example", "has no user, password, query or fragment"),
        ("--portal", "https://[x", "not an http or https URL"),
        ("--rate", "-1", "'-1' is not a rate: give requests a second, auto or inf."),
        ("--page-size", "0", "0 is not in the range x>=1."),
        ("--fields", "titel", "titel is not a field of Dataset: did you mean title?"),
        ("--fields", "", "no field is named: name some, or leave it out to get them all"),
        ("--fields", "a..b", "'a..b' is not a path of plain names separated by dots"),
        ("--fields", "organization{a.b}", "use either dotted paths or braces"),
        ("--fields", "organization{name", "of the braces in 'organization{name' are not closed"),
        ("--fields", "extras.a.b", "extras takes one key: a key with a dot cannot be masked"),
    ],
)
def test_a_usage_error_is_worded_alike_in_every_command(
    run: Run, tmp_path: Path, option: str, value: str, message: str
) -> None:
    listed = run("get", "list_datasets", option, value)
    harvested = run("harvest", "datasets", option, value, "-o", str(tmp_path / "x.jsonl"))
    assert listed.status == harvested.status == 2
    assert harvested.err == listed.err.replace("get list_datasets", "harvest datasets")
    assert option in listed.err
    assert message in listed.err


@pytest.mark.parametrize("command", [["get", "datasets"], ["harvest", "datasets"]])
def test_an_invalid_portal_in_the_environment_is_an_error(
    run: Run, monkeypatch: pytest.MonkeyPatch, command: Sequence[str]
) -> None:
    monkeypatch.setenv("DATAGOUV_PORTAL", "data.gouv.fr")
    environment, option = run(*command), run(*command, "--portal", "data.gouv.fr")
    assert environment.status == option.status == 2
    assert environment.err == option.err.replace("--portal", "DATAGOUV_PORTAL")


def test_a_key_is_not_sent_unencrypted(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATAGOUV_API_KEY", KEY)
    status, _, err = run("get", "datasets", "--portal", "http://portal.example")
    assert status == 2
    assert err == (
        "Error: --portal: http://portal.example/: an API key is only sent over https or to this "
        "machine\n"
    )


@pytest.mark.parametrize("arguments", [[], ["harvest"], ["get"], ["call"]])
def test_a_missing_command_shows_the_help(run: Run, arguments: Sequence[str]) -> None:
    status, out, err = run(*arguments)
    assert (status, out) == (2, "")
    assert err.startswith("Usage: aiodatagouv")


# ---- Options of every call


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


def test_a_malformed_key_is_refused_without_showing_it(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATAGOUV_API_KEY", f"{KEY}\n{KEY}")
    status, _, err = run("get", "datasets")
    assert status == 2
    assert "the API key in DATAGOUV_API_KEY has a character that no key has" in err
    assert KEY not in err


# ---- Answers


def test_json_is_printed_on_one_line(run: Run, says: Any) -> None:
    result = run("get", "dataset", "velos", portal=says(json=VELOS))
    assert result == (0, json.dumps(VELOS, ensure_ascii=False) + "\n", "")


def test_a_lone_surrogate_is_printed_as_json(run: Run, says: Any) -> None:
    odd = {"id": "1", "extras": {"half": "\ud83d", "escape": "\x1b[2J"}}
    result = run("get", "dataset", "velos", portal=says(content=json.dumps(odd).encode()))
    assert lines(result) == [odd]


def test_a_page_is_printed_as_json(run: Run, says: Any) -> None:
    answer = page(VELOS, page_size=1, total=7)
    assert lines(run("get", "list_datasets", portal=says(json=answer))) == [answer]


def test_a_redirect_prints_its_target(run: Run, says: Any) -> None:
    portal = says(302, headers={"Location": "https://files.example/velos.csv"})
    result = run("get", "redirect_resource", "abc", portal=portal)
    assert result == (0, "https://files.example/velos.csv\n", "")


def test_bytes_are_written_unchanged(run: Run, says: Any, tmp_path: Path) -> None:
    portal = says(content=b"\x89PNG\x00\xff", headers={"Content-Type": "image/png"})
    target = tmp_path / "avatar.png"
    assert run("get", "get_avatar", "abc", "32", "-o", str(target), portal=portal) == (0, "", "")
    assert target.read_bytes() == b"\x89PNG\x00\xff"


def test_json_is_written_to_a_file(run: Run, says: Any, tmp_path: Path) -> None:
    target = tmp_path / "velos.json"
    assert run("get", "dataset", "velos", "-o", str(target), portal=says(json=VELOS)).out == ""
    assert json.loads(target.read_text(encoding="utf-8")) == VELOS


def test_an_empty_answer_prints_nothing(run: Run, says: Any) -> None:
    assert run("call", "delete_dataset", "velos", portal=says(204)) == (0, "", "")


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (httpx.Response(404, json={"message": "No\x1b[2J such\nthing"}), "404 No [2J such thing"),
        (httpx.Response(200, text="<html>"), "expected JSON at $, got '<html>'"),
        (httpx.Response(410, json={}), "410 Gone"),
    ],
)
def test_a_portal_error_is_one_line(run: Run, answer: httpx.Response, message: str) -> None:
    result = run("call", "create_reuse", "--body", "{}", portal=lambda _: answer)
    assert (result.status, result.out) == (1, "")
    assert result.err.startswith("Error: create_reuse: ")
    assert message in result.err
    assert result.err.count("\n") == 1
    assert result.err[:-1].isprintable()


@pytest.mark.parametrize(
    "command",
    [
        ["get", "dataset", "velos"],
        ["get", "get_site_tags_csv"],
        ["call", "delete_dataset", "velos"],
        ["harvest", "datasets"],
    ],
)
@pytest.mark.parametrize(("name", "reason"), [
    ("", "The name of the file is empty."),
    ("missing/x.jsonl", "Folder 'missing' does not exist."),
    ("a-file/x.jsonl", "Folder 'a-file' does not exist."),
    ("a-link.jsonl", "Folder '{tmp_path}/nowhere' does not exist."),
    ("a-folder", "File 'a-folder' is a directory."),
    ("protected.jsonl", "File 'protected.jsonl' is not writable."),
    ("a-folder/x.jsonl", "Folder 'a-folder' is not writable."),
])  # fmt: skip
def test_an_unwritable_destination_is_refused(
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: Sequence[str],
    name: str,
    reason: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a-file").touch()
    (tmp_path / "a-folder").mkdir()
    (tmp_path / "protected.jsonl").touch()
    (tmp_path / "a-link.jsonl").symlink_to("nowhere/x.jsonl")
    reason = reason.replace("{tmp_path}", str(tmp_path))
    # Root may write anywhere, so missing permission is simulated.
    monkeypatch.setattr("os.access", lambda path, mode: mode == os.R_OK)
    status, out, err = run(*command, "-o", name)
    assert (status, out) == (2, "")
    assert err.startswith(f"Error: Invalid value for '-o' / '--output': {reason} Try 'aiodatagouv ")
    assert err.count("\n") == 1


# ---- Bodies


def sent(request: httpx.Request) -> Any:
    return json.loads(request.content)


@pytest.fixture
def reuse_file(tmp_path: Path) -> Path:
    path = tmp_path / "reuse.json"
    path.write_text(json.dumps(REUSE), encoding="utf-8")
    return path


@pytest.mark.parametrize("source", ["argument", "file", "stdin"])
def test_a_body_comes_from_an_argument_a_file_or_stdin(
    run: Run,
    says: Any,
    requests: list[httpx.Request],
    reuse_file: Path,
    monkeypatch: pytest.MonkeyPatch,
    source: str,
) -> None:
    with reuse_file.open(encoding="utf-8") as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        body = {"argument": json.dumps(REUSE), "file": f"@{reuse_file}", "stdin": "-"}[source]
        result = run("call", "create_reuse", "--body", body, portal=says(201, json=REUSE))
    assert result.status == 0
    assert lines(result) == [REUSE]
    assert requests[0].method == "POST"
    assert sent(requests[0]) == REUSE


def test_a_body_may_be_a_list_or_text(run: Run, says: Any, requests: list[httpx.Request]) -> None:
    datasets = '[{"id": "abc"}]'
    answer = says(json={"id": "1"})
    added = run("call", "add_dataservice_datasets", "x", "--body", datasets, portal=answer)
    planned = run("call", "schedule_harvest_source", "x", "--body", '"0 0 * * *"', portal=answer)
    assert (added.status, planned.status) == (0, 0)
    assert [sent(one) for one in requests] == [[{"id": "abc"}], "0 0 * * *"]


def test_a_deletion_may_have_a_list_of_texts_as_its_body(
    run: Run, says: Any, requests: list[httpx.Request]
) -> None:
    command = ["call", "v2.delete_dataset_extras", "velos", "--body"]
    assert run(*command, '["a", "b"]', portal=says(204)).status == 0
    assert (requests[0].method, sent(requests[0])) == ("DELETE", ["a", "b"])
    for body, found in (("[7]", "[0] must be text, not 7"), ("{}", "the body must be a list")):
        assert f"'--body': {found}" in run(*command, body).err
    assert "list of text  The keys to delete." in run(*command[:-1], "--help").out


def test_a_body_may_be_any_object(run: Run, says: Any, requests: list[httpx.Request]) -> None:
    command = ["call", "v2.update_dataset_extras", "velos", "--body"]
    assert run(*command, '{"a": {"b": null}}', portal=says(json={})).status == 0
    assert (requests[0].method, sent(requests[0])) == ("PUT", {"a": {"b": None}})
    assert "'--body': the body must be an object, not []." in run(*command, "[]").err


@pytest.mark.parametrize(
    ("operation", "body", "message"),
    [
        ("update_reuse", {"titel": "Carte"}, "titel is not a field (did you mean title?)."),
        ("update_reuse", {"carbon": {"kg": 3}}, "carbon is not a field."),
        ("update_reuse", {"owner": {"class": "User"}}, "owner.id is missing."),
        (
            "create_dataset",
            {"resources": [{"url": "https://x"}, {"ulr": "https://x", "title": None}]},
            "resources[1].ulr is not a field (did you mean resources[1].url?).",
        ),
        (
            "create_discussion",
            {"titel": "Bonjour", "subject": {"ID": "1"}, "comment": "Oui"},
            "titel is not a field (did you mean title?); "
            "subject.ID is not a field (did you mean subject.id?); "
            "subject.class and subject.id are missing; title is missing.",
        ),
        (
            "v2.create_topic",
            {"names": "Climat", "elements": [{"element": {"id": "1"}}, {"titre": "x"}]},
            "names is not a field (did you mean name?); "
            "elements[0].element.class is missing; "
            "elements[1].titre is not a field (did you mean elements[1].title?).",
        ),
        ("upload_reuse_image", {"box": "0,0,9,9"}, "box is not a field (did you mean bbox?)."),
        ("upload_reuse_image", {"bbox": None}, "bbox must be text, not null."),
    ],
)
def test_field_names_and_types_of_a_body_are_checked(
    run: Run, reuse_file: Path, operation: str, body: object, message: str
) -> None:
    arguments = ["x"] * operations.Package().by_name[operation].path.count("{") + [
        "--body",
        json.dumps(body),
    ]
    file = ["--file", str(reuse_file)] if operation == "upload_reuse_image" else []
    status, out, err = run("call", operation, *arguments, *file)
    assert (status, out) == (2, "")
    try_help = f" Try 'aiodatagouv call {operation} --help'.\n"
    assert err == f"Error: Invalid value for '--body': {message}{try_help}"


def test_extras_accept_any_key(run: Run, says: Any, requests: list[httpx.Request]) -> None:
    body = '{"extras": {"carbon": {"kg": 3}}}'
    run("call", "update_reuse", "carte", "--body", body, portal=says(json=REUSE))
    assert sent(requests[0]) == json.loads(body)


def test_an_update_that_would_delete_values_is_refused(run: Run) -> None:
    status, _, err = run("call", "update_dataset", "velos", "--body", '{"title": "Vélos"}')
    assert status == 2
    assert err == (
        "Error: update_dataset: the body lacks tags and temporal_coverage, which the portal "
        "would delete: send the present value, or null or [] to delete it\n"
    )


@pytest.mark.parametrize(
    ("operation", "body", "message"),
    [
        ("create_reuse", None, "Missing option '--body'."),
        ("create_reuse", "{title: 1}", "it is not JSON: Expecting property name"),
        ("create_reuse", "", "'--body': it is empty."),
        ("create_reuse", "[" * 100_000, "it is not JSON"),
        ("create_reuse", "@/no/such/file", "File '/no/such/file' does not exist."),
        ("create_reuse", "[]", "the body must be an object, not []."),
        ("create_reuse", '{"archived": "soon"}', "archived must be a date, not 'soon'."),
        ("create_discussion", "{}", "comment and subject and title are missing."),
        ("create_discussion", '{"title": "Bonjour", "comment": null}', "comment and subject"),
        ("add_dataservice_datasets", "{}", "the body must be a list, not {}."),
        ("add_dataservice_datasets", "[{}]", "'--body': [0].id is missing."),
        ("schedule_harvest_source", "7", "the body must be text, not 7."),
    ],
)
def test_an_invalid_body_is_refused(
    run: Run, operation: str, body: str | None, message: str
) -> None:
    path_arguments = ["x"] * operations.Package().by_name[operation].path.count("{")
    options = [] if body is None else ["--body", body]
    status, out, err = run("call", operation, *path_arguments, *options)
    assert (status, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


def test_an_upload_sends_a_multipart_form(
    run: Run, says: Any, requests: list[httpx.Request], tmp_path: Path
) -> None:
    path = tmp_path / "carte.png"
    path.write_bytes(b"\x89PNG")
    arguments = [
        "upload_reuse_image",
        "carte",
        "--file",
        str(path),
        "--body",
        '{"bbox": "0,0,9,9"}',
    ]
    portal = says(json={"success": True, "image": "https://x/carte.png"})
    assert run("call", *arguments, portal=portal).status == 0
    body = requests[0].content
    assert b'name="file"; filename="carte.png"' in body
    assert b"\x89PNG" in body
    assert b'name="bbox"\r\n\r\n0,0,9,9' in body


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "Missing option '--file'."),
        (["--file", "/no/such/file"], "'/no/such/file' does not exist"),
        (["--body", '{"file": "carte.png"}'], "file is not given in it, but as --file PATH."),
        (["--body", "[]"], "it must be an object with the other fields of the form."),
    ],
)
def test_an_invalid_upload_is_refused(run: Run, options: Sequence[str], message: str) -> None:
    status, _, err = run("call", "upload_reuse_image", "carte", *options)
    assert status == 2
    assert message in err


def test_the_last_request_of_a_chunked_upload_needs_no_file(
    run: Run, says: Any, requests: list[httpx.Request]
) -> None:
    body = '{"uuid": "u", "filename": "a.csv", "totalparts": 2}'
    arguments = ["upload_new_dataset_resource", "velos", "--body", body]
    assert run("call", *arguments, portal=says(json={"id": "1", "success": True})).status == 0
    assert requests[0].content


def test_help_describes_the_body(run: Run) -> None:
    out = " ".join(run("call", "create_discussion", "--help").out.split())
    assert "Body: JSON, an object with:" in out
    assert "comment text, required" in out
    assert "subject object, required subject.class text, required subject.id text, required" in out
    out = " ".join(run("call", "create_dataset", "--help").out.split())
    assert "resources list of objects resources[].checksum" in out
    assert "owner id, or object with an id" in out
    out = " ".join(run("call", "dataservice_datasets_create", "--help").out.split())
    assert out.endswith("Body: JSON, a list of objects with: [].id text, required")
    out = " ".join(run("call", "reuse_image", "--help").out.split())
    assert "bbox text file given as --file, required" in out
    out = " ".join(run("call", "schedule_harvest_source", "--help").out.split())
    assert out.endswith("Body: JSON: text A cron expression.")
    assert "topic text, known:" in " ".join(run("call", "create_reuse", "--help").out.split())


# ---- Documentation


DOCUMENTED = re.findall(
    r"^\$ (aiodatagouv [^|>\n]+)",
    (Path(__file__).parents[1] / "docs" / "cli.md").read_text(encoding="utf-8"),
    re.MULTILINE,
)


@pytest.mark.parametrize("command", DOCUMENTED)
def test_documented_commands_are_valid(run: Run, command: str) -> None:
    _, *arguments = shlex.split(command)
    # An unknown option is an error even with --help.
    status, out, err = run(*arguments, "--help")
    assert (status, err) == (0, "")
    assert out.startswith("Usage: aiodatagouv")


def test_every_command_is_documented(run: Run) -> None:
    out = run("--help").out
    commands = {command.split()[1] for command in DOCUMENTED}
    assert commands == set(re.findall(r"^  ([a-z]+)  ", out.partition("Commands:")[2], re.M))


# ---- The list of operations


def test_a_search_for_operations_matches_all_words(run: Run) -> None:
    found = lines(run("operations", "DATASET", "follow"))
    assert {one["id"] for one in found} >= {"follow_dataset", "list_dataset_followers"}
    assert all("dataset" in str(one).lower() for one in found)
    assert [*found[0]] == [
        "name", "id", "version", "method", "path", "tag", "kind", "item", "summary", "masked",
        "deprecated",
    ]  # fmt: skip
    assert [one["name"] for one in lines(run("operations", "reuse_image"))] == [
        "upload_reuse_image"
    ]
    assert len(lines(run("operations"))) == len(OPERATIONS)
    assert lines(run("operations", "list-pages"))[0]["deprecated"] == "16.2.0"


@pytest.mark.parametrize("words", [["v2.topics"], ["v2", "topics"], ["/api/2/topics/"]])
def test_operations_of_one_version_can_be_searched(run: Run, words: Sequence[str]) -> None:
    found = lines(run("operations", *words))
    assert {one["version"] for one in found} == {2}
    assert {one["name"] for one in found} >= {"v2.list_topics", "v2.update_topic"}


def test_a_search_without_matches_suggests_names(run: Run) -> None:
    status, out, err = run("operations", "get_datset")
    assert (status, out) == (0, "")
    assert err.startswith("No operation matches get_datset. Did you mean get_dataset, ")


# ---- Completion


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("harv", ["harvest"]),
        (
            "harvest data",
            ["dataservice-followers", "dataservices", "dataset-followers", "datasets"],
        ),
        ("harvest datasets --so", ["--sort"]),
        ("harvest datasets --sort crea", ["created"]),
        ("harvest datasets --since ", ["last"]),
        ("harvest datasets --fields id,tit", ["id,title"]),
        ("get get_datas", ["get_dataset"]),
        ("get get-datas", ["get-dataset"]),
        ("harvest v2.t", ["v2.topic-elements", "v2.topics"]),
        ("harvest v2.topics --sort last", ["last_modified"]),
        ("harvest v2.topics --fields id,na", ["id,name"]),
        ("get v2.get_top", ["v2.get_topic"]),
        ("call v2.add-t", ["v2.add-topic-elements"]),
        ("get v2.dataset --full", ["--full-objects"]),
        ("call create_reu", ["create_reuse"]),
        ("get datasets --portal de", ["demo"]),
        ("get datasets --rate ", ["auto", "inf"]),
        ("completion ", ["bash", "zsh", "fish"]),
    ],
)
def test_completion_suggests_matching_words(
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    words: str,
    expected: Sequence[str],
) -> None:
    monkeypatch.setenv("_AIODATAGOUV_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", f"aiodatagouv {words}")
    monkeypatch.setenv("COMP_CWORD", str(len(words.split(" "))))
    result = run()
    assert (result.status, result.err) == (0, "")
    found = [line.partition(",")[2] for line in result.out.splitlines()]
    assert [*expected] == [one for one in found if one in expected]
    assert len(found) < 10


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_a_completion_script(run: Run, shell: str) -> None:
    status, out, _ = run("completion", shell)
    assert status == 0
    assert f"_AIODATAGOUV_COMPLETE={shell}_complete" in out


@pytest.mark.parametrize(
    ("name", "enums"),
    [
        ("datasets", {"aiodatagouv.models.enums"}),
        ("v2.topics", {"aiodatagouv.models.v2", "aiodatagouv.models.v2.enums"}),
    ],
)
def test_help_and_completion_load_no_model_and_no_http_library(name: str, enums: set[str]) -> None:
    words = f"aiodatagouv harvest {name} --sort "
    program = (
        "import sys; from aiodatagouv.cli import main\n"
        f"main(['harvest', '{name}', '--help'])\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    completing = {"_AIODATAGOUV_COMPLETE": "bash_complete", "COMP_CWORD": "4", "COMP_WORDS": words}
    for more in ({}, completing):
        done = subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, **more},
            capture_output=True,
            text=True,
            check=True,
        )
        assert "created" in done.stdout
        loaded = done.stderr.split()
        assert "click" in loaded
        assert {one.split(".")[0] for one in loaded}.isdisjoint({"httpx", "aiohttp", "rich"})
        assert {one for one in loaded if one.startswith("aiodatagouv.models.")} == enums


# ---- Missing extras


@pytest.mark.parametrize("package", ["click", "rich"])
def test_a_missing_extra_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    assert main(["operations"]) == 1
    assert capsys.readouterr().err == (
        f"Error: the command line needs {package}: pip install 'aiodatagouv[cli]'\n"
    )


# ---- Pipes, signals and terminals, in a separate process


COMMAND = [sys.executable, "-m", "aiodatagouv"]


def serving(*items: object) -> bytes:
    """Return the HTTP answer of a server whose list has one page."""
    content = json.dumps(page(*items)).encode()
    return OK + b"Content-Length: %d\r\n\r\n" % len(content) + content


class Process(NamedTuple):
    status: int
    out: bytes
    err: bytes


async def run_process(
    *arguments: str, stdout: int = subprocess.PIPE, **environment: str
) -> Process:
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        *arguments,
        stdout=stdout,
        stderr=subprocess.PIPE,
        env={**os.environ, **environment},
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return Process(process.returncode, out or b"", err)


@pytest.mark.parametrize(
    "arguments",
    [["get", "list_datasets"], ["harvest", "datasets"], ["operations"], ["--help"]],
)
async def test_a_broken_pipe_ends_the_command_quietly(arguments: Sequence[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    async with server(says_bytes(serving(VELOS))) as url:
        done = await run_process(*arguments, stdout=writing, DATAGOUV_PORTAL=url)
    os.close(writing)
    assert done == (141, b"", b"")


async def test_a_full_disk_is_an_error() -> None:
    with Path("/dev/full").open("wb") as full:
        async with server(says_bytes(serving(VELOS))) as url:
            done = await run_process("get", "list_datasets", "--portal", url, stdout=full.fileno())
    assert done == (1, b"", b"Error: No space left on device\n")


@pytest.mark.parametrize("arguments", [["get", "list_datasets"], ["harvest", "datasets"]])
async def test_a_closed_stdout_is_an_error(arguments: Sequence[str]) -> None:
    program = "import sys; sys.stdout = None; from aiodatagouv.cli import main; sys.exit(main())"
    async with server(says_bytes(serving(VELOS))) as url:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", program, *arguments, "--portal", url), stderr=subprocess.PIPE
        )
        _, err = await process.communicate()
    assert (process.returncode, err) == (1, b"Error: stdout is closed\n")


async def test_the_version_is_printed_or_its_loss_is_an_error() -> None:
    assert await run_process("--version") == (
        0,
        f"aiodatagouv, version {__version__}\n".encode(),
        b"",
    )
    with Path("/dev/full").open("wb") as full:
        done = await run_process("--version", stdout=full.fileno())
    assert done == (1, b"", b"Error: No space left on device\n")


async def test_a_closed_stdin_is_an_error() -> None:
    program = "import sys; sys.stdin = None; from aiodatagouv.cli import main; sys.exit(main())"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program, "call", "create_reuse", "--body", "-"),
        stderr=subprocess.PIPE,
    )
    _, err = await process.communicate()
    assert process.returncode == 2
    assert err.startswith(b"Error: Invalid value for '--body': stdin is closed.")


async def test_a_full_disk_for_stderr_keeps_the_exit_status() -> None:
    with Path("/dev/full").open("wb") as full:
        process = await asyncio.create_subprocess_exec(
            *COMMAND, "get", "nothing", stdout=subprocess.PIPE, stderr=full
        )
        await process.communicate()
    assert process.returncode == 2


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


async def test_errors_do_not_go_to_stdout_when_stderr_is_closed() -> None:
    program = "import sys; sys.stderr = None; from aiodatagouv.cli import main; sys.exit(main())"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program, "get", "nothing"), stdout=subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert (process.returncode, out) == (2, b"")


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["ctrl-c", "kill"]
)
@pytest.mark.parametrize("command", [["get", "list_datasets"], ["harvest", "datasets"]])
async def test_signals_end_the_command(
    number: signal.Signals, status: int, command: Sequence[str]
) -> None:
    asked = asyncio.Event()

    async def never(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
        asked.set()
        await asyncio.Event().wait()

    async with server(never) as url:
        process = await asyncio.create_subprocess_exec(
            *COMMAND, *command, "--portal", url, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        async with asyncio.timeout(30):
            await asked.wait()
            process.send_signal(number)
            out, err = await process.communicate()
    assert process.returncode == status
    assert (out, err) == (b"", b"Interrupted.\n")


def on_terminal(*arguments: str, **environment: str) -> Process:
    """Run the command on a terminal, and return stdout and stderr combined."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "80", **environment},
    )
    os.close(theirs)
    shown = b""
    # Linux raises an error once the other end is closed.
    with contextlib.suppress(OSError):
        while more := os.read(ours, 1 << 16):
            shown += more
    os.close(ours)
    return Process(process.wait(), shown, b"")


HOSTILE = {"id": "1", "title": "\x1b]0;owned\x07 \x9b2J \x7f é"}


async def test_json_on_a_terminal_is_indented_and_escapes_control_characters() -> None:
    async with server(says_bytes(serving(HOSTILE))) as url:
        done = await asyncio.to_thread(on_terminal, "get", "list_datasets", "--portal", url)
        lines = await asyncio.to_thread(on_terminal, "harvest", "datasets", "--portal", url)
    assert done.status == lines.status == 0
    for shown in (done.out.decode(), lines.out.decode()):
        assert not {"\x1b", "\x07", "\x9b", "\x7f"} & {*shown}
        assert r"\u001b]0;owned\u0007 \u009b2J \u007f é" in shown
    assert json.loads(done.out) == page(HOSTILE)
    assert json.loads(lines.out.splitlines()[0]) == HOSTILE
    assert b'\n      "title"' in done.out.replace(b"\r\n", b"\n")


async def test_a_terminal_gets_text_without_control_characters_and_no_binary() -> None:
    async with server(says_bytes(OK + b"Content-Length: 8\r\n\r\na;\x1b[2J\nb")) as url:
        text = await asyncio.to_thread(on_terminal, "get", "get_site_tags_csv", "--portal", url)
    async with server(says_bytes(OK + b"Content-Length: 5\r\n\r\n\x89PN\0G")) as url:
        image = await asyncio.to_thread(on_terminal, "get", "get_avatar", "a", "9", "--portal", url)
    assert text.out == b"a;?[2J\r\nb"
    assert image.status == 2
    assert image.out == b"Error: The answer is not text: give -o FILE, or > FILE.\r\n"


def test_operations_on_a_terminal_are_a_table() -> None:
    done = on_terminal("operations", "upload", "community", COLUMNS="40")
    text = re.sub(r"\x1b\[\d*m", "", done.out.decode())
    # Names are never truncated, so that they can be copied.
    assert "upload_new_community_resource" in text
    assert "{" not in text.splitlines()[0]


async def test_the_progress_bar_is_only_shown_on_a_terminal(tmp_path: Path) -> None:
    arguments = ["harvest", "dataset-followers", "velos", "-o", str(tmp_path / "x.jsonl")]
    async with server(says_bytes(serving({"id": "1"}, {"id": "2"}))) as url:
        seen = await asyncio.to_thread(on_terminal, *arguments, "--portal", url)
        piped = await run_process(*arguments, "--portal", url)
    assert (seen.status, piped.status) == (0, 0)
    assert "━" in seen.out.decode()
    assert b"2/2" in seen.out
    assert piped.out == b""
    assert piped.err.startswith(b"list_dataset_followers: 2 of 2 items")
    assert piped.err.count(b"\n") == 1


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True

    def line(self) -> str:
        """Return the last line, without its spinner."""
        line = re.sub(r"\x1b\[(?!2K)[\d?]*[A-Za-z]", "", self.getvalue()).rpartition("\x1b[2K")[2]
        return line.strip().partition(" ")[2]


def terminal_for_stderr(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "200")
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    return terminal


def test_the_progress_bar_shows_the_reason_for_a_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    operation = OPERATIONS["list_datasets"]
    waits = [
        Retry(operation, APIError("Too many", status=429), 1, 57.6),
        Retry(operation, NetworkError("refused"), 1, 2),
    ]
    shown: list[str] = []
    for retry in waits:
        with Meter(operation) as meter:
            meter.update(evolve(HARVESTED, retries=3))
            meter.show_wait(retry)
        shown.append(terminal.getvalue())
    assert "429, again in 58 s" in shown[0]
    assert "no answer, again in 2 s" in shown[1]
    with Meter(operation) as meter:
        meter.show_wait(waits[0])
        meter.update(evolve(HARVESTED, retries=3))
    assert "3 retries" in terminal.getvalue()


def test_there_is_no_progress_bar_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with Meter(OPERATIONS["list_datasets"]) as meter:
        meter.update(HARVESTED)
    assert capsys.readouterr() == ("", "")


async def test_a_status_line_reports_a_slow_call(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = terminal_for_stderr(monkeypatch)
    operation = OPERATIONS["get_dataset"]

    async def wait() -> None:
        with Waiting(operation) as waiting:
            await asyncio.sleep(0.9)
            assert terminal.getvalue() == ""
            await asyncio.sleep(2.2)
            assert "get_dataset: waiting for the portal, 1 s" in terminal.getvalue()
            assert terminal.line() == "get_dataset: waiting for the portal, 3 s"
            waiting.show_wait(Retry(operation, APIError("Too many", status=429), 1, 12))
            await asyncio.sleep(0.15)
            assert terminal.line() == "get_dataset: 429, again in 12 s"
            await asyncio.sleep(3)
            assert terminal.line() == "get_dataset: 429, again in 9 s"
            await asyncio.sleep(10)
            assert terminal.line() == "get_dataset: waiting for the portal, 16 s"
            waiting.count(2_500_000)
            await asyncio.sleep(1)
            assert terminal.line() == "get_dataset: 2.5 MB received, 17 s"
        assert terminal.line() == ""
        ended = terminal.getvalue()
        await asyncio.sleep(10)
        assert terminal.getvalue() == ended

    await asyncio.to_thread(clock.run, wait())


async def test_the_status_line_is_hidden_during_output(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = terminal_for_stderr(monkeypatch)

    async def wait() -> None:
        with Waiting(OPERATIONS["list_datasets"]) as waiting:
            await asyncio.sleep(1.5)
            with waiting.hidden():
                assert terminal.line() == ""
            await asyncio.sleep(0.9)
            assert terminal.line() == ""
            await asyncio.sleep(0.3)
            assert terminal.line() == "list_datasets: waiting for the portal, 3 s"
            waiting.stop()
            await asyncio.sleep(5)
            assert terminal.line() == ""

    await asyncio.to_thread(clock.run, wait())


@pytest.mark.parametrize("error", [asyncio.CancelledError, APIError("No", status=500)])
async def test_the_status_line_is_erased_when_the_call_fails(
    monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    terminal = terminal_for_stderr(monkeypatch)

    async def wait() -> None:
        with contextlib.suppress(asyncio.CancelledError, APIError), Waiting(OPERATIONS["get_me"]):
            await asyncio.sleep(1.5)
            assert terminal.line()
            raise error
        assert terminal.line() == ""
        assert terminal.getvalue().rindex("\x1b[?25h") > terminal.getvalue().rindex("\x1b[?25l")

    await asyncio.to_thread(clock.run, wait())


async def test_there_is_no_status_line_without_a_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def wait() -> None:
        with Waiting(OPERATIONS["get_dataset"]) as waiting:
            waiting.show_wait(Retry(OPERATIONS["get_dataset"], NetworkError("refused"), 1, 2))
            await asyncio.sleep(10)

    await asyncio.to_thread(clock.run, wait())
    assert capsys.readouterr() == ("", "")


# ---- Harvests


@pytest.fixture
def harvests(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Replace the library's harvest with a successful one, and record its arguments."""
    asked: list[dict[str, Any]] = []

    async def harvest(paginator: object, to: object, **options: Any) -> bulk.Report:
        asked.append({"list": repr(paginator), "to": to, **options})
        return evolve(HARVESTED, complete=True)

    monkeypatch.setattr(bulk, "harvest", harvest)
    return asked


def test_a_harvest_is_delegated_to_the_library(run: Run, harvests: list[dict[str, Any]]) -> None:
    arguments = ["--fields", "id,title", "--concurrency", "8", "--fresh"]
    status, out, err = run("harvest", "datasets", "-o", "datasets.jsonl.gz", *arguments)
    assert (status, out) == (0, "")
    assert err == (
        "list_datasets: 3 of 3 items in datasets.jsonl.gz, 1 page, 2 requests, 0 retries, "
        "900 bytes received, 0.0 s: complete\n"
    )
    (asked,) = harvests
    progress = asked.pop("progress")
    assert callable(progress)
    assert asked == {
        "list": "<Paginator of list_datasets>",
        "to": "datasets.jsonl.gz",
        "fields": "id,title",
        "concurrency": 8,
        "explode": None,
        "only_public": False,
        "resume": False,
        "since": None,
        "strict": False,
        "skip_broken": False,
        "split": False,
        "partition_by": None,
    }


@pytest.mark.parametrize(
    ("arguments", "split"),
    [
        ([], False),
        (["--split"], True),
        (["--split", "license"], ["license"]),
        (["--split=license,producer_type"], ["license", "producer_type"]),
    ],
)
def test_a_search_can_be_split_by_facets(
    run: Run, harvests: list[dict[str, Any]], arguments: list[str], split: object
) -> None:
    assert run("harvest", "v2.search_datasets", "-o", "x.jsonl", *arguments).status == 0
    assert harvests[0]["split"] == split


def test_a_partitioned_table_may_be_named_as_a_folder(
    run: Run, harvests: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("x.parquet").mkdir()
    for name in ("x.parquet", "x.parquet/"):
        assert run("harvest", "datasets", "-o", name, "--partition-by", "title").status == 0
    assert len(harvests) == 2


def test_only_searches_can_be_split(run: Run) -> None:
    assert run("harvest", "datasets", "-o", "x.jsonl", "--split").status == 2


@pytest.mark.parametrize(
    ("text", "since"),
    [
        ("last", "last"),
        ("2026-11-24", dt.date(2026, 11, 24)),
        ("2026-11-24T08:30:00Z", dt.datetime(2026, 11, 24, 8, 30, tzinfo=dt.UTC)),
    ],
)
def test_since_accepts_last_a_date_or_a_datetime(
    run: Run, harvests: list[dict[str, Any]], text: str, since: object
) -> None:
    assert run("harvest", "datasets", "-o", "x.jsonl", "--since", text).status == 0
    assert harvests[0]["since"] == since
    assert type(harvests[0]["since"]) is type(since)


def test_the_concurrency_may_precede_the_command(run: Run, harvests: list[dict[str, Any]]) -> None:
    run("--concurrency", "32", "harvest", "datasets", "-o", "x.jsonl")
    run("harvest", "--concurrency", "16", "datasets", "-o", "x.jsonl")
    run("harvest", "datasets", "-o", "x.jsonl")
    assert [one["concurrency"] for one in harvests] == [32, 16, 4]


def test_the_connection_limit_covers_the_concurrency(
    run: Run, harvests: list[dict[str, Any]], clients: list[dict[str, Any]]
) -> None:
    run("harvest", "datasets", "-o", "x.jsonl", "--concurrency", "32")
    run("harvest", "datasets", "-o", "x.jsonl")
    assert [one["max_connections"] for one in clients] == [32, 16]


def summary_of(run: Run, monkeypatch: pytest.MonkeyPatch, **facts: Any) -> Result:
    async def harvest(*_: object, **__: object) -> bulk.Report:
        return evolve(HARVESTED, **{"rows": facts.get("items", HARVESTED.rows), **facts})

    monkeypatch.setattr(bulk, "harvest", harvest)
    return run("harvest", "datasets", "-o", "x.jsonl")


def test_an_incomplete_harvest_prints_its_reason(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    status, _, err = summary_of(run, monkeypatch, items=2, reason="one item\nis \x1bmissing")
    assert status == 3
    assert err.startswith("list_datasets: 2 of 3 items in x.jsonl, ")
    assert err.endswith(": incomplete (one item is missing)\n")


def test_a_harvest_past_a_broken_item_has_an_exit_status_of_its_own(
    run: Run, monkeypatch: pytest.MonkeyPatch, harvests: list[dict[str, Any]]
) -> None:
    run("harvest", "datasets", "-o", "x.jsonl", "--skip-broken")
    assert harvests[0]["skip_broken"] is True
    skipped = bulk.Skipped(offset=1, id="b", before="a", after="c")
    facts = {"skipped": (skipped,), "complete_but_for": 1, "reason": f"it lacks {skipped}"}
    status, _, err = summary_of(run, monkeypatch, items=2, **facts)
    assert status == 4
    assert err.endswith(": complete but for 1 (it lacks b at offset 1, after a, before c)\n")
    # If others are missing as well, it is as incomplete as any other harvest.
    status, _, err = summary_of(run, monkeypatch, items=1, skipped=(skipped,), reason="who knows")
    assert status == 3
    assert err.endswith(": incomplete (who knows)\n")


def test_the_summary_lists_every_nonzero_count(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    facts = {"resumed": 1, "missed": 2, "added": 3, "changed": 4, "removed": 5, "retries": 1}
    hidden = {"private": 6, "deleted": 7, "archived": 8}
    more = {"total": None, "bytes": 2_900_000_000, "complete": True, "reason": "as far as is known"}
    _, _, err = summary_of(run, monkeypatch, rows=4000, seconds=61.23, **facts, **hidden, **more)
    assert err == (
        "list_datasets: 3 items as 4,000 rows in x.jsonl, 1 there already, 3 added, 4 changed, "
        "5 removed, 2 found late, 6 private, 7 deleted, 8 archived, 1 page, 2 requests, 1 retry, "
        "2.9 GB received, 61.2 s: complete (as far as is known)\n"
    )


def test_the_summary_of_an_update_says_that_nothing_changed(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    since = "2026-01-01T00:00:00+00:00"
    _, _, err = summary_of(run, monkeypatch, since=since)
    assert err.startswith("list_datasets: 3 of 3 items in x.jsonl, nothing changed, 1 page, ")
    _, _, err = summary_of(run, monkeypatch, since=since, changed=1)
    assert err.startswith("list_datasets: 3 of 3 items in x.jsonl, 1 changed, 1 page, ")


def test_a_flat_table_of_public_items_is_asked_for(
    run: Run, harvests: list[dict[str, Any]]
) -> None:
    arguments = ["--explode", "resources", "--only-public"]
    assert run("harvest", "datasets", "-o", "x.parquet", *arguments)[0] == 0
    assert (harvests[0]["explode"], harvests[0]["only_public"]) == ("resources", True)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (bulk.DestinationError("x.txt: unknown suffix"), 2),
        (bulk.CheckpointError("the checkpoint belongs to another harvest: pass --fresh"), 1),
        (MaskError("titel is not a field"), 2),
        (ValueError("a wrong parameter"), 2),
    ],
    ids=lambda one: type(one).__name__,
)
def test_harvest_errors_set_the_exit_status(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: Exception, status: int
) -> None:
    async def harvest(*_: object, **__: object) -> bulk.Report:
        raise error

    monkeypatch.setattr(bulk, "harvest", harvest)
    # A partial file exists, but resuming would fail in the same way.
    (tmp_path / "x.jsonl.part").touch()
    result = run("harvest", "datasets", "-o", str(tmp_path / "x.jsonl"))
    assert result == (status, "", f"Error: {error}\n")


@pytest.mark.parametrize(
    ("options", "hint"),
    [([], "the same command"), (["--fresh"], "the same command without --fresh")],
)
def test_an_interrupted_harvest_hints_at_resuming(
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    options: Sequence[str],
    hint: str,
) -> None:
    target = tmp_path / "x.jsonl"

    async def harvest(*_: object, **__: object) -> bulk.Report:
        (tmp_path / "x.jsonl.part").touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(bulk, "harvest", harvest)
    _, _, err = run("harvest", "datasets", "-o", str(target), *options)
    assert err == f"Error: No space left on device; {hint} continues the harvest\n"


@pytest.mark.parametrize("is_kept", [True, False])
def test_a_failed_harvest_to_a_store_hints_at_resuming_if_something_was_kept(
    run: Run, monkeypatch: pytest.MonkeyPatch, is_kept: bool
) -> None:
    async def harvest(*_: object, **__: object) -> bulk.Report:
        error = StoreError("s3://bucket/x.jsonl: out of reach")
        if is_kept:
            error.add_note(KEPT)
        raise error

    monkeypatch.setattr(bulk, "harvest", harvest)
    _, _, err = run("harvest", "datasets", "-o", "s3://bucket/x.jsonl")
    hint = "; the same command continues the harvest" if is_kept else ""
    assert err == f"Error: s3://bucket/x.jsonl: out of reach{hint}\n"


@pytest.mark.parametrize("options", [[], ["-o", "-"]])
def test_without_a_file_the_items_are_written_to_stdout(
    run: Run, says: Any, options: Sequence[str]
) -> None:
    items = [{"id": "1", "since": None}, {"id": "2", "since": None}]
    arguments = ["harvest", "dataset-followers", "velos", "--rate", "inf", *options]
    result = run(*arguments, portal=says(json=page(*items)))
    assert result.status == 0
    assert [one["id"] for one in lines(result)] == ["1", "2"]
    assert result.err.startswith("list_dataset_followers: 2 of 2 items, 1 page, ")


def test_a_harvest_that_fails_because_of_the_portal_names_the_option_to_skip(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    failure = ServerError("oops", operation="list_datasets", status=500)

    async def harvest(*_: object, **__: object) -> bulk.Report:
        raise failure

    monkeypatch.setattr(bulk, "harvest", harvest)
    advice = "; --skip-broken leaves out an object that the portal cannot send\n"
    assert run("harvest", "datasets", "-o", "x.jsonl") == (1, "", f"Error: {failure}{advice}")
    assert run("harvest", "datasets", "--skip-broken") == (1, "", f"Error: {failure}\n")
    failure.status = 503
    assert run("harvest", "datasets") == (1, "", f"Error: {failure}\n")


def test_missing_items_make_the_harvest_incomplete(run: Run, says: Any) -> None:
    arguments = ["harvest", "dataset-followers", "velos", "--rate", "inf"]
    result = run(*arguments, portal=says(json=page({"id": "1"}, total=2)))
    assert result.status == 3
    assert [one["id"] for one in lines(result)] == ["1"]
    assert result.err.startswith("list_dataset_followers: 1 of 2 items, ")
    assert ": incomplete (" in result.err


def test_an_unexpected_exception_is_not_hidden(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    async def harvest(*_: object, **__: object) -> bulk.Report:
        raise RuntimeError("a bug")

    monkeypatch.setattr(bulk, "harvest", harvest)
    with pytest.raises(RuntimeError, match="a bug"):
        run("harvest", "datasets", "-o", "x.jsonl")


# ---- Hostile portals

COMMANDS = [
    ("get", "get_dataset", "velos"),
    ("get", "list_datasets"),
    ("get", "get_site_tags_csv", "-o", "c.csv"),
    ("get", "redirect_resource", "1"),
    ("get", "suggest_tags", "--q", "a"),
    ("call", "delete_dataset", "velos"),
    ("harvest", "datasets", "-o", "a.jsonl"),
    ("harvest", "dataset-followers", "velos", "-o", "b.jsonl"),
]


@pytest.mark.parametrize("seed", range(8))
def test_whatever_a_portal_answers_is_a_value_or_one_line(
    seed: int, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(RetryPolicy, "wait", lambda *_, **__: None)  # Else it takes a while.
    chance, statuses = random.Random(seed), set[int]()
    for _ in range(40):
        command = chance.choice(COMMANDS)
        result = run(*command, portal=lambda _: answers.hostile(chance))
        statuses.add(result.status)
        if command[0] == "harvest":
            assert len(result.err.splitlines()) == 1
        else:
            assert result.err == "" or re.fullmatch(r"Error: .*\n", result.err)
            assert bool(result.err) == bool(result.status)
    assert {0, 1} <= statuses <= {0, 1, 3}
