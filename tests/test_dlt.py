"""The tables of the dlt source, and its arguments; `portal/test_dlt` runs pipelines."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import define

from aiodatagouv import Client, MaskError, Paginator, api
from aiodatagouv._dlt.tables import List
from aiodatagouv.dlt import source


@define
class Title:
    title: str


def columns_of(lists: str | list[str], table: str | None = None, **options: Any) -> dict[str, Any]:
    """Return the columns of a table as dlt describes them."""
    columns = source(lists, **options).resources[table or str(lists)].columns
    assert isinstance(columns, dict)
    return columns


def bikes(client: Client) -> Paginator[Any, Any]:
    return api.datasets.list_datasets(client, tag=["velo"])


def test_lists_are_named_as_functions_or_as_on_the_command_line() -> None:
    posts = api.posts.list_posts
    several: list[List] = ["datasets", "list_reuses", "community-resources", "v2.topics", posts]
    names = ["datasets", "reuses", "community_resources", "v2_topics", "posts"]
    assert [*source(several).resources] == names
    assert [*source(api.datasets.list_datasets).resources] == ["datasets"]
    assert [*source({"bikes": bikes, "all": "datasets"}).resources] == ["bikes", "all"]


def test_a_table_has_the_types_of_the_model() -> None:
    columns = columns_of("datasets")
    types = {name: one["data_type"] for name, one in columns.items()}
    scalars = {"id": "text", "private": "bool", "created_at": "timestamp", "_deleted": "bool"}
    assert types.items() >= scalars.items()
    nested = ["spatial", "extras", "resources", "organization", "additional_properties"]
    assert {types[name] for name in nested} == {"json"}
    assert [name for name, one in columns.items() if not one["nullable"]] == ["id"]
    assert columns["_deleted"]["hard_delete"]
    assert columns_of("organizations")["banner_image_position"]["data_type"] == "bigint"
    assert columns_of("dataservices")["availability"]["data_type"] == "double"


def test_the_fields_are_those_of_all_lists_or_of_each() -> None:
    own = ["additional_properties", "_fetched_at", "_deleted"]
    assert [*columns_of("datasets", fields="title")] == ["id", "title", *own]
    both, fields = ["datasets", "reuses"], {"reuses": "title,metrics"}
    assert "spatial" in columns_of(both, "datasets", fields=fields)
    assert [*columns_of(both, "reuses", fields=fields)] == ["id", "metrics", "title", *own]


def test_only_lists_that_can_be_brought_up_to_date_are_merged() -> None:
    several = source(["datasets", "reuses", "users", "v2.topics"]).resources
    assert {name: one.write_disposition for name, one in several.items()} == {
        "datasets": "merge",
        "reuses": "merge",
        "users": "replace",
        "v2_topics": "merge",
    }
    assert "_deleted" not in columns_of("users")


def test_several_lists_may_come_from_anywhere() -> None:
    names = ["datasets", "reuses"]
    for several in (names, tuple(names), dict.fromkeys(names), {*names}, (one for one in names)):
        lists: Any = several if not isinstance(several, dict) else several.keys()
        assert {*source(lists).resources} == {*names}


def test_a_mistake_is_an_error_before_any_request() -> None:
    mistakes: list[tuple[Any, dict[str, Any], str]] = [
        ("datset", {}, "there is no list 'datset'. Did you mean datasets"),
        ("v2.topic-elements", {}, "v2.topic-elements needs .*: give a function of a client"),
        (["datasets", bikes], {}, "two lists are named datasets"),
        ("datasets", {"fields": {"reuses": "id"}}, "reuses is none of the tables datasets"),
        ("datasets", {"concurrency": 0}, "concurrency is 0"),
        ("datasets", {"rate": 0}, "rate is 0"),
        ("datasets", {"base_url": "nowhere"}, "base_url"),
        ("datasets", {"rows": "tables"}, "rows is 'tables': it must be 'arrow' or 'dicts'"),
        ("datasets", {"max_table_nesting": 1}, "max_table_nesting must be 0, or .* rows='dicts'"),
        ({"a": lambda client: bikes(client).into(Title)}, {}, "a: give fields instead of a class"),
        ([], {}, "there are no lists to load"),
        ({}, {}, "there are no lists to load"),
    ]
    for arguments, options, text in mistakes:
        with pytest.raises(ValueError, match=text):
            source(arguments, **options)
    with pytest.raises(MaskError, match="did you mean title"):
        source("datasets", fields="titel")
    wrong: list[Any] = [api.site.get_site, {"a": api.site.get_site}, 5]
    for arguments in wrong:
        with pytest.raises(TypeError, match="makes no list: give a function"):
            source(arguments)
