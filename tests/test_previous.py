"""The comparison with a previous release: its public API, and the types of its tests."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

CLIENT = '''\
"""A client."""


def get(name: str, *, lang: str = "en") -> str:
    """Get."""
    return name + lang
'''

TEST = """\
from aiodatagouv._inside import hidden
from aiodatagouv.client import get


def test_get() -> None:
    assert get("a", lang="fr") + hidden() == "afr"
"""


class Repository:
    """A repository of a small package, released once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.package = folder / "src" / "aiodatagouv"
        (folder / ".ci").mkdir()
        for script in (ROOT / ".ci").glob("*.py"):
            (folder / ".ci" / script.name).write_bytes(script.read_bytes())
        self.package.mkdir(parents=True)
        (self.package / "__init__.py").write_text("")
        (self.package / "py.typed").write_text("")
        (self.package / "client.py").write_text(CLIENT)
        (self.package / "_inside.py").write_text("def hidden() -> str:\n    return ''\n")
        (folder / "tests").mkdir()
        (folder / "tests" / "test_client.py").write_text(TEST)
        (folder / "pyproject.toml").write_text("[tool.mypy]\nstrict = true\n")
        self.git("init", "--quiet", "--initial-branch=main")
        self.git("add", "--all")
        identity = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.org"]
        self.git(*identity, "commit", "--quiet", "--message", "Start")

    def git(self, *arguments: str) -> None:
        subprocess.run(["git", *arguments], cwd=self.folder, check=True)

    def check(self, script: str, *arguments: str) -> tuple[int, list[str]]:
        """Run a check; return its exit status and the lines that it prints."""
        done = subprocess.run(
            [sys.executable, f".ci/{script}", *arguments],
            cwd=self.folder,
            check=False,
            capture_output=True,
            text=True,
        )
        return done.returncode, done.stdout.splitlines()


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


@pytest.mark.parametrize("script", ["api_check.py", "previous_types.py"])
def test_without_a_tag_there_is_nothing_to_compare_with(
    repository: Repository, script: str
) -> None:
    status, lines = repository.check(script)
    assert (status, len(lines)) == (0, 1)
    assert "There is no tag yet" in lines[0]


def test_the_same_api_has_no_breaking_changes(repository: Repository) -> None:
    repository.git("tag", "v1")
    (repository.package / "_inside.py").unlink()
    assert repository.check("api_check.py") == (
        0,
        ["Compared with v1: 0 breaking changes of the public API."],
    )


def test_a_breaking_change_of_the_public_api_is_named(repository: Repository) -> None:
    repository.git("tag", "v1")
    (repository.package / "client.py").write_text(CLIENT.replace(', *, lang: str = "en"', ""))
    status, lines = repository.check("api_check.py")
    assert status == 1
    assert lines[0] == "Compared with v1: 1 breaking changes of the public API."
    assert lines[1].startswith("aiodatagouv.client.get: ")
    assert "removed" in lines[1]


def test_another_revision_than_the_last_tag_can_be_given(repository: Repository) -> None:
    repository.git("tag", "v1")
    assert repository.check("api_check.py", "HEAD")[1][0].startswith("Compared with HEAD: 0")
    assert repository.check("previous_types.py", "HEAD") == (
        0,
        ["The tests and examples of HEAD: 0 errors of types."],
    )


def test_the_tests_of_the_last_release_are_type_checked(repository: Repository) -> None:
    repository.git("tag", "v1")
    (repository.package / "client.py").write_text(CLIENT.replace("lang: str", "lang: int"))
    (repository.package / "_inside.py").write_text("")
    (repository.folder / "tests" / "test_client.py").unlink()
    status, lines = repository.check("previous_types.py")
    assert status == 1
    assert lines[0] == "The tests and examples of v1: 1 errors of types."
    assert lines[1].startswith("tests/test_client.py:6: error: ")
    assert '"lang"' in lines[1]


def test_an_option_is_no_revision(repository: Repository) -> None:
    assert repository.check("previous_types.py", "--output=x")[0] == 1
