"""Typed calls per second from 16 tasks, beside all peers."""

from __future__ import annotations

from processes import OURS, PEERS, Contender, Rounds, median_ratio, taking_turns, workers
from recorded import Recorded
from results import Row

TASKS, ROUNDS, SECONDS = 16, 15, 0.6

BASE, BARE = "httpx over httpx-aiohttp, JSON not read", "httpx, JSON not read"
READ = "httpx over httpx-aiohttp"
THIS = Contender("this client", "ours", OURS)
CONTENDERS = [
    THIS,
    Contender(BASE, "httpx_over_aiohttp_unread"),
    Contender(READ, "httpx_over_aiohttp"),
    Contender(BARE, "httpx_unread"),
    Contender("httpx", "plain_httpx"),
    Contender("aiohttp with orjson", "aiohttp_with_orjson"),
    Contender("niquests", "niquests_async", PEERS),
    Contender("like githubkit: httpx with pydantic", "pydantic_as_githubkit"),
    Contender("like openai: httpx with pydantic", "pydantic_as_openai"),
    Contender("stock openapi-python-client", "stock_generated"),
    Contender("datagouv-client, 16 threads, two requests a call", "datagouv_in_threads", PEERS),
]


def measure(recorded: Recorded, url: str) -> Rounds:
    """Let all contenders take turns."""
    with workers(recorded.folder, CONTENDERS, url, recorded.slug) as running:
        return taking_turns(running, TASKS, ROUNDS, SECONDS)


def rows(rounds: Rounds) -> list[Row]:
    """Return the rows of this client."""
    what = f"calls per second, {TASKS} tasks, limits off"
    return [
        Row(what, BASE, _speed(rounds, THIS.name, BASE), 0.95, at_least=True),
        Row(what, BARE, _speed(rounds, THIS.name, BARE), 6, at_least=True),
        Row(what, READ, _speed(rounds, THIS.name, READ)),
    ]


def table(rounds: Rounds) -> str:
    """Return the table of all contenders, relative to `BASE`, the fastest first."""
    speeds = {name: _speed(rounds, name, BASE) for name in rounds}
    lines = ["| client | calls per second | CPU per call |", "|---|---|---|"]
    base = [one.cpu for one in rounds[BASE]]
    for name in sorted(speeds, key=lambda one: -speeds[one]):
        cpu = median_ratio([one.cpu for one in rounds[name]], base)
        lines.append(f"| {name} | {speeds[name]:.2f} | {cpu:.2f} |")
    return "\n".join(lines)


def _speed(rounds: Rounds, name: str, base: str) -> float:
    """Return the calls per second of one contender, relative to those of another one."""
    return median_ratio(
        [one.seconds for one in rounds[base]], [one.seconds for one in rounds[name]]
    )
