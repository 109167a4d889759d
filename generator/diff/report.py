"""The report of a comparison: Markdown for people, JSON for tools.

The documents are foreign text. In Markdown all of it is in code spans, where no HTML, link or
mention has an effect; in JSON all but ASCII is escaped.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby
from types import MappingProxyType

from ..corrections import NO_EFFECT
from ..errors import printable
from ..moved import Places
from .rules import RULES, Change, How, Status, status_of
from .sources import Source

MAX_TEXT = 120
"""The longest text of a document in the report."""

MAX_NAMES = 6
"""The names that a list has before it says only how many more there are."""

MAX_LENGTH = 60_000
"""The longest report: the descriptions of requests on forges have 65,536 characters."""

TITLES = {
    Status.SAME: "No change",
    Status.DOCUMENTATION: "Documentation only",
    Status.COMPATIBLE: "Compatible",
    Status.BREAKING: "Breaking for callers",
}

QUIET = ("model-added", "model-removed", "enum-added", "enum-removed")
"""The rules whose changes take one line together: their cause is another change."""


def as_json(old: Source, new: Source, changes: list[Change]) -> str:
    """Return the report for tools."""
    return json.dumps(
        {
            "status": status_of(changes).name.lower(),
            "exit_status": int(status_of(changes)),
            "old": _source(old),
            "new": _source(new),
            "changes": [
                {
                    "rule": one.rule,
                    "class": one.status.name.lower(),
                    "how": one.how,
                    "owner": one.owner,
                    "name": one.name,
                    "before": one.before,
                    "after": one.after,
                    "reached": list(one.reached),
                    "alias": dict([one.alias]) if one.alias else None,
                }
                for one in changes
            ],
        },
        indent=1,
    )


def _source(source: Source) -> dict[str, object]:
    return {
        "name": source.name,
        "unapplied_corrections": [
            {"name": one.name, "place": one.place, "problem": one.problem}
            for one in source.made.unapplied
        ],
        "unapplied_names": source.made.unnamed,
    }


def as_markdown(
    old: Source,
    new: Source,
    changes: list[Change],
    moved: Places = MappingProxyType({}),
) -> str:
    """Return the report for people, the breaking changes first.

    Args:
        old: The older side.
        new: The newer side.
        changes: The changes between them.
        moved: The names of the corrections that need other places as well, and these places.
    """
    lines = [f"# Changes of the API from {code(old.name)} to {code(new.name)}", ""]
    counts = Counter(one.status for one in changes)
    parts = [f"{number} {status.name.lower()}" for status, number in sorted(counts.items())[::-1]]
    lines += [f"**{TITLES[status_of(changes)]}**" + (f": {', '.join(parts)}." if parts else ".")]
    breaking = [one for one in changes if one.status is Status.BREAKING]
    for how in How:
        lines += _section(f"Breaking {how}", [one for one in breaking if one.how is how])
    lines += _aliases(changes)
    lines += _section("Compatible", [one for one in changes if one.status is Status.COMPATIBLE])
    lines += _documentation([one for one in changes if one.status is Status.DOCUMENTATION])
    lines += _unapplied(old, new)
    lines += _moved(moved)
    return _cut("\n".join(lines) + "\n")


def _cut(text: str) -> str:
    if len(text) <= MAX_LENGTH:
        return text
    kept = text[:MAX_LENGTH].rpartition("\n")[0]
    rest = len(text.splitlines()) - len(kept.splitlines())
    fence = "\n```" if kept.count("\n```") % 2 else ""
    return f"{kept}{fence}\n\n{rest} more lines are left out; `--json` has every change.\n"


def _section(title: str, changes: list[Change]) -> list[str]:
    if not changes:
        return []
    lines = ["", f"## {title} ({len(changes)})", ""]
    for rule in QUIET:
        of_rule = [one for one in changes if one.rule == rule]
        if of_rule:
            names = ", ".join(code(one.owner) for one in of_rule)
            lines.append(f"* {RULES[rule].label}: {names}")
    others = [one for one in changes if one.rule not in QUIET]
    operations = [one for one in others if one.rule in ("operation-removed", "operation-added")]
    lines = [*lines[:3], *map(_line, operations), *lines[3:]]
    rest = sorted((one for one in others if one not in operations), key=lambda one: one.owner)
    for owner, group in groupby(rest, key=lambda one: one.owner):
        lines += _owned(owner, [*group])
    return lines


def _line(change: Change) -> str:
    return (
        f"* {RULES[change.rule].label}: {code(change.owner)}, {code(change.before or change.after)}"
    )


def _owned(owner: str, changes: list[Change]) -> list[str]:
    reached = sorted({one for change in changes for one in change.reached} - {owner})
    where = f", in {_some(reached)}" if reached else ""
    said = list(_said(changes))
    if len(said) == 1:
        return [f"* {code(owner)}: {said[0]}{where}"]
    return [f"* {code(owner)}{where}:", *(f"  * {one}" for one in said)]


def _said(changes: list[Change]) -> Iterator[str]:
    """Yield the changes of one owner in words, those of several names in one line."""
    for rule, group in groupby(changes, key=lambda one: one.rule):
        of_rule = [*group]
        label = RULES[rule].label
        if RULES[rule].plural and len(of_rule) > 1:
            yield f"{RULES[rule].plural}: {', '.join(code(one.name) for one in of_rule)}"
            continue
        for one in of_rule:
            yield f"{label}{f': {code(one.name)}' if one.name else ''}{_texts(one)}"


def _texts(change: Change) -> str:
    if change.rule.endswith(("-renamed", "-aliased")):
        return f", before {code(change.before)}"
    if change.before and change.after:
        return f", {code(change.before)} → {code(change.after)}"
    if change.rule.endswith("-default"):
        return ", " + " → ".join(
            code(one) if one else "none" for one in (change.before, change.after)
        )
    return f", {code(change.before or change.after)}" if change.before or change.after else ""


def _aliases(changes: Iterable[Change]) -> list[str]:
    aliases = [one.alias for one in changes if one.alias]
    if not aliases:
        return []
    lines = [f'names.{old} = "{new}"' for old, new in aliases]
    return [
        *("", "So that the old names go on working, add to `openapi/names.toml`:", ""),
        *("```toml", "[[alias]]", 'reason = "The API renamed them."', *lines, "```"),
    ]


def _documentation(changes: list[Change]) -> list[str]:
    if not changes:
        return []
    lines = ["", f"## Documentation only ({len(changes)})", ""]
    for rule, group in groupby(changes, key=lambda one: one.rule):
        owners = Counter(one.owner for one in group)
        several = (f"{code(one)} ({number})" for one, number in owners.items() if number > 1)
        names = [*several, *(code(one) for one, number in owners.items() if number == 1)]
        lines.append(f"* {RULES[rule].label}: {', '.join(names)}")
    return lines


def _unapplied(old: Source, new: Source) -> list[str]:
    """List the entries that apply to one side only, and first what the newer release mended."""
    left = {(one.name, *one.place): one for one in old.made.unapplied}
    right = {(one.name, *one.place): one for one in new.made.unapplied}
    lost = [one for key, one in right.items() if key not in left]
    gone = Counter(one.name for one in lost if one.problem != NO_EFFECT)
    come = Counter(one.name for key, one in left.items() if key not in right)
    lines = [
        f"* mended in {code(new.name)}: {code(one.name)} at {code(' > '.join(one.place))}"
        for one in lost
        if one.problem == NO_EFFECT
    ]
    if gone:
        lines.append(f"* without a place in {code(new.name)} any more: {_counted(gone)}")
    if come:
        lines.append(
            f"* without a place in {code(old.name)}, so that a change may be the correction: "
            f"{_counted(come)}"
        )
    names = [one for one in new.made.unnamed if one not in old.made.unnamed]
    lines += [f"* name without an operation any more: {code(one)}" for one in names]
    neither = len(left.keys() & right.keys())
    if lines and neither:
        lines.append(f"* without a place in both: {neither}, which `--json` lists")
    return ["", "## Corrections and names", "", *lines] if lines else []


def _moved(moved: Places) -> list[str]:
    """List the places to add to corrections, as they stand in their file."""
    if not moved:
        return []
    lines = [
        line
        for name, places in moved.items()
        for line in (f"# {name}", f"places = {json.dumps(places)}")
    ]
    said = "The API moved what these corrections are for. In `openapi/corrections.toml`,"
    advice = "add these to their places, and delete those without effect:"
    return ["", said, advice, "", "```toml", *lines, "```"]


def _counted(entries: Counter[str]) -> str:
    return ", ".join(
        code(name) + (f" ({number})" if number > 1 else "") for name, number in entries.items()
    )


def _some(names: list[str]) -> str:
    shown = ", ".join(map(code, names[:MAX_NAMES]))
    more = len(names) - MAX_NAMES
    return f"{shown} and {more} more" if more > 0 else shown


def code(text: str) -> str:
    """Return a text of a document as a code span, in one line of limited length."""
    line = " ".join(printable(text).split())
    line = line if len(line) <= MAX_TEXT else f"{line[: MAX_TEXT - 3]}..."
    # No run of backticks inside may be as long as those around the span.
    ticks = "`" * (max((len(one) for one in re.findall("`+", line)), default=0) + 1)
    edge = " " if line.startswith("`") or line.endswith("`") or not line.strip() else ""
    return f"{ticks}{edge}{line}{edge}{ticks}"
