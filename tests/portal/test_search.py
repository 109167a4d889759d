"""Searches of API v2, on portals with a search engine and without.

The answers are the real server's. Behind it, `server/elastic.py` stands in for Elasticsearch: it
alone decides that totals are capped, how texts match, and the order of hits of the same score.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from aiodatagouv import (
    OPERATIONS,
    BadRequestError,
    Client,
    NotFoundError,
    Operation,
    Paginator,
    TooManyResultsError,
    bulk,
)
from aiodatagouv.api import datasets as v1_datasets
from aiodatagouv.api.v2 import datasets, ops
from aiodatagouv.cli import main

from ..clients import client_of
from .portal import NEWEST, OLDEST, Portal, running_portal

WINDOW = 20
"""The most results of the portal of these tests; it has 60 datasets."""

SEARCHES = [one for one in OPERATIONS.values() if one.window is not None]

FACETS = {
    "v2.search_dataservices": "access_type badge last_update organization_id_with_name "
    "producer_type tag",
    "v2.search_datasets": "access_type badge format format_family geozone granularity last_update "
    "license organization_id_with_name producer_type schema tag topics",
    "v2.search_discussions": "last_update object_type",
    "v2.search_organizations": "producer_type",
    "v2.search_posts": "last_update",
    "v2.search_reuses": "badge last_update organization_id_with_name producer_type tag topic type",
    "v2.search_topics": "last_update organization_id_with_name producer_type tag",
}

every_search = pytest.mark.parametrize("search", SEARCHES, ids=lambda one: one.name)


@pytest.fixture(scope="module")
def searched() -> Iterator[Portal]:
    """A portal with a search engine, whose searches reach 20 results."""
    with running_portal(datasets=60, search_window=WINDOW, release=NEWEST) as running:
        yield running


@pytest.fixture(scope="module")
def unsearched() -> Iterator[Portal]:
    """A portal without a search engine, which searches in its database."""
    with running_portal(datasets=60, release=OLDEST) as running:
        yield running


@pytest.fixture
async def client(searched: Portal, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Client]:
    """A client of that portal, for which searches reach as many results."""
    monkeypatch.setattr(ops, "SEARCH_DATASETS", evolve(ops.SEARCH_DATASETS, window=WINDOW))
    async with client_of(searched.url, api_key="") as client:
        yield client


pytestmark = pytest.mark.xdist_group("search")


def search_of(operation: Operation) -> Callable[..., Paginator[Any, Any]]:
    function: Callable[..., Paginator[Any, Any]] = operation.function
    return function


def test_the_searches_are_those_of_the_swagger() -> None:
    assert {one.name for one in SEARCHES} == FACETS.keys()
    assert {one.window for one in SEARCHES} == {10_000}


@every_search
async def test_a_search_has_the_declared_facets(client: Client, search: Operation) -> None:
    page = await search_of(search)(client)
    assert page.data
    facets = page.facets.to_dict()
    assert sorted(facets) == FACETS[search.name].split()
    assert {*type(page.facets).__annotations__} == {*facets}
    for name in facets:
        buckets = getattr(page.facets, name)
        assert buckets[0].name == "all"
        assert buckets[0].count >= page.total
        assert all(type(one.name) is str and type(one.count) is int for one in buckets)
        # Without a filter, all are counted; and no value has more results than there are.
        assert {one.count <= buckets[0].count for one in buckets} == {True}
    page.check()


async def test_a_facet_counts_what_its_parameter_filters(client: Client) -> None:
    page = await datasets.search_datasets(client)
    for facet, parameter in {
        "license": "license",
        "format_family": "format_family",
        "producer_type": "producer_type",
        "access_type": "access_type",
        "badge": "badge",
        "topics": "topic",
        "tag": "tag",
        "format": "format",
        "schema": "schema",
        "geozone": "geozone",
        "granularity": "granularity",
        "organization_id_with_name": "organization",
    }.items():
        bucket = getattr(page.facets, facet)[1]
        value = bucket.name.partition("|")[0]
        given = [value] if parameter in {"tag", "format", "schema", "granularity"} else value
        search: Callable[..., Paginator[Any, Any]] = datasets.search_datasets
        found = await search(client, **{parameter: given})
        assert found.total == min(bucket.count, WINDOW) > 0, facet


async def test_facets_ignore_the_filter_by_themselves(client: Client) -> None:
    page = await datasets.search_datasets(client, license="lov2")
    assert page.facets.license is not None
    assert page.facets.access_type is not None
    assert page.facets.license[0].count == 60
    assert page.facets.access_type[0].count == page.total < 60


@every_search
async def test_a_page_beyond_the_window_is_a_400_that_names_the_last_page(
    client: Client, search: Operation
) -> None:
    with pytest.raises(BadRequestError) as caught:
        await search_of(search)(client, page=5, page_size=5)
    assert caught.value.message == (
        "Result window is too large: page 5 with page_size 5 exceeds the maximum of 20 results. "
        "Maximum page for this page_size is 4."
    )


@every_search
async def test_a_page_past_the_end_of_a_search_is_empty(client: Client, search: Operation) -> None:
    page = await search_of(search)(client, page=20, page_size=1, q="zzz")
    assert (page.data, page.total, page.next_page) == ([], 0, None)


async def test_the_last_page_of_the_window_looks_like_the_end(client: Client) -> None:
    page = await datasets.search_datasets(client, page=4, page_size=5)
    assert (len(page.data), page.total, page.next_page) == (5, WINDOW, None)
    assert page.facets.tag is not None
    assert page.facets.tag[0].count == 60


async def test_a_search_that_is_larger_than_its_window_is_refused(client: Client) -> None:
    with pytest.raises(TooManyResultsError) as caught:
        await anext(datasets.search_datasets(client, page_size=5).items())
    assert caught.value.total == 60
    assert "narrow it (by " in caught.value.advice


@pytest.mark.parametrize(
    "split", [True, ["format_family"], ["topics", "access_type", "format_family"]], ids=str
)
@pytest.mark.parametrize("page_size", [5, 3])
async def test_a_split_search_has_every_dataset_once(
    client: Client, split: bool | list[str], page_size: int
) -> None:
    listed = {one.id async for one in v1_datasets.list_datasets(client, fields="id")}
    search = datasets.search_datasets(client, page_size=page_size, fields="title")
    found = [one async for one in search.items(split=split, concurrency=2)]
    assert len(found) == 60
    assert {*found[0].to_dict()} == {"title"}
    ids = Counter(
        [
            one.id
            async for one in datasets.search_datasets(client, page_size=page_size).items(
                split=split
            )
        ]
    )
    assert ids.keys() == listed
    assert {*ids.values()} == {1}


async def test_facets_that_leave_datasets_out_are_refused_for_a_split(client: Client) -> None:
    search = datasets.search_datasets(client, page_size=5)
    with pytest.raises(TooManyResultsError, match="are in no bucket of license"):
        await anext(search.items(split=["license", "producer_type"]))


async def test_a_split_search_is_harvested(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "datasets.jsonl"
    search = datasets.search_datasets(client, page_size=10, fields="id")
    with pytest.raises(TooManyResultsError):
        await bulk.harvest(search, path)
    assert not [*tmp_path.iterdir()]
    report = await bulk.harvest(search, path, split=True)
    assert report.complete
    assert len({json.loads(line)["id"] for line in path.read_text().splitlines()}) == 60


@pytest.mark.usefixtures("client")
def test_the_command_line_refuses_a_larger_search_and_splits_it(
    searched: Portal, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "datasets.jsonl"
    command = ["--portal", searched.url, "--rate", "inf", "harvest", "v2.search_datasets"]
    command += ["--page-size", "10", "-o", str(path)]
    assert main(command) == 2
    assert "read it in parts (--split), or use list_datasets" in capsys.readouterr().err
    assert main([*command, "--split"]) == 0
    assert len(path.read_text().splitlines()) == 60
    path.unlink()
    assert main([*command, "--fresh", "--split", "format_family,producer_type"]) == 0
    assert len(path.read_text().splitlines()) == 60


@every_search
async def test_without_a_search_engine_there_are_no_facets(
    unsearched: Portal, search: Operation
) -> None:
    async with client_of(unsearched.url, api_key="") as client:
        page = await search_of(search)(client)
        assert page.data
        assert page.facets.to_dict() == {}
        assert {getattr(page.facets, name) for name in type(page.facets).__annotations__} == {None}
        with pytest.raises(NotFoundError):
            await search_of(search)(client, page=900)
        items = [one.id async for one in search_of(search)(client, page_size=7)]
        assert len(items) == page.total
