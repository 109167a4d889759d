"""Bodies from arguments, files and stdin, and their fields."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from aiodatagouv.cli import operations

from .running import REUSE, Run, lines


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
