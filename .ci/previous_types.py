"""Type-check the tests and examples of a revision, the last tag by default, against the code.

They are the code of a caller. Where they import private modules they are not, so errors that name
one do not count.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
import tempfile

from revisions import ROOT, compare

CALLERS = ["tests", "examples"]

HELPERS = [".ci", "benchmarks", "generator", "pyproject.toml"]
"""The folders and settings that they need, taken from the same revision."""

PRIVATE = "aiodatagouv._"


def errors(against: str) -> list[str]:
    """Return mypy's errors.

    Raises:
        SystemExit: mypy could not check.
    """
    names = subprocess.run(
        ["git", "ls-tree", "--name-only", against],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split("\n")
    wanted = [name for name in [*CALLERS, *HELPERS] if name in names]
    archive = subprocess.run(
        ["git", "archive", against, "--", *wanted], cwd=ROOT, check=True, capture_output=True
    ).stdout
    with tempfile.TemporaryDirectory() as scratch:
        with tarfile.open(fileobj=io.BytesIO(archive)) as files:
            files.extractall(scratch, filter="data")
        done = subprocess.run(
            [sys.executable, "-m", "mypy", "--no-error-summary", "--cache-dir=cache"]
            + [name for name in CALLERS if name in names],
            cwd=scratch,
            check=False,
            capture_output=True,
            text=True,
            env={**os.environ, "MYPYPATH": f"{ROOT / 'src'}:benchmarks:.ci"},
        )
    if done.returncode > 1:
        sys.exit(done.stdout + done.stderr)
    folders = tuple(f"{name}/" for name in CALLERS)
    lines = [line for line in done.stdout.splitlines() if line.startswith(folders)]
    return [line for line in lines if ": error: " in line and PRIVATE not in line]


if __name__ == "__main__":
    compare(errors, "The tests and examples of {}: {} errors of types.")
