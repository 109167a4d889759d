"""Decoding the page of datasets by other libraries, relative to parsing its JSON."""

from __future__ import annotations

from contextlib import ExitStack
from statistics import median

from processes import STACKS, worker
from recorded import Recorded
from results import Row

ROUNDS = 40
DECODERS = {
    "msgspec": "msgspec, structs",
    "pydantic": "pydantic, models",
    "cattrs": "cattrs with orjson, classes of attrs",
    "stock": "stock openapi-python-client, `from_dict`",
}


def rows(recorded: Recorded) -> list[Row]:
    """Measure, and return the rows."""
    page = str(recorded.page.resolve())
    found: dict[str, list[float]] = {name: [] for name in DECODERS}
    with ExitStack() as stack:
        running = {
            name: stack.enter_context(
                worker(recorded.folder, STACKS, "contenders.decoder", name, page)
            )
            for name in DECODERS
        }
        for _ in range(ROUNDS):
            for name, one in running.items():
                found[name].append(float(one.round("")))
    return [
        Row(f"all fields at any depth, by {shown}", "`orjson.loads`", median(found[name]))
        for name, shown in DECODERS.items()
    ]
