"""CPU time of one call whose transport sends nothing: the price of the client itself."""

from __future__ import annotations

from processes import OURS, Contender, median_ratio, taking_turns, workers
from recorded import Recorded
from results import Row

ROUNDS, SECONDS = 25, 0.3
URL = "http://127.0.0.1/"
CONTENDERS = [
    Contender("ours", "ours", OURS),
    Contender("unread", "httpx_unread"),
    Contender("read", "plain_httpx"),
]


def rows(recorded: Recorded) -> list[Row]:
    """Measure, and return the rows."""
    answer = str(recorded.dataset.resolve())
    with workers(recorded.folder, CONTENDERS, URL, recorded.slug, answer) as running:
        rounds = taking_turns(running, 1, ROUNDS, SECONDS)
    cpu = {name: [one.cpu for one in found] for name, found in rounds.items()}
    what = "CPU of one typed call, transport that sends nothing"
    return [
        Row(what, "httpx, JSON not read", median_ratio(cpu["ours"], cpu["unread"]), 1.2),
        Row(what, "httpx", median_ratio(cpu["ours"], cpu["read"])),
    ]
