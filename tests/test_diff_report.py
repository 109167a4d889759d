"""The command that compares: its sources, its report, and its exit statuses."""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import subprocess
import sys
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from generator import corrections, origins, pin, renaming
from generator.adapt import apply_possible
from generator.build import Attempt, attempt
from generator.diff import Change, Status, compare, compare_attempts, report, sources
from generator.diff.sources import Source, SourceError
from generator.emit import render
from generator.errors import GenerationError

from .hostile import mutations, small
from .pins import portal, stored
from .test_diff import built, of_pin
from .test_generator import SWAGGER, release

ROOT = Path(__file__).parents[1]

Document = dict[str, Any]


def written(folder: Path, name: str, document: Document) -> str:
    path = folder / name
    path.write_text(json.dumps(document), encoding="utf-8")
    return str(path)


def changed(**changes: Any) -> Document:
    """Return a small document whose field ``Owner.name`` has other keys."""
    document = deepcopy(SWAGGER)
    document["definitions"]["Owner"]["properties"]["name"] |= changes
    return document


def without_field() -> Document:
    document = deepcopy(SWAGGER)
    document["definitions"]["Owner"]["properties"] = {"label": {"type": "string"}}
    return document


def with_field() -> Document:
    document = deepcopy(SWAGGER)
    document["definitions"]["Owner"]["properties"]["label"] = {"type": "string"}
    return document


def run(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "generator", "diff", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )


# ---- Exit statuses


@pytest.mark.parametrize(
    ("new", "status", "line"),
    [
        (SWAGGER, 0, "**No change**."),
        (changed(description="Who it is."), 10, "**Documentation only**: 1 documentation."),
        (with_field(), 11, "**Compatible**: 1 compatible."),
        (without_field(), 12, "**Breaking for callers**: 1 breaking, 1 compatible."),
    ],
)
def test_the_exit_status_is_the_class_of_all_changes(
    new: Document, status: int, line: str, tmp_path: Path
) -> None:
    names = [written(tmp_path, "old.json", SWAGGER), written(tmp_path, "new.json", new)]
    done = run(*names)
    assert (done.returncode, done.stderr) == (status, "")
    assert done.stdout.splitlines()[2] == line
    as_json = run("--json", *names)
    assert as_json.returncode == status
    told = json.loads(as_json.stdout)
    assert told["exit_status"] == status
    assert told["old"]["name"] == names[0]


@pytest.mark.parametrize(
    ("old", "complaint"),
    [
        ("", "OLD and NEW are both needed"),
        ("nothing", "'nothing' is not known: it must be a pinned release, a file, "),
        ("pin:1.0", "cannot compare pin:1.0: '1.0' is not pinned"),
        (
            "file:nothing",
            "cannot compare file:nothing: cannot read nothing: No such file or directory",
        ),
        ("git:nothing", "cannot compare git:nothing: there is no such commit"),
        ("udata==x", "cannot compare udata==x: 'x' is not a release number"),
        ("http://x/ ;id", "is not the URL of a portal's API"),
        ("http://127.0.0.1:9/api/1/", "cannot read http://127.0.0.1:9/"),
        ("README.md", "cannot compare README.md: not JSON, or truncated"),
        ("\x1b[2J", "OLD and NEW are both needed"),
    ],
)
def test_a_source_that_cannot_be_compared_is_one_line_and_status_1(
    old: str, complaint: str
) -> None:
    done = run("--", old, "17.18.0")
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert complaint in line
    assert line.isprintable()


def test_make_passes_the_sources_and_gives_the_shell_no_command(tmp_path: Path) -> None:
    def make(old: str, new: str) -> subprocess.CompletedProcess[str]:
        command = ["make", "api-diff", "-o", ".venv/ready", "BIN=.venv/bin"]
        return subprocess.run(
            [*command, f"OLD={old}", f"NEW={new}"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )

    (tmp_path / "names").mkdir()
    name = written(tmp_path / "names", "old.json", SWAGGER)
    assert "**No change**" in make(name, name).stdout
    attack = f'";touch {tmp_path}/a;"`touch {tmp_path}/b`$(shell touch {tmp_path}/c)$$(id)'
    assert "is not known" in make(attack, name).stderr
    assert "is not known" in make(name, attack).stderr
    assert "is not known" in make("--help", name).stderr
    assert [one.name for one in tmp_path.iterdir()] == ["names"]


# ---- Sources


def test_a_pin_and_a_file_are_the_same_release() -> None:
    path = str(ROOT / "openapi" / "udata-14.13.0.json")
    made = [sources.read(name, ROOT).made for name in ("14.13.0", f"file:{path}")]
    assert compare_attempts(*made) == []


@pytest.mark.parametrize(
    "path", ["", "/", "/api/1", "/api/1/", "/api/1/swagger.json", "/api/2/", "/api/2/swagger.json"]
)
async def test_a_portal_is_read_by_its_root_or_that_of_its_api_or_the_url_of_its_swagger(
    path: str,
) -> None:
    asked: list[str] = []
    async with portal({"/api/1/swagger.json": json.dumps(SWAGGER).encode()}, asked) as url:
        source = await asyncio.to_thread(sources.read, f"{url}{path}", ROOT)
    assert asked == ["/api/1/swagger.json", "/api/2/swagger.json"]
    assert compare_attempts(source.made, built(deepcopy(SWAGGER))) == []


@pytest.mark.parametrize("name", ["udata==17.18.0", "17.19.0"])
def test_a_release_that_is_not_pinned_is_read_from_the_package(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def dump(release: str) -> pin.Contents:
        asked.append(release)
        return {1: json.dumps(SWAGGER).encode()}

    monkeypatch.setattr(origins, "dump", dump)
    source = sources.read(name, ROOT)
    assert asked == [name.removeprefix("udata==")]
    assert compare_attempts(source.made, built(deepcopy(SWAGGER))) == []


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository whose tag v1 pins another document, with a name of its own, than its HEAD."""
    root = tmp_path / "project"
    (root / "openapi").mkdir(parents=True)
    git(root, "init", "--quiet")
    stored(root / "openapi", json.dumps(SWAGGER).encode(), "2.0.0")
    names = '[[rename]]\nreason = "Clearer."\n[rename.names]\nthings_csv = "get_things_csv"\n'
    (root / "openapi" / "names.toml").write_text(names)
    (root / "openapi" / "corrections.toml").write_text("")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "-m", "Pin")
    git(root, "tag", "v1")
    stored(root / "openapi", json.dumps(with_field()).encode(), "2.1.0")
    (root / "openapi" / "names.toml").unlink()
    git(root, "add", ".")
    git(root, "commit", "--quiet", "-m", "Pin another")
    return root


@pytest.mark.parametrize("old", ["v1", "git:v1", "HEAD~1"])
def test_a_git_revision_has_its_own_pins_corrections_and_names(old: str, repository: Path) -> None:
    before, after = (sources.read(name, repository) for name in (old, "HEAD"))
    changes = compare_attempts(before.made, after.made)
    assert {(one.rule, one.owner, one.name) for one in changes} == {
        ("operation-renamed", "things_csv", ""),
        ("field-added", "Owner", "label"),
    }
    assert (repository / "openapi" / "pin.toml").exists()


def test_a_revision_before_the_pins_is_refused(repository: Path) -> None:
    git(repository, "checkout", "--quiet", "--orphan", "empty")
    git(repository, "rm", "-rfq", ".")
    git(repository, "commit", "--quiet", "--allow-empty", "-m", "Nothing")
    with pytest.raises(SourceError, match="cannot compare empty: that commit has no folder"):
        sources.read("empty", repository)


@pytest.mark.parametrize(
    ("name", "marked"),
    [("2.1.0", "pin:2.1.0 or git:2.1.0"), ("9.9.9", "git:9.9.9 or udata==9.9.9")],
)
def test_a_name_of_two_things_is_ambiguous(name: str, marked: str, repository: Path) -> None:
    git(repository, "tag", name)
    with pytest.raises(SourceError, match=f"'{name}' is ambiguous: say {marked}"):
        sources.read(name, repository)


def test_a_file_and_a_revision_of_one_name_are_ambiguous(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repository)
    written(repository, "v1", SWAGGER)
    with pytest.raises(SourceError, match="say file:v1 or git:v1"):
        sources.read("v1", repository)
    assert sources.read("file:v1", repository).name == "file:v1"


def test_without_a_repository_there_are_no_revisions(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "openapi", tmp_path / "openapi")
    with pytest.raises(SourceError, match="'HEAD' is not known"):
        sources.read("HEAD", tmp_path)


# ---- The report


def side(name: str, document: Document) -> Source:
    return Source(name, built(document))


def markdown(old: Document, new: Document) -> tuple[str, list[Change]]:
    before, after = side("old", old), side("new", new)
    changes = compare_attempts(before.made, after.made)
    return report.as_markdown(before, after, changes), changes


def test_the_report_names_the_breaking_changes_first_and_the_alias_to_add() -> None:
    new = without_field()
    new["paths"]["/things.csv"]["get"]["operationId"] = "csv"
    new["paths"]["/things/"]["get"]["parameters"][0]["default"] = 2
    text, _ = markdown(deepcopy(SWAGGER), new)
    assert text.partition("\n## Corrections and names")[0] == (
        "# Changes of the API from `old` to `new`\n"
        "\n"
        "**Breaking for callers**: 3 breaking, 1 compatible.\n"
        "\n"
        "## Breaking silently (1)\n"
        "\n"
        "* `list_things`: default of the parameter changed: `page`, `1` → `2`\n"
        "\n"
        "## Breaking at type checking (2)\n"
        "\n"
        "* `Owner`: field removed: `name`, `str | None`, in `create_thing`, `list_things`\n"
        "* `csv`: operation renamed, before `things_csv`\n"
        "\n"
        "So that the old names go on working, add to `openapi/names.toml`:\n"
        "\n"
        "```toml\n"
        "[[alias]]\n"
        'reason = "The API renamed them."\n'
        'names.things_csv = "csv"\n'
        "```\n"
        "\n"
        "## Compatible (1)\n"
        "\n"
        "* `Owner`: field added: `label`, `str | None`, in `create_thing`, `list_things`\n"
    )


def test_the_alias_of_the_report_makes_the_rename_compatible(tmp_path: Path) -> None:
    new = deepcopy(SWAGGER)
    new["paths"]["/things.csv"]["get"]["operationId"] = "csv"
    text, _ = markdown(deepcopy(SWAGGER), new)
    (tmp_path / "names.toml").write_text(text.partition("```toml\n")[2].partition("```")[0])
    aliases = renaming.read_aliases(tmp_path / "names.toml")
    before = attempt([(release("1.0"), deepcopy(SWAGGER))], [], {}, aliases)
    after = attempt([(release("1.0"), new)], [], {}, aliases)
    assert before.unnamed == ["the alias things_csv is for csv, but there is no such function"]
    (change,) = compare_attempts(before, after)
    assert (change.rule, change.owner, change.status) == ("operation-aliased", "csv", 11)
    without = attempt([(release("1.0"), new)], [], {})
    (change,) = compare_attempts(after, without)
    assert (change.rule, change.owner, change.status) == ("alias-removed", "things_csv", 12)


def test_the_report_of_two_years_fits_into_a_request() -> None:
    old, new = Source("14.13.0", of_pin("14.13.0")), Source("17.18.0", of_pin("17.18.0"))
    changes = compare_attempts(old.made, new.made)
    text = report.as_markdown(old, new, changes)
    assert len(text) < 35_000
    assert max(map(len, text.splitlines())) < 4_000
    assert text.count("operation added: ") == 35
    assert "more lines are left out" not in text
    assert len(json.loads(report.as_json(old, new, changes))["changes"]) == len(changes)


def test_a_report_that_is_too_long_says_what_is_left_out() -> None:
    same = side("same", SWAGGER)
    added = [
        Change("operation-added", f"other_{number}", after=f"GET /{number}.csv")
        for number in range(2000)
    ]
    text = report.as_markdown(same, same, added)
    assert len(text) < 61_000
    kept = text.count("operation added: ")
    assert text.endswith(f"\n\n{2000 - kept} more lines are left out; `--json` has every change.\n")


def test_entries_that_no_longer_apply_are_listed() -> None:
    fix = corrections.Correction("mend", [["info", "title"]], "set", "B", "wrong", "seen")
    gone = corrections.Correction("place", [["info", "x", "y"]], "set", "B", "wrong", "seen")
    swaggers: list[Document] = [
        {"info": {"title": "A", "x": {}}, "paths": {}, "definitions": {}},
        {"info": {"title": "B"}, "paths": {}, "definitions": {}},
    ]
    done = [apply_possible(one, [fix, gone]) for one in swaggers]
    assert done[0].unapplied == []
    assert [(one.name, one.problem) for one in done[1].unapplied] == [
        ("mend", "no effect"),
        ("place", "the place does not exist"),
    ]
    made = built(deepcopy(SWAGGER))
    old, new = (
        Source(name, Attempt(made.view, one.unapplied, one.overwritten, []))
        for name, one in zip(("old", "new"), done, strict=True)
    )
    assert "Corrections" not in report.as_markdown(new, new, [])
    assert "* without a place in `new`, so that a change may be the correction: " in (
        report.as_markdown(new, old, [])
    )
    text = report.as_markdown(old, new, [])
    assert "* mended in `new`: `mend` at `info > title`\n" in text
    assert "* without a place in `new` any more: `place`\n" in text


# ---- Hostile texts


ATTACKS = [
    "<script>alert(1)</script>",
    "](https://evil.example) [x](javascript:alert(1))",
    "` `` ``` ```` <img src=x onerror=y>",
    "\n\n# Approved by @maintainers\n\n* [x] merged",
    "\r\n```\n<b>\n```",
    "\x1b]0;owned\x07\x1b[2J\u202egnp.exe\u2028",
    "@everyone #1 https://evil.example !1 ~label",
    "| a | b |\n|---|---|",
    "`",
    "\\`<i>\\`",
]


def inside(text: str) -> list[Token]:
    parser = MarkdownIt("commonmark").enable("table")
    return [one for token in parser.parse(text) for one in [token, *(token.children or [])]]


def check_markdown(text: str) -> None:
    assert all(one.isprintable() for one in text.split("\n"))
    for token in inside(text):
        assert not token.type.startswith(("html", "link", "image", "table")), token
        if token.type == "text":
            assert not {*token.content} & {*"<>@#!~[]"}, token
        if token.type == "fence":
            assert token.info == "toml"
        if token.type == "heading_open":
            assert token.tag in ("h1", "h2")
    headings = [one for one in text.split("\n") if one.startswith("#")]
    assert len(headings) == len([one for one in inside(text) if one.type == "heading_open"])
    assert [one.startswith("# ") for one in headings].count(True) == 1


def poisoned(attack: str) -> Document:
    """Return a document that says a text wherever it can, differing from the small one there."""
    document = deepcopy(SWAGGER)
    owner = document["definitions"]["Owner"]["properties"]
    owner["name"] |= {"description": attack, "default": attack}
    document["definitions"]["Owner"]["description"] = attack
    write = document["definitions"]["Thing (write)"]["properties"]
    write["kind"] = {"type": "string", "enum": ["large", attack], "default": attack}
    listing = document["paths"]["/things/"]["get"]
    listing["summary"] = listing["description"] = attack
    listing["parameters"][0] |= {"default": attack, "description": attack}
    listing["parameters"].append({"in": "query", "name": f"a{attack}", "type": "string"})
    listing["responses"]["404"] = {"description": attack}
    document["paths"]["/things.csv"]["get"]["operationId"] = f"a{attack}"
    document["tags"][0]["description"] = attack
    return document


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_text_of_a_document_stays_a_text(attack: str) -> None:
    old, new = side(attack.strip() or "x", deepcopy(SWAGGER)), side("new", poisoned(attack))
    changes = compare_attempts(old.made, new.made)
    assert {"enum-value-added", "parameter-default", "parameter-added", "operation-renamed"} <= {
        one.rule for one in changes
    }
    check_markdown(report.as_markdown(old, new, changes))
    as_json = report.as_json(old, new, changes)
    assert as_json.isascii()
    assert all(one.isprintable() for one in as_json.split("\n"))
    values = [one["name"] for one in json.loads(as_json)["changes"]]
    assert attack in values


def altered(seed: int) -> Document:
    """Return a small document with one key removed or renamed, one type or requirement changed."""
    document, chance = small(), random.Random(seed)
    waiting: list[Any] = [document]
    nodes: list[Document] = []
    while waiting:
        node = waiting.pop()
        nodes += [node] if isinstance(node, dict) and node else []
        waiting += [*node.values()] if isinstance(node, dict) else []
        waiting += node if isinstance(node, list) else []
    node = chance.choice(nodes)
    key = chance.choice([*node])
    if isinstance(node.get("type"), str):
        node["type"] = chance.choice(["string", "integer", "number", "boolean", "object"])
    elif isinstance(node.get("properties"), dict) and chance.random() < 0.5:
        node["required"] = [one for one in node["properties"] if chance.random() < 0.5]
    elif chance.random() < 0.5:
        node[f"{key}x"] = node.pop(key)
    else:
        del node[key]
    return document


@pytest.mark.parametrize("group", range(4))
def test_no_change_of_the_generated_code_passes_silently(group: int) -> None:
    """Mutated documents are compared in both directions, and reported in safe Markdown."""
    before = side("old", small())
    code = render(before.made.view, ["0"])
    compared = 0
    documents = [
        *mutations(small(), 10, group),
        *(altered(seed) for seed in range(40 * group, 40 * (group + 1))),
    ]
    for document in documents:
        try:
            after = side("new", document)
            is_other = render(after.made.view, ["0"]) != code
        except GenerationError:
            continue
        for old, new in ((before, after), (after, before)):
            changes = compare_attempts(old.made, new.made)
            assert compare(old.made.view, new.made.view) or not is_other
            check_markdown(report.as_markdown(old, new, changes))
            assert report.as_json(old, new, changes).isascii()
        compared += 1
    assert compared > 10


@pytest.mark.parametrize("text", ["", " ", "`", "``a`", "a`", "a\nb", "x" * 500, "\u202e"])
def test_a_code_span_holds_any_text(text: str) -> None:
    (paragraph,) = [one for one in inside(f"a {report.code(text)} b") if one.type == "inline"]
    kinds = [one.type for one in paragraph.children or []]
    assert kinds == ["text", "code_inline", "text"]


def test_the_status_of_the_worst_change_counts() -> None:
    assert [*Status] == [0, 10, 11, 12]
