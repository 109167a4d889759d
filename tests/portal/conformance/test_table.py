"""Tests of the table of operations, which must be complete."""

from __future__ import annotations

from pathlib import Path

from aiodatagouv import OPERATIONS

from .table import Proof, problem, unproven
from .unanswerable import REQUEST_ONLY

EVERYTHING = {
    Proof(release, operation.id, "request only" if operation.id in REQUEST_ONLY else "decoded")
    for operation in OPERATIONS.values()
    for release in operation.releases
}


def test_everything_is_proven() -> None:
    assert unproven(EVERYTHING) == []


def test_what_one_release_does_not_prove_is_named(tmp_path: Path) -> None:
    lacking = EVERYTHING - {Proof("14.13.0", "get_dataset", "decoded")}
    for mode in ("check", "write"):
        said = problem(lacking, mode, tmp_path / "operations.md")
        assert said == "not proven: get_dataset on 14.13.0"
    assert not [*tmp_path.iterdir()]


def test_a_request_is_no_proof_of_what_can_answer() -> None:
    lacking = EVERYTHING - {Proof("14.13.0", "get_dataset", "decoded")}
    lacking |= {Proof("14.13.0", "get_dataset", "request only")}
    assert unproven(lacking) == ["get_dataset on 14.13.0"]


def test_what_is_written_is_what_is_checked(tmp_path: Path) -> None:
    file = tmp_path / "operations.md"
    assert problem(EVERYTHING, "write", file) is None
    assert problem(EVERYTHING, "check", file) is None
    file.write_text(file.read_text().replace("17.18.0", "17.18.1", 1))
    assert problem(EVERYTHING, "check", file)
