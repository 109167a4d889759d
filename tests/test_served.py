"""Since and until which release of udata each operation exists."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from packaging.version import Version

from aiodatagouv import OPERATIONS
from generator import combine, pin, served
from generator.__main__ import main
from generator.build import build
from generator.pin import PinError
from generator.served import ServedError

from .test_generator import SWAGGER, release
from .test_generator import document as sized

ROOT = Path(__file__).parents[1]
OPENAPI = ROOT / "openapi"


def document(*operations: str) -> dict[str, Any]:
    """Return the paths of a Swagger with some operations, each written as ``GET /datasets/``."""
    paths: dict[str, Any] = {}
    for one in operations:
        method, path = one.split()
        paths.setdefault(path, {})[method.lower()] = {}
    return {"paths": paths}


def spans(
    *known: tuple[str, dict[str, Any]], folder: Path, pins: tuple[str, ...] = ("2.0",)
) -> dict[str, tuple[str | None, str | None]]:
    """Return ``since`` and ``until`` of the operations of the small Swagger of other tests."""
    for name, content in known:
        served.add(folder, name, [content])
    built = build([(release(one), SWAGGER) for one in pins], [], {})
    marked = served.mark(built, [*pins], served.read(folder))
    return {one.id: (one.since, one.until) for those in marked.tags.values() for one in those}


def routes(swagger: dict[str, Any]) -> dict[str, str]:
    return {
        operation["operationId"]: f"{method.upper()} {path}"
        for path, item in swagger["paths"].items()
        for method, operation in item.items()
        if method in pin.METHODS
    }


EVERY = routes(SWAGGER)
ONE, OTHERS = next(iter(EVERY)), [*EVERY.values()][1:]


def test_what_every_known_release_serves_has_no_limits(tmp_path: Path) -> None:
    every = document(*EVERY.values())
    found = spans(("1.0", every), ("1.5", every), folder=tmp_path)
    assert {*found.values()} == {(None, None)}


def test_what_an_older_release_lacks_exists_since_the_next_one(tmp_path: Path) -> None:
    every = document(*EVERY.values())
    found = spans(("1.0", document(*OTHERS)), ("1.5", every), folder=tmp_path)
    assert found.pop(ONE) == ("1.5", None)
    assert {*found.values()} == {(None, None)}


def test_what_newer_releases_lack_exists_until_the_last_one_with_it(tmp_path: Path) -> None:
    every, less = document(*EVERY.values()), document(*OTHERS)
    found = spans(("1.0", every), ("3.0", every), ("3.1", less), ("3.2", less), folder=tmp_path)
    assert found[ONE] == (None, "3.0")


def test_what_came_back_exists_since_then(tmp_path: Path) -> None:
    every, less = document(*EVERY.values()), document(*OTHERS)
    found = spans(("0.1", every), ("1.0", less), ("1.5", every), ("3.0", less), folder=tmp_path)
    assert found[ONE] == ("1.5", "2.0")


def test_what_only_a_pinned_release_serves_exists_since_that_one(tmp_path: Path) -> None:
    found = spans(("1.0", document(*OTHERS)), folder=tmp_path, pins=("2.1", "2.0"))
    assert found[ONE] == ("2.0", None)


def test_releases_are_ordered_by_their_numbers(tmp_path: Path) -> None:
    every, less = document(*EVERY.values()), document(*OTHERS)
    found = spans(("1.10", every), ("1.9", less), folder=tmp_path)
    assert [*served.read(tmp_path)] == ["1.9", "1.10"]
    assert found[ONE] == ("1.10", None)


def test_paths_with_and_without_the_slash_are_one_operation(tmp_path: Path) -> None:
    bare = [one.rstrip("/") for one in EVERY.values()]
    assert bare != [*EVERY.values()]
    assert {*spans(("1.0", document(*bare)), folder=tmp_path).values()} == {(None, None)}


def test_the_names_of_parameters_do_not_matter(tmp_path: Path) -> None:
    served.add(tmp_path, "1.0", [document("GET /datasets/{dataset}/rdf.{format}")])
    served.add(tmp_path, "2.0", [document("GET /datasets/{id}/rdf.{_format}")])
    assert {*served.read(tmp_path).values()} == {frozenset({"GET /datasets/{}/rdf.{}"})}


def test_the_file_is_the_same_in_whatever_order_it_is_made(tmp_path: Path) -> None:
    contents = set[bytes]()
    known = [("1.0", document(*OTHERS)), ("1.5", document("GET /a/")), ("2.0", document())]
    for several in (known, known[::-1], [*known, known[0]]):
        for name, content in several:
            served.add(tmp_path, name, [content])
        file = tmp_path / served.FILE
        contents.add(file.read_bytes())
        file.unlink()
    assert len(contents) == 1


@pytest.mark.parametrize(
    "text",
    [
        "[[release]",
        'release = "1.0"',
        "[[release]]\nadded = []\nremoved = []",
        '[[release]]\nrelease = "1.0"',
        '[[release]]\nrelease = "one"\nadded = []\nremoved = []',
        "[[release]]\nrelease = 1.0\nadded = []\nremoved = []",
        '[[release]]\nrelease = "1.0"\nadded = 3\nremoved = []',
        '[[release]]\nrelease = "1.0"\nadded = [[1]]\nremoved = []',
    ],
)
def test_a_malformed_file_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / served.FILE).write_text(text)
    with pytest.raises(ServedError, match=r"^served\.toml is malformed: .+$"):
        served.read(tmp_path)


def test_what_is_no_release_is_not_added(tmp_path: Path) -> None:
    with pytest.raises(PinError, match="is not a release number"):
        served.add(tmp_path, "newest", [document()])
    assert not [*tmp_path.iterdir()]


# ---- The file of this project


def test_the_file_agrees_with_the_pinned_documents() -> None:
    known = served.read(OPENAPI)
    for pinned, swagger in combine.by_release(pin.read_pins(OPENAPI)):
        assert known[pinned.release] == {served.route(*one) for one in pin.operations(swagger)}


def test_the_file_has_every_release_that_the_test_portal_can_run() -> None:
    runnable = {
        file.stem.removeprefix("requirements-")
        for file in (ROOT / "tests" / "portal").glob("requirements-*.in")
    }
    assert served.read(OPENAPI).keys() == runnable


def test_operations_exist_where_their_pins_say() -> None:
    for operation in OPERATIONS.values():
        for one in operation.releases:
            assert operation.since is None or Version(operation.since) <= Version(one)
            assert operation.until is None or Version(one) <= Version(operation.until)
        assert not operation.deprecated or operation.until


def test_the_command_adds_a_release_from_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "udata-3.5.json"
    file.write_bytes(sized(30))
    (tmp_path / "openapi").mkdir()
    monkeypatch.setattr("sys.argv", ["generator", "served", "--file", str(file)])
    main(tmp_path)
    assert capsys.readouterr().out == "3.5 serves 30 operations: run `make generate`\n"
    assert [*served.read(tmp_path / "openapi")] == ["3.5"]


def test_a_path_in_any_script_is_read_as_it_was_written(tmp_path: Path) -> None:
    served.add(tmp_path, "1.0", [document("GET /données/😀")])
    assert served.read(tmp_path) == {"1.0": frozenset({"GET /données/😀"})}


@pytest.mark.parametrize("path", ["/a\ud83d", "/a\x00"])
def test_a_path_that_cannot_be_written_is_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(ServedError, match="cannot be written"):
        served.add(tmp_path, "1.0", [document(f"GET {path}")])
    assert served.read(tmp_path) == {}
