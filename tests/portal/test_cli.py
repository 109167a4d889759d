"""Tests of the command line against the real portal."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet
import pytest

from aiodatagouv import OPERATIONS, Operation
from aiodatagouv.cli import main, operations

from ..clients import client_of
from ..harvests import queried
from .portal import NEWEST, Portal
from .test_calls import PNG

LISTS = [
    pytest.param(name, one, id=name)
    for name, one in operations.Package().lists.items()
    if NEWEST in one.releases and one.window is None
]
"""The lists, without the searches, which need a search engine."""


class Result(NamedTuple):
    status: int
    out: str
    err: str

    @property
    def items(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


Run = Callable[..., Result]


@pytest.fixture
def run(portal: Portal, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """A function that runs a command with the administrator's key and no rate limit."""
    monkeypatch.setenv("DATAGOUV_PORTAL", portal.url)
    monkeypatch.setenv("DATAGOUV_API_KEY", portal.api_key)

    def run(*arguments: str) -> Result:
        capsys.readouterr()
        return Result(main(["--rate", "inf", *arguments]), *capsys.readouterr())

    return run


def options(portal: Portal, operation: Operation) -> list[str]:
    """Return the example parameters of an operation as command line arguments."""
    path, query = portal.parameters(operation)
    values = {name: value if isinstance(value, list) else [value] for name, value in query.items()}
    return [*map(str, path), *(f"--{name}={one}" for name, ones in values.items() for one in ones)]


def asked(portal: Portal, operation: Operation, *path: Any, **query: Any) -> Any:
    """Call an operation with the library, and return the result."""

    async def ask() -> Any:
        async with client_of(portal.url, api_key=portal.api_key) as client:
            return await operation.function(client, *path, **query)

    return asyncio.run(ask())


def total_of(portal: Portal, operation: Operation) -> int:
    """Return the total that a page of a list reports."""
    path, query = portal.parameters(operation)
    total: int = asked(portal, operation, *path, **query).total
    return total


def test_there_are_so_many_lists() -> None:
    assert len(LISTS) == 30


@pytest.mark.parametrize(("name", "operation"), LISTS)
def test_every_list_as_json_lines_and_as_parquet(
    portal: Portal, run: Run, tmp_path: Path, name: str, operation: Operation
) -> None:
    total = total_of(portal, operation)
    assert total > 0
    given = options(portal, operation)

    printed = run("harvest", name, *given)
    assert printed.status == 0, printed.err
    assert len(printed.items) == total
    key = "id" if "id" in printed.items[0] else "remote_id"
    ids = [item[key] for item in printed.items]
    assert len({*ids}) == total
    assert printed.err.startswith(f"{operation.name}: {total} of {total} items, ")

    file = tmp_path / f"{name}.parquet"
    written = run("harvest", name, *given, "-o", str(file))
    assert (written.status, written.out) == (0, ""), written.err
    # A table is sorted by id, JSON Lines by creation.
    ids = sorted(ids) if key == "id" else ids
    assert pyarrow.parquet.read_table(file).column(key).to_pylist() == ids
    assert queried(f"SELECT {key} FROM read_parquet('{file}')") == [(one,) for one in ids]


@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.gz", ".jsonl.zst", ".parquet"])
def test_every_format(portal: Portal, run: Run, tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"datasets{suffix}"
    arguments = ["--fields", "id,title,resources{url}", "--concurrency", "8"]
    assert run("harvest", "datasets", "-o", str(file), *arguments).status == 0
    read = "read_parquet" if suffix == ".parquet" else "read_json"
    rows = queried(f"SELECT id, title, resources FROM {read}('{file}')")
    assert len(rows) == total_of(portal, OPERATIONS["list_datasets"])
    assert {*rows[0][2][0]} == {"url"}


def test_filters(portal: Portal, run: Run) -> None:
    everything = run("harvest", "datasets", "--fields", "id,tags").items
    tagged = run("harvest", "datasets", "--tag", "transport", "--fields", "id").items
    assert {one["id"] for one in tagged} == {
        one["id"] for one in everything if "transport" in one["tags"]
    }
    assert 0 < len(tagged) < len(everything)


def test_what_has_changed_is_merged(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "reuses.jsonl"
    assert run("harvest", "reuses", "-o", str(file)).status == 0
    before = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    body = json.dumps({"title": "Changed meanwhile"})
    assert run("call", "update_reuse", before[0]["id"], "--body", body).status == 0
    updated = run("harvest", "reuses", "-o", str(file), "--since", "last")
    assert updated.status == 0
    after = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert after[0]["title"] == "Changed meanwhile"
    assert [one["id"] for one in after] == [one["id"] for one in before]


INTERRUPTED = """
import os, signal, sys
from aiodatagouv.bulk._journal.checkpoint import Journal
from aiodatagouv.cli import main

def add(*entry):
    really_add(*entry)
    os.kill(os.getpid(), signal.SIGINT)

really_add, Journal.add = Journal.add, add
sys.exit(main(sys.argv[1:]))
"""
"""A program that runs the command and sends itself Ctrl-C once items are on disk."""


def test_an_interrupted_harvest_goes_on(portal: Portal, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "datasets.jsonl"
    command = ["--rate", "inf", "harvest", "datasets", "-o", str(file), "--page-size", "1"]
    interrupted = [sys.executable, "-c", INTERRUPTED, *command]
    first = subprocess.run(interrupted, capture_output=True, text=True, check=False)
    assert first.stderr == "Interrupted; the same command continues the harvest.\n"
    assert first.returncode == 130
    assert not file.exists()

    done = run(*command)
    assert done.status == 0
    assert "there already" in done.err
    ids = [json.loads(line)["id"] for line in file.read_text(encoding="utf-8").splitlines()]
    assert len(ids) == len({*ids}) == total_of(portal, OPERATIONS["list_datasets"])


# Get and call


@pytest.mark.parametrize(
    "operation",
    [
        one
        for one in OPERATIONS.values()
        if one.method == "GET"
        and one.tag.removeprefix("v2.") in ("datasets", "reuses", "spatial", "me", "topics")
        and one.window is None
    ],
    ids=lambda one: one.id,
)
def test_get(portal: Portal, run: Run, operation: Operation) -> None:
    result = run("get", operation.id, *options(portal, operation))
    assert result.status == 0, result.err
    assert result.err == ""
    if operation.kind in ("json", "page"):
        assert len(result.items) == 1
    if operation.kind == "redirect":
        assert result.out.startswith("http")


def test_get_prints_what_the_library_answers(portal: Portal, run: Run) -> None:
    page = asked(portal, OPERATIONS["list_datasets"], page_size=2, fields="id,title,created_at")
    arguments = ["--page-size", "2", "--fields", "id,title,created_at"]
    assert run("get", "list_datasets", *arguments).items == [page.to_dict()]


def test_an_option_may_be_a_header(portal: Portal, run: Run) -> None:
    arguments = ["get", "v2.datasets", "--page-size", "5", "--fields", "id,license"]
    (light,), (full,) = run(*arguments).items, run(*arguments, "--full-objects").items
    licenses = [item["license"] for item in light["data"]]
    assert licenses == [item["license"] and item["license"]["id"] for item in full["data"]]
    assert any(licenses)


def test_a_topic_is_made_filled_changed_and_deleted(run: Run) -> None:
    body = {"name": "Forêts", "description": "Les arbres", "tags": ["arbre"]}
    (topic,) = run("call", "v2.create_topic", "--body", json.dumps(body)).items
    dataset = run("get", "v2.datasets", "--page-size", "1", "--fields", "id").items[0]["data"][0]
    elements = [{"element": {"class": "Dataset", "id": dataset["id"]}}, {"title": "Une note"}]
    added = run("call", "v2.add_topic_elements", topic["id"], "--body", json.dumps(elements))
    assert [one["title"] for one in added.items[0]][1] == "Une note"
    listed = run("harvest", "v2.topic-elements", topic["id"]).items
    assert {one["element"] and one["element"]["id"] for one in listed} == {dataset["id"], None}
    change = json.dumps({**body, "name": "Bois"})
    (updated,) = run("call", "v2.update_topic", topic["id"], "--body", change).items
    assert (updated["name"], updated["elements"]["total"]) == ("Bois", 2)
    assert run("call", "v2.clear_topic_elements", topic["id"]).status == 0
    assert run("get", "v2.topic", topic["id"]).items[0]["elements"]["total"] == 0
    assert run("call", "v2.delete_topic", topic["id"]) == (0, "", "")
    assert run("get", "v2.topic", topic["id"]).status == 1


def test_extras_are_merged_and_deleted(run: Run) -> None:
    dataset = run("get", "datasets", "--page-size", "1", "--fields", "id").items[0]["data"][0]["id"]
    before = run("get", "v2.dataset_extras", dataset).items[0]
    for body in ({"a": 1, "b": [2]}, {"c": {"d": 3}, "a": None}):
        run("call", "v2.update_dataset_extras", dataset, "--body", json.dumps(body))
    assert run("get", "v2.dataset_extras", dataset).items[0] == {**before, "b": [2], "c": {"d": 3}}
    done = run("call", "v2.delete_dataset_extras", dataset, "--body", '["b", "c"]')
    assert done == (0, "", "")
    assert run("get", "v2.dataset_extras", dataset).items[0] == before


def test_bytes_are_the_same_on_stdout_and_in_a_file(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "tags.csv"
    assert run("get", "get_site_tags_csv", "-o", str(file)) == (0, "", "")
    assert run("get", "site-tags-csv").out.encode() == file.read_bytes()


def test_a_reuse_is_made_changed_illustrated_and_deleted(run: Run, tmp_path: Path) -> None:
    body = tmp_path / "reuse.json"
    reuse = {
        "title": "Carte des pistes cyclables",
        "description": "Toutes les pistes, sur une carte.",
        "type": "visualization",
        "topic": "transport_and_mobility",
        "url": "https://carte.example.org/from-the-command-line",
    }
    body.write_text(json.dumps(reuse), encoding="utf-8")
    (created,) = run("call", "create_reuse", "--body", f"@{body}").items
    assert {name: created[name] for name in reuse} == reuse

    (updated,) = run("call", "update_reuse", created["id"], "--body", '{"tags": ["velo"]}').items
    assert (updated["tags"], updated["title"]) == (["velo"], reuse["title"])

    image = tmp_path / "carte.png"
    image.write_bytes(PNG)
    (uploaded,) = run("call", "upload_reuse_image", created["id"], "--file", str(image)).items
    assert uploaded["success"]

    assert run("call", "delete_reuse", created["id"]) == (0, "", "")
    gone = run("get", "reuse", created["id"], "--fields", "deleted")
    assert gone.status == 0
    assert gone.items[0]["deleted"]


# Exit statuses


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["get", "dataset", "nothing-of-that-name"], 1, "get_dataset: 404 "),
        (["harvest", "dataset-followers", "000000000000000000000000"], 1, ": 404 "),
        (["call", "create_reuse", "--body", '{"title": "Carte"}'], 1, "create_reuse: 400 "),
        (["get", "dataset", "velos", "--fields", "titel"], 2, "titel is not a field of Dataset"),
        (["harvest", "datasets", "--fields", "titel"], 2, "titel is not a field of Dataset"),
        (
            ["harvest", "datasets", "-o", "datasets.csv"],
            2,
            "datasets.csv: its suffix must be one of",
        ),
        (
            ["harvest", "datasets", "-o", "new.jsonl", "--since", "last", "--strict"],
            2,
            "there is no file yet",
        ),
    ],
)
def test_what_fails(
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    status: int,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(*arguments)
    assert (result.status, result.out) == (status, "")
    assert result.err.startswith("Error: ")
    assert message in result.err
    assert result.err.count("\n") == 1


def test_the_portal_tells_its_release_and_what_it_lacks(portal: Portal, run: Run) -> None:
    status, out, err = run("portal")
    answer = json.loads(out)
    lacks = [one.name for one in OPERATIONS.values() if NEWEST not in one.releases]
    assert (status, err) == (0, "")
    assert answer.pop("lacks") == lacks
    root = portal.url.removesuffix("api/1/")
    assert answer == {"url": root, "title": "Portail d'essai", "release": NEWEST}


def test_an_operation_that_the_portal_lacks_is_told_with_its_last_release(run: Run) -> None:
    status, out, err = run("get", "list_pages")
    assert (status, out) == (1, "")
    assert err.startswith(
        "Error: list_pages: 404 udata serves it since 10.9.0 and until 16.0.0; this portal, which "
        f"runs {NEWEST}, does not: "
    )


def test_without_a_key_what_needs_one_is_an_error(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATAGOUV_API_KEY")
    result = run("harvest", "notifications")
    assert result.status == 1
    assert "401" in result.err


def test_a_checkpoint_of_another_harvest_is_not_overwritten(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "reuses.jsonl"
    assert run("harvest", "reuses", "-o", str(file)).status == 0
    other = run("harvest", "reuses", "-o", str(file), "--since", "last", "--tag", "eau")
    assert other.status == 1
    assert "belongs to another harvest" in other.err
    assert "with --fresh" in other.err


def test_two_harvests_differ_by_what_was_done_meanwhile(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def body(title: str) -> str:
        own = {"title": title, "description": "Tous.", "frequency": "monthly"}
        return json.dumps({**own, "tags": [], "temporal_coverage": None})

    def made(title: str) -> Any:
        return json.loads(run("call", "create_dataset", "--body", body(title)).out)["id"]

    def harvested(path: str) -> str:
        with monkeypatch.context() as without_key:  # The administrator sees deleted ones as well.
            without_key.delenv("DATAGOUV_API_KEY")
            fields = ["--fields", "id,title,organization{name}"]
            assert run("harvest", "datasets", *fields, "-o", str(tmp_path / path)).status == 0
        return str(tmp_path / path)

    kept, deleted = made("Arrêts"), made("Lignes")
    old = harvested("old.jsonl.gz")
    same = run("diff", old, old)
    assert (same.status, same.out) == (0, "")
    added = made("Tarifs")
    assert run("call", "update_dataset", kept, "--body", body("Stations")).status == 0
    assert run("call", "delete_dataset", deleted).status == 0
    found = run("diff", old, harvested("new.jsonl.gz"), "--brief")
    assert found.status == 10, found.err
    assert found.items == [
        {"change": "added", "key": {"id": added}},
        {
            "change": "changed",
            "key": {"id": kept},
            "fields": {"title": {"old": "Arrêts", "new": "Stations"}},
        },
        {"change": "gone", "key": {"id": deleted}},
    ]
    assert found.err.endswith("the same; changed most: title 1\n")
    for one in (kept, added):
        assert run("call", "delete_dataset", one).status == 0
