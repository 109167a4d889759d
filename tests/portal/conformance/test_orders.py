"""Tests of the sort orders of lists, on which stable walks and updates of harvests depend."""

from __future__ import annotations

from functools import reduce
from itertools import pairwise
from operator import getitem
from pathlib import Path

import pytest

from aiodatagouv import OPERATIONS, Client, Operation, Order, bulk
from aiodatagouv._decoding.dates import read_datetime

from ..portal import RELEASES, Portal, serves

ORDERS = [
    pytest.param(release, operation, order, id=f"{release}-{operation.id}-{name}")
    for release in RELEASES
    for operation in OPERATIONS.values()
    if serves(release, operation)
    for name, order in [("created", operation.created), ("changed", operation.changed)]
    if order is not None
]

LISTS = [
    pytest.param(release, operation, id=f"{release}-{operation.id}")
    for release in RELEASES
    for operation in OPERATIONS.values()
    if operation.kind == "page" and serves(release, operation)
]

UNSORTED = {("14.13.0", "activity")}
"""Release and operation of the lists that ignore the sort order of later releases."""


@pytest.mark.parametrize(("release", "operation", "order"), ORDERS)
async def test_a_list_comes_in_the_order_that_it_says(
    operation: Operation, order: Order, own_portal: Portal, admin: Client
) -> None:
    path, query = own_portal.parameters(operation)
    query |= {"page_size": 1000, "fields": ["id", order.date]}
    dates: dict[str, list[str]] = {}
    for sort in (order.sort, f"-{order.sort}"):
        page = await operation.function(admin, *path, sort=sort, **query)
        items = [item.to_dict() for item in page.data]
        dates[sort] = [reduce(getitem, order.date.split("."), item) for item in items]
    upwards = [read_datetime(date) for date in dates[order.sort]]
    assert len({*upwards}) > 1, "all items have the same date, so no order can be checked"
    is_sorted = all(before <= after for before, after in pairwise(upwards))
    assert is_sorted is ((own_portal.release, operation.id) not in UNSORTED)
    if is_sorted:
        assert dates[order.sort] != dates[f"-{order.sort}"]
        assert sorted(dates[order.sort]) == sorted(dates[f"-{order.sort}"])


@pytest.mark.parametrize(("release", "operation"), LISTS)
async def test_a_list_is_harvested_whole(
    operation: Operation, own_portal: Portal, admin: Client, tmp_path: Path
) -> None:
    path, query = own_portal.parameters(operation)
    query |= {"page_size": 7}
    total = (await operation.function(admin, *path, **query)).total
    found = operation.function(admin, *path, **query)
    report = await bulk.harvest(found, tmp_path / "a.jsonl")
    lines = (tmp_path / "a.jsonl").read_bytes().splitlines()
    assert report.complete, report.reason
    assert len(lines) == report.items == total
    is_checked = operation.created is not None and "sort" not in query
    is_checked &= (own_portal.release, operation.id) not in UNSORTED or total <= 7
    assert (report.reason is None) is is_checked
