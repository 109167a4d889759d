"""Run udata on an in-memory database, in the virtual environment of udata.

When the server is ready, it prints one line of JSON (the manifest) to standard output; all other
output goes to standard error. A line on standard input is a command, and is confirmed by an empty
line: `write` ends the read-only mode, `break KIND ID` and `mend ID` change a dataset (see
`faults.py`). The server stops on a signal, or when its standard input is closed, so that it does
not outlive its parent.
"""

from __future__ import annotations

import argparse
import gc
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
    parser.add_argument("--read-only", action="store_true", help="start in read-only mode (423)")
    parser.add_argument("--search-window", type=int, help="the most results of a search: 10,000")
    parser.add_argument("--port", type=int, default=0, help="0: any free port")
    arguments = parser.parse_args()
    if arguments.datasets < 20:
        parser.error("at least 20 datasets are needed, because other objects refer to them")

    manifest_stream = claim_stdout()
    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGINT, leave)
    commands = queue.SimpleQueue[bytes]()
    threading.Thread(target=listen, args=(commands,), daemon=True).start()

    with tempfile.TemporaryDirectory(prefix="portal-") as folder:
        # Imported after the signal handlers are set, because the imports take seconds.
        # The models come first: their circular imports fail on 14.13.0 in any other order.
        import udata.models  # noqa: F401
        from app import know_neighbours, make_app, make_server
        from faults import break_dataset, mend_dataset
        from seed import seed

        app = make_app(folder, arguments.search_window)
        server = make_server(app, HOST, arguments.port)
        root = f"http://{HOST}:{server.port}"
        with app.test_request_context(base_url=root):
            seeded = seed(arguments.datasets)
        know_neighbours(app, root)
        gc.freeze()  # All that is loaded stays; searching it for garbage takes a tenth of the time.
        app.config["READ_ONLY_MODE"] = arguments.read_only
        manifest: dict[str, Any] = {
            "url": f"{root}/api/1/",
            "release": version("udata"),
            **asdict(seeded),
        }
        print(json.dumps(manifest), file=manifest_stream, flush=True)

        def obey() -> None:
            while command := commands.get():
                match command.decode().split():
                    case ["write"]:
                        app.config["READ_ONLY_MODE"] = False
                    case ["break", kind, one]:
                        break_dataset(one, kind)
                    case ["mend", one]:
                        mend_dataset(one)
                print(file=manifest_stream, flush=True)

        threading.Thread(target=obey, daemon=True).start()
        server.serve_forever()


def claim_stdout() -> Any:
    """Reserve standard output for the manifest, and redirect prints of libraries to stderr."""
    manifest_stream = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return manifest_stream


def leave(_signal: int, _frame: FrameType | None) -> None:
    # A second signal during the clean-up must not interrupt it.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.exit(0)


def listen(commands: queue.SimpleQueue[bytes]) -> None:
    # Not sys.stdin, whose lock would still be held at interpreter shutdown.
    while command := os.read(0, 1024):
        commands.put(command)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
