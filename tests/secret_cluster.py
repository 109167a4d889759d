"""A cluster whose workers have a key, and all that it shows: `python -m tests.secret_cluster URL`.

A harvest is successful, a second one fails, because the portal answers with a copy of the request.
Prints what was found in the state and the logs of the cluster, which are read during both.
"""

from __future__ import annotations

import json
import logging
import os
import pickle
import sys
import tempfile
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import dask
import distributed
import httpx

from aiodatagouv import BadRequestError
from aiodatagouv._environment import KEY
from aiodatagouv.dask import harvest

from .clustered import paginate

SECRET = "the-key-of-the-workers-0123456789"


class Relay(BaseHTTPRequestHandler):
    """Answers as another portal does, until it is broken."""

    protocol_version = "HTTP/1.1"
    portal = ""
    is_broken = False
    keys: ClassVar[set[str | None]] = set()

    def do_GET(self) -> None:
        Relay.keys.add(self.headers["X-API-KEY"])
        if self.is_broken:
            echo = f"{self.requestline} {self.headers}".encode()
            self._say(400, {"Content-Type": "text/plain"}, echo, SECRET)
            return
        kept = {"X-Fields": self.headers["X-Fields"]} if "X-Fields" in self.headers else {}
        answer = httpx.get(self.portal + self.path.lstrip("/"), headers=kept)
        self._say(answer.status_code, {"Content-Type": "application/json"}, answer.content)

    def _say(
        self, status: int, headers: dict[str, str], content: bytes, reason: str | None = None
    ) -> None:
        self.send_response(status, reason)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def relay(portal: str) -> Iterator[str]:
    Relay.portal = portal.removesuffix("api/1/")
    with ThreadingHTTPServer(("127.0.0.1", 0), Relay) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def main() -> None:
    os.environ[KEY] = SECRET
    logging.basicConfig(level=logging.DEBUG)
    dask.config.set({"logging.distributed": "debug", "logging.aiodatagouv": "debug"})
    seen: dict[str, bytes] = {}
    with (
        relay(sys.argv[1]) as url,
        tempfile.TemporaryDirectory() as folder,
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=False
        ) as cluster,
        distributed.Client(cluster) as client,
    ):

        def look(when: str) -> None:
            client.dump_cluster_state(f"{folder}/state", format="yaml")
            seen[f"the state {when}"] = Path(folder, "state.yaml").read_bytes()
            logs = [client.get_worker_logs(), client.get_scheduler_logs(), client.get_events()]
            seen[f"the logs {when}"] = repr(logs).encode()

        options: dict[str, Any] = {"base_url": url, "rate": 1000, "parts": 4, "retry": None}

        def progress(report: object) -> None:
            if "the state during a harvest" not in seen:
                look("during a harvest")

        report = harvest(client, paginate, f"{folder}/one", progress=progress, **options)
        is_sent = Relay.keys == {SECRET}

        def fail(report: object) -> None:
            Relay.is_broken = True

        try:
            harvest(client, paginate, f"{folder}/two", progress=fail, **options)
        except BadRequestError as error:
            name = type(error).__name__
            seen["the error"] = "".join(traceback.format_exception(error)).encode()
            seen["the pickled error"] = pickle.dumps(error)
        look("after a failure")
        for path in Path(folder).rglob("*"):
            if path.is_file():
                seen[str(path.relative_to(folder))] = path.read_bytes()
    found = [where for where, content in seen.items() if SECRET.encode() in content]
    print(
        json.dumps(
            {
                "items": report.items,
                "is_sent": is_sent,
                "error": name,
                "bytes": {where: len(content) for where, content in seen.items()},
                "found": found,
            }
        )
    )


if __name__ == "__main__":
    main()
