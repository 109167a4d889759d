"""Benchmark of the client behind real rate limiters: `python benchmarks/backoff.py`.

64 tasks make 1,000 calls through nginx (`limit_req`) or to Flask-Limiter, both on localhost. The
figures come from the server's log:

* the time from the first request to the last;
* the number of rejected requests;
* the number of requests that came too early, during a wait imposed by an earlier response
  (`Retry-After`, or an exhausted quota). Requests that were already in flight on the other
  connections (16 at most) cannot be avoided.
"""

from __future__ import annotations

import asyncio
import math
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from aiodatagouv import Client, DataGouvError
from aiodatagouv.api import datasets

CALLS, TASKS = 1000, 64

PATH = f"{os.environ['PATH']}:/usr/sbin"
"""The search path for nginx, which Debian installs in a folder outside the PATH of users."""

BIG_BURST = "burst=500 nodelay"
"""A burst that accepts many requests at once and then rejects all that follow."""

NGINX = """
daemon off;
master_process off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
    log_format line '$msec $request_time $status';
    access_log {folder}/access.log line;
    client_body_temp_path {folder};
    proxy_temp_path {folder};
    fastcgi_temp_path {folder};
    uwsgi_temp_path {folder};
    scgi_temp_path {folder};
    keepalive_requests 100000;
    limit_req_zone $binary_remote_addr zone=api:1m rate=50r/s;
    limit_req_status 429;
    server {{
        listen 127.0.0.1:{port};
        location / {{
            limit_req zone=api {burst};
            proxy_pass http://unix:{folder}/portal:;
            error_page 429 @rejected;
        }}
        location @rejected {{ {retry_after} return 429; }}
    }}
    server {{
        listen unix:{folder}/portal;
        access_log off;
        default_type application/json;
        location / {{ return 200 '{{"id": "1"}}'; }}
    }}
}}
"""


@dataclass(frozen=True)
class Request:
    """A request in the log of the server. Times are in seconds."""

    came: float
    left: float
    status: int
    #: seconds after the response during which the client must not send requests
    forbidden: float = 0.0


Server: TypeAlias = AbstractContextManager[tuple[str, Callable[[], list[Request]]]]
"""A running server: its URL, and a function that returns its log."""


@contextmanager
def nginx(burst: str, retry_after: int = 0) -> Iterator[tuple[str, Callable[[], list[Request]]]]:
    """Run a portal behind nginx with a limit of 50 requests per second."""
    with tempfile.TemporaryDirectory(prefix="nginx-") as name:
        folder, port = Path(name), free_port()
        header = f"add_header Retry-After {retry_after} always;" if retry_after else ""
        text = NGINX.format(folder=folder, port=port, burst=burst, retry_after=header)
        (folder / "nginx.conf").write_text(text)

        def log() -> list[Request]:
            lines = (folder / "access.log").read_text().splitlines()
            rows = [(float(a), float(b), int(c)) for a, b, c in map(str.split, lines)]
            return [
                Request(left - took, left, status, retry_after if status == 429 else 0)
                for left, took, status in rows
            ]

        program = shutil.which("nginx", path=PATH)
        assert program is not None
        with running(port, program, "-p", name, "-c", str(folder / "nginx.conf")):
            yield f"http://127.0.0.1:{port}", log


@contextmanager
def flask_limiter() -> Iterator[tuple[str, Callable[[], list[Request]]]]:
    """Run a portal behind Flask-Limiter with a limit of 500 requests per 10 seconds."""
    with tempfile.TemporaryDirectory(prefix="flask-") as name:
        path, port = Path(name, "log"), free_port()

        def log() -> list[Request]:
            rows = [line.split() for line in path.read_text().splitlines()]
            return [Request(float(a), float(b), int(c), float(d)) for a, b, c, d in rows]

        server = Path(__file__).with_name("limited_portal.py")
        with running(port, sys.executable, str(server), str(port), str(path)):
            yield f"http://127.0.0.1:{port}", log


@contextmanager
def running(port: int, *command: str) -> Iterator[None]:
    """Run a server process, and wait until it listens on its port."""
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


async def call(url: str, rate: float | Literal["auto"]) -> int:
    """Make the calls, and return the number of failures."""
    left = iter(range(CALLS))
    failed = 0

    async def work(client: Client) -> None:
        nonlocal failed
        for _ in left:
            try:
                await datasets.get_dataset(client, "velos")
            except DataGouvError as error:
                print(error)
                failed += 1

    async with Client(base_url=url, api_key="", rate=rate) as client:
        await asyncio.gather(*(work(client) for _ in range(TASKS)))
    return failed


def report(what: str, failed: int, log: list[Request]) -> None:
    """Print the figures of one run."""
    log.sort(key=lambda one: one.came)
    seconds = log[-1].left - log[0].came
    rejected = sum(one.status == 429 for one in log)
    windows = [(one.left, one.left + one.forbidden) for one in log if one.forbidden]
    inside = sum(any(start < one.came < end for start, end in windows) for one in log)
    part = f"{rejected} ({rejected / len(log):.1%})"
    print(f"{what:50} {seconds:6.2f} s {part:>11} {inside:9} {failed:6}", flush=True)


def main() -> int:
    """Run all scenarios, and return 1 if a call failed, else 0."""
    runs: list[tuple[str, float | Literal["auto"], Server]] = [
        ("Flask-Limiter, 500 in 10 s, X-RateLimit; rate=auto", "auto", flask_limiter()),
        ("Flask-Limiter, 500 in 10 s, X-RateLimit; rate=inf", math.inf, flask_limiter()),
    ]
    if shutil.which("nginx", path=PATH):
        burst = "burst=10 nodelay"
        runs += [
            ("nginx, 50/s, burst=10; rate=auto", "auto", nginx(burst)),
            ("nginx, 50/s, burst=10; rate=45", 45, nginx(burst)),
            ("nginx, 50/s, burst=10, Retry-After: 1; rate=auto", "auto", nginx(burst, 1)),
            ("nginx, 50/s, burst=10, Retry-After: 1; rate=45", 45, nginx(burst, 1)),
            ("nginx, 50/s, burst=500, Retry-After: 3; rate=inf", math.inf, nginx(BIG_BURST, 3)),
            ("nginx, 50/s, no burst; rate=auto", "auto", nginx("")),
            ("nginx, 50/s, no burst; rate=45", 45, nginx("")),
        ]
    else:
        print("nginx is not installed (Debian: nginx-light): its part is skipped", file=sys.stderr)
    print(f"{'':50} {'took':>8} {'rejected':>11} {'too early':>9} failed", flush=True)
    failed = 0
    for what, rate, server in runs:
        with server as (url, log):
            failures = asyncio.run(call(url, rate))
            report(what, failures, log())
        failed += failures
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
