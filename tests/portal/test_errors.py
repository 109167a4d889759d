"""Tests of the messages of errors from the real portal, which take one line each."""

from __future__ import annotations

import pickle
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from aiodatagouv import (
    APIError,
    AuthenticationError,
    BadRequestError,
    Client,
    File,
    GoneError,
    LockedError,
    NotFoundError,
    PermissionDeniedError,
)
from aiodatagouv.api import datasets, me, reuses
from aiodatagouv.models import DatasetWrite, FileUpload, ReuseWrite

from ..clients import client_of
from .portal import Portal, running_portal

BODY = DatasetWrite(title="Lavoirs", description="Où laver", frequency="annual")

Make = Callable[[Client, Portal], Awaitable[object]]


async def a_page(client: Client, **query: Any) -> object:
    return await datasets.list_datasets(client, **query)


async def an_operation_of_another_portal(client: Client, portal: Portal) -> object:
    return await client.request("GET", "nowhere/")


async def a_file_that_is_refused(client: Client, portal: Portal) -> object:
    dataset = await datasets.create_dataset(client, body=BODY)
    body = FileUpload(file=File(b"MZ", "setup.exe"))
    return await datasets.upload_new_dataset_resource(client, dataset.id, body=body)


async def what_was_deleted(client: Client, portal: Portal) -> object:
    dataset = await datasets.create_dataset(client, body=BODY)
    await datasets.delete_dataset(client, dataset.id)
    async with client_of(client.base_url, api_key="") as visitor:
        return await datasets.get_dataset(visitor, dataset.id)


async def what_belongs_to_others(client: Client, portal: Portal) -> object:
    dataset = await datasets.create_dataset(client, body=BODY)
    async with client_of(client.base_url, api_key=portal.other_api_key) as other:
        return await datasets.update_dataset(
            other, dataset.id, body=DatasetWrite.of(dataset, title="a")
        )


async def who_am_i(client: Client, portal: Portal) -> object:
    async with client_of(client.base_url, api_key="") as visitor:
        return await me.get_me(visitor)


CASES: list[tuple[Make, type[APIError], str]] = [
    (
        lambda client, _: datasets.create_dataset(client, body=DatasetWrite(title="")),
        BadRequestError,
        "create_dataset: 400 BAD REQUEST [description: This field is required.; "
        "title: This field is required.] (POST ",
    ),
    (
        lambda client, _: reuses.create_reuse(client, body=ReuseWrite(title="a")),
        BadRequestError,
        "create_reuse: 400 ValidationError",
    ),
    (
        lambda client, _: a_page(client, featured="perhaps"),
        BadRequestError,
        "list_datasets: 400 Input payload validation failed [featured: ",
    ),
    (
        lambda client, _: a_page(client, organization="slug"),
        BadRequestError,
        "list_datasets: 400 Organization arg must be an identifier (GET ",
    ),
    (
        a_file_that_is_refused,
        BadRequestError,
        "upload_new_dataset_resource: 400 This file type is not allowed.",
    ),
    (who_am_i, AuthenticationError, "get_me: 401 The server could not verify"),
    (what_belongs_to_others, PermissionDeniedError, "update_dataset: 403 You do not have"),
    (
        lambda client, _: datasets.get_dataset(client, "nothing"),
        NotFoundError,
        "get_dataset: 404 The requested URL was not found on the server.",
    ),
    (an_operation_of_another_portal, NotFoundError, "GET nowhere/: 404 The requested URL was not"),
    (what_was_deleted, GoneError, "get_dataset: 410 Dataset has been deleted (GET "),
]


@pytest.mark.parametrize(("make", "kind", "line"), CASES)
async def test_each_error_has_its_class_and_its_words(
    make: Make,
    kind: type[APIError],
    line: str,
    admin: Client,
    portal: Portal,
) -> None:
    with pytest.raises(kind) as caught:
        await make(admin.with_options(lang="en"), portal)
    error = caught.value
    assert str(error).startswith(line)
    assert "\n" not in str(error)
    assert error.response is not None
    assert error.status == error.response.status_code
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


async def test_a_validation_names_the_fields_in_the_language_asked_for(admin: Client) -> None:
    said = []
    for lang in ("en", "fr"):
        with pytest.raises(BadRequestError) as caught:
            await datasets.create_dataset(
                admin.with_options(lang=lang), body=DatasetWrite(title="", frequency="annual")
            )
        said.append(caught.value.errors["title"])
    assert said == [["This field is required."], ["Ce champ est requis."]]


async def test_labels_come_in_the_language_asked_for(visitor: Client) -> None:
    labels = {
        lang: (await datasets.list_frequencies(visitor.with_options(lang=lang)))[0].label
        for lang in ("en", "fr")
    }
    assert labels == {"en": "Real time", "fr": "Temps réel"}


async def test_a_portal_in_read_only_mode_says_so() -> None:
    with running_portal(datasets=20, read_only=True) as locked:
        async with client_of(locked.url, api_key=locked.user_api_key) as client:
            with pytest.raises(LockedError, match="create_dataset: 423 ") as caught:
                await datasets.create_dataset(client, body=BODY)
            assert caught.value.retry_after is None
            assert (await datasets.list_datasets(client)).total >= locked.totals["datasets"]
