"""Links: the lists that they lead to, and the addresses that are no lists of such objects."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import httpx
import msgspec
import pytest
from attrs import define

from aiodatagouv import (
    OPERATIONS,
    Client,
    DecodeError,
    Link,
    MaskError,
    MissingFieldError,
    Operation,
    bulk,
    models,
)
from aiodatagouv._call.answers import project
from aiodatagouv._call.call import Call, prepare
from aiodatagouv._decoding.json import decode
from aiodatagouv._fields.mask import check, parse
from aiodatagouv._views.view import View
from aiodatagouv.api import datasets
from aiodatagouv.models import CommunityResource, Dataset, Discussion, Resource, v2

from .clients import client_of

Scripted = Callable[..., Client]

PORTAL = "https://portal.example"

LINK = {
    "rel": "subsection",
    "href": f"{PORTAL}/api/2/datasets/velos/resources/?page=1&page_size=50",
    "type": "GET",
    "total": 3,
}


class Linked(View, init=False):
    """An object with links, as version 2 of the API answers them."""

    id: str
    resources: Link[Resource]
    community_resources: Link[CommunityResource] | None
    anything: Link[Any]


def link(href: str, item: Any = Any) -> Link[Any]:
    made: Link[Any] = Link[item].from_dict({**LINK, "href": href})
    return made


def answered(**links: object) -> Linked:
    """An object with links, from an answer of an operation."""
    content = msgspec.json.encode({"id": "velos", **links})
    made: Linked = decode("v2.get_dataset", content, Linked)
    return made


def call_of(href: str, root: str = PORTAL, item: Any = Any) -> Call:
    """Return the call for a page of the list at an address."""
    return link(href, item).follow(Client(base_url=root)).call


# ---- The list that a link leads to


@pytest.mark.parametrize(
    ("address", "name", "path", "query"),
    [
        (
            "/api/2/datasets/velos/resources/?page=1&page_size=50",
            "v2.list_resources",
            "datasets/velos/resources/",
            [],
        ),
        (
            "/api/1/datasets/community_resources/?dataset=velos&page=1&page_size=50",
            "list_community_resources",
            "datasets/community_resources/",
            [("dataset", "velos")],
        ),
        ("/api/2/datasets/?reuse=r&page=2", "v2.list_datasets", "datasets/", [("reuse", "r")]),
        ("/api/1/harvest/job/j/items/", "list_harvest_job_items", "harvest/job/j/items/", []),
        ("/api/2/datasets/search/?q=", "v2.search_datasets", "datasets/search/", [("q", "")]),
        (
            "/api/1/datasets/?tag=a&tag=b&q=v%C3%A9lo+%26c&new_filter=1",
            "list_datasets",
            "datasets/",
            [("new_filter", "1"), ("q", "vélo &c"), ("tag", "a"), ("tag", "b")],
        ),
        (
            "/api/2/datasets/v%C3%A9los%20bus/resources/",
            "v2.list_resources",
            "datasets/v%C3%A9los%20bus/resources/",
            [],
        ),
        ("/api/1/datasets", "list_datasets", "datasets/", []),
    ],
)
def test_a_link_leads_to_the_list_at_its_address(
    address: str, name: str, path: str, query: list[tuple[str, str]]
) -> None:
    for href in (address, f"{PORTAL}{address}", f"{PORTAL}:443{address}#top"):
        call = call_of(href)
        assert (call.operation.name, call.path) == (name, path)
        assert sorted(call.query_pairs) == query


@pytest.mark.parametrize("root", [f"{PORTAL}/open", f"{PORTAL}/open/api/2/"])
def test_a_portal_may_be_below_a_path(root: str) -> None:
    call = call_of(f"{PORTAL}/open/api/2/datasets/velos/resources/", root)
    assert call.operation.name == "v2.list_resources"
    with pytest.raises(DecodeError):
        call_of(f"{PORTAL}/api/2/datasets/velos/resources/", root)


async def test_a_link_is_walked_like_any_list(scripted: Scripted) -> None:
    """The client builds the addresses of the pages: the portal's are not followed."""
    asked: list[str] = []

    def portal(request: httpx.Request) -> httpx.Response:
        asked.append(f"{request.url.path}?{request.url.query.decode()}")
        number = int(request.url.params.get("page", 1))
        page = {"page": number, "page_size": 2, "total": 3, "previous_page": None}
        next_page = "https://elsewhere.example/?q=a&b" if number == 1 else None
        items = [{"id": "1"}, {"id": "2"}] if number == 1 else [{"id": "3"}]
        return httpx.Response(200, json={**page, "data": items, "next_page": next_page})

    resources = answered(
        resources={**LINK, "href": "/api/2/datasets/velos/resources/?q=a%26b&page=9"}
    ).resources
    async with scripted(portal) as client:
        listed = resources.follow(client, page_size=2, fields="id")
        assert asked == []
        page = await listed
        assert isinstance(page, v2.ResourcePage)
        assert [type(one) for one in page.data] == [Resource, Resource]
        assert [one.id async for one in listed] == ["1", "2", "3"]
        assert [one.id async for one in resources.follow(client, page=2)] == ["3"]
    path = "/api/2/datasets/velos/resources/?"
    assert asked == [
        f"{path}page_size=2&q=a%26b",
        f"{path}page=1&page_size=2&q=a%26b",
        f"{path}page=2&page_size=2&q=a%26b",
        f"{path}page=2&page_size=100&q=a%26b",
    ]


async def test_a_link_is_harvested_and_decoded_into_a_class(
    scripted: Scripted, tmp_path: Any
) -> None:
    masks: list[str | None] = []

    def portal(request: httpx.Request) -> httpx.Response:
        masks.append(request.headers.get("X-Fields"))
        page = {"page": 1, "page_size": 100, "total": 1, "previous_page": None, "next_page": None}
        return httpx.Response(200, json={**page, "data": [{"id": "1", "title": "Bornes"}]})

    @define
    class Title:
        title: str

    resources = answered(resources=LINK).resources
    path = tmp_path / "resources.jsonl"
    async with scripted(portal) as client:
        assert [one async for one in resources.follow(client).into(Title)] == [Title("Bornes")]
        report = await bulk.harvest(resources.follow(client, fields="id,title"), path)
    assert (report.items, report.complete) == (1, True)
    assert path.read_text() == '{"id":"1","title":"Bornes"}\n'
    assert {mask.split("}")[0] for mask in masks if mask} == {"data{title,id", "data{id,title"}


# ---- Addresses that are refused


@pytest.mark.parametrize(
    "href",
    [
        "https://elsewhere.example/api/2/datasets/velos/resources/",
        "//elsewhere.example/api/2/datasets/velos/resources/",
        "https://portal.example:8443/api/2/datasets/velos/resources/",
        "https://portal.example@elsewhere.example/api/2/datasets/velos/resources/",
        "ftp://portal.example/api/2/datasets/velos/resources/",
        "javascript:alert(1)",
        "https://[x",
        "",
        # No list.
        "/api/2/datasets/velos/",
        "/api/1/datasets/suggest/?q=a",
        "/api/1/datasets/velos/rdf.ttl",
        "/api/2/datasets/a/b/resources/",
        "/api/2/datasets//resources/",
        "/api/3/datasets/",
        "/datasets/",
        "/api/2/harvest/job/j/items/",
    ],
)
async def test_an_address_of_no_list_of_the_portal_is_refused_before_anything_is_sent(
    scripted: Scripted, href: str
) -> None:
    requests: list[httpx.Request] = []

    def portal(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(200, json={})

    async with scripted(portal, api_key="k" * 20) as client:
        with pytest.raises(DecodeError) as caught:
            answered(resources={**LINK, "href": href}).resources.follow(client)
    assert str(caught.value) == (
        "v2.get_dataset: expected the address of a list of Resource at https://portal.example/ at "
        f"$.resources.href, got {href!r}"
    )
    assert requests == []


@pytest.mark.parametrize("part", ["..", "%2e%2e", "a%2Fb", "%2E", "a%5Cb"])
def test_a_part_of_an_address_that_would_lead_elsewhere_is_refused(part: str) -> None:
    with pytest.raises(ValueError, match=r"dataset is|expected the address of a list"):
        call_of(f"/api/2/datasets/{part}/resources/")


def test_a_list_of_other_objects_than_declared_is_refused() -> None:
    href = f"{PORTAL}/api/1/datasets/?reuse=r"
    assert call_of(href, item=Dataset).operation.model is Dataset
    for item, name in ((Resource, "Resource"), (v2.Dataset, "v2.Dataset")):
        with pytest.raises(DecodeError) as caught:
            call_of(href, item=item)
        assert str(caught.value) == (
            f"expected the address of a list of {name} at https://portal.example/ at "
            f"$.href, got {href!r}, a list of Dataset"
        )


@pytest.mark.parametrize(("href", "error"), [(None, DecodeError), (3, DecodeError)])
def test_an_address_that_is_no_text_is_refused(href: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"\$\.resources\.href"):
        answered(resources={**LINK, "href": href}).resources.follow(Client())


def test_a_link_without_its_address_cannot_be_followed() -> None:
    content = b'{"resources": {"total": 3}}'
    resources: Link[Resource] = decode(
        "v2.get_dataset", content, Linked, parse("resources{total}")
    ).resources
    assert resources.total == 3
    with pytest.raises(MissingFieldError, match=r"href"):
        resources.follow(Client())


def test_the_arguments_are_those_of_the_list() -> None:
    resources = answered(resources=LINK).resources
    client = Client(base_url=PORTAL)
    with pytest.raises(MaskError, match="titel is not a field of Resource"):
        resources.follow(client, fields="titel")
    with pytest.raises(ValueError, match="page_size is 0"):
        resources.follow(client, page_size=0)


# ---- A link as a part of an answer


def test_a_link_is_a_view() -> None:
    linked = answered(resources=LINK, community_resources=None, anything=LINK)
    assert isinstance(linked.resources, Link)
    assert (linked.resources.rel, linked.resources.type) == ("subsection", "GET")
    assert (linked.resources.href, linked.resources.total) == (LINK["href"], 3)
    assert linked.community_resources is None
    assert linked.resources is linked.resources
    assert linked.resources.to_dict() == LINK
    assert repr(link("/x", Resource)).startswith("Link[Resource](href='/x', rel='subsection', ")
    assert repr(link("/x")).startswith("Link(href='/x', ")
    linked.check()
    with pytest.raises(DecodeError, match=r"\$\.resources\.total"):
        answered(resources={**LINK, "total": "3"}).check()
    with pytest.raises(DecodeError, match=r"expected an object \(Link\[Resource\]\)"):
        answered(resources=[]).check()


def test_a_link_is_copied_and_pickled_with_its_class_and_place() -> None:
    linked = answered(resources=LINK, anything=LINK)
    for one in (linked.resources, linked.anything):
        for again in (pickle.loads(pickle.dumps(one)), copy.copy(one), copy.deepcopy(one)):
            assert (type(again), again) == (type(one), one)
    again = pickle.loads(pickle.dumps(answered(resources={**LINK, "href": "/x"}).resources))
    with pytest.raises(DecodeError, match=r"v2\.get_dataset: .* at \$\.resources\.href, got '/x'"):
        again.follow(Client())
    assert pickle.loads(pickle.dumps(linked)).resources == linked.resources


def test_links_to_one_model_have_one_class() -> None:
    kinds = Link[Resource], Link[Dataset], Link[v2.Dataset], Link[Any]
    assert len({*kinds}) == 4
    assert Link[Resource] is Link[Resource]
    assert all(issubclass(one, Link) for one in kinds)
    assert Link[v2.Dataset].__name__ == "Link[v2.Dataset]"


LINKED = Operation(
    "get_linked", "GET", "/linked/", "datasets", "json", "", item="Linked", masked=True
)


@pytest.fixture
def _linked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "Linked", Linked, raising=False)


@pytest.mark.usefixtures("_linked")
def test_a_mask_and_a_class_can_select_from_a_link() -> None:
    assert prepare(LINKED, fields="resources{total}").headers()["X-Fields"] == "resources{total}"
    call = prepare(LINKED, fields=["resources.total", "community_resources.href"])
    assert call.headers()["X-Fields"] == "resources{total},community_resources{href}"
    with pytest.raises(MaskError, match=r"resources\.title is not a field of Link\[Resource\]"):
        prepare(LINKED, fields="resources{title}")
    with pytest.raises(MaskError, match="total is only sent as a whole"):
        check(parse("resources{total{a}}"), Linked)
    call, projection = project(Call(LINKED, "linked/"), Totals)
    assert call.headers()["X-Fields"] == "resources{total},community_resources"
    content = msgspec.json.encode({"resources": LINK, "community_resources": LINK})
    assert projection.one("get_linked", content) == Totals(Total(3), LINK)
    with pytest.raises(MaskError, match=r"cannot hold Link\[Resource\]"):
        project(Call(LINKED, "linked/"), Wrong)


@define
class Total:
    total: int


@define
class Totals:
    resources: Total
    community_resources: dict[str, Any] | None


@define
class Wrong:
    resources: int


def test_a_link_of_a_projection_is_followed_as_a_link() -> None:
    kept: dict[str, Any] = Totals(Total(3), LINK).community_resources or {}
    listed = Link[Resource].from_dict(kept).follow(client_of(PORTAL))
    assert listed.call.operation.item == "Resource"


def test_any_list_can_be_linked_to() -> None:
    """Every list is found by its own path, and by no other."""
    lists = [one for one in OPERATIONS.values() if one.kind == "page"]
    for one in lists:
        names = [part.key for part in one.parameters if part.place == "path"]
        path = one.path.format(**{name: f"some-{name}" for name in names})
        assert call_of(f"/api/{one.version}{path}", item=one.model).operation is one
    assert len(lists) > 30
    assert {Discussion, Dataset, v2.Dataset} <= {one.model for one in lists}


def test_a_list_has_the_filters_of_the_address_as_its_function_would() -> None:
    client = Client(base_url=PORTAL)
    by_link = link("/api/1/datasets/?tag=a&tag=b&organization=o").follow(client).call
    by_function = datasets.list_datasets(client, tag=["a", "b"], organization="o").call
    assert sorted(by_link.query_pairs) == sorted(by_function.query_pairs)
    assert by_link.operation is by_function.operation
