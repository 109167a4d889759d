"""Tests of harvests past datasets that the real portal cannot send."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from aiodatagouv import BadRequestError, Client, ServerError, bulk

from ..clients import client_of
from ..versions import datasets
from .portal import Portal

pytestmark = pytest.mark.usefixtures("version")


@contextmanager
def broken(portal: Portal, kind: str, ids: list[str]) -> Iterator[None]:
    """Break some datasets, and restore them at the end."""
    for one in ids:
        portal.break_dataset(one, kind)
    try:
        yield
    finally:
        for one in ids:
            portal.mend_dataset(one)


async def ids_of(client: Client) -> list[str]:
    """Return the ids of all datasets, in order of creation."""
    found = datasets.list_datasets(client, fields="id", sort="created")
    return [str(one.id) async for one in found]


def written(path: Path) -> list[str]:
    """Return the ids in a file."""
    return [json.loads(line)["id"] for line in path.read_bytes().splitlines()]


async def test_a_dataset_without_its_organization_is_skipped_if_asked_for(
    own_portal: Portal, tmp_path: Path
) -> None:
    path = tmp_path / "datasets.jsonl"
    async with client_of(own_portal.url, api_key="") as client:
        all_ids = await ids_of(client)
        found = datasets.list_datasets(client)
        with broken(own_portal, "organization", [all_ids[37]]):
            with pytest.raises(ServerError, match="500 Internal Server Error"):
                await bulk.harvest(found, path)
            assert not path.exists()
            report = await bulk.harvest(found, path, skip_broken=True)
            skipped = bulk.Skipped(offset=37, id=all_ids[37], before=all_ids[36], after=all_ids[38])
            assert report.skipped == (skipped,)
            assert report.status == "complete but for 1"
            assert not report.complete
            assert written(path) == [one for one in all_ids if one != all_ids[37]]
            # Its page, 15 to narrow it down, 4 for it; the ids of all; 6 to ask for it again.
            assert report.requests < 30
        report = await bulk.harvest(found, path, since="last", skip_broken=True)
        assert report.complete
        assert report.missed >= 1  # It has no new date of change.
        assert sorted(written(path)) == sorted(all_ids)


async def test_a_dataset_with_a_wrong_date_is_skipped_although_the_portal_answers_400(
    own_portal: Portal, tmp_path: Path, version: int
) -> None:
    path = tmp_path / "datasets.jsonl"
    # API v2 answers 500.
    failure, words = {
        1: (BadRequestError, "Unknown string format: yesterday"),
        2: (ServerError, "500 Internal Server Error"),
    }[version]
    async with client_of(own_portal.url, api_key="") as client:
        all_ids = await ids_of(client)
        found = datasets.list_datasets(client, page_size=20)
        with broken(own_portal, "date", [all_ids[25]]):
            with pytest.raises(failure, match=words):
                await bulk.harvest(found, path)
            report = await bulk.harvest(found, path, skip_broken=True, concurrency=1)
        assert [one.id for one in report.skipped] == [all_ids[25]]
        assert report.status == "complete but for 1"
        assert written(path) == [one for one in all_ids if one != all_ids[25]]
        # A wrong request is answered 400 as well; nothing is narrowed down then.
        sent: list[object] = []
        async with client_of(own_portal.url, api_key="", on_response=sent.append) as other:
            wrong = datasets.list_datasets(other, sort=cast("Any", "no-such-order"))
            with pytest.raises(BadRequestError):
                await bulk.harvest(wrong, tmp_path / "wrong.jsonl", skip_broken=True)
        assert len(sent) == 2


async def test_a_dataset_that_cannot_even_be_loaded_is_skipped_without_its_id(
    own_portal: Portal, tmp_path: Path
) -> None:
    path = tmp_path / "datasets.jsonl"
    async with client_of(own_portal.url, api_key="") as client:
        all_ids = await ids_of(client)
        found = datasets.list_datasets(client, page_size=25)
        with broken(own_portal, "document", [all_ids[31], all_ids[32]]):
            report = await bulk.harvest(found, path, skip_broken=True)
    assert report.skipped == tuple(
        bulk.Skipped(offset=offset, before=all_ids[30], after=all_ids[33]) for offset in (31, 32)
    )
    assert report.status == "complete but for 2"
    assert written(path) == all_ids[:31] + all_ids[33:]
