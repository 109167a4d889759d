"""The table of releases in the docs: what each release of udata proves, lacks and does otherwise.

A run over all releases with ``pytest --portals`` writes it; see ``make portals``.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen
from packaging.version import Version

from aiodatagouv import OPERATIONS, Operation

from ..portal import BEFORE_THE_MATRIX, PROJECT, RELEASES, every_release, path_of, serves
from .differences import KNOWN, RETYPED, Difference
from .sent import OF_OLDER, OWN_VALUES, UNDECLARED
from .table import fields_read, proofs

FILE = PROJECT / "docs" / "portals.md"

HEAD = """\
# Portals

`Client(base_url="https://...")`, `aiodatagouv --portal` or the environment variable
`DATAGOUV_PORTAL` name the portal to call: any that runs udata. It says its own release:
`await client.portal()`.

Below are the releases that this client was run against, each as the real server in memory. The
functions are generated from the Swagger of 17.18.0 and 14.13.0; this page says how they do on the
others. `make portals` runs the [conformance tests](../tests/portal/README.md) on all of them, and
writes it. `make portals RELEASES="17.13.0 13.0.0"` runs some.

Each cell has the number of operations of a group that are proven: the release serves them, and the
tests have called them and checked the whole response, as in [tested operations](operations.md); of
the second half of a login only the request.

* *absent*: the release does not serve them. The error of a call says since and until which release
  they exist.
* *differs*: the release answers or takes something otherwise; see [Differences](#differences).
* *not called*: the release serves them, but no test calls them.\
"""


DIFFERENCES = """\
What the types allow for is not listed: a correction of `openapi/corrections.toml` says of each what
which release sends. A list without pages is read as the only page of a list, but not into a class.

"""


@frozen
class Run:
    """The reports of a run over some releases, newest release first."""

    passed: list[pytest.TestReport]
    differing: list[pytest.TestReport]
    releases: list[str]

    def noted(self, name: str) -> Iterator[tuple[str, list[str]]]:
        """Yield what the tests have recorded under a name: a release and some values."""
        for report in [*self.passed, *self.differing]:
            for key, value in report.user_properties:
                if key == name and isinstance(value, list):
                    yield str(value[0]), [*map(str, value[1:])]

    def by_release(self, name: str) -> dict[str, set[str]]:
        found: dict[str, set[str]] = defaultdict(set)
        for release, values in self.noted(name):
            found[release] |= {*values}
        return found


def name_of(report: pytest.TestReport) -> str:
    """Return the id of a test, without the group that a distributed run adds."""
    return re.sub(r"@[^@\]]*$", "", report.nodeid)


def release_of(report: pytest.TestReport) -> str | None:
    """Return the release that a test ran on, which its id begins with."""
    _, _, parameters = name_of(report).partition("[")
    return next((one for one in RELEASES if parameters.startswith((f"{one}-", f"{one}]"))), None)


def write(run: Run) -> str:
    """Return the page as Markdown."""
    sections = [
        HEAD,
        table(groups(run)),
        "## Tests\n\nThe number of tests that passed.\n\n" + table(kinds(run)),
        "## Places compared\n\n" + table(places(run)),
        "## Differences\n\n" + DIFFERENCES + differences(run),
        "## Operations that not every release serves\n\n" + table(partial()),
        "## Parameters that older releases do not declare\n\n" + parameters(run),
        "## Fields that older releases do not send\n\n" + fields(run),
        "## Fields of bodies that older releases do not declare\n\n" + bodies(run),
    ]
    return "\n\n".join(sections) + "\n"


def table(rows: Iterable[list[str]]) -> str:
    head, *rest = rows
    lines = [head, ["---"] * len(head), *rest]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def groups(run: Run) -> Iterator[list[str]]:
    """Yield the rows of the table of operations: a group of the API each."""
    proven = {(one.release, one.operation) for one in proofs(run.passed)}
    differs = {(release, id_) for release, ids in differing(run).items() for id_ in ids}
    yield ["Group", *run.releases]
    tags = sorted({operation.tag for operation in OPERATIONS.values()})
    for tag in [*tags, "all"]:
        members = [one for one in OPERATIONS.values() if tag in (one.tag, "all")]
        yield [tag, *(cell(release, members, proven, differs) for release in run.releases)]


def cell(
    release: str,
    members: list[Operation],
    proven: set[tuple[str, str]],
    differs: set[tuple[str, str]],
) -> str:
    counts = Counter(state(release, one, proven, differs) for one in members)
    names = ["", "absent", "differs", "not called"]
    return ", ".join(f"{counts[name]} {name}".strip() for name in names if counts[name])


def state(
    release: str,
    operation: Operation,
    proven: set[tuple[str, str]],
    differs: set[tuple[str, str]],
) -> str:
    """Return how an operation does on a release; the empty text if it is proven."""
    if (release, operation.id) in differs:
        return "differs"
    if (release, operation.id) in proven:
        return ""
    return "not called" if serves(release, operation) else "absent"


def differing(run: Run) -> dict[str, set[str]]:
    """Return the operations that differ on each release."""
    found: dict[str, set[str]] = defaultdict(set)
    for report in run.differing:
        release = release_of(report)
        for id_ in OPERATIONS:
            if release and re.search(rf"-{id_}(-user|-visitor)?\]$", name_of(report)):
                found[release].add(id_)
    return found


KINDS = {
    "test_reads.py": "reads",
    "test_walks.py": "orders, walks, harvests and since, while lists change",
    "test_missing.py": "operations that the release lacks",
    "test_projections.py": "projections: masks and classes",
    "test_updates.py": "what was read, sent back",
    "test_datasets.py": "datasets and resources written",
    "test_organizations.py": "organizations written",
    "test_discussions.py": "discussions and reports written",
    "test_catalogue.py": "reuses, dataservices and others written",
    "test_people.py": "users, tokens, transfers and notifications written",
    "test_backoffice.py": "posts, harvests, jobs and the site written",
    "test_endings.py": "accounts ended",
    "test_paper.py": "the Swagger compared with the types",
}
"""Module -> what its tests show."""


def kinds(run: Run) -> Iterator[list[str]]:
    passed: Counter[tuple[str, str]] = Counter()
    for report in [*run.passed, *run.differing]:
        release = release_of(report)
        module = report.nodeid.partition("::")[0].rpartition("/")[2]
        if release is not None:
            passed[module, release] += report.outcome == "passed"
    yield ["", *run.releases]
    for module, label in KINDS.items():
        yield [label, *(str(passed[module, release]) for release in run.releases)]


def places(run: Run) -> Iterator[list[str]]:
    """Yield the rows of the table of places compared."""
    paper = {release: int(values[0]) for release, values in run.noted("paper")}
    read: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for release, values in run.noted("read"):
        read[release] |= {(values[0], name) for name in values[1:]}
    yield ["", *run.releases]
    yield ["in the Swagger", *(f"{paper.get(release, 0):,}" for release in run.releases)]
    yield ["in answers", *(f"{len(read[release]):,}" for release in run.releases)]


def differences(run: Run) -> str:
    """Return a list of what some releases do otherwise, in the order of the lists of it."""
    ran = {*run.releases}
    lines: list[tuple[Sequence[str], str]] = []
    for reason, alike in groupby(KNOWN, key=lambda one: one.reason):
        members = [*alike]
        cases = ", ".join(filter(None, map(subject, members)))
        lines.append((members[0].releases, f"{cases}: {reason}" if cases else reason))
    lines += [
        (releases, f"`{name}` is sent, and kept among the additional properties.")
        for name, releases in UNDECLARED.items()
    ]
    lines += [
        (releases, f"`{name}` has other values, which are read as text.")
        for name, releases in OWN_VALUES.items()
    ]
    lines += [(releases, f"the Swagger declares `{place}`.") for place, releases in RETYPED.items()]
    for release, names in sorted(run.by_release("beyond").items(), key=lambda one: Version(one[0])):
        if names:
            said = ", ".join(f"`{one}`" for one in sorted(names))
            lines.append(([release], f"serves beyond this package: {said}"))
    for release in run.releases:
        ids = {one.operation for one in proofs(run.passed) if one.release == release}
        missing = [
            f"`{one.name}`"
            for one in OPERATIONS.values()
            if one.id not in ids and serves(release, one)
        ]
        if missing:
            lines.append(([release], f"not called: {', '.join(missing)}"))
    return "\n".join(
        f"* {span([one for one in releases if one in ran])}: {text}"
        for releases, text in lines
        if ran & {*releases}
    )


def subject(known: Difference) -> str:
    """Return the function or the kind of object that a known difference is of."""
    operation = OPERATIONS.get(known.case or "")
    return f"`{operation.name}`" if operation else (known.case or "")


def span(releases: list[str]) -> str:
    """Write some releases, oldest first; several as the first and the last of them."""
    known = sorted(releases, key=Version)
    return known[0] if len(known) == 1 else f"{known[0]} to {known[-1]}"


def partial() -> Iterator[list[str]]:
    yield ["Function", "Operation", "Since", "Until"]
    for one in sorted(OPERATIONS.values(), key=lambda one: (one.tag, one.name)):
        if one.since or one.until:
            function = f"`{one.tag}.{one.name.removeprefix('v2.')}`"
            call = f"`{one.method} {path_of(one)}`"
            yield [function, call, one.since or "", one.until or ""]


def first_with(found: dict[str, set[str]], releases: list[str]) -> dict[str, list[str]]:
    """Return the places that older releases lack, by the first release that has them."""
    result: dict[str, list[str]] = defaultdict(list)
    for name in sorted(set[str]().union(*found.values())):
        lacking = [release for release in releases if name in found.get(release, ())]
        newer = [one for one in releases if Version(one) > max(map(Version, lacking))]
        if newer:
            result[newer[-1]].append(name)
    return result


def parameters(run: Run) -> str:
    return grouped(first_with(run.by_release("ignored"), run.releases))


def fields(run: Run) -> str:
    lacking, read = run.by_release("lacking"), defaultdict[str, set[str]](set)
    for release, values in run.noted("read"):
        read[release] |= {*values[1:]}
    never = {release: lacking[release] - read[release] for release in run.releases}
    return grouped(first_with(never, run.releases))


def bodies(run: Run) -> str:
    return grouped(first_with(run.by_release("unsent"), run.releases))


def grouped(by_release: dict[str, list[str]]) -> str:
    """Return the names by release; several of one function or model together."""
    lines = []
    for release in sorted(by_release, key=Version, reverse=True):
        owners: dict[str, list[str]] = defaultdict(list)
        for name in by_release[release]:
            owner, _, last = name.replace("(", ".").rstrip(")").partition(".")
            owners[owner].append(last)
        said = "; ".join(f"`{owner}`: {', '.join(names)}" for owner, names in owners.items())
        lines.append(f"* Since {release}: {said}")
    return "\n".join(lines) or "None."


def session_end(session: pytest.Session) -> None:
    """Write or check the page at the end of a run, and fail the run if there is a problem."""
    mode = session.config.getoption("--portals")
    reporter: Any = session.config.pluginmanager.get_plugin("terminalreporter")
    if not mode or reporter is None or hasattr(session.config, "workerinput"):
        return
    releases = sorted(RELEASES, key=Version, reverse=True)
    run = Run(reporter.getreports("passed"), reporter.getreports("xfailed"), releases)
    reporter.section("portals")
    for row in groups(run):
        if row[0] in ("Group", "all"):
            reporter.write_line(" | ".join(row))
    found = "tests have failed" if session.testsfailed else ""
    if releases != [one for one in every_release() if one not in BEFORE_THE_MATRIX]:
        reporter.write_line(f"{FILE.name} needs all releases: it is left as it is")
    elif unread := OF_OLDER - fields_read(run.passed):
        found = f"not read: {', '.join(sorted(unread))}"
    elif not found:
        found = problem(write(run), mode, FILE)
    if found:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        reporter.write_line(found)


def problem(page: str, mode: str, file: Path) -> str:
    """Write or check the page; return the problem, empty if there is none."""
    if mode == "write":
        file.write_text(page, encoding="utf-8")
        return ""
    is_same = file.exists() and page == file.read_text(encoding="utf-8")
    return "" if is_same else f"{file.name} differs from this run: run `make portals` and review it"
