"""The smallest answer of every difference between releases of udata, as it was found on them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from aiodatagouv import Client, DecodeError, bulk
from aiodatagouv._views.view import View, json_of
from aiodatagouv.api import notifications
from aiodatagouv.models import (
    AccessAudience,
    Assignment,
    Chart,
    Dataservice,
    Dataset,
    HarvestDataserviceMetadata,
    HarvestFeature,
    HarvestResourceMetadata,
    Notification,
    Organization,
    PeriodicTask,
    Report,
)

READ: list[tuple[str, type[View], dict[str, Any], dict[str, Any]]] = [
    ("10.9.0 to 13.0.0", Dataservice, {"access_type": None}, {"access_type": None}),
    ("10.9.0 to 14.0.2", HarvestFeature, {"default": "False"}, {"default": "False"}),
    ("15.4.1 and 16.0.0", Assignment, {"organization": "Régie"}, {"organization": "Régie"}),
    (
        "10.9.0 to 14.0.2",
        Notification,
        {"type": "validate_harvester"},
        {"type": "validate_harvester"},
    ),
    ("10.9.0 and 11.1.1", Dataset, {"frequency": "fourTimesADay"}, {"frequency": "fourTimesADay"}),
    (
        "10.9.0 and 11.1.1",
        PeriodicTask,
        {"task": "send-frequency-reminder"},
        {"task": "send-frequency-reminder"},
    ),
    ("10.9.0 to 13.0.0", AccessAudience, {"id": None}, {}),
    ("10.9.0 to 13.0.0", HarvestDataserviceMetadata, {"id": None}, {}),
    ("10.9.0", HarvestResourceMetadata, {"created_at": None}, {}),
    ("16.0.0", Report, {"callbacks": {}}, {}),
    ("16.6.1", Organization, {"requests": []}, {}),
    ("17.7.2 and 17.13.0", Chart, {"image_thumbnail": None}, {}),
]
"""Releases, model, the smallest JSON, and the declared fields that are read of it."""


@pytest.mark.parametrize(
    ("model", "data", "values"),
    [one[1:] for one in READ],
    ids=[f"{m.__name__} of {r}" for r, m, *_ in READ],
)
def test_every_release_is_read_without_loss(
    model: type[View], data: dict[str, Any], values: dict[str, Any]
) -> None:
    read = model.from_dict(data)
    for name, value in values.items():
        assert getattr(read, name) == value
    assert read.to_dict() == data
    assert {**read.additional_properties} == {k: v for k, v in data.items() if k not in values}


OLD = [{"created_on": "2026-09-01T12:00:00+00:00", "details": {"id": "1"}, "type": "discussion"}]
"""The notifications of udata 10.9.0 to 14.0.2: a list without pages."""


async def test_a_list_without_pages_is_the_only_page(scripted: Callable[..., Client]) -> None:
    async with scripted(lambda _: httpx.Response(200, json=OLD)) as client:
        page = await notifications.list_notifications(client)
        assert (page.total, page.page, page.page_size, page.next_page) == (1, 1, 1, None)
        assert [json_of(one) for one in page.data] == OLD
        (one,) = [one async for one in notifications.list_notifications(client)]
        assert one.created_on is not None
        assert one.created_on.year == 2026


async def test_a_list_without_pages_has_no_second_page(scripted: Callable[..., Client]) -> None:
    async with scripted(lambda _: httpx.Response(200, json=OLD)) as client:
        page = await notifications.list_notifications(client, page=2)
    assert page.data == []


async def test_an_empty_list_without_pages_is_an_empty_page(
    scripted: Callable[..., Client],
) -> None:
    async with scripted(lambda _: httpx.Response(200, json=[])) as client:
        assert [one async for one in notifications.list_notifications(client)] == []


async def test_a_list_without_pages_is_harvested(
    scripted: Callable[..., Client], tmp_path: Any
) -> None:
    async with scripted(lambda _: httpx.Response(200, json=OLD)) as client:
        report = await bulk.harvest(notifications.list_notifications(client), tmp_path / "a.jsonl")
    assert report.items == 1
    assert json.loads((tmp_path / "a.jsonl").read_bytes()) == OLD[0]


async def test_a_mask_that_empties_the_items_of_such_a_list_is_an_error(
    scripted: Callable[..., Client],
) -> None:
    """The portal applies the mask of a page to each item: what it leaves would be read as items."""
    async with scripted(lambda _: httpx.Response(200, json=[{}, {}])) as client:
        with pytest.raises(DecodeError, match="expected an object"):
            await notifications.list_notifications(client, fields="type")
