"""Open, update or retire the one request that brings a regeneration to main.

``nightly.py`` regenerates, without a token, and leaves a status, a report and the changes. This
program looks at these and at what is open on the host, decides, and does it. It needs a checkout of
main and the standard library only, so it can also report that an environment was not created.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import urllib.error
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from hosts import (
    BRANCH,
    ISSUE,
    LABELS,
    MAIN,
    GitHub,
    GitLab,
    Host,
    Move,
    NotOpen,
    Open,
    Text,
    credentials,
)
from nightly import PATHS

SAME = 0
"""The status of a regeneration that changed nothing. Those in ``LABELS`` did, others failed."""

STAMPS = "openapi"
"""The folder with the documents as they came, from which all else is generated."""

NAME, EMAIL = "regeneration", "regeneration@aiodatagouv.invalid"
"""The committer, by whom the branch is known to be nobody else's work."""

RETIRED = "Nothing is left to propose: regenerating main changes nothing."
RESOLVED = "The regeneration works again."

HOSTS: dict[str, Callable[[], Host]] = {"github": GitHub, "gitlab": GitLab}


class Refused(Exception):
    """The changes are not those of a regeneration."""


class Outcome(NamedTuple):
    """The result of a regeneration: its status, or None if it did not come to an end."""

    status: int | None
    report: str
    run: str
    """The URL of the run, or an empty text."""

    @classmethod
    def read(cls, folder: Path) -> Outcome:
        """Read what ``nightly.py`` left."""
        status, report = folder / "status", folder / "report.md"
        return cls(
            int(status.read_text()) if status.exists() else None,
            report.read_text(encoding="utf-8") if report.exists() else "",
            os.environ.get("RUN_URL", ""),
        )


class Seen(NamedTuple):
    """The state of the repository and of its host."""

    commit: str | None
    """The regeneration as a commit on main, None if it changes no file."""

    branch: str | None
    """The tip of the branch that is proposed, None if there is no such branch."""

    edited: bool
    """Somebody has added commits to that branch."""

    request: Open | None
    issue: Open | None


class Propose(NamedTuple):
    request: Open | None
    move: Move
    text: Text


class Retire(NamedTuple):
    request: Open | None
    move: Move


class Complain(NamedTuple):
    issue: Open | None
    text: Text


class Resolve(NamedTuple):
    issue: Open


Action = Propose | Retire | Complain | Resolve


def decide(outcome: Outcome, seen: Seen, limit: int) -> list[Action]:
    """Return what is to be done."""
    label = LABELS.get(outcome.status or SAME)
    if outcome.status != SAME and label is None:
        text = Text("The regeneration fails", shown(outcome, limit), ISSUE)
        return [Complain(seen.issue, text)]
    if label and not seen.commit:
        reason = f"The status is {outcome.status}, {label}, but no generated file differs."
        text = Text("The regeneration fails", reason, ISSUE)
        return [Complain(seen.issue, text)]
    actions: list[Action] = [Resolve(seen.issue)] if seen.issue else []
    if seen.edited and seen.request:  # A correction, say: to be merged or moved first, not lost.
        return actions
    if label and seen.commit:
        text = Text(f"Regenerate: {label} changes of the API", shown(outcome, limit), label)
        up_to_date = seen.branch == seen.commit
        if not (up_to_date and seen.request and seen.request.shows(text)):
            actions.append(Propose(seen.request, Move(seen.branch, seen.commit), text))
    elif seen.branch:  # A host closes a request without a branch.
        actions.append(Retire(seen.request, Move(seen.branch, None)))
    return actions


def shown(outcome: Outcome, limit: int) -> str:
    """Return the report as the host may show it: inert, and not longer than the limit."""
    report = inert(outcome.report.strip()) or "There is no report: see the log of the run."
    link = f"\n\nRun: {outcome.run}" if outcome.run and outcome.status not in LABELS else ""
    if len(report) + len(link) <= limit:
        return report + link
    # At the beginning, because the end may be inside a block of code.
    notice = (
        f"**Cut off after {limit:,} characters of {len(report):,}.** "
        f"The whole report is an artifact of the run. {outcome.run}\n\n"
    )
    return notice + report[: limit - len(notice)]


def inert(text: str) -> str:
    """Break mentions, references that close issues, and GitLab's quick actions.

    The report quotes a portal: it must not call anybody, nor do anything when it is merged.
    """
    broken = re.sub(r"[@#](?=\w)|^\s*/(?=\w)|\bGH-(?=\d)", "\\g<0>\u200b", text, flags=re.M)
    return re.sub(r"/(issues|pull|work_items|merge_requests)/(?=\d)", "/\\1/\u200b", broken)


def git(*arguments: str, **variables: str) -> str:
    done = subprocess.run(
        ["git", *arguments],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **variables},
    )
    return done.stdout.strip()


def commit(changes: Path, paths: list[str], message: str) -> str | None:
    """Commit the changes of some folders on top of HEAD, apart from the checkout and its index.

    The same changes on the same HEAD have the same hash: pushing them again changes nothing.

    Raises:
        Refused: They change a file that is not generated, such as a workflow.
    """
    if not changes.exists() or not changes.stat().st_size:
        return None
    with tempfile.TemporaryDirectory() as scratch:
        index = {"GIT_INDEX_FILE": str(Path(scratch, "index"))}
        git("read-tree", "HEAD", **index)
        git("apply", "--cached", "--whitespace=nowarn", str(changes.resolve()), **index)
        names = git("diff", "--cached", "--name-only", "--no-renames", "HEAD", **index)
        folders = tuple(f"{path.rstrip('/')}/" for path in paths)
        foreign = [name for name in names.splitlines() if not name.startswith(folders)]
        if foreign:
            raise Refused(f"not a generated file: {foreign[0]}")
        tree = git("write-tree", **index)
    date = git("show", "--no-patch", "--format=%cI", "HEAD")
    identity = {
        f"GIT_{role}_{key}": value
        for role in ("AUTHOR", "COMMITTER")
        for key, value in {"NAME": NAME, "EMAIL": EMAIL, "DATE": date}.items()
    }
    return git("commit-tree", tree, "-p", "HEAD", "-m", message, **identity)


def is_same(made: str, branch: str) -> bool:
    """Tell whether two commits bring the same to main.

    A portal serves the same API in another order, and a pin has a date: these do not count.
    """
    if git("rev-parse", f"{made}^") != git("rev-parse", f"{branch}^"):
        return False
    return not git("diff", "--name-only", branch, made, "--", ".", f":(exclude){STAMPS}")


def look(outcome: Outcome, host: Host, changes: Path, paths: list[str]) -> Seen:
    """Look at the repository and its host.

    Raises:
        SystemExit: HEAD is not the tip of main.
    """
    lines = git("ls-remote", "origin", f"refs/heads/{MAIN}", f"refs/heads/{BRANCH}").splitlines()
    tips = {name: tip for tip, _, name in (line.partition("\t") for line in lines)}
    if git("rev-parse", "HEAD") != tips.get(f"refs/heads/{MAIN}"):
        raise SystemExit(f"HEAD is not the tip of {MAIN}: check it out and regenerate again")
    branch, edited = tips.get(f"refs/heads/{BRANCH}"), False
    if branch:
        git("fetch", "--quiet", "origin", branch)
        edited = git("show", "--no-patch", "--format=%ce", branch) != EMAIL
    label = LABELS.get(outcome.status or SAME)
    made = commit(changes, paths, f"Regenerate: {label} changes of the API") if label else None
    if made and branch and is_same(made, branch):
        made = branch
    return Seen(made, branch, edited, host.request(), host.issue())


def perform(action: Action, host: Host) -> None:
    match action:
        case Propose(request, move, text):
            host.propose(request, move, text)
        case Retire(request, move):
            host.retire(request, move, RETIRED)
        case Complain(issue, text):
            host.complain(issue, text)
        case Resolve(issue):
            host.resolve(issue, RESOLVED)


def main() -> None:
    """Do it. The status is 1 if the regeneration or the request failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", choices=HOSTS, required=True)
    parser.add_argument("--result", type=Path, required=True, help="the folder of nightly.py")
    parser.add_argument("--path", action="append", help="a folder that may change; may be repeated")
    arguments = parser.parse_args()
    host = HOSTS[arguments.host]()
    os.environ.update(credentials(host.helper))
    outcome = Outcome.read(arguments.result)
    try:
        changes = arguments.result / "changes.patch"
        seen = look(outcome, host, changes, arguments.path or [*PATHS])
        actions = decide(outcome, seen, host.limit)
        for action in actions:
            print(type(action).__name__.lower(), getattr(action, "text", ("",))[0])
            perform(action, host)
    except (Refused, NotOpen, subprocess.CalledProcessError, urllib.error.URLError) as error:
        failed = Outcome(None, f"The request could not be made:\n\n    {error}", outcome.run)
        host.complain(host.issue(), Text("The regeneration fails", shown(failed, 4000), ISSUE))
        raise SystemExit(str(error)) from None
    if not actions:
        is_held = seen.edited and seen.request
        print("held: somebody has added commits" if is_held else "nothing to do")
    if any(isinstance(action, Complain) for action in actions):
        sys.exit("the regeneration failed")


if __name__ == "__main__":
    main()
