"""What an operation answers that it should not is said with the place and the reason."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from aiodatagouv import DecodeError
from aiodatagouv.decoding import decode, mismatch
from aiodatagouv.models import Dataservice, Dataset, DatasetPage, Site

PAGE = {"page": 1, "page_size": 20, "total": 1, "next_page": None, "previous_page": None}


def failure(type_: Any, data: object) -> str:
    with pytest.raises(DecodeError) as caught:
        decode("an_operation", json.dumps(data).encode(), type_)
    return str(caught.value).removeprefix("an_operation: ")


@pytest.mark.parametrize(
    ("type_", "data", "text"),
    [
        (Dataset, [], "expected an object (Dataset) at $, got []"),
        (Dataset, None, "expected an object (Dataset) at $, got None"),
        (list[Dataset], {}, "expected list at $, got {}"),
        (
            Dataset,
            {"organization": "the city"},
            "expected an object (OrganizationReference) at $.organization, got 'the city'",
        ),
        (
            DatasetPage,
            PAGE | {"data": [{}, {"resources": [{"checksum": 7}]}]},
            "expected an object (Checksum) at $.data[1].resources[0].checksum, got 7",
        ),
        (DatasetPage, PAGE, "expected a value at $.data, got nothing"),
        (Dataset, {"created_at": "soon"}, "expected a date at $.created_at, got 'soon'"),
        (Dataset, {"created_at": 7}, "expected a date at $.created_at, got 7"),
        (list[str], ["csv", 7], "expected str at $[1], got 7"),
        (dict[str, Any], [], "expected an object at $, got []"),
    ],
)
def test_the_place_and_the_reason(type_: Any, data: object, text: str) -> None:
    assert failure(type_, data) == text


@pytest.mark.parametrize("missing", ["data", "total"])
def test_a_page_without_its_items_or_its_total(missing: str) -> None:
    text = failure(DatasetPage, PAGE | {"data": []} | {missing: None})
    assert f"at $.{missing}, got None" in text


def test_numbers_that_json_has_not_are_read_all_the_same() -> None:
    dataset = decode("an_operation", b'{"extras": {"ratio": NaN, "more": -Infinity}}', Dataset)
    assert math.isnan(dataset.extras["ratio"])
    assert dataset.extras["more"] == -math.inf
    assert decode("an_operation", b'["\\ud800"]', Any) == ["\ud800"]


def test_json_too_deep_for_python() -> None:
    with pytest.raises(DecodeError, match="expected JSON"):
        decode("an_operation", b"[" * 200_000, Any)


def test_what_fits_is_decoded() -> None:
    assert decode("an_operation", b'["csv"]', list[str]) == ["csv"]
    assert decode("an_operation", b'{"a": [1]}', Any) == {"a": [1]}
    assert decode("an_operation", b'[{"id": "1"}]', list[Dataset]) == [Dataset(id="1")]


@pytest.mark.parametrize(
    ("type_", "data"),
    [
        (Dataset, {"acronym": None, "frequency": "from the future", "quality": {"score": 1}}),
        (Dataset, {"title": "a", "tags": ["b"], "temporal_coverage": {"start": "2019-01-01"}}),
        (Dataservice, {"availability": 99, "private": False}),
        (Site, {"feed_size": 20}),
    ],
)
def test_nothing_is_found_wrong_with_what_is_right(type_: Any, data: Any) -> None:
    assert mismatch(type_, data) is None


def test_a_number_is_not_a_boolean_nor_the_other_way_round() -> None:
    assert mismatch(int, True) is not None
    assert mismatch(bool, 1) is not None
    assert mismatch(float, 1) is None
