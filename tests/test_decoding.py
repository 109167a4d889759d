"""Decoding answers: errors name the operation, the path and the reason."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from aiodatagouv import DecodeError
from aiodatagouv._decoding.json import decode
from aiodatagouv.models import Dataset, DatasetPage

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
        (list[Dataset], {}, "expected a list at $, got {}"),
        (list[Dataset], [{}, 3], "expected an object (Dataset) at $[1], got 3"),
        (DatasetPage, PAGE, "expected a list at $.data, got nothing"),
        (
            DatasetPage,
            PAGE | {"data": [], "total": "9"},
            "expected a whole number at $.total, got '9'",
        ),
        (list[str], ["csv", 7], "expected text at $[1], got 7"),
        (dict[str, Any], [], "expected an object at $, got []"),
        (int, True, "expected a whole number at $, got True"),
        (bool, 1, "expected true or false at $, got 1"),
        (float, "1", "expected a number at $, got '1'"),
    ],
)
def test_a_decode_error_names_the_path_and_the_reason(type_: Any, data: object, text: str) -> None:
    assert failure(type_, data) == text


def test_nan_infinity_and_lone_surrogates_are_accepted() -> None:
    dataset = decode("an_operation", b'{"extras": {"ratio": NaN, "more": -Infinity}}', Dataset)
    assert math.isnan(dataset.extras["ratio"])
    assert dataset.extras["more"] == -math.inf
    assert decode("an_operation", b'["\\ud800"]', Any) == ["\ud800"]


def test_json_nested_too_deeply_is_a_decode_error() -> None:
    with pytest.raises(DecodeError, match="expected JSON"):
        decode("an_operation", b"[" * 200_000, Any)


def test_valid_answers_are_decoded() -> None:
    assert decode("an_operation", b'["csv"]', list[str]) == ["csv"]
    assert decode("an_operation", b'{"a": [1]}', Any) == {"a": [1]}
    assert decode("an_operation", b'[{"id": "1"}]', list[Dataset]) == [
        Dataset.from_dict({"id": "1"})
    ]
    assert decode("an_operation", b"1", float) == 1
