"""Searches that have more results than pages reach: refused, or read in parts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from attrs import define
from hypothesis import assume, given
from hypothesis import strategies as st

from aiodatagouv import MissingResultsError, ServerError, TooManyResultsError, bulk
from aiodatagouv.api import datasets as v1_datasets

from .harvests import Stop, ids, stop_after
from .searching import SearchPortal, of_one_facet

pytestmark = pytest.mark.filterwarnings("error")

HUGE = of_one_facet({"lov2": 40, "odc-odbl": 30, "notspecified": 15})
"""Datasets for a window of 20, whose parts by license can be read from two ends."""


@define
class Title:
    id: str
    title: str


async def collect(items: AsyncIterator[Any], found: list[Any]) -> None:
    async for one in items:
        found.append(one)


async def ids_of(portal: SearchPortal, split: Any = False, **query: Any) -> list[str]:
    async with portal.client() as client:
        return [one.id async for one in portal.search(client, **query).items(split=split)]


async def test_a_search_that_fits_is_walked_as_any_list() -> None:
    portal = SearchPortal(of_one_facet({"lov2": 20}), window=20)
    assert await ids_of(portal) == [*portal.items]
    assert len(portal.asked) == 4


@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize("walk", ["items", "pages"])
async def test_a_larger_search_is_refused_after_its_first_page(concurrency: int, walk: str) -> None:
    portal, found = SearchPortal(HUGE, window=20), list[object]()
    async with portal.client() as client:
        search = portal.search(client)
        with pytest.raises(TooManyResultsError) as caught:
            await collect(getattr(search, walk)(concurrency=concurrency), found)
    assert not found
    assert [query["page"] for query in portal.asked] == ["1"]
    assert str(caught.value) == (
        "v2.search_datasets: 85 results, of which pages reach only 20: narrow it (by license), "
        "read it in parts (split=True), or use list_datasets"
    )
    assert (caught.value.total, caught.value.window) == (85, 20)


async def test_one_page_of_a_larger_search_is_not_refused() -> None:
    portal = SearchPortal(HUGE, window=20)
    async with portal.client() as client:
        page = await portal.search(client)
    assert (len(page.data), page.total) == (5, 20)


async def test_a_class_to_decode_into_changes_nothing_about_the_window() -> None:
    portal = SearchPortal(HUGE, window=20)
    async with portal.client() as client:
        search = portal.search(client).into(Title)
        with pytest.raises(TooManyResultsError):
            await anext(search.items())
        found = [one async for one in search.items(split=True)]
    assert sorted(found, key=lambda one: int(one.id)) == [Title(i, f"Jeu {i}") for i in HUGE]


async def test_a_search_without_facets_is_refused_by_its_total() -> None:
    portal = SearchPortal(HUGE, window=20, has_facets=False)
    with pytest.raises(TooManyResultsError, match=r"85 results.*: narrow it, or use list_datasets"):
        await ids_of(portal)
    with pytest.raises(TooManyResultsError, match="narrow it, or use list_datasets"):
        await ids_of(portal, split=True)


async def test_without_a_search_engine_as_many_results_as_the_window_are_all_there_are() -> None:
    portal = SearchPortal(of_one_facet({"lov2": 20}), window=20, has_facets=False)
    assert len(await ids_of(portal)) == 20


async def test_whole_pages_that_end_beyond_the_window_are_not_reached() -> None:
    portal = SearchPortal(of_one_facet({"lov2": 19}), window=20)
    with pytest.raises(TooManyResultsError, match="19 results, of which pages reach only 18"):
        await ids_of(portal, page_size=6)
    assert len(await ids_of(portal, page_size=6, split=True)) == 19


async def test_a_search_that_grows_beyond_its_window_ends_with_an_error() -> None:
    portal = SearchPortal(of_one_facet({"lov2": 18}), window=20)

    def grow() -> None:
        portal.items.update(of_one_facet({"lov2": 18 + 2 * len(portal.asked)}))

    portal.before_page = grow
    with pytest.raises(TooManyResultsError):
        await ids_of(portal)


async def test_a_search_has_no_stable_walk() -> None:
    portal = SearchPortal(HUGE, window=20)
    async with portal.client() as client:
        with pytest.raises(ValueError, match="cannot sort it by creation"):
            await anext(portal.search(client).items(stable=True))
        with pytest.raises(ValueError, match="cannot be split: the portal cannot sort it"):
            await bulk.partition(portal.search(client), 4)
    assert not portal.asked


async def test_a_split_search_yields_every_result_once() -> None:
    portal = SearchPortal(HUGE, window=20)
    found = await ids_of(portal, split=True)
    assert sorted(found, key=int) == [*HUGE]
    # Of the licenses, two are larger than the window, and read from both ends.
    assert {(query["license"], query["sort"]) for query in portal.asked} == {
        ("lov2", "created"),
        ("lov2", "-created"),
        ("odc-odbl", "created"),
        ("odc-odbl", "-created"),
        ("notspecified", "created"),
    }
    # From the other end, pages are read until one has nothing new.
    assert len(portal.asked) == 4 + 4 + 4 + 3 + 3


async def test_the_pages_of_a_split_search_have_only_new_results() -> None:
    items = of_one_facet({"": 60})
    for number, values in enumerate(items.values()):
        values["topics"] = [str(number // 20), *(["all of it"] if number < 30 else [])]
    portal = SearchPortal(items, window=20)
    async with portal.client() as client:
        pages = [page async for page in portal.search(client).pages(split=["topics"])]
    assert len(pages) == len(portal.asked) == 7 + 3 * 4
    assert sorted((one.id for page in pages for one in page.data), key=int) == [*items]


async def test_a_search_of_up_to_two_windows_is_read_from_both_ends() -> None:
    portal = SearchPortal(of_one_facet({"lov2": 40}), window=20)
    assert sorted(await ids_of(portal, split=True), key=int) == [*portal.items]
    portal = SearchPortal(of_one_facet({"lov2": 41}), window=20)
    with pytest.raises(TooManyResultsError, match="it cannot be split further"):
        await ids_of(portal, split=True)


async def test_a_part_keeps_the_order_that_was_asked_for() -> None:
    portal = SearchPortal(HUGE, window=20)
    assert len(await ids_of(portal, split=True, sort="-views", q="vélo")) == len(HUGE)
    assert {query["sort"] for query in portal.asked} == {"-views", "views"}
    assert {query["q"] for query in portal.asked} == {"vélo"}


async def test_a_part_that_is_too_large_is_split_by_the_next_facet() -> None:
    items = {
        str(number): {
            "license": ["lov2"] if number < 90 else ["notspecified"],
            "producer_type": [f"kind-{number % 3}"],
            "topics": [],
        }
        for number in range(100)
    }
    portal = SearchPortal(items, window=20)
    assert sorted(await ids_of(portal, split=["license", "producer_type"]), key=int) == [*items]
    asked = {(query["license"], query.get("producer_type")) for query in portal.asked}
    assert asked == {("notspecified", None)} | {("lov2", f"kind-{one}") for one in range(3)}
    with pytest.raises(TooManyResultsError, match="the part of license lov2 cannot be split"):
        await ids_of(portal, split=["license"])


async def test_a_facet_with_results_in_no_bucket_is_not_used() -> None:
    items = of_one_facet({"lov2": 30, "odc-odbl": 30, "": 7})
    for number, values in enumerate(items.values()):
        values["producer_type"] = [f"kind-{number % 4}"]
    portal = SearchPortal(items, window=20)
    assert sorted(await ids_of(portal, split=True), key=int) == [*items]
    assert all("producer_type" in query for query in portal.asked)
    portal.asked.clear()
    with pytest.raises(TooManyResultsError, match="7 are in no bucket of license"):
        await ids_of(portal, split=["license"])
    assert not portal.asked


async def test_a_list_of_buckets_that_is_cut_off_is_not_used() -> None:
    portal = SearchPortal(of_one_facet({f"license-{one}": 2 for one in range(60)}), window=20)
    with pytest.raises(TooManyResultsError, match="20 are in no bucket of license"):
        await ids_of(portal, split=True)


async def test_results_that_overlapping_buckets_hide_are_missed_with_an_error() -> None:
    items = of_one_facet({"": 60})
    for number, values in enumerate(items.values()):
        values["topics"] = ["a", "b"] if number < 40 else []
    for number, values in enumerate(items.values()):
        values["topics"] += ["c"] if number % 2 else []
    portal, found = SearchPortal(items, window=20), list[Any]()
    async with portal.client() as client:
        with pytest.raises(MissingResultsError) as caught:
            await collect(portal.search(client).items(split=["topics"]), found)
    assert {one.id for one in found} == {one for one, values in items.items() if values["topics"]}
    assert len(found) == 50
    assert (caught.value.missing, caught.value.total, caught.value.gone) == (10, 60, 0)
    assert str(caught.value) == (
        "v2.search_datasets: 10 of 60 results are in no part that was read: "
        "split it by other facets"
    )


async def test_results_that_no_longer_exist_are_not_missing() -> None:
    portal = SearchPortal(of_one_facet({"lov2": 15, "odc-odbl": 15, "notspecified": 15}), window=20)
    portal.gone = {"3", "17", "44"}
    found = await ids_of(portal, split=True)
    assert sorted(found, key=int) == [one for one in portal.items if one not in portal.gone]


async def test_results_that_no_longer_exist_may_be_missing_where_parts_overlap() -> None:
    portal = SearchPortal(of_one_facet({"lov2": 30}), window=20)
    portal.gone = {"12"}  # Both ends have it, so that it is counted twice.
    with pytest.raises(
        MissingResultsError, match=r"unless they no longer exist \(up to 1 do not\)"
    ):
        await ids_of(portal, split=True)
    items = of_one_facet({"": 75})
    for number, values in enumerate(items.values()):
        values["topics"] = [str(number // 25)]
    items["7"]["topics"].append("1")
    portal = SearchPortal(items, window=30, gone={"7"})
    with pytest.raises(MissingResultsError, match="1 of 75 results are in no part"):
        await ids_of(portal, split=["topics"])


async def test_parts_may_repeat_results_for_any_number_of_pages() -> None:
    items = of_one_facet({"": 310})
    for number, values in enumerate(items.values()):
        values["topics"] = ["a", "b"] if number < 150 else ["c"]
    portal = SearchPortal(items, window=150)
    assert len(await ids_of(portal, split=True, page_size=1)) == 310


async def test_facets_that_do_not_tell_the_number_of_all_results_are_not_trusted() -> None:
    portal = SearchPortal(of_one_facet({"lov2": 10, "odc-odbl": 10}), window=20)
    portal.first_bucket = "lov2"
    with pytest.raises(TooManyResultsError, match="narrow it, or use list_datasets"):
        await ids_of(portal)


async def test_results_that_are_deleted_meanwhile_are_not_missing() -> None:
    portal = SearchPortal(dict(HUGE), window=20)

    def delete() -> None:
        if len(portal.asked) == 3:
            portal.items.popitem()

    portal.before_page = delete
    assert sorted(await ids_of(portal, split=True), key=int) == [*portal.items]


@pytest.mark.parametrize(
    ("split", "query", "problem"),
    [
        (["nothing"], {}, "by 'nothing': it is not a parameter"),
        (["license"], {"license": "lov2"}, "by 'license': it is given already"),
        (True, {"page": 2}, "page is given"),
        (True, {"page_size": 21}, "pages reach no result"),
    ],
)
async def test_a_split_that_is_not_possible_is_refused_without_a_request(
    split: Any, query: Any, problem: str
) -> None:
    portal = SearchPortal(HUGE, window=20)
    with pytest.raises(ValueError, match=problem):
        await ids_of(portal, split=split, **query)
    assert not portal.asked


async def test_only_searches_can_be_split_and_not_stably() -> None:
    portal = SearchPortal(HUGE, window=20)
    async with portal.client() as client:
        with pytest.raises(ValueError, match="list_datasets cannot be split: pages reach all"):
            await anext(v1_datasets.list_datasets(client).items(split=True))
        with pytest.raises(ValueError, match="choose one"):
            await anext(portal.search(client).items(split=True, stable=True))


VALUES = {
    "license": st.lists(st.sampled_from("abc"), max_size=1),
    "producer_type": st.lists(st.sampled_from("xyz"), max_size=2, unique=True),
    "topics": st.lists(st.sampled_from("123"), max_size=2, unique=True),
}


@given(
    found=st.lists(st.fixed_dictionaries(VALUES), max_size=40),
    window=st.integers(1, 12),
    page_size=st.integers(1, 5),
    concurrency=st.integers(1, 3),
    split=st.sampled_from([True, ["license"], ["topics", "license"], [*VALUES]]),
)
def test_a_split_search_is_whole_or_ends_with_an_error_that_says_what_is_missing(
    found: list[dict[str, list[str]]], window: int, page_size: int, concurrency: int, split: Any
) -> None:
    async def run() -> tuple[list[str], TooManyResultsError | MissingResultsError | None]:
        portal = SearchPortal({str(number): one for number, one in enumerate(found)}, window)
        seen, outcome = list[Any](), None
        async with portal.client() as client:
            items = portal.search(client, page_size).items(split=split, concurrency=concurrency)
            try:
                await collect(items, seen)
            except (TooManyResultsError, MissingResultsError) as error:
                outcome = error
        return [one.id for one in seen], outcome

    assume(page_size <= window)
    seen, error = asyncio.run(run())
    assert len(set(seen)) == len(seen)
    match error:
        case TooManyResultsError():
            assert not seen
            assert error.total > window // page_size * page_size
        case MissingResultsError():
            assert error.missing == len(found) - len(seen) > 0
        case None:
            assert len(seen) == len(found)


@given(found=st.integers(0, 40), window=st.integers(1, 12), page_size=st.integers(1, 12))
def test_a_search_is_walked_whole_or_refused(found: int, window: int, page_size: int) -> None:
    async def run() -> list[str] | None:
        portal = SearchPortal(of_one_facet({"lov2": found}), window)
        try:
            return await ids_of(portal, page_size=page_size)
        except TooManyResultsError:
            return None

    assume(page_size <= window)
    seen = asyncio.run(run())
    if found > window // page_size * page_size:
        assert seen is None
    else:
        assert seen is not None
        assert len(seen) == found


async def test_a_harvest_of_a_larger_search_is_refused_and_writes_nothing(tmp_path: Path) -> None:
    portal = SearchPortal(HUGE, window=20)
    async with portal.client() as client:
        with pytest.raises(TooManyResultsError):
            await bulk.harvest(portal.search(client), tmp_path / "found.jsonl")
    assert [*tmp_path.iterdir()] == []
    assert len(portal.asked) == 1


async def test_a_harvest_of_a_split_search_has_every_result_once(tmp_path: Path) -> None:
    portal, path = SearchPortal(HUGE, window=20), tmp_path / "found.jsonl"
    async with portal.client() as client:
        report = await bulk.harvest(portal.search(client), path, split=["license"])
    assert sorted(ids(path)) == [*range(85)]
    assert report.complete
    assert (report.items, report.total) == (85, 85)
    assert report.reason == "only the number of items can be checked: the list was split"


async def test_a_harvest_of_a_split_search_is_resumed_without_repeating_items(
    tmp_path: Path,
) -> None:
    portal, path = SearchPortal(HUGE, window=20), tmp_path / "found.jsonl"
    async with portal.client() as client:
        with pytest.raises(Stop):
            await bulk.harvest(portal.search(client), path, split=True, progress=stop_after(9))
        report = await bulk.harvest(portal.search(client), path, split=True)
    assert sorted(ids(path)) == [*range(85)]
    assert report.complete
    assert 0 < report.resumed < 85


async def test_a_harvest_that_misses_results_is_incomplete_and_says_why(tmp_path: Path) -> None:
    items = of_one_facet({"": 60})
    for number, values in enumerate(items.values()):
        values["topics"] = (["a", "b"] if number < 40 else []) + (["c"] if number % 2 else [])
    portal, path = SearchPortal(items, window=20), tmp_path / "found.jsonl"
    async with portal.client() as client:
        report = await bulk.harvest(portal.search(client), path, split=["topics"])
    assert not report.complete
    assert report.reason is not None
    assert "10 of 60 results are in no part" in report.reason
    assert len(path.read_text().splitlines()) == 50
    assert json.loads(path.read_text().splitlines()[0])["title"] == "Jeu 0"


async def test_a_harvest_of_a_split_search_leaves_out_broken_results_if_asked_for(
    tmp_path: Path,
) -> None:
    portal, path = SearchPortal(HUGE, window=20, broken={"15", "84"}), tmp_path / "found.jsonl"
    async with portal.client() as client:
        with pytest.raises(ServerError):
            await bulk.harvest(portal.search(client), path, split=True)
        report = await bulk.harvest(portal.search(client), path, split=True, skip_broken=True)
    assert sorted(ids(path)) == [one for one in range(85) if one not in {15, 84}]
    assert not report.complete
    assert report.complete_but_for == 2
    assert {one.id for one in report.skipped} == {"15", "84"}


async def test_results_that_come_while_a_part_is_read_from_both_ends_hide_no_others(
    tmp_path: Path,
) -> None:
    portal = SearchPortal(of_one_facet({"lov2": 30}), window=20)
    first = {*portal.items}

    def grow() -> None:
        if len(portal.asked) == 2:
            new = of_one_facet({"lov2": 4})
            portal.items.update({f"new-{one}": values for one, values in new.items()})

    portal.before_page = grow
    file = tmp_path / "found.jsonl"
    async with portal.client() as client:
        report = await bulk.harvest(portal.search(client), file, split=True)
    found = {json.loads(line)["id"] for line in file.read_text().splitlines()}
    assert found >= first
    assert not report.complete
    assert report.reason == "results came or went meanwhile, and the list was split"
