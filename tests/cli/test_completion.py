"""Completion, and what help and completion import."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence

import pytest

from aiodatagouv.cli import main

from .running import Run


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
    complete: Callable[[str], list[str]], words: str, expected: Sequence[str]
) -> None:
    found = complete(words)
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


@pytest.mark.parametrize("package", ["click", "rich"])
def test_a_missing_extra_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    assert main(["operations"]) == 1
    assert capsys.readouterr().err == (
        f"Error: the command line needs {package}: pip install 'aiodatagouv[cli]'\n"
    )
