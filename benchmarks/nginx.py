"""nginx, as Debian installs it, running a configuration of ours on this machine."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PATH = f"{os.environ['PATH']}:/usr/sbin"
"""The search path for nginx, which Debian installs in a folder outside the PATH of users."""

MAIN = """
daemon off;
master_process off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
    client_body_temp_path {folder};
    proxy_temp_path {folder};
    fastcgi_temp_path {folder};
    uwsgi_temp_path {folder};
    scgi_temp_path {folder};
    keepalive_requests 1000000;
    {http}
}}
"""


def find() -> str | None:
    """Return the path of nginx; None if it is not installed."""
    return shutil.which("nginx", path=PATH)


def version() -> str:
    """Return the version of nginx, such as ``1.22.1``."""
    said = subprocess.run([program(), "-v"], capture_output=True, text=True, check=True).stderr
    return said.strip().rpartition("/")[2]


@contextmanager
def nginx(http: str, **values: object) -> Iterator[tuple[str, Path]]:
    """Run nginx during the block, and yield its URL and its folder.

    Args:
        http: The contents of its ``http`` block, in which ``{port}``, ``{folder}`` and the names of
            values are replaced, and other braces are doubled.
        values: The values.
    """
    with tempfile.TemporaryDirectory(prefix="nginx-") as name:
        folder, port = Path(name), free_port()
        path = folder / "nginx.conf"
        inside = http.format(folder=folder, port=port, **values)
        path.write_text(MAIN.format(folder=folder, http=inside))
        with running(port, program(), "-p", name, "-c", str(path)):
            yield f"http://127.0.0.1:{port}", folder


@contextmanager
def running(port: int, *command: str) -> Iterator[None]:
    """Run a server process during the block, once it listens on its port."""
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 30
        while True:
            with socket.socket() as probe:
                if not probe.connect_ex(("127.0.0.1", port)):
                    break
            if process.poll() is not None or time.monotonic() > until:
                sys.exit(f"{command[0]} does not start")
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait()


def free_port() -> int:
    """Return a free TCP port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def program() -> str:
    """Return the path of nginx, or exit."""
    return find() or sys.exit("nginx is not installed (Debian: nginx-light)")
