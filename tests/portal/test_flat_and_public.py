"""Flat tables of the real portal, and lists of it with a key, with another one and without any."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from aiodatagouv import AuthenticationError, CheckpointError, Client, Paginator, api, bulk
from aiodatagouv.models import DatasetWrite

from ..clients import client_of
from ..harvests import SUFFIXES, read
from .portal import Portal

List: TypeAlias = Callable[..., Paginator[Any, Any]]

MARKS = ("private", "deleted", "archived")


async def change(client: Client, key: str, **values: Any) -> None:
    """Change some fields of a dataset."""
    one = await api.datasets.get_dataset(client, key)
    await api.datasets.update_dataset(client, key, body=DatasetWrite.of(one, **values))


# ---- Flat tables


@pytest.mark.parametrize("suffix", SUFFIXES)
async def test_the_rows_are_those_of_a_plain_loop(
    own_portal: Portal, suffix: str, tmp_path: Path
) -> None:
    path = tmp_path / f"a{suffix}"
    async with client_of(own_portal.url, api_key="") as client:
        found = [one.to_dict() async for one in api.datasets.list_datasets(client)]
        listed = api.datasets.list_datasets(client, fields="title", page_size=13)
        report = await bulk.harvest(listed, path, explode="resources")
        rows = read(path)
        assert (report.complete, report.items, report.rows) == (True, 60, len(rows))
        own = {one["id"]: one for one in found}
        assert Counter(row["dataset_id"] for row in rows) == {
            key: len(one["resources"]) for key, one in own.items() if one["resources"]
        }
        expected = {
            (key, one["title"], file["id"], file["url"], file["filesize"])
            for key, one in own.items()
            for file in one["resources"]
        }
        names = ["dataset_id", "dataset_title", "id", "url", "filesize"]
        assert {tuple(row[name] for name in names) for row in rows} == expected
        if suffix == ".parquet":
            assert {row["additional_properties"] for row in rows} == {None}
        else:
            files = {file["id"]: file for one in found for file in one["resources"]}
            assert all(files[row["id"]].items() <= row.items() for row in rows)


@pytest.mark.parametrize(
    ("listed", "explode"),
    [
        (api.organizations.list_organizations, "members"),
        (api.reuses.list_reuses, "datasets"),
        (api.discussions.list_discussions, "discussion"),
        (api.datasets.list_datasets, "organization.badges"),
        (api.v2.datasets.list_datasets, "contact_points"),
    ],
)
async def test_any_list_of_objects_can_be_flattened(
    own_portal: Portal, listed: List, explode: str, tmp_path: Path
) -> None:
    async with client_of(own_portal.url, api_key="") as client:
        expected = Counter[str]()
        async for one in listed(client):
            value: Any = one.to_dict()
            for name in explode.split("."):
                value = None if value is None else value[name]
            expected[one.id] = len(value or [])
        for suffix in (".jsonl", ".parquet"):
            path = tmp_path / f"a{suffix}"
            report = await bulk.harvest(listed(client), path, explode=explode)
            (key,) = {name for name in read(path)[0] if name.endswith("_id")} & {
                "dataset_id", "organization_id", "reuse_id", "discussion_id"
            }  # fmt: skip
            assert Counter(row[key] for row in read(path)) == +expected
            assert (report.complete, report.rows) == (True, expected.total())


async def test_an_update_changes_the_rows_of_a_dataset_and_counts_it_once(
    own_portal: Portal, tmp_path: Path
) -> None:
    path, fresh = tmp_path / "a.parquet", tmp_path / "b.parquet"
    async with client_of(own_portal.url, api_key=own_portal.api_key) as admin:
        listed = api.datasets.list_datasets(admin, fields="title")
        one = await api.datasets.create_dataset(
            admin, body=DatasetWrite(title="Sans fichier", description="x", frequency="unknown")
        )
        await bulk.harvest(listed, path, explode="resources")
        before = path.read_bytes()
        for _ in range(2):
            report = await bulk.harvest(listed, path, explode="resources", since="last")
            assert (report.added, report.changed, report.removed) == (0, 0, 0)
            assert (report.missed, report.complete) == (0, True)
        assert path.read_bytes() == before
        other = next(row["dataset_id"] for row in read(path))
        await change(admin, other, title="Autrement")
        for changed in (1, 0):
            report = await bulk.harvest(listed, path, explode="resources", since="last")
            assert (report.added, report.changed, report.removed) == (0, changed, 0)
            assert report.missed <= changed
        await bulk.harvest(listed, fresh, explode="resources")
        await api.datasets.delete_dataset(admin, one.id)
    assert sorted(map(str, read(path))) == sorted(map(str, read(fresh)))


# ---- What a key shows

WITH_MORE: list[List] = [
    api.datasets.list_datasets,
    api.dataservices.list_dataservices,
    api.reuses.list_reuses,
    api.v2.datasets.list_datasets,
    api.v2.topics.list_topics,
]
"""The lists that may have more with a key; in both releases."""

THE_SAME: list[List] = [
    api.organizations.list_organizations,
    api.discussions.list_discussions,
    api.datasets.list_community_resources,
    api.harvest.list_harvest_sources,
    api.posts.list_posts,
    api.v2.datasets.search_datasets,
]


@pytest.mark.parametrize("listed", [*WITH_MORE, *THE_SAME])
async def test_what_only_a_key_shows_is_counted_and_can_be_left_out(
    own_portal: Portal, listed: List, tmp_path: Path
) -> None:
    public, keyed, plain = (tmp_path / f"{name}.jsonl" for name in ("public", "keyed", "plain"))
    async with client_of(own_portal.url, api_key="") as visitor:
        anonymous = await bulk.harvest(listed(visitor), plain)
    assert (anonymous.private, anonymous.deleted) == (0, 0)
    for key in (own_portal.user_api_key, own_portal.api_key):
        async with client_of(own_portal.url, api_key=key) as client:
            report = await bulk.harvest(listed(client, fields="id"), keyed, resume=False)
            assert report.complete
            assert max(map(len, read(keyed))) <= 1  # Fields that only count are not written.
            marked = report.private + report.deleted + report.archived
            more = report.items - anonymous.items
            assert (more <= marked) if listed in WITH_MORE else (more == marked == 0)
            assert bool(more) is bool(report.private + report.deleted)
            report = await bulk.harvest(listed(client), public, only_public=True, resume=False)
            assert (report.complete, report.total) == (True, anonymous.total)
            assert public.read_bytes() == plain.read_bytes()


async def test_the_counts_are_those_of_the_fields_of_the_items(
    own_portal: Portal, tmp_path: Path
) -> None:
    path = tmp_path / "a.jsonl"
    async with client_of(own_portal.url, api_key=own_portal.api_key) as admin:
        whole = [one async for one in api.datasets.list_datasets(admin)]
        expected = [sum(bool(getattr(one, mark)) for one in whole) for mark in MARKS]
        assert all(expected)
        listed = api.datasets.list_datasets(admin, fields="id", page_size=7)
        for report in (
            await bulk.harvest(listed, path),
            await bulk.harvest(listed, path, since="last"),
        ):
            assert [report.private, report.deleted, report.archived] == expected


async def test_an_update_removes_what_has_become_private(
    own_portal: Portal, tmp_path: Path
) -> None:
    path = tmp_path / "a.jsonl"
    async with client_of(own_portal.url, api_key=own_portal.api_key) as admin:
        listed = api.datasets.list_datasets(admin, fields="id,private")
        await bulk.harvest(listed, path, only_public=True)
        with pytest.raises(CheckpointError, match="key no there, yes here"):
            await bulk.harvest(listed, path, since="last")
        one = read(path)[5]["id"]
        await change(admin, one, private=True)
        report = await bulk.harvest(listed, path, only_public=True, since="last")
        assert (report.added, report.changed, report.removed) == (0, 0, 1)
        assert (report.complete, report.items, report.private) == (True, report.total, 0)
        assert one not in {row["id"] for row in read(path)}
        await change(admin, one, private=False)
        report = await bulk.harvest(listed, path, only_public=True, since="last")
        assert (report.added, report.complete) == (1, True)


async def test_a_list_that_needs_a_key_is_refused_without_it(
    own_portal: Portal, tmp_path: Path
) -> None:
    async with client_of(own_portal.url, api_key=own_portal.api_key) as admin:
        for listed in (
            api.reports.list_reports(admin),
            api.datasets.list_datasets(admin, private=True),
        ):
            with pytest.raises(AuthenticationError, match="only_public reads the list without the"):
                await bulk.harvest(listed, tmp_path / "a.jsonl", only_public=True)
            assert not [*tmp_path.iterdir()]
