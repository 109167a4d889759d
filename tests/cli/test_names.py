"""Names of commands and operations, their help, and the search for them."""

from __future__ import annotations

import inspect
import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from aiodatagouv import OPERATIONS
from aiodatagouv.cli import operations
from aiodatagouv.cli.parameters import KnownValues, to_click

from .running import VELOS, Run, lines


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
        (["call", "zzzzzzzzzzzzz"], "No such command 'zzzzzzzzzzzzz'."),
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


DOCUMENTED = re.findall(
    r"^\$ (aiodatagouv [^|>\n]+)",
    (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8"),
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
