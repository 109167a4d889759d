"""The commands of files: their calls of the library, their statuses, and their bars."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
import httpx
import pytest

from aiodatagouv import NetworkError, NotFoundError, files
from aiodatagouv.cli.export import exports
from aiodatagouv.cli.operations import Package
from aiodatagouv.cli.transfer import read_size
from aiodatagouv.errors import AddressError, CheckpointError, IntegrityError, TooLargeError
from aiodatagouv.files._download.checksums import Checksum
from aiodatagouv.files._export.exports import NAMES
from aiodatagouv.models import Resource

from ..servers import OK, server
from ..servers import says as says_bytes
from .running import COMMAND, Run, on_terminal

ID = "6b08d01a-8713-4e5c-a463-ce6091d5c5b8"

STOPS = b"name;lat\nLoire;47.2\n"

MADE = {"id": ID, "url": "https://files.example/stops.csv", "title": "stops.csv", "filesize": 20}

Calls = list[dict[str, Any]]


def refusing(error: Exception) -> Callable[..., Any]:
    """Return a function of the library that fails."""

    async def fails(*_: object, **__: object) -> None:
        raise error

    return fails


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run each test in a folder of its own."""
    monkeypatch.chdir(tmp_path)


# ---- Upload


def write_journal(path: Path, **state: object) -> None:
    """Write the journal of an upload under way."""
    path.write_text(json.dumps({"upload": {"of": "another"}, "state": state}))


@pytest.fixture
def uploads(monkeypatch: pytest.MonkeyPatch) -> Calls:
    """Replace the library's upload with a successful one, and record its arguments."""
    asked: Calls = []

    async def upload(client: object, dataset: str, source: object, **options: Any) -> Resource:
        asked.append({"dataset": dataset, "source": source, **options})
        if options["journal"] is not None:
            write_journal(options["journal"])
        return Resource.from_dict(MADE)

    monkeypatch.setattr(files, "upload", upload)
    return asked


def test_an_upload_is_delegated_to_the_library(run: Run, uploads: Calls) -> None:
    Path("stops.csv").write_bytes(STOPS)
    options = ["--title", "Stops", "--chunk-size", "64K", "--concurrency", "2", "--name", "x.csv"]
    result = run("upload", "velos", "stops.csv", *options, "--resource", ID, "--journal", "j")
    assert result == (0, f"{ID} https://files.example/stops.csv\n", "")
    assert callable(uploads[0].pop("progress"))
    assert uploads == [
        {
            "dataset": "velos",
            "source": Path("stops.csv"),
            "resource": ID,
            "community": False,
            "title": "Stops",
            "name": "x.csv",
            "chunk_size": 64 << 10,
            "concurrency": 2,
            "journal": Path("j"),
        }
    ]
    assert not Path("j").exists()


def test_defaults_of_an_upload_are_those_of_the_library(run: Run, uploads: Calls) -> None:
    Path("stops.csv").write_bytes(STOPS)
    assert run("upload", "velos", "stops.csv").status == 0
    assert not {"chunk_size", "concurrency"} & {*uploads[0]}
    assert uploads[0]["journal"] == Path("stops.csv.upload")


def test_a_fresh_upload_forgets_the_journal(
    run: Run, uploads: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("stops.csv").write_bytes(STOPS)
    write_journal(Path("stops.csv.upload"))
    belongs = "stops.csv.upload belongs to another upload (title): give the same arguments again, "
    belongs += "choose another journal, or remove it to upload anew"
    with monkeypatch.context() as patch:
        patch.setattr(files, "upload", refusing(CheckpointError(belongs)))
        refused = run("upload", "velos", "stops.csv")
    assert refused.status == 1
    assert "give the same arguments again, give --fresh, or another --journal" in refused.err
    assert "continues" not in refused.err
    assert "another" in Path("stops.csv.upload").read_text()

    assert run("upload", "velos", "stops.csv", "--fresh").status == 0
    assert not Path("stops.csv.upload").exists()


@pytest.mark.parametrize("option", [[], ["--fresh"]])
def test_a_file_of_the_user_is_never_taken_for_a_journal(
    run: Run, monkeypatch: pytest.MonkeyPatch, option: Sequence[str]
) -> None:
    Path("stops.csv").write_bytes(STOPS)
    Path("stops.csv.upload").write_bytes(b"notes on an upload")
    refused = run("upload", "velos", "stops.csv", *option)
    assert refused.status == 1
    assert "stops.csv.upload is damaged, or is not the journal of an upload" in refused.err
    assert refused.err.endswith("move it away, or give another --journal\n")
    assert Path("stops.csv.upload").read_bytes() == b"notes on an upload"
    assert not Path("stops.csv.upload.lock").exists()

    same = run("upload", "velos", "stops.csv", "--journal", "./stops.csv", *option)
    also = run("upload", "velos", "stops.csv", "stops.csv.upload", *option)
    assert (same.status, also.status) == (2, 2)
    assert same.err.startswith("Error: stops.csv is a FILE and a journal at once.")
    assert Path("stops.csv").read_bytes() == STOPS


def test_a_folder_that_cannot_have_a_journal_is_an_error_that_names_the_option(run: Run) -> None:
    Path("stops.csv").write_bytes(STOPS)
    # Not even the administrator can write there.
    refused = run("upload", "velos", "stops.csv", "--journal", "/proc/version.upload")
    assert refused.status == 2
    assert refused.err.startswith("Error: /proc/version.upload, the journal of the upload, cannot")
    assert refused.err.endswith("give a --journal in another folder\n")


def test_files_that_are_refused_are_not_said_to_be_continued(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def upload(_: object, __: str, source: Path, *, journal: Path, **___: Any) -> Resource:
        if source.suffix == ".xyz":
            raise ValueError("'c.xyz': the portal does not accept files with the extension .xyz")
        write_journal(journal)
        return Resource.from_dict(MADE)

    monkeypatch.setattr(files, "upload", upload)
    for name in ("b.csv", "c.xyz"):
        Path(name).write_bytes(STOPS)
    status, _, err = run("upload", "velos", "b.csv", "c.xyz")
    assert status == 3
    assert err.endswith("\n1 of 2 files published\n")
    assert Path("b.csv.upload").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a.csv", "b.csv", "--title", "A"], "--title is for one file: 2 are given."),
        (["a.csv", "b.csv", "--resource", ID], "--resource is for one file"),
        (["a.csv", "b.csv", "--journal", "j"], "--journal is for one file"),
        (["a.csv", "a.csv"], "A file is given twice."),
        (["-"], "stdin has no name: give --name NAME."),
        (["-", "a.csv"], "cannot be given with files"),
        (["-", "--name", "x.csv", "--journal", "j"], "it has no --journal"),
        (["missing.csv"], "File 'missing.csv' does not exist."),
        (["."], "'.' is a directory."),
        ([], "Missing argument 'FILE...'"),
        (["a.csv", "--chunk-size", "0"], "'0' is not a size"),
        (["a.csv", "--concurrency", "0"], "0 is not in the range"),
    ],
)
def test_an_upload_that_cannot_be_meant_is_refused(
    run: Run, uploads: Calls, arguments: Sequence[str], message: str
) -> None:
    Path("a.csv").write_bytes(STOPS)
    Path("b.csv").write_bytes(STOPS)
    status, out, err = run("upload", "velos", *arguments)
    assert (status, out, uploads) == (2, "", [])
    assert err.startswith("Error: ")
    assert message in err
    assert err.count("\n") == 1


def test_an_error_that_concerns_every_file_ends_the_upload(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = NotFoundError("Dataset not found", operation="get_dataset", status=404)
    monkeypatch.setattr(files, "upload", refusing(error))
    for name in ("a.csv", "b.csv"):
        Path(name).write_bytes(STOPS)
    status, out, err = run("upload", "--json", "velos", "a.csv", "b.csv")
    assert status == 1
    assert [one["status"] for one in json.loads(out)["files"]] == ["failed", "not tried"]
    assert json.loads(out)["complete"] is False
    first, last = err.splitlines()
    assert first.startswith("Error: a.csv: get_dataset: 404 Dataset not found")
    assert last == "0 of 2 files published"


def test_a_failed_upload_is_continued_if_it_has_a_journal(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("a.csv").write_bytes(STOPS)

    async def upload(*_: object, journal: Path, **__: object) -> None:
        write_journal(journal)
        raise NetworkError("the connection broke", operation="upload")

    monkeypatch.setattr(files, "upload", upload)
    status, out, err = run("upload", "velos", "a.csv")
    assert (status, out) == (1, "")
    assert err.endswith("; the same command continues the upload\n")
    status, out, _ = run("upload", "velos", "a.csv", "--json")
    (outcome,) = json.loads(out)["files"]
    assert outcome["status"] == "failed"
    assert outcome["error"].startswith("upload: the connection broke")


@pytest.mark.parametrize("option", [[], ["--json"]])
def test_a_result_that_cannot_be_printed_is_printed_by_the_same_command(
    option: Sequence[str], tmp_path: Path
) -> None:
    """The journal stays, so that the id of the resource is not lost."""
    Path("a.csv").write_bytes(STOPS)
    program = f"""
import sys
from aiodatagouv import files
from aiodatagouv.cli import main
from aiodatagouv.models import Resource
async def upload(*_, journal, **__):
    journal.touch()
    return Resource.from_dict({MADE!r})
files.upload = upload
sys.exit(main())
"""
    command = [sys.executable, "-c", program, "upload", "velos", "a.csv", *option]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, check=False)
    told = b"Error: No space left on device"
    assert done.returncode == 1
    assert done.stderr.startswith(told)
    assert done.stderr.count(b"\n") == 1
    assert Path("a.csv.upload").exists()


@pytest.mark.parametrize(
    ("text", "size"),
    [("500", 500), ("64K", 65536), ("8M", 8 << 20), ("2g", 2 << 30), ("1MiB", 1 << 20)],
)
def test_sizes_are_in_units_of_1024(text: str, size: int) -> None:
    assert read_size(text) == size


@pytest.mark.parametrize("text", ["", "0", "-1", "8 parts", "1.5M", "M", "1e9", "٣"])
def test_other_sizes_are_refused(text: str) -> None:
    with pytest.raises(click.UsageError, match="is not a size: write 500 for bytes"):
        read_size(text)


# ---- Download


def resource_of(**facts: Any) -> Callable[[httpx.Request], httpx.Response]:
    """Return a portal that has one resource."""
    found = {"id": ID, "title": "Stops", "url": "https://files.example/x", "format": "csv", **facts}
    return lambda _: httpx.Response(200, json={"resource": found, "dataset_id": "1"})


@pytest.fixture
def downloads(monkeypatch: pytest.MonkeyPatch) -> Calls:
    """Replace the library's download with a successful one, and record its arguments."""
    asked: Calls = []

    async def download(_: object, resource: Any, path: Path, **options: Any) -> files.Download:
        asked.append({"id": resource.id, "path": path, **options})
        found = Checksum("sha256", hashlib.sha256(STOPS).hexdigest())
        return files.Download(
            path=path.resolve(),
            size=20,
            checksum=None,
            url="https://files.example/x",
            etag=None,
            last_modified=None,
            resumed=0,
            digest=found,
        )

    monkeypatch.setattr(files, "download", download)
    return asked


def test_a_download_is_delegated_to_the_library(run: Run, downloads: Calls) -> None:
    options = ["--max-size", "2M", "--allow-private", "--fresh", "--no-verify"]
    result = run("download", ID, *options, portal=resource_of())
    assert result == (0, "", "Stops.csv: 20 bytes, no checksum to compare with\n")
    assert callable(downloads[0].pop("progress"))
    assert downloads == [
        {
            "id": ID,
            "path": Path("Stops.csv"),
            "max_size": 2 << 20,
            "allow_private": True,
            "resume": False,
            "verify": False,
        }
    ]


def test_a_folder_that_does_not_exist_is_not_taken_for_a_file(run: Run, downloads: Calls) -> None:
    status, _, err = run("download", ID, "-o", "no/", portal=resource_of())
    assert status == 2
    assert "There is no folder 'no/'." in err
    assert downloads == []
    Path("yes").mkdir()
    assert run("download", ID, "-o", "yes/", portal=resource_of()).status == 0
    assert downloads[0]["path"] == Path("yes/Stops.csv")


def test_the_name_that_a_portal_has_chosen_stays_in_the_folder(run: Run, downloads: Calls) -> None:
    for url in ("https://x/..%2f..%2fetc/passwd.csv", "https://x/%2e%2e", "https://x/.bashrc"):
        hostile = resource_of(url=url, title="../../\x1b[2J.profile")
        assert run("download", ID, portal=hostile).status == 0
    for one in downloads:
        assert one["path"].parent == Path()
        assert not one["path"].name.startswith(".")
        assert one["path"].name.isprintable()


def test_an_address_that_is_refused_is_no_mistake_of_the_command(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    reason = "is not an address of the internet: allow_private=True fetches it nevertheless"
    error = AddressError("http://10.0.0.1/x", reason)
    monkeypatch.setattr(files, "download", refusing(error))
    status, _, err = run("download", ID, portal=resource_of())
    assert status == 1
    assert err == (
        "Error: http://10.0.0.1/x is not an address of the internet: --allow-private fetches it "
        "nevertheless\n"
    )


def test_a_wrong_file_is_one_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    error = IntegrityError("x.csv", "sha1", "a" * 40, "b" * 40)
    monkeypatch.setattr(files, "download", refusing(error))
    told = f"Error: x.csv: its sha1 is {'b' * 40}, not {'a' * 40}\n"
    assert run("download", ID, "-o", "x.csv", portal=resource_of()) == (1, "", told)


# ---- Sync


@pytest.fixture
def syncs(monkeypatch: pytest.MonkeyPatch) -> Calls:
    """Replace the library's sync with a successful one, and record its arguments."""
    asked: Calls = []

    async def sync(_: object, source: object, folder: str, **options: Any) -> files.Report:
        asked.append({"source": source, "folder": folder, **options})
        return files.Report(listed=3, downloaded=2, unchanged=1, bytes=900, complete=True)

    monkeypatch.setattr(files, "sync", sync)
    return asked


def test_a_sync_is_delegated_to_the_library(run: Run, syncs: Calls) -> None:
    options = ["--delete", "--keep-altered", "--per-host", "4", "--concurrency", "16"]
    options.append("--no-verify")
    result = run("sync", "velos", "folder", *options, "--max-size", "1K", "--allow-private")
    summary = "folder: 3 files, 2 fetched, 1 unchanged, 900 bytes received, 0.0 s: complete\n"
    assert result == (0, "", summary)
    assert callable(syncs[0].pop("progress"))
    assert syncs == [
        {
            "source": "velos",
            "folder": "folder",
            "delete": True,
            "keep_altered": True,
            "verify": False,
            "allow_private": True,
            "concurrency": 16,
            "per_host": 4,
            "max_size": 1024,
        }
    ]


def test_the_datasets_of_a_sync_may_be_those_of_a_list(run: Run, syncs: Calls) -> None:
    assert run("sync", "--organization", "1", "--tag", "eau", "--tag", "velo", "x").status == 0
    assert dict(syncs[0]["source"].call.query_pairs) == {"organization": "1", "tag": "velo"}
    assert repr(syncs[0]["source"]) == "<Paginator of list_datasets>"


def test_a_dataset_that_cannot_be_read_does_not_stop_the_others(run: Run) -> None:
    def portal(request: httpx.Request) -> httpx.Response:
        id = request.url.path.split("/")[-2]
        asked.append(id)
        json = {"id": id, "slug": id, "resources": []}
        return httpx.Response(404 if id == "nope" else 200, json=json)

    for named in (["a", "nope", "b"], ["nope", "a", "b"]):
        asked: list[str] = []
        status, out, err = run("sync", *named, "folder", portal=portal)
        assert (status, out, asked) == (3, "", named)
        assert err.startswith("Error: dataset nope: get_dataset: 404")
        assert err.count("\n") == 2


def test_a_sync_of_a_dataset_that_does_not_exist_leaves_nothing(run: Run) -> None:
    def portal(_: httpx.Request) -> httpx.Response:
        return httpx.Response(404, json={})

    assert run("sync", "nope", "new/folder", portal=portal).status == 1
    assert [*Path().iterdir()] == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["folder"], "No dataset is given"),
        (["velos", "folder", "--tag", "eau"], "cannot be combined"),
        ([], "Missing argument 'FOLDER'"),
        (["velos", "a-file"], "'a-file' is a file."),
        (["velos", "folder", "--per-host", "0"], "0 is not in the range"),
    ],
)
def test_a_sync_that_cannot_be_meant_is_refused(
    run: Run, syncs: Calls, arguments: Sequence[str], message: str
) -> None:
    Path("a-file").touch()
    status, out, err = run("sync", *arguments)
    assert (status, out, syncs) == (2, "", [])
    assert message in err
    assert err.count("\n") == 1


def failing(number: int) -> files.Report:
    """Return the report of a synchronization of which some files failed."""
    outcomes = tuple(
        files.Outcome(resource=ID, path=f"{n}.csv", status="failed", reason=f"no\n\x1b{n}")
        for n in range(number)
    )
    reason = f"{number} failed"
    return files.Report(listed=99, failed=number, reason=reason, outcomes=outcomes)


def test_files_that_fail_make_a_sync_incomplete(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    async def sync(*_: object, **__: object) -> files.Report:
        return failing(2)

    monkeypatch.setattr(files, "sync", sync)
    status, out, err = run("sync", "velos", "folder", "--json")
    assert status == 3
    assert json.loads(out)["failed"] == len(json.loads(out)["outcomes"]) == 2
    assert err.splitlines() == [
        "Error: 0.csv: no 0",
        "Error: 1.csv: no 1",
        "folder: 99 files, 2 failed, 0 bytes received, 0.0 s: incomplete (2 failed)",
    ]


def test_a_file_that_fails_is_explained_in_words_of_the_command(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def sync(*_: object, **__: object) -> files.Report:
        reason = str(TooLargeError("https://files.example/x.csv", 1024))
        one = files.Outcome(resource=ID, path="x.csv", status="failed", reason=reason)
        return files.Report(failed=1, outcomes=(one,))

    monkeypatch.setattr(files, "sync", sync)
    told = "Error: x.csv: https://files.example/x.csv is larger than --max-size, 1,024 bytes"
    assert run("sync", "velos", "folder").err.splitlines()[0] == told


def test_of_many_files_that_fail_the_first_are_named(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def sync(*_: object, **__: object) -> files.Report:
        return failing(50)

    monkeypatch.setattr(files, "sync", sync)
    lines = run("sync", "velos", "folder").err.splitlines()
    assert len(lines) == 22
    assert lines[20] == "... and 30 more failed: --json names them all"


# ---- Export


def test_the_exports_of_the_command_are_those_of_the_library() -> None:
    assert tuple(exports(Package())) == NAMES


def test_an_export_is_printed_or_written(run: Run) -> None:
    def portal(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return httpx.Response(200, content=b"id;tags\r\n1;a,b\r\n", headers=head)

    asked: list[str] = []
    head = {"Content-Type": "text/csv; charset=utf-8"}
    assert run("export", "datasets", portal=portal) == (0, "id;tags\r\n1;a,b\r\n", "")
    arguments = ["export", "datasets", "--organization", "velo", "-o", "x.csv", "--columns", "tags"]
    result = run(*arguments, "--json", portal=portal)
    assert json.loads(result.out) == {"export": "datasets", "path": "x.csv", "bytes": 11}
    assert (result.status, result.err) == (0, "")
    assert Path("x.csv").read_bytes() == b"tags\r\na,b\r\n"
    assert asked == ["/api/1/site/datasets.csv", "/api/1/organizations/velo/datasets.csv"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["dataset"], "there is no export 'dataset': did you mean 'datasets'?"),
        (["discussions"], "for one organization only: give --organization"),
        (["tags", "--organization", "1"], "for the whole portal only: leave out --organization"),
        (["datasets", "-o", "x.txt"], "x.txt must end in .csv, .csv.gz or .parquet"),
        (["datasets", "-o", "no/x.csv"], "Folder 'no' does not exist."),
        (["datasets", "--json"], "--json needs a file: give -o FILE."),
        (["datasets", "--columns", "id"], "--columns needs a file: give -o FILE."),
    ],
)
def test_an_export_that_cannot_be_meant_is_refused(
    run: Run, arguments: Sequence[str], message: str
) -> None:
    status, out, err = run("export", *arguments)
    assert (status, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1
    assert [*Path().iterdir()] == []


# ---- Help and completion


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("upl", ["upload"]),
        ("export da", ["dataservices", "datasets"]),
        ("sync --organ", ["--organization", "--organization-badge"]),
        ("sync --organization-badge cert", ["certified"]),
        ("upload --chu", ["--chunk-size"]),
        ("download --allow", ["--allow-private"]),
        ("download --portal de", ["demo"]),
    ],
)
def test_completion_suggests_matching_words(
    complete: Callable[[str], list[str]], words: str, expected: Sequence[str]
) -> None:
    assert complete(words) == [*expected]


@pytest.mark.parametrize("command", ["upload", "download", "sync", "export"])
def test_help_loads_no_model_and_no_http_library(command: str) -> None:
    program = (
        "import sys; from aiodatagouv.cli import main\n"
        f"main(['{command}', '--help'])\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert "--json" in done.stdout
    loaded = done.stderr.split()
    assert {one.split(".")[0] for one in loaded}.isdisjoint({"httpx", "aiohttp", "rich"})
    models = {one for one in loaded if one.startswith("aiodatagouv.models.")}
    assert models <= {"aiodatagouv.models.enums"}


# ---- Terminals, pipes and closed streams


def exported(rows: int) -> bytes:
    content = b"id;title\r\n" + b"1;a\r\n" * rows
    head = b"Content-Type: text/csv\r\nContent-Length: %d\r\n\r\n" % len(content)
    return OK + head + content


async def test_a_bar_shows_the_bytes_and_their_speed_on_a_terminal_only() -> None:
    async with server(says_bytes(exported(200_000))) as url:
        arguments = ["export", "tags", "-o", "x.csv", "--portal", url]
        seen = await asyncio.to_thread(on_terminal, *arguments)
        piped = await asyncio.to_thread(
            subprocess.run, [*COMMAND, *arguments], capture_output=True, check=False
        )
    assert seen.status == 0
    line = re.sub(r"\x1b\[[0-9;]*m", "", seen.out.decode()).rpartition("\x1b[2K")[2]
    assert re.match(r"tags ━+ 1\.0/1\.0 MB ", line)
    assert "B/s" in line
    assert (piped.returncode, piped.stdout, piped.stderr) == (0, b"", b"")


async def test_the_bar_of_a_transfer_that_failed_is_erased() -> None:
    async with server(says_bytes(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")) as url:
        seen = await asyncio.to_thread(on_terminal, "download", ID, "--portal", url)
    assert seen.status == 1
    shown = seen.out.decode()
    assert "━" in shown
    assert shown.rpartition("\x1b[2K")[2].startswith("Error: v2.get_resource: 404")
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")


async def test_a_closed_stdout_is_an_error() -> None:
    program = "import sys; sys.stdout = None; from aiodatagouv.cli import main; sys.exit(main())"
    async with server(says_bytes(exported(1))) as url:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", program, "export", "tags", "--portal", url),
            stderr=asyncio.subprocess.PIPE,
        )
        _, err = await process.communicate()
    assert (process.returncode, err) == (1, b"Error: stdout is closed\n")


async def test_a_closed_stdin_is_an_error() -> None:
    program = "import sys; sys.stdin = None; from aiodatagouv.cli import main; sys.exit(main())"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program, "upload", "velos", "-", "--name", "x.csv"),
        stderr=asyncio.subprocess.PIPE,
    )
    _, err = await process.communicate()
    assert process.returncode == 2
    assert err == b"Error: stdin is closed. Try 'aiodatagouv upload --help'.\n"


async def test_an_export_to_a_pipe_that_is_closed_ends_quietly() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    async with server(says_bytes(exported(100_000))) as url:
        process = await asyncio.create_subprocess_exec(
            *(*COMMAND, "export", "tags", "--portal", url),
            stdout=writing,
            stderr=asyncio.subprocess.PIPE,
        )
        os.close(writing)
        _, err = await process.communicate()
    assert (process.returncode, err) == (141, b"")
