"""Tests of walks over lists: their sort orders, lists that change meanwhile, updates of files.

What is expected of a release is read from its own Swagger (`serving.py`).
"""

from __future__ import annotations

import datetime as dt
import json
from functools import reduce
from itertools import pairwise
from operator import getitem
from pathlib import Path
from typing import Any, cast

import pyarrow.parquet as pq
import pytest

from aiodatagouv import (
    OPERATIONS,
    BadRequestError,
    Client,
    DestinationError,
    Operation,
    Order,
    OrderError,
    bulk,
)
from aiodatagouv._decoding.dates import read_datetime
from aiodatagouv.api import datasets

from ...clients import client_of
from ..portal import Portal
from .prover import PortalOf
from .serving import Sorting, listed, lists, sorting
from .writers import Meanwhile, Writer, kinds, writer_of


@pytest.fixture
def own_portal(release: str, portal_of: PortalOf) -> Portal:
    """A separate portal of the release, because the tests delete what others refer to."""
    return portal_of(release, "walks")


# ---- Lists that do not change


async def sorting_by(portal: Portal, client: Client, operation: Operation, order: Order) -> Sorting:
    """Ask a portal for a sort order in both directions, and check what it does."""
    items: dict[str, list[Any]] = {}
    for sort in (order.sort, f"-{order.sort}"):
        query = {"sort": sort, "page_size": 1000, "fields": ["id", *order.dates]}
        found, _ = listed(portal, client, operation, **query)
        try:
            items[sort] = [item.to_dict() for item in (await found).data]
        except BadRequestError as error:
            if error.errors.keys() != {"sort"}:
                raise
            return "refused"
    for path in order.dates:  # 10.4.3 and older sort datasets by the second one.
        upwards, downwards = (
            [reduce(getitem, path.split("."), item) for item in some] for some in items.values()
        )
        moments = [read_datetime(date) for date in upwards]
        assert len({*moments}) > 1, "all items have the same date, so no order can be checked"
        if all(before <= after for before, after in pairwise(moments)):
            assert upwards != downwards
            assert sorted(upwards) == sorted(downwards)
            return "sorted"
    return "ignored"


async def test_each_list_is_sorted_as_its_swagger_says(own_portal: Portal, admin: Client) -> None:
    found, expected = dict[tuple[str, str], Sorting](), dict[tuple[str, str], Sorting]()
    for operation, declaration in lists(own_portal):
        for name, order in (("created", operation.created), ("changed", operation.changed)):
            if order is not None:
                expected[operation.id, name] = sorting(declaration, order)
                found[operation.id, name] = await sorting_by(own_portal, admin, operation, order)
    assert found == expected
    assert [*found.values()].count("sorted") >= 14


async def test_each_list_is_walked_whole(own_portal: Portal, admin: Client, tmp_path: Path) -> None:
    for operation, declaration in lists(own_portal):
        found, query = listed(own_portal, admin, operation, page_size=7)
        total = (await found).total
        path = tmp_path / f"{operation.id}.jsonl"
        report = await bulk.harvest(found, path)
        lines = path.read_bytes().splitlines()
        assert report.complete, (operation.id, report.reason)
        assert len(lines) == report.items == total, operation.id
        order = None if "sort" in query else operation.created
        if order is None:
            assert report.reason is not None, operation.id
            continue
        kind = sorting(declaration, order)
        is_certain = kind == "sorted" or (kind == "ignored" and total <= 7)
        assert (report.reason is None) is is_certain, operation.id
        assert report.unknown_order == (order.sort if kind == "refused" else None)
        # The same holds for a stable iteration, which has no report.
        ids = list[str | None]()
        try:
            async for one in found.items(stable=True, concurrency=3):
                # The activities of older releases have no id.
                ids.append(one.to_dict().get("id"))
        except OrderError:
            assert not is_certain, operation.id
        else:
            assert is_certain, operation.id
        assert len(ids) == total, operation.id
        assert len({*ids}) == (1 if None in ids else total), operation.id


# ---- Lists that change during a walk

OF_CALLER = {"list_notifications", "v2.my_org_topics"}
"""The lists of what belongs to the caller, who needs a key."""


async def ids_of(portal: Portal, client: Client, operation: Operation) -> set[str]:
    found, _ = listed(portal, client, operation, page_size=1000, fields=["id"])
    return {one.id for one in (await found).data}


async def test_what_is_there_throughout_comes_once_while_others_come_and_go(
    own_portal: Portal, visitor: Client, admin: Client, tmp_path: Path
) -> None:
    declarations = {operation.id: declaration for operation, declaration in lists(own_portal)}
    for number, (name, kind) in enumerate(kinds(own_portal).items()):
        operation, path, concurrency = OPERATIONS[name], tmp_path / f"{name}.jsonl", 1 + number % 4
        assert operation.created is not None
        if sorting(declarations[name], operation.created) != "sorted":
            continue  # Only an order of creation can promise this.
        writer = await writer_of(own_portal, admin, name, kind)
        key, reader = (own_portal.api_key, admin) if name in OF_CALLER else ("", visitor)
        there = await ids_of(own_portal, reader, operation)
        async with client_of(own_portal.url, api_key=key, transport=Meanwhile(writer)) as client:
            query = {"page_size": 2 + len(there) // 4, "fields": ["id", kind.text]}
            found, _ = listed(own_portal, client, operation, **query)
            report = await bulk.harvest(found, path, concurrency=concurrency)
            assert (report.complete, report.reason) == (True, None), name
            assert len(writer.gone) > 1, name
            assert there - writer.gone - items_of(path).keys() == set(), name
            # The same holds for a stable iteration.
            there = await ids_of(own_portal, reader, operation)
            writer.gone.clear()
            ids = [one.id async for one in found.items(concurrency=concurrency, stable=True)]
            assert len(ids) == len({*ids}), name
            assert there - writer.gone - {*ids} == set(), name


# ---- Updates of a file


def items_of(path: Path) -> dict[str, dict[str, Any]]:
    """Read a file into a mapping of ids to items, and check that the ids are unique."""
    if path.suffix == ".parquet":
        items: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    else:
        items = [json.loads(line) for line in path.read_bytes().splitlines()]
    by_id = {item["id"]: item for item in items}
    assert len(by_id) == len(items)
    return by_id


def differences(
    one: dict[str, dict[str, Any]], other: dict[str, dict[str, Any]]
) -> list[tuple[str, str, Any, Any]]:
    """Return the id, the field and both values wherever two files differ."""
    return [
        (key, name, before, after)
        for key in one.keys() | other.keys()
        for name in one.get(key, {}).keys() | other.get(key, {}).keys()
        if (before := dated(one.get(key, {}).get(name)))
        != (after := dated(other.get(key, {}).get(name)))
    ]


def dated(value: Any) -> Any:
    """Return a value without what users change just by making a request, which has no date."""
    if isinstance(value, list):
        return [dated(one) for one in value]
    if isinstance(value, dict):
        pairs = cast("dict[str, Any]", value).items()
        return {name: dated(one) for name, one in pairs if name != "last_login_at"}
    return value


async def test_an_updated_file_equals_a_fresh_harvest(
    own_portal: Portal, visitor: Client, admin: Client, other: Client, tmp_path: Path
) -> None:
    made = kinds(own_portal)
    for operation, declaration in lists(own_portal):
        if operation.changed is None:
            continue
        assert operation.created is not None
        name, path = operation.id, tmp_path / f"{operation.id}.jsonl"
        kind = made.get(name)
        writer = Writer(admin, kind or made["list_datasets"])
        edited, doomed = await writer.create(), await writer.create()
        client = admin if name in OF_CALLER else visitor
        found, _ = listed(own_portal, client, operation, page_size=30)
        first = await bulk.harvest(found, path)
        if kind is not None:
            await writer.edit(edited)
            await writer.delete(doomed)
        await writer.create()  # Of a list without a kind, this adds an activity.
        if name == "list_notifications":
            organization = await Writer(admin, made["list_organizations"]).create()
            request = f"organizations/{organization}/membership/"
            await other.request("POST", request, json={"comment": "Moi aussi"})
        if sorting(declaration, operation.created) != "sorted":
            before = path.read_bytes()
            refusals = (OrderError, DestinationError)  # The latter of items without an id.
            with pytest.raises(refusals, match="harvest all"):
                await bulk.harvest(found, path, since="last", strict=True)
            assert path.read_bytes() == before
            continue
        report = await bulk.harvest(found, path, since="last")
        await bulk.harvest(found, tmp_path / "anew.jsonl")
        items = items_of(path)
        assert differences(items, items_of(tmp_path / "anew.jsonl")) == [], name
        assert report.complete, name
        assert (report.reason is None) is (sorting(declaration, operation.changed) == "sorted")
        # On 10.9.0, topics are listed and cannot be created.
        grown = 0 if kind is None and operation.item == "v2.Topic" else 1
        assert report.items == len(items) == first.items - report.removed + grown, name
        if kind is not None:
            assert writer.created & items.keys() == writer.created, name
            assert report.added + report.changed >= 2, name
            # The portal still lists the deleted datasets of an organization.
            assert report.removed == (name != "list_organization_datasets"), name


async def test_a_table_of_datasets_is_brought_up_to_date_after_many_writes(
    own_portal: Portal, visitor: Client, admin: Client, tmp_path: Path
) -> None:
    path, anew = tmp_path / "one.parquet", tmp_path / "anew.parquet"
    writer = await writer_of(own_portal, admin, "list_datasets", kinds(own_portal)["list_datasets"])
    found = datasets.list_datasets(visitor, page_size=20)
    await bulk.harvest(found, path)
    for _ in range(12):
        await writer.write()
    # Most of these do not change `last_update`, which is that of the resources or of the source.
    hidden, shown, with_file = writer.ids[:3]
    file = {"title": "a", "url": "https://example.org/a", "type": "main", "filetype": "remote"}
    await admin.request("PUT", f"datasets/{hidden}/", json={"private": True})
    await admin.request("POST", f"datasets/{with_file}/resources/", json={**file, "format": "csv"})
    await bulk.harvest(found, path, since="last")
    await admin.request("PUT", f"datasets/{hidden}/", json={"private": False})
    await admin.request("PUT", f"datasets/{shown}/", json={"private": True})
    report = await bulk.harvest(found, path, since="last")
    await bulk.harvest(found, anew)
    assert differences(items_of(path), items_of(anew)) == []
    assert hidden in items_of(path)
    assert report.removed == 1


async def test_what_has_not_changed_since_a_day_is_not_fetched(
    own_portal: Portal, visitor: Client, tmp_path: Path
) -> None:
    path = tmp_path / "one.jsonl"
    await bulk.harvest(datasets.list_datasets(visitor), path)
    today = dt.datetime.now(dt.UTC).date()
    recent = [item for item in items_of(path).values() if latest(item).date() >= today]
    seen: list[bulk.Report] = []
    found = datasets.list_datasets(visitor)
    report = await bulk.harvest(found, path, since=today, progress=seen.append)
    # While an update fetches, these are the items received; at the end, those that differ.
    assert seen[-1].changed == len(recent) < report.items
    assert (report.added, report.changed, report.removed) == (0, 0, 0)


def latest(item: dict[str, Any]) -> dt.datetime:
    """Return the date of the last change: the date that the portal sorts by, or of a write."""
    dates = [item["last_update"], item["internal"]["last_modified_internal"]]
    return max(dt.datetime.fromisoformat(date) for date in dates)
