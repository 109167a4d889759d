"""The wheel, the sdist and their metadata, the files of a release, and the image of the command."""

from __future__ import annotations

import io
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import contents
import pytest
import releasable
from hatchling.builders.sdist import SdistBuilder
from hatchling.builders.wheel import WheelBuilder
from markdown_it import MarkdownIt

from aiodatagouv.cli import main
from aiodatagouv.version import __version__

ROOT = Path(__file__).parent.parent
NAME = f"aiodatagouv-{__version__}"
SETTINGS: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT: dict[str, Any] = SETTINGS["project"]
SOURCE: str = PROJECT["urls"]["Source"]


# ---- The wheel and the sdist


def wheel_in(folder: Path, names: list[str]) -> None:
    with zipfile.ZipFile(folder / f"{NAME}-py3-none-any.whl", "w") as archive:
        for name in names:
            archive.writestr(name, b"")


def sdist_in(folder: Path, names: list[str]) -> None:
    with tarfile.open(folder / f"{NAME}.tar.gz", "w:gz") as archive:
        for name in names:
            archive.addfile(tarfile.TarInfo(name), io.BytesIO())


def test_the_wheel_and_the_sdist_have_the_files_that_they_should(tmp_path: Path) -> None:
    # Files that are not committed yet are fine here; `make build` refuses them.
    files = contents.sources("--cached", "--others", "--exclude-standard")
    for builder in (WheelBuilder(str(ROOT)), SdistBuilder(str(ROOT))):
        [*builder.build(directory=str(tmp_path), versions=["standard"])]
    assert [*contents.check(tmp_path, files)] == []


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("tests/README.md", "tests/README.md does not belong there"),
        ("aiodatagouv/py.typed", "aiodatagouv/py.typed is there twice"),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_stray_file_of_the_wheel_is_found(name: str, problem: str, tmp_path: Path) -> None:
    wheel_in(tmp_path, [*contents.in_wheel(NAME, contents.NEEDED), name])
    sdist_in(tmp_path, [*contents.in_sdist(NAME, contents.NEEDED)])
    assert [*contents.check(tmp_path, contents.NEEDED)] == [f"{NAME}-py3-none-any.whl: {problem}"]


def test_a_missing_and_a_stray_file_of_the_sdist_are_found(tmp_path: Path) -> None:
    names = contents.in_sdist(NAME, contents.NEEDED) - {f"{NAME}/LICENSE"}
    wheel_in(tmp_path, [*contents.in_wheel(NAME, contents.NEEDED)])
    sdist_in(tmp_path, [*names, f"{NAME}/tests/portal/README.md"])
    assert [*contents.check(tmp_path, contents.NEEDED)] == [
        f"{NAME}.tar.gz: {NAME}/LICENSE is missing",
        f"{NAME}.tar.gz: {NAME}/tests/portal/README.md does not belong there",
    ]


def test_files_that_git_does_not_know_and_a_missing_archive_are_found(tmp_path: Path) -> None:
    files = contents.NEEDED - {"src/aiodatagouv/py.typed"}
    assert [*contents.check(tmp_path, files)] == [
        "git does not know src/aiodatagouv/py.typed",
        f"{tmp_path} has 0 wheels and 0 sdists, not one of each",
    ]


# ---- The metadata


def described() -> str:
    """Return the long description."""
    return WheelBuilder(str(ROOT)).metadata.core.readme


def test_the_links_of_the_description_are_absolute_and_lead_to_files_of_the_release() -> None:
    tokens = [one for token in MarkdownIt().parse(described()) for one in token.children or ()]
    links = [one.attrGet("href") or one.attrGet("src") for one in tokens if one.attrs]
    links += re.findall(r'(?:href|src|srcset)="([^"]*)"', described())
    ours = [str(link) for link in links if str(link).startswith(SOURCE)]
    assert [link for link in links if not re.match("https?://|#", str(link))] == []
    assert ours
    for link in ours:
        tree, _, path = link.removeprefix(f"{SOURCE}/").partition(f"/v{__version__}/")
        assert tree in ("blob", "raw")
        assert (ROOT / path.partition("#")[0]).exists(), link


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[a](docs/cli.md#x)", f"[a]({SOURCE}/blob/v1.0/docs/cli.md#x)"),
        ("![a](docs/a.svg)", f"![a]({SOURCE}/raw/v1.0/docs/a.svg)"),
        ("[![a](a.svg)](docs/)", f"[![a]({SOURCE}/raw/v1.0/a.svg)]({SOURCE}/blob/v1.0/docs/)"),
        ('<img src="a.png">', f'<img src="{SOURCE}/raw/v1.0/a.png">'),
        ('<a href="docs/cli.md">', f'<a href="{SOURCE}/blob/v1.0/docs/cli.md">'),
        ("[a](https://a.example/) [b](#b)", "[a](https://a.example/) [b](#b)"),
    ],
)
def test_links_become_absolute(text: str, expected: str) -> None:
    hooks = SETTINGS["tool"]["hatch"]["metadata"]["hooks"]
    for one in hooks["fancy-pypi-readme"]["substitutions"]:
        text = re.sub(one["pattern"], one["replacement"], text)
    assert text.replace("$HFPR_VERSION", "1.0") == expected


def test_the_address_of_the_repository_is_the_same_everywhere() -> None:
    for name in ("SECURITY.md", "CITATION.cff"):
        assert SOURCE in (ROOT / name).read_text(encoding="utf-8")
    assert all(url.startswith(SOURCE) for url in PROJECT["urls"].values())


def test_the_classifiers_name_the_pythons_of_the_workflow() -> None:
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    tested = re.findall(r'"(3\.\d+)"', workflow.partition("python: [")[2].partition("]")[0])
    named = [one.rpartition(" ")[2] for one in PROJECT["classifiers"] if " :: 3." in one]
    assert named == tested
    assert PROJECT["requires-python"] == f">={named[0]}"


def test_the_citation_follows_its_schema() -> None:
    schema = "vendor.citation-file-format"
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema]
    done = subprocess.run([*command, ROOT / "CITATION.cff"], check=False, capture_output=True)
    assert done.returncode == 0, done.stdout


# ---- Releases


def checkout(root: Path) -> Path:
    """Make the files that a release is checked by: those of version 1.2.0."""
    for name, text in {
        "src/aiodatagouv/version.py": '__version__ = "1.2.0"\n',
        "CHANGELOG.md": "## 1.2.0 (2026-11-28)\n",
        "changes/README.md": "",
        "pyproject.toml": '[project.urls]\nSource = "https://host.example/us/it"\n',
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return root


@pytest.mark.parametrize("repository", ["", "https://host.example/us/it"])
def test_a_release_whose_files_agree_has_no_problem(repository: str, tmp_path: Path) -> None:
    assert [*releasable.problems(checkout(tmp_path), "v1.2.0", repository)] == []


@pytest.mark.parametrize(
    ("tag", "repository", "file", "text", "problem"),
    [
        ("v1.2.1", "", "", "", "the tag is v1.2.1, but the version is 1.2.0"),
        ("1.2.0", "", "", "", "the tag is 1.2.0, but the version is 1.2.0"),
        (
            "v1.2.0",
            "https://host.example/them/it",
            "",
            "",
            "the repository is https://host.example/them/it, but pyproject.toml says "
            "https://host.example/us/it",
        ),
        (
            "v1.2.0",
            "",
            "CHANGELOG.md",
            "## 1.2.0 (unreleased)\n",
            "CHANGELOG.md has no section of 1.2.0 with a date",
        ),
        (
            "v1.2.0",
            "",
            "changes/1.fixed.md",
            "A fix.\n",
            "changes/ has changes that are not in CHANGELOG.md: 1.fixed.md",
        ),
    ],
)
def test_a_release_whose_files_disagree_is_refused(
    tag: str, repository: str, file: str, text: str, problem: str, tmp_path: Path
) -> None:
    root = checkout(tmp_path)
    if file:
        (root / file).write_text(text, encoding="utf-8")
    assert [*releasable.problems(root, tag, repository)] == [problem]


def test_changes_have_names_and_types_that_the_changelog_knows() -> None:
    types = "|".join(one["directory"] for one in SETTINGS["tool"]["towncrier"]["type"])
    names = {path.name for path in (ROOT / "changes").iterdir()} - {"README.md"}
    wrong = [one for one in names if not re.fullmatch(rf"(\d+|\+[\w-]+)\.({types})\.md", one)]
    assert wrong == []


# ---- The command


@pytest.mark.parametrize(
    ("shell", "path"),
    [
        ("bash", "bash-completion/completions/aiodatagouv"),
        ("fish", "fish/vendor_completions.d/aiodatagouv.fish"),
        ("zsh", "zsh/site-functions/_aiodatagouv"),
    ],
)
def test_the_completion_scripts_are_those_that_the_command_prints(
    shell: str, path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["completion", shell]) == 0
    expected = capsys.readouterr().out
    written = (ROOT / "src" / "share" / path).read_text(encoding="utf-8")
    assert written == expected, "run `make completions`"


def test_the_image_is_of_pinned_packages_and_not_run_by_root() -> None:
    lines = (ROOT / ".ci" / "Containerfile").read_text(encoding="utf-8").splitlines()
    assert {line.split(" AS ")[0] for line in lines if line.startswith("FROM ")} == {
        "FROM docker.io/library/python:3.13-slim"
    }
    assert any("--require-hashes --only-binary :all:" in line for line in lines)
    assert [line for line in lines if line.startswith("USER ")] == ["USER 1000:1000"]
    assert 'ENTRYPOINT ["aiodatagouv"]' in lines
