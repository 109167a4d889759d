"""The workflows only call targets of the Makefile, and give no token to what reads a portal."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parent.parent
CLIENT = ROOT / "examples" / "client-regenerate.yml"
WORKFLOWS = [*sorted((ROOT / ".github" / "workflows").glob("*.yml")), CLIENT]
GITLAB = ROOT / "examples" / "gitlab-ci.yml"
TARGETS = {*re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.M)}


def read(file: Path) -> Any:
    return YAML(typ="safe").load(file)


def commands(file: Path) -> list[str]:
    """Return what the jobs of a workflow run, one command each."""
    content = read(file)
    if file == GITLAB:
        jobs = [job for job in content.values() if "script" in job]
        return [command for job in jobs for command in job["script"]]
    steps = [step for job in content["jobs"].values() for step in job["steps"]]
    return [step["run"] for step in steps if "run" in step]


@pytest.mark.parametrize("file", [*WORKFLOWS, GITLAB], ids=lambda file: file.name)
def test_a_workflow_runs_targets_of_the_makefile(file: Path) -> None:
    found = [command.removeprefix("make ") for command in commands(file) if "make " in command]
    assert found
    assert {re.sub("-j 3 |-C aiodatagouv ", "", command) for command in found} <= TARGETS


def test_every_other_command_needs_a_token_of_the_host() -> None:
    others = [
        command
        for file in [*WORKFLOWS, GITLAB]
        for command in commands(file)
        if not command.startswith("make ")
    ]
    assert [command.split('"')[0] for command in others] == [
        "gh release create ",
        "git remote set-url origin ",
    ]


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_every_action_is_pinned_by_its_hash_and_names_its_version(file: Path) -> None:
    used = re.findall(r"uses: (.*)", file.read_text())
    assert used
    assert all(re.fullmatch(r"[\w/.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", one) for one in used)


@pytest.mark.parametrize(
    ("file", "command"),
    [
        (ROOT / ".github" / "workflows" / "regenerate.yml", "make nightly"),
        (CLIENT, "make -C aiodatagouv client-nightly"),
    ],
    ids=["of the façade", "of another package"],
)
def test_the_job_that_reads_a_portal_may_only_read(file: Path, command: str) -> None:
    job = read(file)["jobs"]["regenerate"]
    assert command in [step.get("run") for step in job["steps"]]
    assert job["permissions"] == {"contents": "read"}
    assert not re.search(r"secrets\.|github\.token|GH_TOKEN", str(job))
