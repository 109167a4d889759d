"""Runs a portal in the foreground: until Ctrl-C, or while a command runs that uses it.

python -m tests.portal --datasets 500
python -m tests.portal --run python examples/harvest.py datasets.jsonl
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys

from .portal import PortalError, running_portal


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.portal",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--datasets", type=int, default=500, help="public datasets (500)")
    parser.add_argument("--port", type=int, default=0, help="0, the default, takes a free one")
    parser.add_argument(
        "--run",
        nargs=argparse.REMAINDER,
        metavar="COMMAND",
        help="run this, which finds the portal in PORTAL_URL, and end with its status",
    )
    arguments = parser.parse_args()
    # `kill` leaves like Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with running_portal(arguments.datasets, port=arguments.port) as portal:
            if arguments.run:
                environment = {**os.environ, "PORTAL_URL": portal.url}
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


if __name__ == "__main__":
    sys.exit(main())
