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
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from nginx import find, free_port, nginx, running

from aiodatagouv import Client, DataGouvError
from aiodatagouv.api import datasets

CALLS, TASKS = 1000, 64

TOGETHER = 3
"""The runs at the same time, each with its own server: nearly all of their time is waiting."""

BURST = "burst=10 nodelay"

BIG_BURST = "burst=500 nodelay"
"""A burst that accepts many requests at once and then rejects all that follow."""

RATE = 50
"""The requests per second that nginx accepts."""

LIMITED = """
    log_format line '$msec $request_time $status';
    access_log {folder}/access.log line;
    limit_req_zone $binary_remote_addr zone=api:1m rate=RATEr/s;
    limit_req_status 429;
    server {{
        listen 127.0.0.1:{port};
        location / {{
            limit_req zone=api BURST;
            proxy_pass http://unix:{folder}/portal:;
            error_page 429 @rejected;
        }}
        location @rejected {{ RETRY_AFTER return 429; }}
    }}
    server {{
        listen unix:{folder}/portal;
        access_log off;
        default_type application/json;
        location / {{ return 200 '{{"id": "1"}}'; }}
    }}
"""
"""The configuration of nginx, with the words in capital letters to be replaced."""


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


@dataclass(frozen=True)
class Figures:
    """The figures of one run, from the log of the server.

    Attributes:
        seconds: The time from the first request to the last.
        requests: The number of requests.
        rejected: How many of them were rejected.
        early: How many of them came during an imposed wait.
    """

    seconds: float
    requests: int
    rejected: int
    early: int

    @property
    def share(self) -> float:
        """The share of rejected requests."""
        return self.rejected / self.requests


@contextmanager
def limiting(burst: str, retry_after: int = 0) -> Iterator[tuple[str, Callable[[], list[Request]]]]:
    """Run a portal behind nginx with a limit of 50 requests per second."""
    header = f"add_header Retry-After {retry_after} always;" if retry_after else ""
    http = LIMITED.replace("RATE", str(RATE)).replace("BURST", burst)
    with nginx(http.replace("RETRY_AFTER", header)) as (url, folder):

        def log() -> list[Request]:
            lines = (folder / "access.log").read_text().splitlines()
            rows = [(float(a), float(b), int(c)) for a, b, c in map(str.split, lines)]
            return [
                Request(left - took, left, status, retry_after if status == 429 else 0)
                for left, took, status in rows
            ]

        yield url, log


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


def figures(log: list[Request]) -> Figures:
    """Return the figures of one run."""
    log = sorted(log, key=lambda one: one.came)
    windows = [(one.left, one.left + one.forbidden) for one in log if one.forbidden]
    return Figures(
        seconds=log[-1].left - log[0].came,
        requests=len(log),
        rejected=sum(one.status == 429 for one in log),
        early=sum(any(start < one.came < end for start, end in windows) for one in log),
    )


def report(what: str, failed: int, found: Figures) -> None:
    """Print the figures of one run."""
    part = f"{found.rejected} ({found.share:.1%})"
    print(f"{what:50} {found.seconds:6.2f} s {part:>11} {found.early:9} {failed:6}", flush=True)


def main() -> int:
    """Run all scenarios, and return 1 if a call failed, else 0."""
    runs: list[tuple[str, float | Literal["auto"], Server]] = [
        ("Flask-Limiter, 500 in 10 s, X-RateLimit; rate=auto", "auto", flask_limiter()),
        ("Flask-Limiter, 500 in 10 s, X-RateLimit; rate=inf", math.inf, flask_limiter()),
    ]
    if find():
        runs += [
            ("nginx, 50/s, burst=10; rate=auto", "auto", limiting(BURST)),
            ("nginx, 50/s, burst=10; rate=45", 45, limiting(BURST)),
            ("nginx, 50/s, burst=10, Retry-After: 1; rate=auto", "auto", limiting(BURST, 1)),
            ("nginx, 50/s, burst=10, Retry-After: 1; rate=45", 45, limiting(BURST, 1)),
            ("nginx, 50/s, burst=500, Retry-After: 3; rate=inf", math.inf, limiting(BIG_BURST, 3)),
            ("nginx, 50/s, no burst; rate=auto", "auto", limiting("")),
            ("nginx, 50/s, no burst; rate=45", 45, limiting("")),
        ]
    else:
        print("nginx is not installed (Debian: nginx-light): its part is skipped", file=sys.stderr)
    print(f"{'':50} {'took':>8} {'rejected':>11} {'too early':>9} failed", flush=True)

    def run(one: tuple[str, float | Literal["auto"], Server]) -> tuple[str, int, Figures]:
        what, rate, server = one
        with server as (url, log):
            return what, asyncio.run(call(url, rate)), figures(log())

    has_failed = False
    with ThreadPoolExecutor(TOGETHER) as threads:
        for what, failures, found in threads.map(run, runs):
            report(what, failures, found)
            has_failed |= failures > 0
    return int(has_failed)


if __name__ == "__main__":
    sys.exit(main())
