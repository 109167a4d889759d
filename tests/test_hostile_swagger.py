"""A Swagger is data: whatever it contains, it becomes declarations or is refused in one line."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from jinja2 import nodes
from markupsafe import Markup

import aiodatagouv
from generator import __main__ as command_line
from generator import emit, names, origins, pin, safe, verify
from generator.errors import GenerationError

from . import execute_generated
from .hostile import GROUPS, PAYLOAD, generated, mutations, outcome, small
from .pins import stored

MUTATIONS = int(os.environ.get("HOSTILE_MUTATIONS", "2000"))
CHUNKS = len(GROUPS)

Swagger = dict[str, Any]


@pytest.fixture
def swagger() -> Swagger:
    return small()


def execute(packages: list[dict[str, str]], folder: Path) -> None:
    """Execute generated packages in another process, which fails if they do anything."""
    path = folder / "packages.json"
    path.write_text(json.dumps(packages), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-P", execute_generated.__file__, str(path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(Path(aiodatagouv.__file__).parents[1])},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip() == str(len(packages))
    assert [one.name for one in folder.iterdir()] == ["packages.json"]


def change(swagger: Swagger, place: list[str], value: object) -> None:
    """Set the value at a place."""
    *above, last = place
    node: Any = swagger
    for key in above:
        node = node[int(key) if isinstance(node, list) else key]
    node[int(last) if isinstance(node, list) else last] = value


# ---- Text is data

BREAKING = [
    f'"""\n{PAYLOAD}\n"""',
    f'"\n{PAYLOAD}\n#',
    f"'\n{PAYLOAD}\n#",
    f"\\\n{PAYLOAD}",
    f'\\"""\n{PAYLOAD}\n\\"""',
    "{{ 7 * 7 }} {% raw %}",
    "\u202e\u2066 reversed \x00\x1b[31m",
    "ends in a backslash \\",
    'ends in a quote "',
]

TEXTS = [
    "tags.0.description",
    "definitions.ApiTokenCreated.description",
    "definitions.ApiTokenCreated.allOf.1.properties.token.description",
    "paths./tags/suggest/.get.summary",
    "paths./tags/suggest/.get.description",
    "paths./tags/suggest/.get.parameters.0.description",
    "paths./tags/suggest/.get.parameters.0.default",
    "paths./avatars/{identifier}/{size}/.get.responses.200.description",
    "paths./datasets/{dataset}/.delete.responses.404.description",
    "paths./datasets/{id}/followers/.get.x-created.sort",
    "paths./datasets/{id}/followers/.get.x-changed.date",
    "paths./me/api_tokens/.post.x-lost.0.0",
    "definitions.ApiToken (write).properties.kind.enum.0",
    "definitions.ApiToken (write).properties.kind.x-apart.0",
]


@pytest.mark.parametrize("text", BREAKING, ids=range(len(BREAKING)))
def test_no_text_ends_its_literal_or_docstring(swagger: Swagger, text: str, tmp_path: Path) -> None:
    for place in TEXTS:
        change(swagger, place.split("."), text)
    files = generated(swagger)
    for content in files.values():
        assert not [
            one for one in content if unicodedata.category(one) in ("Cc", "Cf") and one != "\n"
        ]
    execute([files], tmp_path)


NAMES = ["x: __import__('canary')", "a = 1\nimport canary #", "x'y", 'x"y', "x\\"]


@pytest.mark.parametrize("name", NAMES)
def test_the_name_of_a_field_is_an_identifier(swagger: Swagger, name: str, tmp_path: Path) -> None:
    swagger["definitions"]["ApiTokenCreated"]["properties"] = {name: {"type": "string"}}
    execute([generated(swagger)], tmp_path)


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("ж", "cannot become a name"),
        ("'\"", "cannot become a name"),
        ("2x", "cannot become a name"),
        ("x" * 101, "cannot become a name"),
        ("", "cannot become a name"),
    ],
)
def test_a_name_of_which_nothing_usable_is_left_is_refused(
    swagger: Swagger, name: str, complaint: str
) -> None:
    swagger["definitions"]["ApiTokenCreated"]["properties"] = {name: {"type": "string"}}
    with pytest.raises(GenerationError, match=complaint):
        generated(swagger)


@pytest.mark.parametrize("tag", ["../x", "__init__", "ops", "Ops", "a/../../b", "enums", ".."])
def test_a_tag_is_a_module_of_its_own_folder(swagger: Swagger, tag: str) -> None:
    text = json.dumps(swagger).replace('"datasets"', json.dumps(tag))
    result = outcome(json.loads(text))
    if isinstance(result, str):
        assert "#/tags/" in result
    else:
        assert all(re.fullmatch(r"(api|models)/[a-z_0-9]+\.py", name) for name in result)
        assert result["api/ops.py"].count("Final = Operation(") == 12
        assert "def __getattr__" in result["api/__init__.py"]


@pytest.mark.parametrize("name", ["Enums", "enums", "Client", "client", "Any", "View", "Field"])
def test_a_definition_replaces_no_name_of_the_package(swagger: Swagger, name: str) -> None:
    text = json.dumps(swagger).replace("ApiTokenCreated", name)
    assert re.match(
        rf"DocumentError: #/definitions/{name}: .*generated code uses",
        str(outcome(json.loads(text))),
    )


def test_two_tags_of_one_module_are_refused(swagger: Swagger) -> None:
    swagger["tags"].append({"name": "Datasets"})
    swagger["paths"]["/datasets/{dataset}/"]["delete"]["tags"] = ["Datasets"]
    assert "would be the module datasets" in str(outcome(swagger))


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("/tags/suggest/", "/tags/``\n__import__('canary')/", "is not a path"),
        ("/tags/suggest/", "/tags/../../site/", "is not a path"),
        ("/tags/suggest/", "/tags/{unknown}/", "has the parameters"),
        ("/datasets/{dataset}/badges/", "/datasets/badges/", "has the parameters"),
    ],
)
def test_a_path_that_does_not_match_its_parameters_is_refused(
    swagger: Swagger, old: str, new: str, complaint: str
) -> None:
    swagger["paths"] = {new if path == old else path: x for path, x in swagger["paths"].items()}
    assert complaint in str(outcome(swagger))


@pytest.mark.parametrize("media_type", ['text/"""\nimport canary', "csv", "", "text/csv\n"])
def test_a_media_type_is_checked(swagger: Swagger, media_type: str) -> None:
    swagger["paths"]["/site/datasets.csv"]["get"]["produces"] = [media_type]
    assert "is not a media type" in str(outcome(swagger))


@pytest.mark.parametrize("release", ["18\nimport canary", "1.0'", "latest", ""])
def test_the_release_that_dropped_an_operation_is_checked(swagger: Swagger, release: str) -> None:
    swagger["paths"]["/datasets/{id}/followers/"]["get"]["x-dropped"] = release
    assert "is not a release number" in str(outcome(swagger))


def test_a_document_without_attacks_is_executed_too(swagger: Swagger, tmp_path: Path) -> None:
    execute([generated(swagger)], tmp_path)


def test_the_execution_notices_what_a_file_does(swagger: Swagger, tmp_path: Path) -> None:
    files = generated(swagger)
    files["api/tags.py"] += f"\n{PAYLOAD}\n"
    with pytest.raises(AssertionError, match="generated code caused import"):
        execute([files], tmp_path)


# ---- Refusals


def _dangling(swagger: Swagger) -> None:
    token = swagger["definitions"]["ApiTokenCreated"]
    token["properties"] = {"x": {"$ref": "#/definitions/Nothing"}}


def _cycle(swagger: Swagger) -> None:
    swagger["definitions"]["ApiTokenCreated"]["allOf"] = [{"$ref": "#/definitions/ApiTokenCreated"}]


SUGGEST = "#/paths/~1tags~1suggest~1/get"


@pytest.mark.parametrize(
    ("break_it", "complaint"),
    [
        (lambda one: one["tags"].clear(), "is not declared in #/tags; correct this place"),
        (_dangling, "/ApiTokenCreated/properties/x/$ref: refers to '#/definitions/Nothing'"),
        (_cycle, "#/definitions/ApiTokenCreated/allOf: inherits from itself"),
        (
            lambda one: one["paths"]["/tags/suggest/"]["get"].pop("operationId"),
            f"{SUGGEST}: has no operationId; correct this place",
        ),
        (
            lambda one: change(one, ["paths", "/tags/suggest/", "get", "operationId"], "avatars"),
            f"{SUGGEST}/operationId: 'avatars' is also that of #/paths/~1avatars",
        ),
        (
            lambda one: one["paths"]["/tags/suggest/"]["get"]["parameters"][0].pop("name"),
            f"{SUGGEST}/parameters/0: is a parameter without a name",
        ),
        (
            lambda one: one["paths"]["/tags/suggest/"]["get"]["parameters"][0].pop("in"),
            f"{SUGGEST}/parameters/0: is a parameter whose `in` is none of",
        ),
        (
            lambda one: change(
                one,
                ["definitions", "ApiTokenCreated", "properties"],
                {"x": {"type": "string", "enum": [1, "a"]}},
            ),
            "properties/x/enum: must be a list of texts, of the type string; correct this place",
        ),
        (
            lambda one: change(one, ["paths", "/tags/suggest/", "get", "x"], 1),
            None,
        ),
    ],
)
def test_a_document_that_cannot_be_generated_from_is_refused_in_one_line(
    swagger: Swagger, break_it: Any, complaint: str | None
) -> None:
    break_it(swagger)
    result = outcome(swagger)
    if complaint is None:
        assert isinstance(result, dict)
    else:
        assert complaint in str(result)
        assert "\n" not in str(result)


def test_a_refusal_shows_no_control_characters() -> None:
    error = GenerationError("one\ntwo \x1b[2J\u202e" + "x" * 2000)
    assert str(error).startswith("one two [2Jxxx")
    assert len(str(error)) < 700


# ---- Templates


def test_a_template_prints_only_what_passed_a_filter() -> None:
    environment = emit.environment()
    for value in ("plain", 1, None, ["x"]):
        with pytest.raises(safe.UnsafeError, match="passed no filter"):
            environment.from_string("{{ value }}").render(value=value)
    assert environment.from_string("{{ value | name }}").render(value="x") == "x"
    with pytest.raises(safe.UnsafeError):
        environment.from_string("{{ value | name }}").render(value="x y")


def test_the_templates_print_through_filters_and_macros_only() -> None:
    """Neither a filter of Jinja, such as ``safe``, nor an operator can mark a text as checked."""
    environment = emit.environment()
    assert environment.filters == safe.FILTERS
    for path in emit.TEMPLATES.rglob("*.jinja"):
        tree = environment.parse(path.read_text(encoding="utf-8"))
        for output in tree.find_all(nodes.Output):
            for one in output.nodes:
                assert isinstance(one, nodes.TemplateData | nodes.Filter | nodes.Call), path
        unsafe = (nodes.Concat, nodes.Add, nodes.Mod, nodes.MarkSafe, nodes.FilterBlock)
        assert not [*tree.find_all(unsafe)], path
        macros = {macro.name for macro in tree.find_all(nodes.Macro)}
        macros |= {name for one in tree.find_all(nodes.FromImport) for name in one.names}  # type: ignore[misc]
        for call in tree.find_all(nodes.Call):
            if isinstance(call.node, nodes.Name):
                assert call.node.name in macros, path


@pytest.mark.parametrize(
    ("check", "text"),
    [
        (safe.annotation, "print()"),
        (safe.annotation, "x[y.z]"),
        (safe.annotation, "lambda: 0"),
        (safe.annotation, "'text'"),
        (safe.declaration, "print()"),
        (safe.declaration, "declare(x=open)"),
        (safe.name, "class"),
        (safe.name, "__x__"),
        (safe.name, "é"),
        (safe.name, "x" * 101),
        (safe.path, "/a b"),
        (safe.release, "1\n"),
        (safe.stripped, "plain"),
    ],
)
def test_a_filter_refuses_what_it_is_not_for(check: Any, text: str) -> None:
    with pytest.raises(safe.UnsafeError):
        check(text)


def test_literals_escape_what_a_reader_cannot_see() -> None:
    assert safe.quoted('a"\u202e\u2028é\U000e0041') == '"a\\"\\u202e\\u2028é\\U000e0041"'
    assert safe.stripped(Markup(" x ")) == "x"
    assert names.python_name("é-ﬁ") == "e_fi"


# ---- Declarations only


@pytest.mark.parametrize(
    ("file", "statement"),
    [
        ("api/tags.py", "import os"),
        ("api/tags.py", "from os import system"),
        ("api/tags.py", "from .._call.call import *"),
        ("api/tags.py", "print()"),
        ("api/tags.py", "x = 1"),
        ("api/tags.py", "__all__ = [print()]"),
        ("api/tags.py", "def f(x=print()) -> None: ..."),
        ("api/tags.py", "def f(x: print()) -> None: ..."),
        (
            "api/tags.py",
            "async def f() -> None:\n    'Text.'\n    call = prepare(ops.X)\n    return 1",
        ),
        ("api/tags.py", "class X(View):\n    'Text.'"),
        ("api/ops.py", "X: Final = Operation(id=print())"),
        ("api/ops.py", "X: Final = open('x')"),
        ("models/enums.py", "X: TypeAlias = Literal[print()]"),
        ("models/badge.py", "class X(View):\n    x: int = print()"),
        ("models/badge.py", "class X(View):\n    print()"),
        ("models/badge.py", "class X(View, metaclass=Y):\n    'Text.'"),
        ("models/badge.py", "@print\nclass X(View):\n    'Text.'"),
        ("models/badge.py", "class X(View):\n    def f(self) -> None: ..."),
        ("models/badge.py", "f'{print()}'"),
        ("models/badge.py", "if TYPE_CHECKING:\n    print()"),
        ("models/badge.py", "x ="),
    ],
)
def test_anything_but_a_declaration_is_refused(file: str, statement: str) -> None:
    with pytest.raises(verify.VerifyError, match=re.escape(file)):
        verify.files({file: statement})


# ---- The command line


def test_nothing_is_replaced_when_a_document_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """``generate`` and ``pin`` leave everything as it was, and print one line."""
    openapi, package = tmp_path / "openapi", tmp_path / "src" / "aiodatagouv"
    openapi.mkdir()
    for name in ("corrections.toml", "names.toml"):
        (openapi / name).write_text("")
    (package / "api").mkdir(parents=True)
    (package / "api" / "old.py").write_text("")
    good, bad = small(), small()
    del bad["paths"]["/tags/suggest/"]["get"]["operationId"]
    stored(openapi, json.dumps(good).encode(), "17.18.0")
    before = {path.name: path.read_bytes() for path in openapi.iterdir()}

    def pin_it(folder: Path, url: str, *, release: str | None, force: bool) -> list[pin.Release]:
        content = json.dumps(bad if "bad" in url else good).encode()
        return stored(folder, content, release or "18.0.0", url, force=force)

    monkeypatch.setattr(origins, "from_url", pin_it)

    def run(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["generator", *arguments])
        with pytest.raises(SystemExit) as stopped:
            command_line.main(tmp_path)
        assert "\n" not in str(stopped.value)
        return str(stopped.value)

    assert "so the pins are unchanged" in run("pin", "--url=http://bad/")
    assert {path.name: path.read_bytes() for path in openapi.iterdir()} == before
    monkeypatch.setattr(sys, "argv", ["generator", "pin", "--url=http://bad/", "--force"])
    command_line.main(tmp_path)
    assert (openapi / "udata-18.0.0.json").exists()
    assert "has no operationId" in run("generate")
    assert [path.name for path in (package / "api").iterdir()] == ["old.py"]
    assert [path.name for path in package.iterdir()] == ["api"]
    # An error that nothing foresees is one line, too.
    monkeypatch.setattr(pin, "read_pins", lambda _: 1 / 0)
    assert run("generate") == "ZeroDivisionError: division by zero"
    capsys.readouterr()


@pytest.mark.parametrize(
    "release",
    [
        *(
            "17.18.0\n",
            "../17",
            "1 2",
            "1'",
            "x",
            "1!2",
            "1.0+a/b",
            "1.0+a\nb",
            "1.0-../x",
            "v",
            "+1",
        ),
        *("1.0.po\u017ft1", "\u0661", "1.0.post1.dev2", "9" * 10, "9" * 5000, "1.0+" + "a" * 99),
    ],
)
def test_a_release_is_a_number_without_anything_around_it(tmp_path: Path, release: str) -> None:
    with pytest.raises(pin.PinError, match="is not a release number") as refusal:
        stored(tmp_path, json.dumps(small()).encode(), release)
    assert str(refusal.value).isprintable()
    assert len(str(refusal.value)) < 200
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(
    ("reported", "release"),
    [
        ("17.18.0", "17.18.0"),
        ("v17.18.0", "17.18.0"),
        ("17.18.0+abc123", "17.18.0"),
        ("17.18.0-rc1", "17.18.0rc1"),
        ("V17.18.1.DEV4+g1a2b3c.d20261127", "17.18.1.dev4"),
    ],
)
def test_a_release_is_known_with_a_prefix_and_the_build_of_the_portal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reported: str, release: str
) -> None:
    content, site = (json.dumps(one).encode() for one in (small(), {"version": reported}))
    monkeypatch.setattr(origins, "fetch", lambda _: {1: content})
    monkeypatch.setattr(origins, "_get", lambda *_: site)
    (entry,) = origins.from_url(tmp_path, "https://portal.example/", release=None, force=False)
    assert (entry.release, entry.file) == (release, f"udata-{release}.json")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    again = origins.from_url(tmp_path, "https://portal.example/", release=None, force=False)
    assert again == [entry]
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert pin.read_entries(tmp_path) == [entry]


@pytest.mark.parametrize("url", ['http://x/"\n[[release]]', "http://x/ ;id", "file:///etc", "x"])
def test_a_url_that_is_none_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(pin.PinError, match="is not the URL of a portal"):
        origins.from_url(tmp_path, url, release=None, force=False)


@pytest.mark.parametrize(
    "content",
    [
        'release = "17.18.0"',
        "[[release]]\nrelease = 1",
        '[[release]]\nrelease = "1.0"\nfile = "../x"\nsource = ""\ndate = 2026-01-01\n'
        'sha256 = ""\noperations = 1',
    ],
)
def test_a_malformed_pin_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "pin.toml").write_text(content)
    with pytest.raises(pin.PinError, match=r"pin\.toml is malformed"):
        pin.read_pins(tmp_path)


def pinned(folder: Path) -> Path:
    """Pin a small document, and return its pin.toml."""
    stored(folder, json.dumps(small()).encode(), "17.18.0")
    return folder / "pin.toml"


@pytest.mark.parametrize(
    ("key", "value", "complaint"),
    [
        ("date", '"2026-11-23"', "date is '2026-11-23', not as in `date = 2026-11-23`"),
        ("date", "2026-11-23T10:00:00", "not as in `date = 2026-11-23`"),
        ("operations", "true", "operations is True, not as in `operations = 247`"),
        ("source", "1", 'source is 1, not as in `source = "the package udata 17.18.0"`'),
        ("sha256", "[]", "sha256 is [], not as in `sha256 = "),
        ("release", "17.18", 'release is 17.18, not as in `release = "17.18.0"`'),
        ("operations", "1", " operations, not 1 as in pin.toml"),
    ],
)
def test_an_entry_that_is_wrong_is_refused_with_what_is_right(
    tmp_path: Path, key: str, value: str, complaint: str
) -> None:
    path = pinned(tmp_path)
    path.write_text(re.sub(rf"(?m)^{key} = .*$", f"{key} = {value}", path.read_text()))
    with pytest.raises(pin.PinError) as refusal:
        pin.read_pins(tmp_path)
    assert complaint in str(refusal.value)


def test_a_document_that_is_not_pinned_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    openapi = tmp_path / "openapi"
    path = pinned(openapi)
    (openapi / "udata-17.17.0.json").write_text("{}")
    monkeypatch.setattr(sys, "argv", ["generator", "check"])
    with pytest.raises(SystemExit) as stopped:
        command_line.main(tmp_path)
    assert str(stopped.value) == (
        "PinError: not in pin.toml, so delete it, or pin it by `make pin`: udata-17.17.0.json"
    )
    assert path.exists()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "the following arguments are required: {generate,"),
        (["renew"], "invalid choice: 'renew'"),
        (["diff", "17.18.0"], "the following arguments are required: new; python -m generator d"),
        (["regenerate", "--report"], "argument --report: expected one argument"),
        (["pin", "--uri=x"], "unrecognized arguments: --uri=x"),
        (["client"], "the following arguments are required: --into"),
        (["check", "\x1b[2J\n"], "unrecognized arguments: [2J ; python"),
    ],
)
def test_wrong_arguments_are_one_line_and_status_1(arguments: list[str], complaint: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "generator", *arguments],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert complaint in line
    assert line.endswith("--help lists the arguments")


@pytest.mark.parametrize(
    ("target", "variables"),
    [("pin", ["URL", "RELEASE"]), ("client", ["URL", "INTO", "PACKAGE", "RELEASE"])],
)
def test_make_gives_the_shell_no_command_from_a_variable(
    tmp_path: Path, target: str, variables: list[str]
) -> None:
    root = Path(__file__).parents[1]
    attack = f'";touch {tmp_path}/a;"`touch {tmp_path}/b`$(shell touch {tmp_path}/c)$$(id)'
    done = subprocess.run(
        ["make", target, "-o", ".venv/ready", "BIN=.venv/bin"]
        + [f"{name}={attack}" for name in variables],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "is not the URL of a portal" in done.stderr
    assert not [*tmp_path.iterdir()]


# ---- Mutations


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_a_mutated_document_declares_or_is_refused(chunk: int, tmp_path: Path) -> None:
    """Replace every string, key and value by hostile ones.

    ``HOSTILE_MUTATIONS`` sets the number of mutations, and ``HOSTILE_SEED`` where they start.
    """
    seed = int(os.environ.get("HOSTILE_SEED", "0")) * CHUNKS + chunk
    outcomes: dict[str, int] = {}
    packages: dict[str, dict[str, str]] = {}
    for swagger in mutations(small(GROUPS[chunk]), MUTATIONS // CHUNKS, seed):
        result = outcome(swagger)
        if isinstance(result, str):
            assert "\n" not in result
            assert result.isprintable()
            kind = re.sub(r"'.*'|\".*\"|\[.*\]|\d+|\S*#/?\S*", "_", result.split("; correct")[0])
        else:
            assert all(re.fullmatch(r"(api|models)/\w+\.py", name, re.A) for name in result)
            packages[json.dumps(result)] = result
            kind = "declarations"
        outcomes[kind] = outcomes.get(kind, 0) + 1
    assert outcomes["declarations"] > MUTATIONS // CHUNKS // 10
    execute([*packages.values()], tmp_path)
    print(f"{sum(outcomes.values())} mutations, {len(outcomes)} outcomes, {len(packages)} packages")


def test_a_mutated_older_or_newer_release_merges_or_is_refused() -> None:
    count = 0
    for number, group in enumerate(GROUPS):
        other = small(group)
        for swagger in mutations(small(group), MUTATIONS // 40, number):
            for pair in ((swagger, other), (other, swagger)):
                result = outcome(*pair)
                assert isinstance(result, dict) or result.isprintable()
                count += 1
    print(f"{count} merges")


def test_an_older_field_is_added_to_a_model_without_fields(swagger: Swagger) -> None:
    newer = small()
    del newer["definitions"]["ApiToken (read)"]["properties"]
    assert "token_prefix" in generated(newer, swagger)["models/api_token.py"]
