"""Paginators: one page, all pages or all items of a list."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from attrs import define

from aiodatagouv import Client, NotFoundError, Page, Paginator
from aiodatagouv.api import harvest, organizations

from .clients import client_of
from .moving import MovingPortal
from .versions import datasets, named, unsortable

pytestmark = pytest.mark.usefixtures("version")


Scripted = Callable[..., Client]


class Catalogue:
    """A portal with a list of datasets, numbered from 0, that may change while it is read."""

    def __init__(self, size: int) -> None:
        self.ids = [str(number) for number in range(size)]
        self.asked: list[tuple[int, int]] = []
        self.under_way = self.most_under_way = 0
        self.before_page: Callable[[int], None] = lambda _: None

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        page = int(request.url.params.get("page", 1))
        size = int(request.url.params.get("page_size", 20))
        self.before_page(page)
        self.asked.append((page, size))
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        await asyncio.sleep(0)
        self.under_way -= 1
        ids = self.ids[(page - 1) * size : page * size]
        if not ids and page > 1:
            return httpx.Response(404, json={"message": "Not found"})
        more = page * size < len(self.ids)
        return httpx.Response(
            200,
            json={
                "data": [{"id": one} for one in ids],
                "page": page,
                "page_size": size,
                "total": len(self.ids),
                "next_page": f"{request.url}&next" if more else None,
                "previous_page": None,
            },
        )


async def test_awaiting_a_paginator_returns_one_page_of_the_default_size(
    scripted: Scripted,
) -> None:
    portal = Catalogue(45)
    async with scripted(portal) as client:
        page = await datasets.list_datasets(client)
    assert [dataset.id for dataset in page.data] == portal.ids[:20]
    assert (page.page, page.page_size, page.total) == (1, 20, 45)
    assert portal.asked == [(1, 20)]


async def test_iterating_a_paginator_yields_every_item(scripted: Scripted) -> None:
    portal = Catalogue(250)
    async with scripted(portal) as client:
        ids = [dataset.id async for dataset in datasets.list_datasets(client)]
    assert ids == portal.ids
    assert portal.asked == [(1, 100), (2, 100), (3, 100)]


async def test_pages_have_the_requested_size_and_start_at_the_requested_page(
    scripted: Scripted,
) -> None:
    portal = Catalogue(10)
    async with scripted(portal) as client:
        pages = datasets.list_datasets(client, page=2, page_size=3).pages()
        ids = [[dataset.id for dataset in page.data] async for page in pages]
    assert ids == [["3", "4", "5"], ["6", "7", "8"], ["9"]]


@pytest.mark.parametrize("concurrency", [1, 2, 5, 16])
async def test_concurrently_fetched_pages_are_yielded_in_order(
    scripted: Scripted, concurrency: int
) -> None:
    portal = Catalogue(95)
    async with scripted(portal) as client:
        items = datasets.list_datasets(client, page_size=10).items(concurrency=concurrency)
        assert [dataset.id async for dataset in items] == portal.ids
    assert portal.most_under_way == min(concurrency, 9)


async def test_pages_are_not_fetched_ahead_without_concurrency(scripted: Scripted) -> None:
    portal = Catalogue(30)
    async with scripted(portal) as client:
        async for page in datasets.list_datasets(client, page_size=10).pages():
            assert len(portal.asked) == page.page


async def test_an_empty_list_is_one_request(scripted: Scripted) -> None:
    portal = Catalogue(0)
    async with scripted(portal) as client:
        assert [dataset async for dataset in datasets.list_datasets(client)] == []
    assert len(portal.asked) == 1


@pytest.mark.parametrize("concurrency", [1, 4])
async def test_iteration_ends_when_the_list_shrinks(scripted: Scripted, concurrency: int) -> None:
    portal = Catalogue(40)

    def shrink(page: int) -> None:
        if page == 3:
            del portal.ids[20:]

    portal.before_page = shrink
    async with scripted(portal) as client:
        items = datasets.list_datasets(client, page_size=10).items(concurrency=concurrency)
        assert len([dataset async for dataset in items]) == 20


async def test_a_repeated_item_is_yielded_once(scripted: Scripted) -> None:
    portal = Catalogue(40)

    def insert(page: int) -> None:
        portal.ids.insert(0, f"new-{page}")

    portal.before_page = insert
    async with scripted(portal) as client:
        ids = [one.id async for one in datasets.list_datasets(client, page_size=10)]
    assert len(ids) == len(set(ids))
    assert {str(number) for number in range(40)} <= {*ids}


async def test_fields_may_be_a_generator(scripted: Scripted) -> None:
    portal = Catalogue(25)
    async with scripted(portal) as client:
        listed = datasets.list_datasets(client, fields=(name for name in ["id"]))
        assert len([one async for one in listed]) == 25
        assert len([one async for one in listed]) == 25


async def test_items_without_an_id_are_all_yielded(scripted: Scripted) -> None:
    def portal(request: httpx.Request) -> httpx.Response:
        assert request.headers["X-Fields"].startswith("data{title,id},page,")
        page = {"data": [{"title": "a"}] * 3, "page": 1, "page_size": 100, "total": 3}
        return httpx.Response(200, json=page | {"next_page": None, "previous_page": None})

    async with scripted(portal) as client:
        items = datasets.list_datasets(client, fields="title")
        assert [dataset.title async for dataset in items] == ["a", "a", "a"]


async def test_a_missing_list_is_an_error(scripted: Scripted) -> None:
    def portal(_: httpx.Request) -> httpx.Response:
        return httpx.Response(404, json={"message": "No such organization"})

    async with scripted(portal) as client:
        with pytest.raises(NotFoundError, match="No such organization"):
            await anext(aiter(organizations.list_organization_datasets(client, "nobody")))


@pytest.mark.parametrize("concurrency", [1, 3])
async def test_closing_an_iterator_early_leaves_no_task_running(
    scripted: Scripted, concurrency: int
) -> None:
    portal = Catalogue(100)
    async with scripted(portal) as client:
        pages = datasets.list_datasets(client, page_size=10).pages(concurrency=concurrency)
        async for page in pages:
            if page.page == 2:
                break
        await pages.aclose()
        await asyncio.sleep(0)  # Let the cancelled tasks end.
        assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []
    assert len(portal.asked) <= 2 + concurrency


async def test_breaking_out_of_a_loop_leaves_no_task_running(scripted: Scripted) -> None:
    portal = Catalogue(100)
    async with scripted(portal) as client:
        async for _ in datasets.list_datasets(client, page_size=10).items(concurrency=4):
            break
        for _ in range(10):
            await asyncio.sleep(0)
        assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []


async def test_a_concurrency_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="concurrency is 0"):
        await anext(datasets.list_datasets(Client()).pages(concurrency=0))


def test_the_repr_of_a_paginator_sends_nothing() -> None:
    assert repr(datasets.list_datasets(Client())) == f"<Paginator of {named('list_datasets')}>"


# ---- Stable walks; `test_stable` covers the changes that may happen meanwhile


@define
class Title:
    title: str


@pytest.mark.parametrize("concurrency", [1, 4])
async def test_a_stable_walk_yields_items_moved_to_a_page_already_read(
    concurrency: int,
) -> None:
    portal = MovingPortal.of(50, 3, left=40)
    async with portal.client() as client:
        found = datasets.list_datasets(client, page_size=5)
        ids = [int(str(one.id)) async for one in found.items(concurrency=concurrency, stable=True)]
    assert len(ids) == len({*ids})
    assert portal.throughout <= {*ids}


async def test_stable_pages_contain_only_new_items() -> None:
    portal = MovingPortal.of(50, 5, left=40)
    async with portal.client() as client:
        found = datasets.list_datasets(client, page_size=5)
        pages = [page async for page in found.pages(concurrency=3, stable=True)]
    ids = [int(str(one.id)) for page in pages for one in page.data]
    assert len(ids) == len({*ids})
    assert portal.throughout <= {*ids}
    assert {page.page_size for page in pages} >= {5}


async def test_fields_added_by_a_stable_walk_are_not_shown() -> None:
    async with MovingPortal.of(30, 0, left=0).client() as client:
        found = datasets.list_datasets(client, page_size=10, fields=["title"])
        items = [one.to_dict() async for one in found.items(stable=True)]
        pages = [page async for page in found.pages(stable=True)]
        titles = [one async for one in titles_of(client).items(stable=True)]
    assert items[29] == {"title": "Jeu 29, version 0"}
    assert [one.to_dict() for page in pages for one in page.data] == items
    assert titles == [Title(f"Jeu {one}, version 0") for one in range(30)]


def titles_of(client: Client) -> Paginator[Page[Title], Title]:
    return datasets.list_datasets(client, page_size=10).into(Title)


async def test_a_list_without_a_stable_walk_is_refused_with_the_reason() -> None:
    sent: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(500)

    transport = httpx.MockTransport(answer)
    async with client_of("https://portal.example/", transport=transport) as client:
        cases: list[tuple[Paginator[Any, Any], str]] = [
            (unsortable(client), "the portal cannot sort it by creation"),
            (datasets.list_datasets(client, sort="title"), "but sort is given"),
            (datasets.list_datasets(client, page=2), "but page is given"),
            (harvest.list_harvest_job_items(client, "x"), "its items have no id"),
        ]
        for found, words in cases:
            with pytest.raises(ValueError, match=f"has no stable walk: .*{words}"):
                await anext(found.items(stable=True))
            with pytest.raises(ValueError, match=words):
                await anext(found.pages(stable=True))
    assert not sent
