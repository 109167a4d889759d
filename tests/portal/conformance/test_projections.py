"""Tests of masks and projections: every field of every model, and classes of the caller."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from attrs import define

from aiodatagouv import OPERATIONS, Client, Operation, bulk
from aiodatagouv._decoding.declared import Model, declared
from aiodatagouv._fields.mask import _below, write
from aiodatagouv.api import dataservices, datasets, organizations, reuses
from aiodatagouv.types import Mask

from ..portal import RELEASES, Portal, serves

MASKED = [
    pytest.param(release, operation, id=f"{release}-{operation.id}")
    for release in RELEASES
    for operation in OPERATIONS.values()
    if operation.masked and serves(release, operation)
]


@pytest.mark.parametrize(("release", "operation"), MASKED)
async def test_the_portal_takes_every_path_that_the_model_has(
    operation: Operation,
    admin: Client,
    own_portal: Portal,
    record_property: Callable[[str, object], None],
) -> None:
    assert operation.model is not None
    everything = paths_of(operation.model, depth=3)
    seen: list[httpx.Response] = []
    client = admin.with_options(on_response=seen.append)
    in_path, in_query = own_portal.parameters(operation)
    await operation.function(client, *in_path, **in_query, fields=write(everything))
    answer = seen[0].json()["data"] if operation.kind == "page" else seen[0].json()
    assert answer == cut(answer, everything)
    record_property("masked", operation.id)


def cut(data: Any, mask: Mask | None) -> Any:
    """Apply a mask to a JSON value."""
    if mask is None or data is None:
        return data
    if isinstance(data, list):
        return [cut(item, mask) for item in data]
    return {key: cut(data[key], inside) for key, inside in mask.items() if key in data}


def paths_of(model: type[Model], depth: int) -> Mask:
    """Return a mask of all fields of a model, and of nested models up to a depth."""
    mask: Mask = {}
    for key, field in declared(model).items():
        below = _below(field.type)
        is_model = isinstance(below, type) and below is not Any and depth > 1 and not field.whole
        mask[key] = (paths_of(below, depth - 1) or None) if is_model else None
    return mask


@define
class Producer:
    name: str


@define
class Titled:
    id: str
    title: str
    organization: Producer | None


@define
class Named:
    id: str
    name: str


@pytest.mark.parametrize(
    ("function", "into"),
    [
        (datasets.list_datasets, Titled),
        (reuses.list_reuses, Titled),
        (dataservices.list_dataservices, Titled),
        (organizations.list_organizations, Named),
    ],
    ids=lambda one: one.__name__,
)
async def test_a_class_reads_what_the_model_does(
    function: Callable[..., Any], into: type[Any], release: str, admin: Client, tmp_path: Path
) -> None:
    """By the call, in a walk and in a harvest."""
    whole = [one async for one in function(admin)]
    narrow = [one async for one in function(admin).into(into)]
    assert len(narrow) > 1
    for one, model in zip(narrow, whole, strict=True):
        for name in msgspec.to_builtins(one):
            read = getattr(model, name)
            own = getattr(one, name)
            assert getattr(own, "name", own) == getattr(read, "name", read)
    report = await bulk.harvest(function(admin), tmp_path / "a.jsonl", into=into)
    lines = (tmp_path / "a.jsonl").read_bytes().splitlines()
    assert report.items == len(lines)
    found = {one.id: one for one in (msgspec.json.decode(line, type=into) for line in lines)}
    assert found == {one.id: one for one in narrow}
