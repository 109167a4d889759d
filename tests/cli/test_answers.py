"""The output of a call: JSON, files, and the errors for answers that are none."""

from __future__ import annotations

import json
import os
import random
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from aiodatagouv import RetryPolicy

from .. import answers
from .running import VELOS, Run, lines, page


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
