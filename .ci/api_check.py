"""Compare the public API of the package with that of a revision, the last tag by default."""

from __future__ import annotations

import griffe
from revisions import ROOT, compare

PACKAGE = "aiodatagouv"


def is_public(path: str) -> bool:
    return not any(part.startswith("_") and part != "__init__" for part in path.split("."))


def breakages(against: str) -> list[str]:
    """Return what a caller of that revision misses now, one line each."""
    src = [str(ROOT / "src")]
    old = griffe.load_git(PACKAGE, ref=against, repo=ROOT, search_paths=["src"])
    new = griffe.load(PACKAGE, search_paths=src)
    found = set[str]()
    for breakage in griffe.find_breaking_changes(old, new):
        path = breakage.obj.path
        if is_public(path):
            _, _, what = breakage.explain(griffe.ExplanationStyle.MARKDOWN).partition(": ")
            found.add(f"{path}: {what}{' ' + breakage.details if breakage.details else ''}")
    return sorted(found)


if __name__ == "__main__":
    compare(breakages, "Compared with {}: {} breaking changes of the public API.")
