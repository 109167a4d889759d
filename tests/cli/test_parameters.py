"""Parameters of an operation as options, and fields."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import httpx
import pytest

from aiodatagouv import OPERATIONS
from aiodatagouv.cli.parameters import to_click
from aiodatagouv.operation import Parameter

from .running import VELOS, Run, page


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


@pytest.mark.parametrize("arguments", [[], ["harvest"], ["get"], ["call"]])
def test_a_missing_command_shows_the_help(run: Run, arguments: Sequence[str]) -> None:
    status, out, err = run(*arguments)
    assert (status, out) == (2, "")
    assert err.startswith("Usage: aiodatagouv")
