"""The nightly job, from a portal that changes to the request on a host."""

from __future__ import annotations

import copy
import json
import os
import re
import subprocess
import sys
from argparse import ArgumentTypeError
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hosts import GitLab, Move, NotOpen, Open, Text, check_open, credentials
from nightly import PATHS, check, fenced
from propose import (
    EMAIL,
    RESOLVED,
    RETIRED,
    Complain,
    Outcome,
    Propose,
    Resolve,
    Retire,
    Seen,
    commit,
    decide,
    inert,
    shown,
)

from generator import origins, project

from .forges import Forge, GitLabForge, Portal, checkout_of, forge_of, portal_of, repository_of
from .hostile import small

ROOT = Path(__file__).parents[1]

REGENERATE = [sys.executable, "-m", "generator", "regenerate"]
"""The command of the regeneration, called with ``--url`` and ``--report``."""

QUICK = [sys.executable, "-P", str(Path(__file__).with_name("standin_regenerate.py"))]
"""A stand-in of that command, for what does not depend on it."""

PATH = "/datasets/{dataset}/"
ADDED = "/datasets/{dataset}/weight/"


class Job:
    """The nightly job of a checkout, and its host."""

    def __init__(self, checkout: Path, remote: Path, portal: Portal, forge: Forge) -> None:
        self.checkout, self.remote, self.portal, self.forge = checkout, remote, portal, forge
        self.command = QUICK
        self.environment = {"RUN_URL": "https://host.example/run/1", **forge.environment}

    def git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=self.checkout, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def nightly(self) -> int:
        """Regenerate a clean checkout of main; return the exit status."""
        self.git("reset", "--quiet", "--hard", "main")
        command = [*self.command, "--url", self.portal.url]
        check = ["--check", "Operations=printf '%s of them' 247"]
        return self.run("nightly.py", "--into", "build/nightly", *check, "--", *command).returncode

    def propose(self) -> subprocess.CompletedProcess[str]:
        host = f"--host={self.forge.name}"
        return self.run("propose.py", host, "--result", "build/nightly", **self.environment)

    def night(self) -> str:
        """Do both, and return what was done."""
        self.nightly()
        return self.propose().stdout

    def branch(self) -> str | None:
        """Return the tip of the branch that is proposed, on the remote."""
        line = self.git("ls-remote", "origin", "refs/heads/regenerate")
        return line.partition("\t")[0] or None

    def run(
        self, script: str, *arguments: str, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, f".ci/{script}", *arguments],
            cwd=self.checkout,
            check=False,
            capture_output=True,
            text=True,
            env={**os.environ, **variables},
        )


@contextmanager
def job_of(host: str, folder: Path) -> Iterator[Job]:
    checkout, remote = folder / "checkout", folder / "remote.git"
    checkout_of(checkout, remote)
    with portal_of() as portal, forge_of(host, folder, remote) as forge:
        yield Job(checkout, remote, portal, forge)


class ClientJob(Job):
    """The nightly job of another portal's package, by the targets that its workflow calls."""

    def nightly(self) -> int:
        self.git("reset", "--quiet", "--hard", "main")
        return self.make("client-nightly", URL=self.portal.url).returncode

    def propose(self) -> subprocess.CompletedProcess[str]:
        return self.make("client-propose", HOST=self.forge.name)

    def make(self, target: str, **variables: str) -> subprocess.CompletedProcess[str]:
        given = {"INTO": str(self.checkout), "PACKAGE": "dados_example_pt", **variables}
        python = ["-o", ".venv/ready", f"BIN={Path(sys.executable).parent}"]
        return subprocess.run(
            ["make", "-C", str(ROOT), target, *python, f"PYTHON={sys.executable}"],
            check=False,
            capture_output=True,
            text=True,
            env={**os.environ, **self.environment, **given},
        )


@pytest.fixture(params=["github", "gitlab"])
def job(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Job]:
    with job_of(request.param, tmp_path) as job:
        yield job


def add_operation(portal: Portal) -> None:
    item = copy.deepcopy(portal.document["paths"][PATH])
    item["get"]["operationId"] = "get_weight"
    portal.document["paths"][ADDED] = {name: item[name] for name in ("parameters", "get")}


def test_the_generator_and_the_host_end_to_end(tmp_path: Path) -> None:
    with job_of("github", tmp_path) as job:
        job.command = REGENERATE
        job.portal.second = (ROOT / "openapi/udata-17.18.0-v2.json").read_bytes()
        original = copy.deepcopy(job.portal.document)
        assert "nothing to do" in job.night()
        assert (job.forge.changes(), job.branch()) == ([], None)

        add_operation(job.portal)
        job.night()
        [opened] = job.forge.requests()
        assert (opened.is_open, opened.labels) == (True, ["compatible"])
        assert f"operation added: `get_weight`, `GET {ADDED}`" in opened.body
        job.git("fetch", "--quiet", "origin", "regenerate")
        assert job.git("diff", "--name-only", "main", "FETCH_HEAD").splitlines() == [
            "openapi/pin.toml",
            "openapi/udata-17.18.0.json",
            "src/aiodatagouv/api/datasets.py",
            "src/aiodatagouv/api/ops.py",
        ]

        del job.portal.document["paths"][PATH]["delete"]
        job.night()
        [updated] = job.forge.requests()
        assert (updated.number, updated.is_open) == (opened.number, True)
        assert updated.labels == ["breaking"]
        assert "`delete_dataset`" in updated.body

        job.portal.document = original
        job.night()
        [retired] = job.forge.requests()
        assert (retired.is_open, job.branch(), job.forge.issues()) == (False, None, [])

        job.portal.document = b"<html>maintenance</html>"
        job.night()
        [issue] = job.forge.issues()
        assert "not JSON, or truncated" in issue.body


def test_the_package_of_another_portal_end_to_end(tmp_path: Path) -> None:
    checkout, remote = tmp_path / "checkout", tmp_path / "remote.git"
    document = tmp_path / "udata-17.18.0.json"
    document.write_text(json.dumps(small()))
    project.make(
        checkout,
        ROOT / "openapi",
        lambda folder: origins.from_file(folder, document, release=None, force=False),
        portal="https://dados.example.pt/api/1/",
    )
    repository_of(checkout, remote)
    with portal_of() as portal, forge_of("github", tmp_path, remote) as forge:
        job = ClientJob(checkout, remote, portal, forge)
        portal.document = small()
        assert "nothing to do" in job.night()
        assert (forge.changes(), job.branch()) == ([], None)

        item = portal.document["paths"]["/tags/suggest/"]
        portal.document["paths"]["/tags/weight/"] = copy.deepcopy(item)
        portal.document["paths"]["/tags/weight/"]["get"]["operationId"] = "get_weight"
        job.night()
        [opened] = forge.requests()
        assert (opened.is_open, opened.labels) == (True, ["compatible"])
        assert "operation added: `get_weight`, `GET /tags/weight/`" in opened.body
        assert "The façade" not in opened.body
        job.git("fetch", "--quiet", "origin", "regenerate")
        assert job.git("diff", "--name-only", "main", "FETCH_HEAD").splitlines() == [
            "openapi/pin.toml",
            "openapi/udata-17.18.0.json",
            "src/dados_example_pt/api/ops.py",
            "src/dados_example_pt/api/tags.py",
        ]
        assert "nothing to do" in job.night()

        del portal.document["paths"]["/me/avatar/"]
        job.night()
        [updated] = forge.requests()
        assert (updated.number, updated.is_open) == (opened.number, True)
        assert updated.labels == ["breaking"]

        portal.document = small()
        job.night()
        [retired] = forge.requests()
        assert (retired.is_open, job.branch(), forge.issues()) == (False, None, [])

        portal.document = b"<html>maintenance</html>"
        job.night()
        [issue] = forge.issues()
        assert "not JSON, or truncated" in issue.body


def test_one_request_is_opened_updated_and_retired(job: Job) -> None:
    original = copy.deepcopy(job.portal.document)
    assert "nothing to do" in job.night()
    assert (job.forge.changes(), job.branch()) == ([], None)

    add_operation(job.portal)
    job.night()
    [opened] = job.forge.requests()
    assert (opened.is_open, opened.labels) == (True, ["compatible"])
    assert f"added: `get {ADDED}`" in opened.body
    assert "## Operations\n\n```text\n247 of them\n```" in opened.body
    first = job.branch()
    job.git("fetch", "--quiet", "origin", "regenerate")
    assert job.git("rev-parse", "FETCH_HEAD^") == job.git("rev-parse", "main")
    changed = job.git("diff", "--name-only", "main", "FETCH_HEAD").splitlines()
    assert changed
    assert all(name.startswith(("openapi/", "src/aiodatagouv/")) for name in changed)

    before = len(job.forge.changes())
    assert "nothing to do" in job.night()
    assert (job.branch(), len(job.forge.changes())) == (first, before)

    job.git("commit", "--quiet", "--allow-empty", "--message", "Something else")
    job.git("push", "--quiet", "origin", "main")
    job.night()
    job.git("fetch", "--quiet", "origin", "regenerate")
    assert job.git("rev-parse", "FETCH_HEAD^") == job.git("rev-parse", "main")

    job.forge.add_label(opened.number, "of a person")
    del job.portal.document["paths"][PATH]["delete"]
    job.night()
    [updated] = job.forge.requests()
    assert (updated.number, updated.is_open) == (opened.number, True)
    assert sorted(updated.labels) == ["breaking", "of a person"]
    assert "breaking" in updated.title
    assert f"removed: `delete {PATH}`" in updated.body

    job.portal.document = original
    assert job.night() == "retire \n"
    [retired] = job.forge.requests()
    assert (retired.is_open, retired.comments) == (False, [RETIRED])
    assert job.branch() is None
    assert job.forge.issues() == []


def test_a_failure_is_one_issue_until_it_works_again(job: Job) -> None:
    document, job.portal.document = job.portal.document, b"<html>maintenance</html>"
    assert job.nightly() == 1
    assert job.propose().returncode == 1
    job.night()
    [issue] = job.forge.issues()
    assert (issue.is_open, issue.labels) == (True, ["regeneration"])
    assert "not JSON, or truncated" in issue.body
    assert "https://host.example/run/1" in issue.body
    assert (job.forge.requests(), job.branch()) == ([], None)

    job.portal.document = document
    job.nightly()
    assert job.propose().returncode == 0
    [issue] = job.forge.issues()
    assert (issue.is_open, issue.comments) == (False, [RESOLVED])


def test_a_failure_leaves_the_request_as_it_is(job: Job) -> None:
    add_operation(job.portal)
    job.night()
    before, branch = job.forge.requests(), job.branch()
    job.portal.document = b""
    job.night()
    assert (job.forge.requests(), job.branch()) == (before, branch)
    assert len(job.forge.issues()) == 1


def test_a_regeneration_that_did_not_start_is_an_issue(job: Job) -> None:
    assert job.propose().returncode == 1
    [issue] = job.forge.issues()
    assert "There is no report" in issue.body


def test_commits_of_others_are_not_overwritten(job: Job) -> None:
    add_operation(job.portal)
    job.night()
    job.git("fetch", "--quiet", "origin", "regenerate")
    job.git("checkout", "--quiet", "--force", "-B", "mine", "FETCH_HEAD")
    job.git("commit", "--quiet", "--allow-empty", "--message", "A correction")
    job.git("push", "--quiet", "origin", "mine:regenerate")
    job.git("checkout", "--quiet", "main")
    corrected, requests = job.branch(), job.forge.requests()

    del job.portal.document["paths"][PATH]["delete"]
    assert "held: somebody has added commits" in job.night()
    assert (job.branch(), job.forge.requests()) == (corrected, requests)


def test_a_closed_request_is_opened_again_though_the_branch_stays(job: Job) -> None:
    add_operation(job.portal)
    job.night()
    [first], branch = job.forge.requests(), job.branch()
    job.forge.close(first.number)
    job.nightly()
    assert job.propose().returncode == 0
    closed, again = job.forge.requests()
    assert (closed.is_open, again.is_open) == (False, True)
    assert again[2:] == first[2:]
    assert job.branch() == branch


def test_a_request_is_opened_where_an_earlier_job_only_pushed(job: Job) -> None:
    add_operation(job.portal)
    job.nightly()
    changes = job.checkout / "build" / "nightly" / "changes.patch"
    message = "Regenerate: compatible changes of the API"
    with pytest.MonkeyPatch.context() as here:
        here.chdir(job.checkout)
        pushed = commit(changes, [*PATHS], message)
    job.git("push", "--quiet", "origin", f"{pushed}:refs/heads/regenerate")
    assert (job.propose().returncode, job.branch()) == (0, pushed)
    assert [one.is_open for one in job.forge.requests()] == [True]


@pytest.fixture
def gitlab(tmp_path: Path) -> Iterator[Job]:
    with job_of("gitlab", tmp_path) as job:
        yield job


def test_a_request_that_gitlab_opens_late_is_not_opened_twice(gitlab: Job) -> None:
    assert isinstance(gitlab.forge, GitLabForge)
    gitlab.forge.is_late = True
    add_operation(gitlab.portal)
    gitlab.nightly()
    assert gitlab.propose().returncode == 0
    [opened] = gitlab.forge.requests()
    assert f"added: `get {ADDED}`" in opened.body


def test_a_request_that_was_not_opened_is_an_issue(gitlab: Job) -> None:
    assert isinstance(gitlab.forge, GitLabForge)
    add_operation(gitlab.portal)
    gitlab.night()
    gitlab.forge.close(1)
    gitlab.forge.opens = False
    gitlab.nightly()
    done = gitlab.propose()
    assert (done.returncode, [one.is_open for one in gitlab.forge.requests()]) == (1, [False])
    [issue] = gitlab.forge.issues()
    assert "opened no request" in issue.body


@pytest.mark.parametrize("state", ["closed", "merged"])
def test_a_request_that_is_closed_meanwhile_is_noticed(state: str) -> None:
    with pytest.raises(NotOpen, match=state):
        check_open({"state": state}, "open")


def test_a_request_of_a_fork_is_somebody_elses(job: Job) -> None:
    job.forge.add_request_of_fork()
    [foreign] = job.forge.requests()
    add_operation(job.portal)
    job.night()
    assert job.forge.requests()[0] == foreign
    assert [one.is_open for one in job.forge.requests()] == [True, True]


def test_a_refused_push_is_an_issue(job: Job) -> None:
    hook = job.remote / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    add_operation(job.portal)
    job.nightly()
    assert job.propose().returncode == 1
    assert [issue.is_open for issue in job.forge.issues()] == [True]
    assert job.forge.requests() == []


def test_changes_of_other_files_are_refused(job: Job) -> None:
    add_operation(job.portal)
    job.nightly()
    patch = job.checkout / "build" / "nightly" / "changes.patch"
    patch.write_text(patch.read_text().replace("openapi/", ".github/"))
    moved = job.checkout / ".github"
    moved.mkdir()
    (moved / "udata-17.18.0.json").write_bytes(
        (job.checkout / "openapi" / "udata-17.18.0.json").read_bytes()
    )
    assert job.propose().returncode == 1
    assert (job.branch(), job.forge.requests()) == (None, [])
    assert len(job.forge.issues()) == 1


def test_the_folders_of_another_repository_can_be_named(job: Job) -> None:
    add_operation(job.portal)
    command = [*job.command, "--url", job.portal.url]
    job.run("nightly.py", "--into", "build/nightly", "--path", "openapi", "--", *command)
    host, paths = f"--host={job.forge.name}", ["--path", "src/client"]
    done = job.run("propose.py", host, "--result", "build/nightly", *paths, **job.environment)
    assert "not a generated file: openapi/" in done.stderr
    paths += ["--path", "openapi"]
    done = job.run("propose.py", host, "--result", "build/nightly", *paths, **job.environment)
    assert (done.returncode, len(job.forge.requests())) == (0, 1)


def test_only_the_tip_of_main_is_proposed(job: Job) -> None:
    add_operation(job.portal)
    job.git("commit", "--quiet", "--allow-empty", "--message", "Not pushed")
    job.nightly()
    done = job.propose()
    assert (done.returncode, job.forge.changes(), job.branch()) == (1, [], None)
    assert "HEAD is not the tip of main" in done.stderr


def test_the_checkout_stays_on_its_branch(job: Job) -> None:
    add_operation(job.portal)
    job.night()
    assert job.git("branch", "--show-current") == "main"
    assert job.git("rev-parse", "main") == job.git("rev-parse", "origin/main")
    job.git("fetch", "--quiet", "origin", "regenerate")
    assert job.git("show", "--no-patch", "--format=%ce", "FETCH_HEAD") == EMAIL


REQUEST = Open(3, "Regenerate: compatible changes of the API", "report", frozenset({"compatible"}))
FAILING = Open(4, "The regeneration fails", "it did", frozenset({"regeneration"}))
COMPATIBLE = Text(REQUEST.title, "report", "compatible")


@pytest.mark.parametrize(
    ("status", "seen", "expected"),
    [
        (0, Seen(None, None, False, None, None), []),
        (0, Seen(None, "old", False, REQUEST, None), [Retire(REQUEST, Move("old", None))]),
        (0, Seen(None, "old", False, None, None), [Retire(None, Move("old", None))]),
        (0, Seen(None, "old", True, REQUEST, None), []),
        (0, Seen(None, None, False, None, FAILING), [Resolve(FAILING)]),
        (
            11,
            Seen("new", None, False, None, None),
            [Propose(None, Move(None, "new"), COMPATIBLE)],
        ),
        (
            11,
            Seen("new", "old", False, REQUEST, FAILING),
            [Resolve(FAILING), Propose(REQUEST, Move("old", "new"), COMPATIBLE)],
        ),
        (11, Seen("new", "new", False, REQUEST, None), []),
        (
            11,
            Seen("new", "new", False, REQUEST._replace(body="as somebody wrote it"), None),
            [
                Propose(
                    REQUEST._replace(body="as somebody wrote it"), Move("new", "new"), COMPATIBLE
                )
            ],
        ),
        (11, Seen("new", "old", True, REQUEST, None), []),
        (
            11,
            Seen("new", "merged", True, None, None),
            [Propose(None, Move("merged", "new"), COMPATIBLE)],
        ),
        (
            11,
            Seen("new", "new", False, REQUEST._replace(labels=frozenset({"breaking"})), None),
            [
                Propose(
                    REQUEST._replace(labels=frozenset({"breaking"})),
                    Move("new", "new"),
                    COMPATIBLE,
                )
            ],
        ),
    ],
)
def test_the_state_decides(status: int, seen: Seen, expected: list[object]) -> None:
    assert decide(Outcome(status, "report", ""), seen, 1000) == expected


@pytest.mark.parametrize("status", [1, 2, -9, None])
def test_every_other_status_is_a_failure(status: int | None) -> None:
    seen = Seen(None, "old", False, REQUEST, FAILING)
    text = Text("The regeneration fails", "report", "regeneration")
    assert decide(Outcome(status, "report", ""), seen, 1000) == [Complain(FAILING, text)]


def test_a_change_without_a_changed_file_is_a_failure() -> None:
    [action] = decide(Outcome(12, "report", ""), Seen(None, None, False, None, None), 1000)
    assert isinstance(action, Complain)
    assert "no generated file differs" in action.text.body


def test_other_labels_of_a_request_do_not_count() -> None:
    seen = Seen(
        "new", "new", False, REQUEST._replace(labels=frozenset({"compatible", "urgent"})), None
    )
    assert decide(Outcome(11, "report", ""), seen, 1000) == []


def test_a_long_report_is_cut_off_and_says_so() -> None:
    report = "é" * 70_000
    text = shown(Outcome(11, report, "https://host.example/run/1"), 65_536)
    assert len(text) == 65_536
    assert text.startswith("**Cut off after 65,536 characters of 70,000.**")
    assert "https://host.example/run/1" in text
    assert shown(Outcome(11, report[:65_536], ""), 65_536) == report[:65_536]


@pytest.mark.parametrize(
    ("hostile", "active"),
    [
        ("ping @everybody", "@everybody"),
        ("fixes #12", "#12"),
        ("closes owner/name#12", "#12"),
        ("resolves GH-12", "GH-12"),
        ("fixes https://github.com/owner/name/issues/12", "/issues/12"),
        ("closes https://gitlab.com/a/b/-/merge_requests/1", "/merge_requests/1"),
        ("a\n/close", "\n/close"),
        ("a\n  /merge", "/merge"),
    ],
)
def test_a_report_calls_nobody_and_closes_nothing(hostile: str, active: str) -> None:
    assert active not in inert(hostile)
    assert inert(hostile).replace("\u200b", "") == hostile


def test_headings_and_links_of_a_report_are_kept() -> None:
    report = "# Changes\n\n- `get /datasets/` of https://portal.example/api/1/\n"
    assert inert(report) == report


@pytest.mark.parametrize("text", ["Title", "Title=", "=", "Title= "])
def test_a_check_without_a_command_is_refused(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="TITLE=COMMAND"):
        check(text)


def test_the_nightly_job_compares_the_facade_with_the_last_release() -> None:
    done = subprocess.run(
        ["make", "--dry-run", "nightly", "-o", ".venv/ready"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    checks = [check(one) for one in re.findall(r'--check "(.*?)"', done.stdout)]
    assert [command for _, command in checks] == [
        [".venv/bin/python", ".ci/api_check.py"],
        [".venv/bin/python", ".ci/previous_types.py"],
    ]
    assert all((ROOT / command[1]).is_file() for _, command in checks)


def test_output_cannot_leave_its_block_of_code() -> None:
    block = fenced("```\n# a heading")
    assert block == "````text\n```\n# a heading\n````\n"


def test_git_gets_the_token_from_its_variable() -> None:
    done = subprocess.run(
        ["git", "credential", "fill"],
        check=True,
        capture_output=True,
        text=True,
        input="protocol=https\nhost=gitlab.example\n\n",
        env={**os.environ, **credentials(GitLab.helper), "GITLAB_TOKEN": "the-token"},
    )
    assert {"username=oauth2", "password=the-token"} <= {*done.stdout.splitlines()}
    assert "the-token" not in str(credentials(GitLab.helper))
