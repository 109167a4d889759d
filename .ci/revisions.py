"""The revision that a check compares with."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

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
