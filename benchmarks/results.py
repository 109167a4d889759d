"""Results, as rows with a target and a verdict."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

HEAD = """| measured | relative to | found | target | verdict |
|---|---|---|---|---|"""


@frozen
class Row:
    """A measure.

    Attributes:
        measure: What was measured.
        over: What it is divided by; empty if it is no ratio.
        found: The result; None if it could not be measured.
        target: What the result has to reach; None if nothing depends on it.
        at_least: Whether the target is the least result instead of the most.
        form: How numbers are shown.
    """

    measure: str
    over: str
    found: float | None
    target: float | None = None
    at_least: bool = False
    form: str = "{:.2f}"

    @property
    def verdict(self) -> str:
        """Whether the target is met."""
        if self.found is None:
            return "not measured"
        if self.target is None:
            return ""
        is_met = self.found >= self.target if self.at_least else self.found <= self.target
        return "met" if is_met else "missed"

    def line(self) -> str:
        """Return the row in Markdown."""
        found = "" if self.found is None else self.form.format(self.found)
        bound = "at least" if self.at_least else "at most"
        target = "" if self.target is None else f"{bound} {self.form.format(self.target)}"
        return f"| {self.measure} | {self.over} | {found} | {target} | {self.verdict} |"


def table(rows: Sequence[Row]) -> str:
    """Return the rows as a table in Markdown."""
    return "\n".join([HEAD, *(row.line() for row in rows)])
