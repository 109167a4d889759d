"""Regenerate, as the nightly job does; leave the status, report and changes for ``propose.py``.

    python .ci/nightly.py --into FOLDER -- python -m generator regenerate --url URL

The command is called with ``--report FILE`` as well, and its exit status is that of the
regeneration. It reads what a portal sends, so no token that may write is in its environment.
"""

from __future__ import annotations

import argparse
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

CHANGED = (10, 11, 12)
"""The statuses of a regeneration that changed something."""

PATHS = ("openapi", "src/aiodatagouv/api", "src/aiodatagouv/models")
"""The folders that a regeneration writes."""


def fenced(text: str) -> str:
    """Return a text as a block of code, whatever it contains."""
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text.strip()}\n{fence}\n"


def run(command: list[str]) -> tuple[int, str]:
    """Run a command, and return its status and what it prints, which is printed as well."""
    done = subprocess.run(
        command,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )
    print(done.stdout, flush=True)
    return done.returncode, done.stdout


def changes(checkout: Path, paths: list[str]) -> bytes:
    """Return what differs from HEAD in some folders, new files included, as a patch."""
    git = ["git", "-C", str(checkout)]
    subprocess.run([*git, "add", "--intent-to-add", "--", *paths], check=True)
    differences = ["diff", "--binary", "--no-renames", "--no-ext-diff", "HEAD", "--", *paths]
    return subprocess.run([*git, *differences], check=True, stdout=subprocess.PIPE).stdout


def check(text: str) -> tuple[str, list[str]]:
    """Return the title and the command of an option ``--check``."""
    title, separator, command = text.partition("=")
    if not separator or not shlex.split(command):
        raise argparse.ArgumentTypeError("it must be TITLE=COMMAND")
    return title, shlex.split(command)


def main() -> None:
    """Do it. The exit status is 1 if the regeneration failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkout", type=Path, default=Path(), help="of what is regenerated")
    parser.add_argument("--into", type=Path, required=True, help="the folder of the result, in it")
    parser.add_argument("--path", action="append", help="a folder that it writes; may be repeated")
    parser.add_argument(
        "--check",
        type=check,
        action="append",
        default=[],
        help="TITLE=COMMAND, run if something changed: its output is part of the report",
    )
    parser.add_argument("command", nargs="+", help="the regeneration")
    arguments = parser.parse_args()
    folder: Path = arguments.checkout / arguments.into
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    report = folder / "report.md"

    status, printed = run([*arguments.command, "--report", str(report)])
    if status in CHANGED:
        parts = [report.read_text(encoding="utf-8")]
        for title, command in arguments.check:
            _, found = run(command)
            parts.append(f"## {title}\n\n{fenced(found)}")
        report.write_text("\n".join(parts), encoding="utf-8")
        patch = changes(arguments.checkout, arguments.path or [*PATHS])
        (folder / "changes.patch").write_bytes(patch)
    elif status:
        report.write_text(f"Exit status {status}:\n\n{fenced(printed)}", encoding="utf-8")
    (folder / "status").write_text(str(status))
    if status not in (0, *CHANGED):
        sys.exit(1)


if __name__ == "__main__":
    main()
