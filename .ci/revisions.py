"""The comparison with a revision, the last tag by default, as a program."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).parent.parent


def revision() -> str:
    """Return the revision that is given, or the last tag.

    Raises:
        SystemExit: There is no tag, which is no failure.
    """
    if given := "".join(sys.argv[1:2]):
        if given.startswith("-"):
            sys.exit(f"{given} is not a revision")
        return given
    last = ["git", "describe", "--tags", "--abbrev=0"]
    done = subprocess.run(last, cwd=ROOT, check=False, capture_output=True, text=True)
    if done.returncode:
        print("There is no tag yet to compare with. AGAINST=<revision> compares with another one.")
        raise SystemExit(0)
    return done.stdout.strip()


def compare(find: Callable[[str], list[str]], summary: str) -> NoReturn:
    """Print what is found in a comparison with the revision; the exit status is 1 if it is any.

    Args:
        find: Returns one line for each finding.
        summary: The line before them, with places for the revision and the number of lines.
    """
    against = revision()
    found = find(against)
    print(summary.format(against, len(found)), *found, sep="\n")
    sys.exit(bool(found))
