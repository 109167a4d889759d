"""Tests of masks and projections against the parser and the responses of the server."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypedDict

import httpx
import msgspec
import pytest
from attrs import define
from hypothesis import given, settings
from hypothesis import strategies as st

from aiodatagouv import Client, MaskError, Paginator
from aiodatagouv._decoding.declared import Model, declared
from aiodatagouv._fields.mask import parse, write
from aiodatagouv.api import (
    dataservices,
    datasets,
    discussions,
    me,
    organizations,
    reuses,
    users,
    v2,
)
from aiodatagouv.models import DatasetWrite
from aiodatagouv.types import Mask

from .conformance.test_projections import cut
from .portal import SERVER, portal_python

Oracle = Callable[[str], Mask | None]


@pytest.fixture(scope="module")
def oracle() -> Iterator[Oracle]:
    """A function that parses a mask with flask-restx, and returns None if it is invalid."""
    command = [str(portal_python()), str(SERVER / "masks.py")]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        ask, answer = process.stdin, process.stdout

        def kept(text: str) -> Any:
            ask.write(json.dumps(text) + "\n")
            ask.flush()
            return json.loads(answer.readline())

        yield kept
        ask.close()


def parsed(text: str) -> Mask | None:
    try:
        return parse(text)
    except MaskError:
        return None


NAMES = st.sampled_from(["id", "title", "a", "b", "*", "x:y", "a-b", "A_1"])
TOKENS = st.lists(NAMES | st.sampled_from(["{", "}", ",", "{", "}", ",", " ", "  "]))
"""Random sequences of the tokens of masks, most of which are not valid masks."""


def masks_of(inside: st.SearchStrategy[Mask | None]) -> st.SearchStrategy[Mask]:
    return st.dictionaries(NAMES, inside, min_size=1, max_size=4)


MASKS: st.SearchStrategy[Mask] = masks_of(
    st.recursive(st.none(), lambda deeper: st.none() | masks_of(deeper), max_leaves=8)
)


@given(tokens=TOKENS)
@settings(max_examples=3000, deadline=None)
def test_the_same_verdict_and_the_same_fields_as_the_server(
    oracle: Oracle, tokens: list[str]
) -> None:
    text = "".join(tokens)
    if not text.strip():
        return  # An empty header cannot be sent.
    mine = parsed(text)
    assert mine == oracle(text)
    if mine:
        assert oracle(write(mine)) == mine


@given(mask=MASKS, braces=st.booleans(), space=st.sampled_from(["", " "]))
@settings(max_examples=1000, deadline=None)
def test_every_mask_is_read_as_the_server_reads_it(
    oracle: Oracle, mask: Mask, braces: bool, space: str
) -> None:
    text = write(mask).replace(",", f"{space},{space}")
    text = f"{{{text}}}" if braces else text
    assert parsed(text) == oracle(text) == mask


@given(text=st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF), min_size=1))
@settings(max_examples=1000, deadline=None)
def test_no_text_keeps_other_fields_than_the_server_would(oracle: Oracle, text: str) -> None:
    mine = parsed(text)
    if mine is not None and text.strip():
        assert mine == oracle(text)


class Named(msgspec.Struct):
    """An object with a name, such as an organization."""

    name: str
    class_: str


class Person(msgspec.Struct):
    first_name: str
    last_name: str


class File(TypedDict):
    url: str
    format: str | None


@define
class DatasetTitle:
    title: str
    organization: Named | None
    resources: list[File]
    created_at: dt.datetime


@define
class OrganizationTitle:
    id: str
    name: str
    metrics: dict[str, Any] | None
    created_at: dt.datetime


@dataclass
class ReuseTitle:
    title: str
    url: str
    tags: list[str]
    organization: Named | None


class DataserviceTitle(TypedDict):
    id: str
    title: str
    base_api_url: str | None
    tags: list[str]


@define
class Said:
    content: str
    posted_by: Person | None


@define
class DiscussionTitle:
    title: str
    user: Person | None
    discussion: list[Said]


class UserTitle(msgspec.Struct):
    slug: str
    first_name: str
    organizations: list[Named]


class Link(msgspec.Struct):
    total: int
    href: str


@define
class LightDataset:
    title: str
    organization: Named | None
    resources: Link
    license: str | None


class TopicTitle(msgspec.Struct):
    name: str
    tags: list[str]
    elements: Link


LISTS: list[tuple[Callable[..., Paginator[Any, Any]], Callable[..., Any], type[Any], Mask]] = [
    (
        datasets.list_datasets,
        datasets.get_dataset,
        DatasetTitle,
        {
            "title": None,
            "organization": {"name": None, "class": None},
            "resources": {"url": None, "format": None},
            "created_at": None,
        },
    ),
    (
        organizations.list_organizations,
        organizations.get_organization,
        OrganizationTitle,
        {"id": None, "name": None, "metrics": None, "created_at": None},
    ),
    (
        reuses.list_reuses,
        reuses.get_reuse,
        ReuseTitle,
        {
            "title": None,
            "url": None,
            "tags": None,
            "organization": {"name": None, "class": None},
        },
    ),
    (
        dataservices.list_dataservices,
        dataservices.get_dataservice,
        DataserviceTitle,
        {"base_api_url": None, "id": None, "tags": None, "title": None},
    ),
    (
        discussions.list_discussions,
        discussions.get_discussion,
        DiscussionTitle,
        {
            "title": None,
            "user": {"first_name": None, "last_name": None},
            "discussion": {
                "content": None,
                "posted_by": {"first_name": None, "last_name": None},
            },
        },
    ),
    (
        users.list_users,
        users.get_user,
        UserTitle,
        {
            "slug": None,
            "first_name": None,
            "organizations": {"name": None, "class": None},
        },
    ),
    (
        v2.datasets.list_datasets,
        v2.datasets.get_dataset,
        LightDataset,
        {
            "title": None,
            "organization": {"name": None, "class": None},
            "resources": {"total": None, "href": None},
            "license": None,
        },
    ),
    (
        v2.topics.list_topics,
        v2.topics.get_topic,
        TopicTitle,
        {"name": None, "tags": None, "elements": {"total": None, "href": None}},
    ),
]

each_list = pytest.mark.parametrize(
    ("lists", "gets", "class_", "mask"), LISTS, ids=lambda one: getattr(one, "__name__", "")
)


@each_list
async def test_a_mask_takes_away_what_it_does_not_name_and_only_that(
    admin: Client, lists: Any, gets: Any, class_: type[Any], mask: Mask
) -> None:
    responses: list[httpx.Response] = []
    client = admin.with_options(on_response=responses.append)
    page = await lists(client)
    await lists(client, fields=write(mask))
    await gets(client, page.data[0].id)
    await gets(client, page.data[0].id, fields=write(mask))
    whole, masked, one, one_masked = responses
    assert whole.json()["data"]
    for item, of in zip(masked.json()["data"], whole.json()["data"], strict=True):
        assert item == cut(of, mask)
    assert {key: masked.json()[key] for key in ("page", "total")} == {
        key: whole.json()[key] for key in ("page", "total")
    }
    assert one_masked.json() == cut(one.json(), mask)
    # The response is smaller by roughly the size of the omitted fields.
    assert len(masked.content) < 0.7 * len(whole.content)


@each_list
async def test_a_class_gets_what_its_mask_keeps(
    admin: Client, lists: Any, gets: Any, class_: type[Any], mask: Mask
) -> None:
    responses: list[httpx.Response] = []
    client = admin.with_options(on_response=responses.append)
    models = [one async for one in lists(client)]
    del responses[:]
    filled = [one async for one in lists(client).into(class_)]
    assert len(filled) == len(models) > 0
    assert [attributes(one) for one in filled] == [attributes(one, of=mask) for one in models]

    page = await lists(client).into(class_)
    assert [*page.data] == filled[: len(page.data)]
    assert page.total == len(filled)
    assert parse(responses[-1].request.headers["X-Fields"])["data"] == mask

    one = await gets(client, models[0].id, into=class_)
    assert attributes(one) == attributes(models[0], of=mask)
    assert responses[-1].json() == cut(responses[-1].json(), mask)


async def test_a_bare_list_is_decoded_into_a_class_too(admin: Client) -> None:
    full = await me.list_my_datasets(admin)
    assert [one.title for one in full]
    assert [one.title for one in await me.list_my_datasets(admin, into=DatasetTitle)] == [
        one.title for one in full
    ]


async def test_items_without_an_id_come_once_although_the_list_moves(admin: Client) -> None:
    class Slug(msgspec.Struct):
        slug: str

    total = (await datasets.list_datasets(admin)).total
    seen: list[str] = []
    async for one in datasets.list_datasets(admin, page_size=7).into(Slug):
        seen.append(one.slug)
        if len(seen) in (3, 20):  # New datasets come first and move the others.
            body = DatasetWrite(title=f"Nouveau {len(seen)}", description="x", frequency="annual")
            await datasets.create_dataset(admin, body=body)
    assert len(seen) == len(set(seen)) == total


def attributes(value: Any, of: Mask | None = None) -> Any:
    """Convert an object of any class to dicts and lists; of a model, take the fields of a mask."""
    if isinstance(value, list):
        return [attributes(one, of) for one in value]
    if of is not None and isinstance(value, Model):
        names = {key: field.name for key, field in declared(type(value)).items()}
        return {names[key]: attributes(getattr(value, names[key]), of[key]) for key in of}
    if isinstance(value, dict):
        return {key: attributes(one) for key, one in value.items()}
    fields = getattr(type(value), "__annotations__", {})
    if not fields:
        return value
    return {name: attributes(getattr(value, name)) for name in fields}
