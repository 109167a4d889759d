"""Runs udata on an in-memory database, inside udata's own environment.

Prints one line of JSON (the manifest) on standard output when it is ready to answer, and
everything else on standard error. Any line on standard input ends the read-only mode, which is
answered by an empty line. It stops on a signal, and when its standard input closes: a killed parent
leaves no portal behind.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import signal
import sys
import tempfile
import threading
from dataclasses import asdict
from importlib.metadata import version
from types import FrameType
from typing import Any

HOST = "127.0.0.1"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--datasets", type=int, default=500)
    parser.add_argument("--read-only", action="store_true", help="answer 423 as udata then does")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    arguments = parser.parse_args()
    if arguments.datasets < 20:
        parser.error("at least 20 datasets: the other objects refer to them")

    manifest_stream = claim_stdout()
    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGINT, leave)
    commands = queue.SimpleQueue[bytes]()
    threading.Thread(target=listen, args=(commands,), daemon=True).start()

    with tempfile.TemporaryDirectory(prefix="portal-") as folder:
        # Imported here: it takes seconds, during which the portal can already be stopped.
        # First the models: their modules import each other, and 14.13.0 bears only this order.
        import udata.models  # noqa: F401
        from app import know_neighbours, make_app, make_server
        from seed import seed

        app = make_app(folder)
        server = make_server(app, HOST, arguments.port)
        root = f"http://{HOST}:{server.port}"
        with app.test_request_context(base_url=root):
            seeded = seed(arguments.datasets)
        know_neighbours(app, root)
        app.config["READ_ONLY_MODE"] = arguments.read_only
        manifest: dict[str, Any] = {
            "url": f"{root}/api/1/",
            "release": version("udata"),
            **asdict(seeded),
        }
        print(json.dumps(manifest), file=manifest_stream, flush=True)

        def obey() -> None:
            while commands.get():
                app.config["READ_ONLY_MODE"] = False
                print(file=manifest_stream, flush=True)

        threading.Thread(target=obey, daemon=True).start()
        server.serve_forever()


def claim_stdout() -> Any:
    """Keep standard output for the manifest: whatever a library prints goes to standard error."""
    manifest_stream = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return manifest_stream


def leave(_signal: int, _frame: FrameType | None) -> None:
    # A second signal during the clean-up must not interrupt it.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.exit(0)


def listen(commands: queue.SimpleQueue[bytes]) -> None:
    # Not through sys.stdin, whose lock would still be held when the interpreter ends.
    while command := os.read(0, 1024):
        commands.put(command)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
