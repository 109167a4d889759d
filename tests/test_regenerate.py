"""Regeneration: a new document, the code from it and a report, or nothing at all."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any, NoReturn

import pytest

from generator import __main__ as command
from generator import corrections, origins, pin, renaming
from generator.build import attempt
from generator.diff import Status
from generator.emit import emit
from generator.errors import GenerationError
from generator.regenerate import GENERATED, OPENAPI, PACKAGE, regenerate
from generator.swap import swap

from .pins import stored

ROOT = Path(__file__).parents[1]

NEWEST, SECOND = (swagger for _, swagger in pin.read_pins(ROOT / "openapi")[:2])
"""The documents of the newest release: those of API v1 and of API v2."""

UNCHANGED = json.dumps(SECOND).encode()

Change = Callable[[dict[str, Any]], object]


class Project:
    """A copy of the project's pins and generated code."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.openapi = folder, folder / OPENAPI
        for name in (OPENAPI, *GENERATED):
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, folder / name, ignore=ignored)

    def files(self) -> dict[str, bytes]:
        return {
            str(path.relative_to(self.folder)): path.read_bytes()
            for path in self.folder.rglob("*")
            if path.is_file()
        }

    def take(
        self, content: bytes, release: str, second: bytes | None = UNCHANGED, *, force: bool = False
    ) -> tuple[Status, str]:
        """Regenerate from the documents of a release."""

        def pinned(folder: Path) -> list[pin.Release]:
            return stored(folder, content, release, "a portal", second=second, force=force)

        return regenerate(self.folder, pinned)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def changed(change: Change) -> bytes:
    return edited(NEWEST, change)


def edited(document: dict[str, Any], change: Change) -> bytes:
    swagger = deepcopy(document)
    change(swagger)
    return json.dumps(swagger).encode()


def describe(swagger: dict[str, Any]) -> None:
    swagger["paths"]["/datasets/"]["get"]["summary"] = "Another description"


def add(swagger: dict[str, Any]) -> None:
    ping = {"operationId": "ping", "tags": ["site"], "responses": {"204": {"description": "Pong"}}}
    swagger["paths"]["/ping/"] = {"get": ping}


def retype(swagger: dict[str, Any]) -> None:
    swagger["definitions"]["License"]["properties"]["title"] = {"type": "integer"}


def rename(old: str, new: str) -> Change:
    """Return the change of a definition's name."""

    def change(swagger: dict[str, Any]) -> None:
        text = json.dumps(swagger)
        swagger |= json.loads(text.replace(f'#/definitions/{old}"', f'#/definitions/{new}"'))
        swagger["definitions"][new] = swagger["definitions"].pop(old)

    return change


@pytest.mark.parametrize(
    ("change", "status", "said"),
    [
        (describe, Status.DOCUMENTATION, "list_datasets"),
        (add, Status.COMPATIBLE, "`ping`"),
        (retype, Status.BREAKING, "`License`"),
    ],
)
def test_a_new_release_is_pinned_generated_and_reported(
    change: Change, status: Status, said: str, project: Project
) -> None:
    before = project.files()
    content = changed(change)
    found, report = project.take(content, "99.0.0")
    assert (found, said in report) == (status, True)
    assert report.startswith("# Changes of the API from `udata 17.18.0` to `udata 99.0.0`")
    after = project.files()
    assert after["openapi/udata-99.0.0.json"] == content
    written = {name for name in after if before.get(name) != after[name]}
    assert {
        "openapi/udata-99.0.0.json",
        "openapi/udata-99.0.0-v2.json",
        "openapi/pin.toml",
        "src/aiodatagouv/api/ops.py",
        "src/aiodatagouv/api/v2/ops.py",
    } <= written
    assert len(written) <= 8
    assert before.keys() <= after.keys()


def test_an_unchanged_api_changes_nothing(project: Project) -> None:
    before = project.files()
    place = {**NEWEST, "host": "portal.example", "schemes": ["http"]}
    # An unused definition is a change of the document only.
    unused = {**NEWEST["definitions"], "Unused": {"type": "object", "properties": {}}}
    for swagger, release in (
        (NEWEST, "99.0.0"),
        (place, "17.18.0"),
        ({**NEWEST, "definitions": unused}, "99.0.0"),
    ):
        status, report = project.take(json.dumps(swagger).encode(), release)
        assert (status, "No change" in report) == (Status.SAME, True)
    assert project.files() == before


def lose(swagger: dict[str, Any]) -> None:
    for path in [*swagger["paths"]][:40]:
        del swagger["paths"][path]


def become_foreign(swagger: dict[str, Any]) -> None:
    swagger["paths"] = {"/pets": {"get": {}}}


def break_reference(swagger: dict[str, Any]) -> None:
    swagger["definitions"]["License"]["properties"]["title"] = {"$ref": "#/definitions/Gone"}


@pytest.mark.parametrize(
    ("content", "release", "complaint"),
    [
        (b"<html>Maintenance</html>", "99.0.0", "not JSON"),
        (changed(add)[:-9], "99.0.0", "not JSON, or truncated"),
        (b'{"openapi": "3.1.0"}', "99.0.0", "not a Swagger 2.0 document"),
        (
            json.dumps({**NEWEST, "paths": {"/pets": {"get": {}}}}).encode(),
            "99.0.0",
            "lacks 247 of the 283",
        ),
        (changed(lose), "99.0.0", "lacks .* of the 283 operations of 17.18.0"),
        (changed(add), "17.17.0", "17.17.0 is older than 17.18.0, which is pinned"),
        (changed(break_reference), "99.0.0", "udata-99.0.0.json .*License.* does not exist"),
        (changed(add), "soon", "'soon' is not a release number"),
    ],
    ids=["HTML", "truncated", "of OpenAPI 3", "foreign", "shrunk", "older", "broken", "unnamed"],
)
def test_a_refused_document_changes_nothing(
    content: bytes, release: str, complaint: str, project: Project
) -> None:
    before = project.files()
    with pytest.raises(GenerationError, match=complaint):
        project.take(content, release)
    assert project.files() == before


@pytest.mark.parametrize(
    ("release", "complaint"),
    [("17.17.0", "17.17.0 is older than 17.18.0, which is pinned"), ("soon", "'soon' is not a")],
)
def test_a_release_is_refused_before_its_environment_is_created(
    release: str, complaint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def create(_: str) -> NoReturn:
        raise AssertionError("an environment was created")

    monkeypatch.setattr("generator.origins.dump", create)
    monkeypatch.setattr("sys.argv", ["generator", "regenerate", "--udata", release])
    with pytest.raises(SystemExit, match=complaint):
        command.main()


def mend(swagger: dict[str, Any]) -> None:
    answers = swagger["paths"]["/reports/reasons/"]["get"]["responses"]["200"]
    answers["schema"] = {"type": "array", "items": {"$ref": "#/definitions/ReportReason"}}
    swagger["definitions"]["ReportReason"] = {"type": "object", "properties": {}}
    describe(swagger)


def test_a_correction_that_a_release_makes_superfluous_is_named(project: Project) -> None:
    _, report = project.take(changed(mend), "99.0.0")
    assert "* mended in `udata 99.0.0`: `reports-reasons-list` at `paths > /reports/" in report
    assert "openapi/udata-99.0.0.json" in project.files()


def generated_from(project: Project, release: str) -> dict[str, bytes]:
    """Keep one pin, generate from it alone, and return all files."""
    kept = [one for one in pin.read_entries(project.openapi) if one.release == release]
    pin.keep_only(project.openapi, kept)
    fixes = corrections.read(project.openapi / "corrections.toml")
    renames = renaming.read(project.openapi / "names.toml")
    with tempfile.TemporaryDirectory() as new:
        seen = attempt(pin.read_pins(project.openapi), fixes, renames).view
        emit(seen, [release], Path(new, PACKAGE))
        swap(Path(new), project.folder, GENERATED)
    return project.files()


def test_a_correction_of_what_moved_is_listed_with_its_new_place(project: Project) -> None:
    """The older pin keeps no second operation of the same id, but its definition."""

    def move(swagger: dict[str, Any]) -> None:
        swagger["paths"]["/reports/motives/"] = swagger["paths"].pop("/reports/reasons/")

    _, report = project.take(changed(move), "99.0.0")
    _, _, moved = report.partition("and delete those without effect:\n\n```toml\n")
    name = "# reports-reasons-list\n"
    assert name in moved
    places = tomllib.loads(moved.partition(name)[2].partition("\n")[0])["places"]
    assert places == [["paths", "/reports/motives/", "get", "responses", "200", "schema"]]


def test_a_correction_of_a_renamed_definition_is_listed_with_its_new_place(
    project: Project,
) -> None:
    """It still has its old place, in the older pin: without a word, the new one would have none."""
    _, report = project.take(changed(rename("ReuseTopic", "ReuseTheme")), "99.0.0")
    assert "# computed-never-null\n" in report
    assert '["definitions", "ReuseTheme", "properties", "id"]' in report


def test_a_document_that_is_refused_names_the_corrections_that_it_lost(project: Project) -> None:
    """Without its correction, the page has the items that no operation answers."""
    before = project.files()
    lost = "moved: dataset-page-items at definitions > SetPage > properties"
    with pytest.raises(GenerationError, match=lost):
        project.take(changed(rename("DatasetPage", "SetPage")), "99.0.0")
    assert project.files() == before


def test_there_and_back_is_the_same_to_the_byte(project: Project) -> None:
    start = generated_from(project, "14.13.0")
    status, _ = project.take(json.dumps(NEWEST).encode(), "17.18.0")
    assert status is Status.BREAKING
    assert project.files() != start
    assert generated_from(project, "14.13.0") == start


@pytest.mark.parametrize(
    ("content", "status", "printed"),
    [
        (changed(describe), 10, "**Documentation only**"),
        (json.dumps(NEWEST).encode(), 0, "**No change**"),
    ],
    ids=["a change", "no change"],
)
def test_the_command_reports_and_exits_with_the_class_of_the_changes(
    content: bytes,
    status: int,
    printed: str,
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(origins, "fetch", lambda _: {1: content, 2: UNCHANGED})
    report = project.folder / "report.md"
    arguments = ["--url=https://portal.example/api/1/", "--release=99.0.0", f"--report={report}"]
    monkeypatch.setattr(sys, "argv", ["generator", "regenerate", *arguments])
    with pytest.raises(SystemExit) as exited:
        command.main(project.folder)
    assert exited.value.code == status
    assert printed in report.read_text()
    assert capsys.readouterr().out.strip() == report.read_text().strip()


# ---- Pins and code are replaced together


def test_a_folder_that_cannot_be_replaced_leaves_pins_and_code_as_they_were(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, rename = project.files(), Path.rename

    def fail(self: Path, target: Path) -> Path:
        if self == project.folder / PACKAGE / "models":
            raise PermissionError(13, "Permission denied", str(self))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(PermissionError):
        project.take(changed(add), "99.0.0")
    assert project.files() == before


KILLED = """
import os, sys
from pathlib import Path
from generator import __main__ as command, origins

rename, left = Path.rename, int(sys.argv.pop(1))
folder, portal = Path(sys.argv.pop(1)), Path(sys.argv.pop(1))

def kill(self, target):
    global left
    left -= 1
    if left < 0:
        os._exit(9)
    return rename(self, target)

Path.rename = kill
origins.fetch = lambda _: {api: (portal / f"{api}.json").read_bytes() for api in (1, 2)}
command.main(folder)
"""
"""Runs a command, and is killed after so many renames: of the journal first, then of the files."""


@pytest.mark.parametrize(
    ("name", "renames", "torn"),
    [
        ("pin", 4, "openapi/pin.toml"),
        ("regenerate", 4, "openapi/udata-99.0.0.json"),
        ("regenerate", 4, "openapi/udata-99.0.0-v2.json"),
        ("regenerate", 7, "src/aiodatagouv/api/site.py"),
    ],
)
def test_a_command_that_is_killed_changes_nothing(
    name: str,
    renames: int,
    torn: str,
    project: Project,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The next command, whichever it is, puts back what was replaced."""
    before = project.files()
    portal = tmp_path_factory.mktemp("portal")
    (portal / "1.json").write_bytes(changed(add))
    (portal / "2.json").write_bytes(UNCHANGED)
    arguments = [str(renames), str(project.folder), str(portal), name]
    arguments += ["--url=http://x/", "--release=99.0.0"]
    done = subprocess.run([sys.executable, "-c", KILLED, *arguments], cwd=ROOT, check=False)
    assert done.returncode == 9
    assert project.files().get(torn) != before.get(torn)
    monkeypatch.setattr(sys, "argv", ["generator", "check"])
    command.main(project.folder)
    assert project.files() == before


def test_a_report_cannot_replace_a_folder(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = project.files()
    arguments = ["--url=http://x/", f"--report={project.folder}"]
    monkeypatch.setattr(sys, "argv", ["generator", "regenerate", *arguments])
    with pytest.raises(SystemExit, match="is a folder: the report needs a file"):
        command.main(project.folder)
    assert project.files() == before
