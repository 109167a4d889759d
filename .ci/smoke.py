"""Use the installed package: a call, a list and the command, against a server of this machine.

Run by the Python of an environment in which nothing but a wheel is installed: ``python -I smoke.py
VERSION``. The command is tried if its extra is installed.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import sysconfig
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import aiodatagouv
from aiodatagouv import Client, api

VELOS = {"id": "1", "slug": "velos", "title": "Vélos"}
PAGE = {"data": [VELOS], "page": 1, "page_size": 20, "total": 1}
ANSWERS = {
    "/api/1/datasets/velos/": VELOS,
    "/api/1/datasets/": PAGE | {"next_page": None, "previous_page": None},
}


class Portal(BaseHTTPRequestHandler):
    """A portal with one dataset."""

    def do_GET(self) -> None:
        """Answer a request."""
        answer = ANSWERS.get(self.path.partition("?")[0])
        body = json.dumps(answer or {"message": "Not found"}).encode()
        self.send_response(200 if answer else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


async def call(url: str) -> None:
    """Read the dataset, alone and from the list."""
    async with Client(base_url=url) as client:
        dataset = await api.datasets.get_dataset(client, "velos")
        titles = [one.title async for one in api.datasets.list_datasets(client)]
    assert titles == [dataset.title] == ["Vélos"]


def command(url: str, folder: Path) -> None:
    """Ask the command for its version, the dataset, and a completion script."""

    def run(*arguments: str) -> str:
        program = folder / "aiodatagouv"
        done = subprocess.run([program, *arguments], check=True, capture_output=True, text=True)
        return done.stdout

    assert run("--version") == f"aiodatagouv, version {aiodatagouv.__version__}\n"
    assert json.loads(run("get", "dataset", "velos", "--portal", url)) == VELOS
    share = Path(sysconfig.get_path("data"), "share")
    installed = share / "bash-completion" / "completions" / "aiodatagouv"
    assert "_AIODATAGOUV_COMPLETE=bash_complete" in installed.read_text()


def main(expected: str) -> None:
    """Try everything, and say what was tried."""
    assert aiodatagouv.__version__ == version("aiodatagouv") == expected
    environment = Path(sysconfig.get_path("purelib"))
    assert Path(aiodatagouv.__file__).is_relative_to(environment), aiodatagouv.__file__
    server = ThreadingHTTPServer(("127.0.0.1", 0), Portal)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    asyncio.run(call(url))
    tried = ["a call", "a list"]
    if find_spec("click") is not None:
        command(url, Path(sysconfig.get_path("scripts")))
        tried.append("the command")
    server.shutdown()
    print(f"aiodatagouv {expected} on Python {sys.version.split()[0]}: {', '.join(tried)}")


if __name__ == "__main__":
    main(sys.argv[1])
