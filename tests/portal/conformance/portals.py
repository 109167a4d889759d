"""The table of releases in the docs: what each release of udata proves, lacks and does otherwise.

A run over all releases with ``pytest --portals`` writes it; see ``make portals``.
"""

from __future__ import annotations

import pathlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

import pytest
from attrs import frozen
from packaging.version import Version

from aiodatagouv import OPERATIONS, Operation

from ..portal import PINNED, PROJECT, RELEASES, serves
from .table import proofs

FILE = PROJECT / "docs" / "portals.md"
HEAD = PROJECT / "tests" / "portal" / "portals.head.md"


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
        HEAD.read_text(encoding="utf-8").strip(),
        table(groups(run)),
        "## Tests\n\nThe number of tests that passed.\n\n" + table(kinds(run)),
        "## Places compared\n\n" + table(places(run)),
        "## Differences\n\n" + differences(run),
        "## Operations that not every release serves\n\n" + table(partial()),
        "## Parameters that older releases ignore\n\n" + parameters(run),
        "## Fields that older releases do not send\n\n" + fields(run),
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
    "test_orders.py": "orders, and lists harvested whole",
    "test_walks.py": "walks, harvests and since, while the portal changes",
    "test_projections.py": "projections: masks and classes",
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
    for release, (operation, *names) in run.noted("read"):
        read[release] |= {(operation, name) for name in names}
    yield ["", *run.releases]
    yield ["in the Swagger", *(f"{paper.get(release, 0):,}" for release in run.releases)]
    yield ["in answers", *(f"{len(read[release]):,}" for release in run.releases)]


def differences(run: Run) -> str:
    lines = [
        f"* {release_of(report)}: `{name_of(report).partition('::')[2]}`: {report.wasxfail}"
        for report in run.differing
    ]
    for release, names in run.by_release("undeclared").items():
        lines += [f"* {release}: `{name}` is sent but not declared" for name in sorted(names)]
    for release in run.releases:
        ids = {one.operation for one in proofs(run.passed) if one.release == release}
        names = [
            f"`{one.name}`"
            for one in OPERATIONS.values()
            if one.id not in ids and serves(release, one)
        ]
        lines += [f"* {release}: not called: {', '.join(names)}"] if names else []
    return "\n".join(lines) or "None."


def partial() -> Iterator[list[str]]:
    yield ["Function", "Operation", "Since", "Until"]
    for one in sorted(OPERATIONS.values(), key=lambda one: (one.tag, one.name)):
        if one.since or one.until:
            function, call = f"`{one.tag}.{one.name}`", f"`{one.method} {one.path}`"
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
    for release, (_, *names) in run.noted("read"):
        read[release] |= {*names}
    never = {release: lacking[release] - read[release] for release in run.releases}
    return grouped(first_with(never, run.releases))


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
    """Write the page at the end of a run without failures over all releases."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    is_worker = reporter is None or hasattr(session.config, "workerinput")
    if is_worker or not session.config.getoption("--portals"):
        return
    releases = sorted(RELEASES, key=Version, reverse=True)
    run = Run(reporter.getreports("passed"), reporter.getreports("xfailed"), releases)
    page = write(run)
    pathlib.Path("/tmp/w/mx2/page.md").write_text(page)
    if session.testsfailed:
        reporter.write_line(f"tests have failed: {FILE.name} is left as it is")
    elif {*PINNED} <= {*releases}:
        FILE.write_text(page, encoding="utf-8")
    for row in groups(run):
        if row[0] in ("Group", "all"):
            reporter.write_line(" | ".join(row))
