"""What decoding a page costs, as a multiple of parsing its JSON: `python benchmarks/decode.py`.

The page is the first one of a portal's list of datasets, 100 of them, taken from the portal at
DATAGOUV_PORTAL; the Makefile's `bench` starts one. Once it is whole, once only what a class asks
for.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import time
from collections.abc import Callable

import httpx
import msgspec
from attrs import define

from aiodatagouv import OPERATIONS, Client
from aiodatagouv.api import datasets
from aiodatagouv.decoding import decode
from aiodatagouv.masks import read
from aiodatagouv.models import DatasetPage
from aiodatagouv.projection import projection

ROUNDS = 100

LIST = OPERATIONS["list_datasets"]


class Org(msgspec.Struct):
    """A producer."""

    name: str


class Title(msgspec.Struct):
    """What a catalogue shows of a dataset."""

    id: str
    title: str
    organization: Org | None


@define
class RenamedOrg:
    """A producer, with a field that cannot have the API's own name."""

    name: str
    class_: str


@define
class RenamedTitle:
    """What a catalogue shows of a dataset."""

    id: str
    title: str
    organization: RenamedOrg | None


async def pages() -> list[bytes]:
    """The JSON of 100 datasets: whole, for a class, and for one with a renamed field."""
    answers: list[httpx.Response] = []
    async with Client(base_url=os.environ["DATAGOUV_PORTAL"], on_response=answers.append) as client:
        listed = datasets.list_datasets(client, page_size=100)
        await listed
        await listed.into(Title)
        await listed.into(RenamedTitle)
    return [answer.content for answer in answers]


def milliseconds(work: Callable[[], object]) -> float:
    """How long some work takes."""
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000


def compare(title: str, content: bytes, steps: dict[str, Callable[[], object]]) -> None:
    """Print a line for each step."""
    steps = {"msgspec.json.decode": lambda: msgspec.json.decode(content), **steps}
    # The machine's speed drifts: every step is held against the parse of its own round.
    rounds = [{name: milliseconds(work) for name, work in steps.items()} for _ in range(ROUNDS)]
    print(f"{title}: {len(content):,} bytes; medians of {ROUNDS} rounds")
    for name in steps:
        took = statistics.median(one[name] for one in rounds)
        ratio = statistics.median(one[name] / one["msgspec.json.decode"] for one in rounds)
        print(f"  {name:24} {took:7.3f} ms {ratio:6.2f} x the parse")


def main() -> None:
    """Compare the ways to decode each page."""
    whole, masked, renamed = asyncio.run(pages())
    data = msgspec.json.decode(whole)
    decoded = DatasetPage.from_dict(data)
    compare(
        "a page, whole",
        whole,
        {
            "json.loads": lambda: json.loads(whole),
            "from_dict": lambda: DatasetPage.from_dict(data),
            "to_dict": decoded.to_dict,
        },
    )
    title, renamed_title = projection(Title, LIST), projection(RenamedTitle, LIST)
    compare(
        "a page for a class",
        masked,
        {
            "into a Struct": lambda: title.page("", masked),
            "into the models": lambda: decode("", masked, DatasetPage),
            "its mask, read, checked": lambda: read("id,title,organization{name}", LIST),
        },
    )
    compare(
        "with a renamed field",
        renamed,
        {"into an attrs class": lambda: renamed_title.page("", renamed)},
    )


if __name__ == "__main__":
    main()
