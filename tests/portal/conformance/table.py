"""The table of operations in the docs, with the proof and the corrections of each operation.

A run of all conformance tests with ``pytest --operations=write`` writes the table. With
``--operations=check`` the run fails if its table differs from the existing one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from aiodatagouv import OPERATIONS, Operation, models
from aiodatagouv._decoding.declared import declared
from aiodatagouv._views.view import View
from aiodatagouv.models import v2
from generator import combine, corrections, pin, releases, schemas

from ..portal import PROJECT, RELEASES, path_of
from .sent import OF_OLDER, name_of
from .unanswerable import REQUEST_ONLY, SEARCHES

FILE = PROJECT / "docs" / "operations.md"
OPENAPI = PROJECT / "openapi"

HEAD = """\
# Operations

All operations of the API, and how each is proven on the real server. `make operations` runs the
conformance tests and writes this table. The run fails if an operation is not proven.

* *decoded*: all fields of the JSON response were read, at any depth, and have their declared types.
  There are no undeclared fields or enum values, and no field that the release sends is missing.
  Serializing the result yields the received JSON. Variants of the response also decode: with
  undeclared enum values, with undeclared fields, and without optional fields.
* *empty*: the response is empty.
* *streamed*: all bytes of the response were read.
* *redirect*: the URL of the redirect was returned.
* *request only*: the request matched the server's route. The test server cannot complete it.

For operations that write, the tests also read the result back.

Releases are those that serve the operation, of the ones in `openapi/served.toml`.

Corrections are entries of `openapi/corrections.toml` that change the operation, or a model in its
request or its response.

"""


@frozen
class Proof:
    """An operation that a test has proven on a release, and the kind of proof."""

    release: str
    operation: str
    how: str


def proofs(reports: Iterable[pytest.TestReport]) -> set[Proof]:
    """Return the proofs of the tests that passed."""
    return {
        Proof(*value)
        for report in reports
        for name, value in report.user_properties
        if name == "proven" and isinstance(value, list | tuple)
    }


def fields_read(reports: Iterable[pytest.TestReport]) -> set[str]:
    """Return the fields of models that the passed tests have read from responses."""
    return {
        field
        for report in reports
        for name, value in report.user_properties
        if name == "read" and isinstance(value, list)
        for field in value[2:]
    }


def fields() -> set[str]:
    """Return the fields of all response models that the pinned releases send, as ``Model.key``."""
    found = [getattr(one, name) for one in (models, v2) for name in one.__all__]
    views = [one for one in found if isinstance(one, type) and issubclass(one, View)]
    return {f"{name_of(view)}.{key}" for view in views for key in declared(view)} - OF_OLDER


def figures(proven: set[Proof], read: set[str]) -> list[str]:
    """Return lines with the number of proven operations of each release, and of fields read."""
    answered = {proof for proof in proven if proof.how != "request only"}
    lines = []
    for release in RELEASES:
        kinds = Counter(proof.how for proof in proven if proof.release == release)
        served = sum(release in operation.releases for operation in OPERATIONS.values())
        said = ", ".join(f"{count} {how}" for how, count in sorted(kinds.items()))
        lines.append(f"udata {release}: {kinds.total()} of {served} operations proven: {said}")
    together = len({proof.operation for proof in answered})
    lines.append(f"both releases: {together} of {len(OPERATIONS)} operations proven by a response")
    found = len(fields() & read)
    share = "all" if found == len(fields()) else f"{found:,} of"
    lines.append(f"{share} {len(fields()):,} fields of the response models read from a response")
    return lines


def write(proven: set[Proof]) -> str:
    """Return the table as Markdown."""
    how = {(proof.operation, proof.release): proof.how for proof in proven}
    applied = corrections_of_operations()
    head = ["Function", "Operation id", "Method and path", "Releases", *RELEASES, "Corrections"]
    rows = [head, ["---"] * len(head)]
    for operation in sorted(
        OPERATIONS.values(), key=lambda one: (one.version, one.tag, one.path, one.method)
    ):
        rows.append(
            [
                f"`{operation.tag}.{operation.name.removeprefix('v2.')}`",
                f"`{operation.id}`",
                f"`{operation.method} {path_of(operation)}`",
                served_by(operation),
                *(how.get((operation.id, release), "") for release in RELEASES),
                ", ".join(applied[operation.id]),
            ]
        )
    table = "\n".join("| " + " | ".join(row) + " |" for row in rows)
    summary = "\n".join(f"* {line}" for line in figures(proven, fields()))
    reasons = "\n".join(
        f"* `{OPERATIONS[operation].name}`: {reason}" for operation, reason in REQUEST_ONLY.items()
    )
    return f"{HEAD}{summary}\n\nProven by the request only:\n\n{reasons}\n\n{SEARCHES}\n{table}\n"


def served_by(operation: Operation) -> str:
    """Say which known releases serve an operation, so that a new one changes no row."""
    spans = {"since": operation.since, "until": operation.until}
    return ", ".join(f"{word} {release}" for word, release in spans.items() if release) or "all"


def corrections_of_operations() -> dict[str, list[str]]:
    """Return the names of the corrections that affect each operation or its models."""
    entries = corrections.read(OPENAPI / "corrections.toml")
    pins = combine.by_release(pin.read_pins(OPENAPI))
    swagger = corrections.apply(releases.merge(pins), entries)
    applied: dict[str, list[str]] = {}
    for path, item in swagger["paths"].items():
        for method in set(pin.METHODS) & item.keys():
            operation = item[method]
            models = {*schemas.references(operation, swagger["definitions"])}
            applied[operation["operationId"]] = [
                entry.name
                for entry in entries
                if any(touches(place, path, method, models) for place in places_of(entry))
            ]
    return applied


def places_of(entry: corrections.Correction) -> list[list[str]]:
    """Return the places of a correction; those of the definitions that it adds at once."""
    return [
        inside
        for place in entry.places
        for inside in ([[*place, name] for name in entry.value] if len(place) == 1 else [place])
    ]


def touches(place: list[str], path: str, method: str, models: set[str]) -> bool:
    """Return whether a place in the Swagger is in an operation or in one of its models."""
    if place[0] == "definitions":
        return place[1] in models
    return place[:3] == ["paths", path, method]


def unproven(proven: set[Proof]) -> list[str]:
    """Return the operations that lack a sufficient proof on a release.

    A proof of the request alone is sufficient only for the operations in ``REQUEST_ONLY``.
    """
    how = {(proof.operation, proof.release): proof.how for proof in proven}

    def is_proven(operation: str, release: str) -> bool:
        found = how.get((operation, release))
        only = found == "request only"
        return only if operation in REQUEST_ONLY else found is not None and not only

    return [
        f"{operation.id} on {release}"
        for operation in OPERATIONS.values()
        for release in operation.releases
        if not is_proven(operation.id, release)
    ]


def problem(proven: set[Proof], mode: str, file: Path = FILE) -> str | None:
    """Write or check the table if everything is proven; return the problem, or None."""
    missing = unproven(proven)
    if missing:
        return f"not proven: {', '.join(missing)}"
    table = write(proven)
    if mode == "write":
        file.write_text(table, encoding="utf-8")
        return None
    if table == file.read_text(encoding="utf-8"):
        return None
    return f"{file.name} differs from the table of this run: run `make operations` and review it"


def session_end(session: pytest.Session) -> None:
    """Write or check the table at the end of a run, and fail the run if there is a problem."""
    mode: Any = session.config.getoption("--operations")
    reporter: Any = session.config.pluginmanager.get_plugin("terminalreporter")
    if not mode or reporter is None or hasattr(session.config, "workerinput"):
        return
    found = "tests have failed"
    if not session.testsfailed:
        passed = reporter.getreports("passed")
        missing = sorted(fields() - fields_read(passed))
        found = problem(proofs(passed), mode) or ""
        found = found or (f"not read: {', '.join(missing)}" if missing else "")
    if found:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        reporter.section("operations", red=True)
        reporter.write_line(found)
