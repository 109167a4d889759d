"""Run a portal until Ctrl-C, for the duration of a command, or in the background.

python -m tests.portal
python -m tests.portal --run aiodatagouv harvest datasets -o datasets.jsonl
python -m tests.portal --release 15.4.1 --background
python -m tests.portal --stop
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from pathlib import Path

from .portal import NEWEST, PROJECT, PortalError, every_release, running_portal

STATE = PROJECT / ".portal"
"""The state of the background portal: its process id, and the URL and key that it printed."""


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.portal",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--datasets", type=int, default=500, help="number of public datasets (500)")
    parser.add_argument("--port", type=int, default=0, help="default 0: any free port")
    parser.add_argument(
        "--release", default=NEWEST, choices=every_release(), help=f"of udata ({NEWEST})"
    )
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--background", action="store_true", help="run until --stop is called")
    how.add_argument("--stop", action="store_true", help="stop the background portal")
    how.add_argument(
        "--run",
        nargs=argparse.REMAINDER,
        metavar="COMMAND",
        help="run a command with DATAGOUV_PORTAL set, and exit with its status",
    )
    arguments = parser.parse_args()
    if arguments.stop:
        return stop()
    if arguments.background:
        return leave_running(arguments.datasets, arguments.port, arguments.release)
    # Handle SIGTERM like Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with running_portal(
            arguments.datasets, port=arguments.port, release=arguments.release
        ) as portal:
            if arguments.run:
                environment = {**os.environ, "DATAGOUV_PORTAL": portal.url}
                return subprocess.run(arguments.run, env=environment, check=False).returncode
            print(f"url      {portal.url}")
            print(f"api key  {portal.api_key}", flush=True)
            signal.pause()
    except PortalError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        pass
    return 0


def leave_running(datasets: int, port: int, release: str) -> int:
    """Start a background portal, unless one is running; print its URL and key."""
    if is_running():
        print(STATE.read_text().partition("\n")[2], end="")
        return 0
    command = [sys.executable, "-m", __package__, "--release", release]
    command += ["--datasets", str(datasets), "--port", str(port)]
    process = subprocess.Popen(
        command,
        cwd=PROJECT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    printed = process.stdout.readline() + process.stdout.readline()
    if not printed:
        return process.wait()
    STATE.write_text(f"{process.pid}\n{printed}")
    print(printed, end="")
    return 0


def stop() -> int:
    """Stop the background portal, if it is running."""
    if is_running():
        os.kill(process_number(STATE), signal.SIGTERM)
    STATE.unlink(missing_ok=True)
    return 0


def is_running() -> bool:
    if not STATE.exists():
        return False
    try:
        os.kill(process_number(STATE), 0)
    except ProcessLookupError:
        return False
    return True


def process_number(state: Path) -> int:
    return int(state.read_text().splitlines()[0])


if __name__ == "__main__":
    sys.exit(main())
