"""Packages for portals of other releases: ``python -m generator client``."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest

import aiodatagouv
from aiodatagouv import MaskError, api, cli
from aiodatagouv._encoding.values import to_json
from aiodatagouv.bulk.lists import operation_of
from aiodatagouv.generated import answers, prepare
from generator import combine, corrections, origins, pin, project, releases, renaming, verify
from generator.adapt import Shared
from generator.corrections import Correction
from generator.errors import GenerationError
from generator.project import make, package_name, version_range
from generator.regenerate import Take
from generator.swap import recover
from generator.target import NEEDED, PUBLIC, Target

from .hostile import GROUPS, mutations, outcome, small

ROOT = Path(__file__).parents[1]
OPENAPI = ROOT / "openapi"
DOCUMENT = OPENAPI / "udata-14.13.0.json"
PORTAL = "https://dados.example.pt/api/1/"


def contents(folder: Path) -> dict[str, bytes]:
    """Return the bytes of every file below a folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def client(*arguments: str | Path) -> str:
    """Run the command, and return what it prints; on failure, its one line."""
    command = [sys.executable, "-m", "generator", "client", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        assert done.stderr.count("\n") == 1
        return done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The project of a portal that runs udata 14.13.0, and what the command printed."""
    folder = tmp_path_factory.mktemp("made") / "dados"
    return folder, client("--file", DOCUMENT, "--url", PORTAL, "--into", folder)


@pytest.fixture
def package(made: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """Its package, imported."""
    monkeypatch.syspath_prepend(str(made[0] / "src"))
    yield importlib.import_module("dados_example_pt")
    for name in [one for one in sys.modules if one.startswith("dados_example_pt")]:
        del sys.modules[name]


# ---- The package of udata 14.13.0


def test_the_package_has_the_operations_of_its_release_alone(package: ModuleType) -> None:
    files = {1: DOCUMENT, 2: DOCUMENT.with_name("udata-14.13.0-v2.json")}
    served = {
        (api, method, path)
        for api, file in files.items()
        for method, path in pin.operations(json.loads(file.read_bytes()))
    }
    generated = package.OPERATIONS.values()
    assert {(one.version, one.method, one.path) for one in generated} == served
    assert len(served) == 222 + 33
    assert {one.releases for one in generated} == {("14.13.0",)}


def test_an_operation_finds_its_function_and_models_in_its_own_package(
    package: ModuleType,
) -> None:
    for one in package.OPERATIONS.values():
        assert one.function.__module__ == f"dados_example_pt.api.{one.tag}"
        if one.model is not None:
            assert one.model.__module__.startswith("dados_example_pt.models.")
    own, other = package.OPERATIONS["get_dataset"], aiodatagouv.OPERATIONS["get_dataset"]
    assert own.function is not other.function
    assert own.model is not other.model
    assert own.known_values("DatasetFrequency") != ()


def test_the_names_of_the_facade_are_used_where_the_release_has_the_operation(
    made: tuple[Path, str], package: ModuleType
) -> None:
    assert package.OPERATIONS["reuse_image"].name == "upload_reuse_image"
    assert "geopf_auth is renamed to complete_geopf_login, but there is no such" in made[1]


def test_what_does_not_apply_is_listed_once_and_kept_beside_the_document(
    made: tuple[Path, str],
) -> None:
    folder, printed = made
    first, second, *listed = printed.splitlines()
    assert (
        first
        == "dados_example_pt of udata 14.13.0: 255 operations, 180 models, 50 enums, 0 warnings"
    )
    assert second == f"{len(listed)} corrections and names of other releases do not apply:"
    assert [one.strip() for one in listed] == (
        (folder / "openapi" / "skipped.txt").read_text().splitlines()
    )
    assert len({*listed}) == len(listed)
    # Each correction of older releases is one of 14.13.0, so all of them apply.
    assert not [one for one in of_pinned() if one.name in printed]


def test_keys_are_secret_in_every_model(package: ModuleType) -> None:
    """The key of an account is in a model, ``Me``, for which the façade has no correction."""
    models = importlib.import_module("dados_example_pt.models")
    shown = repr(models.Me.from_dict({"id": "1", "apikey": "a-secret"}))
    assert "a-secret" not in shown
    assert "apikey='***'" in shown


def test_a_reference_names_the_class_of_the_model(package: ModuleType) -> None:
    models = importlib.import_module("dados_example_pt.models")

    class Own(models.Dataset):  # type: ignore[name-defined,misc]
        pass

    for one in (models.Dataset, Own):
        view = one.from_dict({"id": "1"})
        assert to_json(view, is_id=False) == {"class": "Dataset", "id": "1"}


async def test_fields_are_checked_against_the_models_of_the_package(package: ModuleType) -> None:
    """Organizations have teams since a later release."""
    own = importlib.import_module("dados_example_pt.api.organizations")
    async with package.Client() as client:
        with pytest.raises(MaskError, match="teams"):
            await own.get_organization(client, "x", fields="teams")
    call = prepare(aiodatagouv.OPERATIONS["get_organization"], path={"org": "x"}, fields="teams")
    assert call.mask == {"teams": None}


def answering(seen: list[httpx.Request], answer: Any) -> httpx.MockTransport:
    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json=answer)

    return httpx.MockTransport(handle)


async def test_the_client_calls_the_portal_of_the_package(
    package: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    datasets = importlib.import_module("dados_example_pt.api.datasets")
    seen: list[httpx.Request] = []
    transport = answering(seen, {"id": "1", "title": "A"})
    async with package.Client(transport=transport) as client:
        patient = client.with_options(timeout=60)
        assert (await datasets.get_dataset(patient, "a")).title == "A"
    assert str(seen[0].url) == f"{PORTAL}datasets/a/"
    assert package.PORTAL == "https://dados.example.pt/"
    # The portal that is named explicitly, or by the environment, comes first.
    other = "https://other.example/"
    assert package.Client(base_url=other).base_url == other
    monkeypatch.setenv("DATAGOUV_PORTAL", other)
    assert package.Client().base_url == other
    assert aiodatagouv.Client(base_url="production").base_url == aiodatagouv.PRODUCTION


def test_importing_the_package_loads_no_model_and_no_http_library(made: tuple[Path, str]) -> None:
    code = (
        "import sys, dados_example_pt; assert len(dados_example_pt.OPERATIONS) == 255; "
        "print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(made[0] / 'src')!r}); {code}"],
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = {*done.stdout.split()}
    assert not {"httpx", "aiohttp"} & loaded
    assert not [one for one in loaded if one.startswith("dados_example_pt.models.")]


@pytest.fixture
def run(
    package: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Run the command line of the package in this process, with an answer of the portal."""

    def run(*arguments: str, seen: list[httpx.Request], answer: Any = None) -> Any:
        transport = answering(seen, answer)
        monkeypatch.setattr("aiodatagouv._http.transport.default_transport", lambda *_: transport)
        return cli.main(arguments, package=package.__name__), *capsys.readouterr()

    return run


Run = Callable[..., tuple[int, str, str]]


def test_the_command_line_calls_the_portal_with_the_operations_of_the_package(run: Run) -> None:
    seen: list[httpx.Request] = []
    answer = {"id": "1", "title": "A"}
    status, out, _ = run("get", "dataset", "a", "--fields", "id,title", seen=seen, answer=answer)
    assert (status, json.loads(out)) == (0, answer)
    body = json.dumps({"title": "B", "description": "C", "frequency": "monthly"})
    assert run("call", "create_dataset", "--body", body, seen=seen, answer=answer)[0] == 0
    assert [str(one.url) for one in seen] == [f"{PORTAL}datasets/a/", f"{PORTAL}datasets/"]


def test_the_command_line_knows_the_models_of_the_package(run: Run) -> None:
    """Organizations have teams, and there are visualizations, since a later release."""
    unsent: list[httpx.Request] = []
    status, _, err = run("get", "organization", "x", "--fields", "teams", seen=unsent)
    assert status == 2
    assert "teams" in err
    assert (
        "No such command 'list_visualizations'" in run("get", "list_visualizations", seen=unsent)[2]
    )
    help_ = run("call", "create_dataset", "--help", seen=unsent)[1]
    assert "that of dados_example_pt by default" in " ".join(help_.split())
    assert "temporal_coverage" in help_
    assert (
        "try 'dados-example-pt call create_dataset'" in run("get", "create_dataset", seen=unsent)[2]
    )
    assert "dados-example-pt harvest datasets" in run("--help", seen=unsent)[1]
    assert "_DADOS_EXAMPLE_PT_COMPLETE" in run("completion", "bash", seen=unsent)[1]
    assert unsent == []


def test_a_link_leads_to_a_list_of_the_package(package: ModuleType) -> None:
    model: Any = importlib.import_module("dados_example_pt.models").CommunityResource
    kind: Any = aiodatagouv.Link[Any]
    link = kind[model].from_dict(
        {"href": f"{PORTAL}datasets/community_resources/?dataset=a&page=1"}
    )
    for client in (package.Client(), aiodatagouv.Client(base_url=PORTAL)):
        call = link.follow(client).call
        assert call.operation.package == "dados_example_pt"
        assert call.operation.model is model
        assert dict(call.query_pairs) == {"dataset": "a"}
    with pytest.raises(aiodatagouv.DecodeError, match="expected the address of a list"):
        link.follow(aiodatagouv.Client(base_url="production"))


def test_a_cluster_calls_the_portal_of_the_package(package: ModuleType) -> None:
    lists = importlib.import_module("dados_example_pt.api.datasets")
    portals = [
        operation_of(one.list_datasets).client_class().base_url for one in (lists, api.datasets)
    ]
    assert portals == ["https://dados.example.pt/", aiodatagouv.PRODUCTION]


PROGRAM = """
from typing import assert_type

from attrs import define

from aiodatagouv import Operation, Page, Paginator, bulk
from dados_example_pt import OPERATIONS, Client, api
from dados_example_pt.api import datasets
from dados_example_pt.models import Dataset, DatasetPage, DatasetWrite


@define
class Title:
    id: str
    title: str


async def right() -> None:
    async with Client(rate=2) as client:
        listed = datasets.list_datasets(client, tag=["transport"])
        assert_type(listed, Paginator[DatasetPage, Dataset])
        async for title in listed.into(Title):
            assert_type(title, Title)
        assert_type(await listed.into(Title), Page[Title])
        assert_type(await api.datasets.get_dataset(client, "a", into=Title), Title)
        body = DatasetWrite(title="A", description="B", frequency="monthly")
        dataset = await api.datasets.create_dataset(client, body=body)
        assert_type(dataset, Dataset)
        await datasets.update_dataset(
            client, dataset.id, body=DatasetWrite.of(dataset, title="B")
        )
        await bulk.harvest(listed, "datasets.jsonl")
        assert_type(client.with_options(timeout=5), Client)
        assert_type(OPERATIONS["get_dataset"], Operation)


async def wrong(client: Client) -> None:
    await api.datasets.get_dataset(client, 7)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    api.datasets.list_datasets(client, organisation="x")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    DatasetWrite(title=7)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    DatasetWrite(frequency="sometimes")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Client(colour="red")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    # Not of this release:
    api.visualizations  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
"""  # noqa: E501
"""A program as a team writes it, and misuses with the comments that both type checkers need."""


def test_both_type_checkers_know_the_package(made: tuple[Path, str], tmp_path: Path) -> None:
    """An ignore comment that is not needed is an error, so each misuse is reported."""
    (tmp_path / "program.py").write_text(PROGRAM)
    source, facade = made[0] / "src", Path(aiodatagouv.__file__).parents[1]
    (tmp_path / "mypy.ini").write_text(f"[mypy]\nstrict = True\nmypy_path = {source}:{facade}\n")
    settings = {
        "include": ["program.py", str(source)],
        "extraPaths": [str(source), str(facade)],
        "typeCheckingMode": "strict",
        "enableTypeIgnoreComments": False,
        "reportUnnecessaryTypeIgnoreComment": True,
        "pythonVersion": "3.11",
    }
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings))
    for command in (
        ["mypy", "program.py", str(source)],
        ["basedpyright", "--pythonpath", sys.executable],
    ):
        done = subprocess.run(
            [sys.executable, "-m", *command],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout


# ---- The project


@pytest.fixture
def portal(tmp_path: Path) -> Path:
    """The Swagger of a small portal."""
    path = tmp_path / "udata-17.18.0.json"
    path.write_text(json.dumps(small()))
    return path


def from_file(path: Path, *, force: bool = False) -> Take:
    return lambda folder: origins.from_file(folder, path, release=None, force=force)


@pytest.fixture
def folder(tmp_path: Path, portal: Path) -> Path:
    """The project of that portal."""
    made = tmp_path / "project"
    make(made, OPENAPI, from_file(portal), portal=PORTAL)
    return made


def test_the_same_document_gives_the_same_bytes(folder: Path, portal: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    make(other, OPENAPI, from_file(portal), portal=PORTAL)
    assert contents(other) == contents(folder)


@pytest.mark.parametrize("again", [False, True])
def test_a_project_is_generated_again_from_what_it_has(
    folder: Path, portal: Path, again: bool
) -> None:
    """The same document keeps its date and its source, wherever it comes from."""
    path = folder / "openapi" / "pin.toml"
    path.write_text(path.read_text().replace("the file udata", "a file of last year, udata"))
    before = contents(folder)
    (folder / "src" / "dados_example_pt" / "api" / "tags.py").write_text("edited")
    (folder / "src" / "dados_example_pt" / "stale.py").touch()
    make(folder, OPENAPI, from_file(portal) if again else None)
    assert contents(folder) == before


def correct_summary(folder: Path, path: str, summary: str) -> None:
    """Write a correction of a project's owners."""
    (folder / "openapi" / "corrections.toml").write_text(
        f'''[[correction]]
name = "ours"
places = [["paths", "{path}", "get", "summary"]]
set = "{summary}"
reason = "Ours."
evidence = "Ours."'''
    )


def test_what_its_owners_write_is_kept(folder: Path) -> None:
    """Their own names come before those of the façade, and their corrections after them."""
    own = folder / "openapi"
    (own / "names.toml").write_text(
        '[[rename]]\nreason = "Ours."\n[rename.names]\nsuggest_tags = "find_tags"\n'
    )
    correct_summary(folder, "/tags/suggest/", "Find our tags")
    for name in ("README.md", "notes.txt", "pyproject.toml"):
        path = folder / name
        path.write_text((path.read_text() if path.exists() else "") + "# Ours.\n")
    written = {name: one for name, one in contents(folder).items() if not name.startswith("src")}
    make(folder, OPENAPI, None)
    tags = (folder / "src" / "dados_example_pt" / "api" / "tags.py").read_text()
    assert "async def find_tags(" in tags
    assert "Find our tags." in tags
    now = contents(folder)
    assert {name: now[name] for name in written if "skipped" not in name} == {
        name: one for name, one in written.items() if "skipped" not in name
    }


def test_the_dependency_on_the_facade_follows_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder / "pyproject.toml"
    marked = """"attrs", "aiodatagouv[cli,parquet]>=0.1.0,<0.2; python_version > '3'\""""
    text = path.read_text().replace('"aiodatagouv>=0.1.0,<0.2"', marked)
    path.write_text(text)
    monkeypatch.setattr(project, "__version__", "0.3.1")
    make(folder, OPENAPI, None)
    assert path.read_text() == text.replace(">=0.1.0,<0.2", ">=0.3.1,<0.4")


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("0.1.0", ">=0.1.0,<0.2"),
        ("0.12.3", ">=0.12.3,<0.13"),
        ("1.0rc1", ">=1.0rc1,<2"),
        ("2.1.0", ">=2.1.0,<3"),
    ],
)
def test_the_range_ends_before_the_next_release_that_may_break(version: str, expected: str) -> None:
    assert version_range(version) == expected


def test_a_newer_release_replaces_the_document(folder: Path, portal: Path) -> None:
    newer = portal.with_name("udata-18.0.0.json")
    newer.write_bytes(portal.read_bytes())
    # The same API is not another document.
    assert make(folder, OPENAPI, from_file(newer)).release.release == "17.18.0"
    swagger = json.loads(portal.read_bytes())
    swagger["tags"][0]["description"] = "Another one."
    newer.write_text(json.dumps(swagger))
    made = make(folder, OPENAPI, from_file(newer))
    assert made.release.release == "18.0.0"
    assert [path.name for path in (folder / "openapi").glob("*.json")] == ["udata-18.0.0.json"]
    ops = (folder / "src" / "dados_example_pt" / "api" / "ops.py").read_text()
    assert 'RELEASES: Final = ("18.0.0",)' in ops
    assert "17.18.0" not in ops


# ---- The comparison with what a project had


def run_again(folder: Path, portal: Path, swagger: Any, *arguments: str) -> tuple[int, str]:
    """Run the command for a project and another document; return its status and its report."""
    portal.write_text(json.dumps(swagger))
    report = portal.with_name("report.md")
    command = ["client", f"--into={folder}", f"--file={portal}", f"--report={report}", *arguments]
    done = subprocess.run(
        [sys.executable, "-m", "generator", *command], cwd=ROOT, capture_output=True, text=True
    )
    text = report.read_text() if report.exists() else done.stderr
    assert done.returncode == 1 or done.stdout.endswith(text.rstrip("\n") + "\n")
    return done.returncode, text


def written(folder: Path) -> dict[Path, tuple[int, int]]:
    """Return the file of each path on the disk, and when it was written."""
    return {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in folder.rglob("*")}


def describe(swagger: dict[str, Any]) -> None:
    swagger["tags"][0]["description"] = "Another one."


def add(swagger: dict[str, Any]) -> None:
    ping = {"operationId": "ping", "tags": ["tags"], "responses": {"204": {"description": "Pong"}}}
    swagger["paths"]["/ping/"] = {"get": ping}


def rename(swagger: dict[str, Any]) -> None:
    swagger["paths"]["/tags/suggest/"]["get"]["operationId"] = "propose_tags"


@pytest.mark.parametrize(
    ("change", "status", "said"),
    [
        (describe, 10, "**Documentation only**"),
        (add, 11, "operation added: `ping`, `GET /ping/`"),
        (rename, 12, 'names.suggest_tags = "propose_tags"'),
    ],
)
def test_the_status_is_the_class_of_what_is_written(
    folder: Path, portal: Path, change: Callable[[dict[str, Any]], None], status: int, said: str
) -> None:
    before, swagger = contents(folder), small()
    change(swagger)
    found, report = run_again(folder, portal, swagger, "--release=18.0.0")
    assert (found, said in report) == (status, True)
    assert report.startswith("# Changes of the API from `udata 17.18.0` to `udata 18.0.0`")
    after = contents(folder)
    assert "openapi/udata-18.0.0.json" in after
    assert after != before
    # The next night there is nothing left to do.
    assert run_again(folder, portal, swagger, "--release=18.0.0")[0] == 0
    assert contents(folder) == after


def test_nothing_is_written_if_callers_see_no_change(folder: Path, portal: Path) -> None:
    """A pin keeps its date, and each file its place on the disk."""
    pins = folder / "openapi" / "pin.toml"
    pins.write_text(re.sub(r"date = .*", "date = 2020-01-01", pins.read_text()))
    before = written(folder)
    unused = small()
    unused["definitions"]["Unused"] = {"type": "object", "properties": {}}
    for swagger in (small(), {**small(), "host": "other.example"}, unused):
        status, report = run_again(folder, portal, swagger, "--release=18.0.0")
        assert (status, "**No change**" in report) == (0, True)
    assert written(folder) == before


def test_code_of_another_generator_is_written_though_the_api_is_the_same(
    folder: Path, portal: Path
) -> None:
    ops = folder / "src" / "dados_example_pt" / "api" / "ops.py"
    now = ops.read_bytes()
    ops.write_bytes(now + b"# As it was generated once.\n")
    status, report = run_again(folder, portal, small())
    assert (status, ops.read_bytes()) == (10, now)
    assert "another version of the generator" in report


def test_an_own_entry_that_a_release_makes_superfluous_is_reported(
    folder: Path, portal: Path
) -> None:
    """It does not stop a regeneration, but the next one from what the project has."""
    correct_summary(folder, "/tags/suggest/", "Find our tags")
    make(folder, OPENAPI, None)
    swagger = small()
    swagger["paths"]["/tags/suggest/"]["get"]["summary"] = "Find our tags"
    add(swagger)
    status, report = run_again(folder, portal, swagger, "--release=18.0.0")
    assert status == 11
    assert "mended in `udata 18.0.0`: `ours` at `paths > /tags/suggest/ > get > summary`" in report
    assert "correction 'ours'" in refused(folder, None)


def test_a_damaged_project_is_mended_and_counts_as_breaking(folder: Path, portal: Path) -> None:
    before = contents(folder)
    (folder / "openapi" / "udata-17.18.0.json").write_text(json.dumps(small(), indent=2))
    status, report = run_again(folder, portal, small())
    assert (status, "does not match its sha256" in report) == (12, True)
    assert contents(folder) == before


def test_a_new_project_has_nothing_to_compare_with(tmp_path: Path, portal: Path) -> None:
    status, report = run_again(tmp_path / "new", portal, small(), f"--url={PORTAL}")
    assert status == 0
    assert report.startswith("dados_example_pt of udata 17.18.0: 12 operations")


def test_a_report_needs_its_folder(folder: Path, portal: Path) -> None:
    line = client("--into", folder, "--file", portal, "--report", portal.parent / "no" / "file.md")
    assert "there is no folder" in line


def test_for_make_only_a_refusal_is_a_failure(folder: Path, portal: Path) -> None:
    def run() -> int:
        command = ["make", "client", "-o", ".venv/ready", "BIN=.venv/bin", f"INTO={folder}"]
        done = subprocess.run([*command, f"FILE={portal}"], cwd=ROOT, capture_output=True)
        return done.returncode

    swagger = small()
    add(swagger)
    portal.write_text(json.dumps(swagger))
    assert run() == 0
    portal.write_text("{")
    assert run() != 0


# ---- Refusals


def refused(folder: Path, *arguments: Any, **keywords: Any) -> str:
    """Return the line that refuses to make a project, which leaves everything as it was."""
    before = contents(folder.parent)
    names = {*folder.parent.iterdir()}
    with pytest.raises(GenerationError) as refusal:
        make(folder, OPENAPI, *arguments, **keywords)
    assert contents(folder.parent) == before
    assert {*folder.parent.iterdir()} == names
    return str(refusal.value)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("notes.txt", ""),
        ("pyproject.toml", '[project]\nname = "another"'),
        ("pyproject.toml", "[tool.aiodatagouv]\npackage = 1\nportal = 2"),
        ("pyproject.toml", "[tool"),
        ("pyproject.toml", "tool = 1"),
    ],
)
def test_a_folder_with_something_else_is_refused(
    tmp_path: Path, portal: Path, name: str, content: str
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / name).write_text(content)
    line = refused(other, from_file(portal), portal=PORTAL)
    assert line.endswith("other is neither empty nor a project of `generator client`")


def test_an_empty_folder_is_taken(tmp_path: Path, portal: Path) -> None:
    (tmp_path / "empty").mkdir()
    make(tmp_path / "empty", OPENAPI, from_file(portal), portal=PORTAL)
    assert (tmp_path / "empty" / "pyproject.toml").exists()


def test_a_project_keeps_its_name(folder: Path) -> None:
    assert "is the project of dados_example_pt, not of other" in refused(folder, None, name="other")


def test_a_new_project_needs_a_document_and_a_name(tmp_path: Path, portal: Path) -> None:
    new = tmp_path / "new"
    assert "pass URL=, UDATA= or FILE=" in refused(new, None, portal=PORTAL)
    assert "pass PACKAGE=" in refused(new, from_file(portal))


@pytest.mark.parametrize(
    "name",
    ["aiodatagouv", "json", "Dados", "dados-pt", "127_0_0_1", "class", "_x", "a.b", "é", "../x"],
)
def test_a_name_that_no_package_can_have_is_refused(
    tmp_path: Path, portal: Path, name: str
) -> None:
    line = refused(tmp_path / "new", from_file(portal), name=name, portal=PORTAL)
    assert "cannot be the name of a package" in line


@pytest.mark.parametrize(
    ("portal", "name"),
    [
        ("https://dados.gov.pt/api/1/", "dados_gov_pt"),
        ("https://www.data.public.lu/api/1/", "data_public_lu"),
        ("http://localhost:7000/api/1/", "localhost"),
        ("https://open-data.example/", "open_data_example"),
    ],
)
def test_the_package_is_called_as_the_host_of_the_portal(portal: str, name: str) -> None:
    assert package_name(portal) == name


def test_settings_are_checked_as_arguments_are(folder: Path) -> None:
    path = folder / "pyproject.toml"
    text = path.read_text()
    path.write_text(text.replace('package = "dados_example_pt"', 'package = "../outside"'))
    assert "'../outside' cannot be the name" in refused(folder, None)
    path.write_text(text.replace(f'portal = "{PORTAL}"', "portal = 'x\"; import os'"))
    assert "is not the URL of a portal" in refused(folder, None)


def without_operations(swagger: dict[str, Any]) -> None:
    swagger["paths"] = dict([*swagger["paths"].items()][:6])


def without_a_tag(swagger: dict[str, Any]) -> None:
    swagger["tags"].pop()


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (without_operations, "lacks 5 of the 12 operations of 17.18.0"),
        (without_a_tag, "is not declared in #/tags"),
        (lambda swagger: swagger.pop("definitions"), "truncated: missing definitions"),
    ],
)
def test_a_project_stays_as_it_is_when_a_document_is_refused(
    folder: Path, portal: Path, change: Callable[[dict[str, Any]], None], complaint: str
) -> None:
    swagger = small()
    change(swagger)
    portal.write_text(json.dumps(swagger))
    assert complaint in refused(folder, from_file(portal))


def test_a_correction_of_the_owners_without_effect_is_an_error(folder: Path) -> None:
    correct_summary(folder, "/gone/", "x")
    assert "correction 'ours' at paths > /gone/" in refused(folder, None)


@pytest.mark.parametrize("failing", ["src/dados_example_pt", "openapi"])
def test_a_project_stays_as_it_is_when_a_folder_cannot_be_replaced(
    folder: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    (folder / "src" / "dados_example_pt" / "stale.py").touch()
    before, rename = contents(folder), Path.rename

    def fail(self: Path, target: Path) -> Path:
        if target == folder / failing and self.parent.name == "new":
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(KeyboardInterrupt):
        make(folder, OPENAPI, None)
    assert contents(folder) == before
    assert not [*folder.glob(".*")]


KILLED = """
import os
from pathlib import Path
from generator import origins, project

folder, rename, left = Path({folder!r}), Path.rename, {renames}

def kill(self, target):
    global left
    if folder in target.parents:
        left -= 1
        if left < 0:
            os._exit(9)
    return rename(self, target)

def take(scratch):
    return origins.from_file(scratch, Path({portal!r}), release=None, force=False)

Path.rename = kill
project.make(Path({project!r}), Path({openapi!r}), take, portal={url!r})
"""
"""Makes a project, and is killed after so many renames below a folder."""


def kill(folder: Path, made: Path, portal: Path, renames: int) -> None:
    code = KILLED.format(
        folder=str(folder),
        project=str(made),
        portal=str(portal),
        openapi=str(OPENAPI),
        url=PORTAL,
        renames=renames,
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False)
    assert done.returncode == 9


@pytest.mark.parametrize("renames", range(7))
def test_a_run_that_is_killed_loses_nothing(folder: Path, portal: Path, renames: int) -> None:
    """The next run puts back what was moved aside, the team's own corrections among it."""
    made, path = contents(folder), folder / "pyproject.toml"
    path.write_text(path.read_text().replace("aiodatagouv>=0.1.0,<0.2", "aiodatagouv>=0.0.1,<0.1"))
    (folder / "src" / "dados_example_pt" / "stale.py").touch()
    before = contents(folder)
    kill(folder, folder, portal, renames)
    recover(folder)
    assert contents(folder) == before
    make(folder, OPENAPI, None)
    assert contents(folder) == made


def test_a_first_run_that_is_killed_leaves_no_project(portal: Path, tmp_path: Path) -> None:
    """It is either there as a whole, or not at all: the next run makes it."""
    kill(tmp_path, tmp_path / "project", portal, 1)
    assert not (tmp_path / "project").exists()
    make(tmp_path / "project", OPENAPI, from_file(portal), portal=PORTAL)
    assert {*tmp_path.iterdir()} == {portal, tmp_path / "project"}


# ---- Corrections of another release


def test_a_correction_takes_the_names_of_the_release(portal: Path) -> None:
    """A place may be spelled differently; without it, a correction is listed, not an error."""
    swagger = deepcopy(small())
    swagger["definitions"]["Thing"] = {"properties": {"name": {"type": "string"}}}
    swagger["paths"]["/users/{user_id}/"] = {"get": {"operationId": "get_user"}}

    def change(place: list[str], value: Any, how: str = "merge") -> Correction:
        return Correction(" ".join(place), [place], how, value, "Reason.", "Evidence.")

    own = ["definitions", "Thing (read)", "properties", "name"]
    sent = ["definitions", "Thing (write)", "properties", "name"]
    shared = Shared(
        [
            change(own, {"x-nullable": False}),
            change(sent, {"x-bare": True}),
            # Of a model that is also answered, bodies alone cannot be corrected.
            change(sent, {"type": "integer"}),
            change(["paths", "/users/{user}/", "get"], {"summary": "Get a user"}),
            change([*own, "$ref"], "#/definitions/Thing%20%28write%29", "set"),
            change([*own, "$ref"], "#/definitions/Nothing", "set"),
            change(["definitions", "Gone"], {"x": 1}),
        ],
        {},
    )
    corrected = shared.correct(swagger)
    assert corrected["definitions"]["Thing"]["properties"]["name"] == {
        "type": "string",
        "x-nullable": False,
        "x-bare": True,
        "$ref": "#/definitions/Thing",
    }
    assert corrected["paths"]["/users/{user_id}/"]["get"]["summary"] == "Get a user"
    assert [one.partition(": ")[2] for one in shared.skipped] == [
        "the place does not exist",
        "there is no definition 'Nothing'",
        "the place does not exist",
    ]


def test_a_field_that_is_secret_somewhere_is_secret_everywhere() -> None:
    swagger = small()
    swagger["definitions"] |= {
        "Account": {"allOf": [{"properties": {"apikey": {"type": "string"}}}]},
        "Made": {"properties": {"token": {"type": "string"}, "name": {"type": "string"}}},
    }
    shared = Shared(corrections.read(OPENAPI / "corrections.toml"), {})
    definitions = shared.correct(swagger)["definitions"]
    assert definitions["Account"]["allOf"][0]["properties"]["apikey"]["x-secret"] is True
    assert definitions["Made"]["properties"]["token"]["x-secret"] is True
    assert "x-secret" not in definitions["Made"]["properties"]["name"]


def of_pinned() -> list[corrections.Correction]:
    """Return the corrections of older releases whose evidence is of a pinned one."""
    pinned = {one.release for one in pin.read_entries(OPENAPI)}
    return [
        one
        for one in corrections.read(OPENAPI / "older.toml")
        if pinned.issuperset(re.findall(r"udata ([0-9.]*[0-9])", one.evidence))
    ]


def test_a_correction_of_a_pinned_older_release_has_an_effect() -> None:
    """None is left when its release is no longer pinned, or corrects it in corrections.toml."""
    pins = combine.by_release(pin.read_pins(OPENAPI))
    corrections.apply(releases.merge(pins[-1:]), of_pinned())  # Raises for one without effect.


# ---- Hostile documents


TARGET = Target("dados_example_pt", PORTAL)


def test_a_mutated_document_declares_or_is_refused() -> None:
    """The files of another package pass the same checks, or the document is refused."""
    fixes = [
        one
        for name in ("older.toml", "corrections.toml")
        for one in corrections.read(OPENAPI / name)
    ]
    names = renaming.read(OPENAPI / "names.toml")
    declared = 0
    for number, group in enumerate(GROUPS):
        for swagger in mutations(small(group), 30, number):
            result = outcome(swagger, target=TARGET, shared=Shared(fixes, names))
            assert isinstance(result, dict) or result.isprintable()
            declared += isinstance(result, dict)
    assert declared > 20


@pytest.mark.parametrize(
    ("file", "statement"),
    [
        ("client.py", "print()"),
        ("client.py", "import os"),
        ("client.py", "import aiodatagouv.cli"),
        ("client.py", "PORTAL: Final = print()"),
        ("client.py", "class Client(aiodatagouv.Client):\n    'Text.'"),
        ("client.py", "from aiodatagouv.generated import answers as x"),
        ("__main__.py", "print()"),
        ("__main__.py", "PACKAGE: Final = print()"),
        ("__main__.py", "import os"),
        ("__main__.py", "def main() -> int:\n    return 1"),
        ("__init__.py", "import os"),
        ("__init__.py", "import aiodatagouv"),
        ("__init__.py", "from .api.ops import os"),
        ("__init__.py", "from .openapi import x"),
        ("__init__.py", "from os import path"),
        ("__init__.py", "class X(View):\n    'Text.'"),
        ("api/tags.py", "from ..types import Id"),
        ("api/tags.py", "from aiodatagouv.types import Id"),
        ("api/tags.py", "from aiodatagouv._http import client"),
        ("api/tags.py", "from aiodatagouv.generated import os"),
        ("api/tags.py", "import aiodatagouv"),
        ("models/badge.py", "from ..client import Client"),
    ],
)
def test_anything_but_a_declaration_is_refused(file: str, statement: str) -> None:
    with pytest.raises(verify.VerifyError, match=file):
        verify.files({file: statement}, TARGET)


def test_the_facade_has_no_client_of_another_portal() -> None:
    with pytest.raises(verify.VerifyError):
        verify.files({"client.py": "import aiodatagouv"})
    with pytest.raises(verify.VerifyError):
        verify.files({"api/tags.py": f"from {PUBLIC} import Id"})


def test_the_module_for_generated_code_has_what_is_generated() -> None:
    """Both type checkers see the names that are there, and no others."""
    public = importlib.import_module(PUBLIC)
    needed = {name: module for module, names in NEEDED.items() for name in names}
    assert {*public.__all__} == {*needed} == {*dir(public)}
    for name, module in needed.items():
        holder = importlib.import_module(f"aiodatagouv.{module}")
        assert getattr(public, name) is getattr(holder, name)
    assert public.answers is answers
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        public.nothing  # noqa: B018


# ---- The command line


def test_the_command_fails_in_one_line(tmp_path: Path) -> None:
    into = ("--into", tmp_path / "new")
    assert "pass UDATA= or FILE=, not both" in client(
        *into, "--udata", "17.18.0", "--file", DOCUMENT
    )
    assert "is not the URL of a portal" in client(*into, "--url", "file:///etc")
    assert "pass INTO=" in client("--into", "", "--url", PORTAL)
    assert "cannot read" in client(*into, "--file", tmp_path / "x.json", "--url", PORTAL)
    (tmp_path / "x.json").write_text("{}")
    assert "is not udata-<release>.json: pass RELEASE=" in client(
        *into, "--file", tmp_path / "x.json", "--url", PORTAL
    )
    assert not (tmp_path / "new").exists()


def test_a_package_without_a_portal_needs_one_for_each_client(tmp_path: Path, portal: Path) -> None:
    new = tmp_path / "new"
    make(new, OPENAPI, from_file(portal), name="some_udata")
    code = textwrap.dedent(
        """
        from some_udata import Client, PORTAL
        assert PORTAL is None
        assert Client(base_url="https://dados.example.pt").base_url == "https://dados.example.pt/"
        Client()
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": f"{new / 'src'}:{Path(aiodatagouv.__file__).parents[1]}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "ValueError: base_url: there is no default portal: give the URL of one" in done.stderr
    assert "from some_udata import Client, api" in (new / "README.md").read_text()
