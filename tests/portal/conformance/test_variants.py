"""Tests of the changes that simulate responses of other releases."""

from __future__ import annotations

from aiodatagouv.models import DatasetPage

from .variants import (
    changed,
    with_enums_of_the_future,
    with_unknown_fields,
    without_optional_fields,
)

PAGE = {
    "data": [
        {
            "title": "Vélos",
            "frequency": "annual",
            "badges": [{"kind": "hvd"}],
            "access_audiences": [{"role": "private", "condition": None}],
            "extras": {"frequency": "annual"},
            "harvest": {"backend": "dcat"},
            "community_resources": [],
            "carbon": 3,
        }
    ],
    "page": 1,
    "page_size": 20,
    "total": 1,
    "next_page": None,
    "previous_page": None,
}


def test_enums_at_any_depth_have_other_values() -> None:
    (dataset,) = changed(with_enums_of_the_future, DatasetPage.from_dict(PAGE), PAGE)["data"]
    assert dataset == {
        "title": "Vélos",
        "frequency": "annual-of-the-future",
        "badges": [{"kind": "hvd"}],  # Declared as a string, not as an enum.
        "access_audiences": [{"role": "private-of-the-future", "condition": None}],
        "extras": {"frequency": "annual"},
        "harvest": {"backend": "dcat"},
        "community_resources": [],
        "carbon": 3,
    }


def test_objects_at_any_depth_have_more_fields() -> None:
    page = changed(with_unknown_fields, DatasetPage.from_dict(PAGE), PAGE)
    (dataset,) = page["data"]
    for one in (page, dataset, dataset["badges"][0], dataset["access_audiences"][0]):
        assert one["of_the_future"] == {"deep": [1, None, "é"]}
    assert dataset["extras"] == {"frequency": "annual"}


def test_objects_have_only_what_they_must_have() -> None:
    page = changed(without_optional_fields, DatasetPage.from_dict(PAGE), PAGE)
    (dataset,) = page["data"]
    assert dataset["harvest"] == {}
    assert {"carbon", "community_resources"}.isdisjoint(dataset)
    assert dataset["badges"] == [{"kind": "hvd"}]
