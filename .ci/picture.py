"""Record commands on a terminal as an SVG: `docs/_static/harvest.svg`, made by `make picture`.

python .ci/picture.py PICTURE COMMAND...

The commands are run for real, one after the other, in an empty folder. The portal is that of the
environment variable DATAGOUV_PORTAL.
"""

from __future__ import annotations

import io
import os
import pty
import sys
import tempfile
from pathlib import Path

from rich.ansi import AnsiDecoder
from rich.console import Console
from rich.text import Text

COLUMNS = 100
"""The width of the terminal."""


def run_on_a_terminal(command: str) -> str:
    """Run a command with a shell on a terminal of its own; return all that it wrote there."""
    written: list[bytes] = []

    def read(terminal: int) -> bytes:
        written.append(os.read(terminal, 1 << 16))
        return written[-1]  # `pty` shows it on the terminal of the caller as well.

    shell = ["env", f"COLUMNS={COLUMNS}", "TERM=xterm-256color", "sh", "-c", command]
    status = os.waitstatus_to_exitcode(pty.spawn(shell, read))
    if status:
        raise SystemExit(f"{command}: status {status}")
    return b"".join(written).decode()


def record(commands: list[str]) -> str:
    """Run commands, and return the SVG of what a terminal shows at their end."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO())
    for command in commands:
        console.print(Text.assemble(("$ ", "bold green"), (command, "bold")))
        # Of a line that was drawn again and again, the decoder keeps the last state.
        for line in AnsiDecoder().decode(run_on_a_terminal(command).replace("\r\n", "\n")):
            if line.plain.strip():
                console.print(line)
    # The id is a part of all names in the SVG; the default one differs from run to run.
    return console.export_svg(title="aiodatagouv", unique_id="harvest")


def main() -> None:
    """Write the picture."""
    picture, *commands = sys.argv[1:]
    target = Path(picture).absolute()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        svg = record(commands)
        os.chdir(target.parent)
    target.write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()
