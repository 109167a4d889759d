"""Calls prepared from an operation: path, query and validation, without sending anything."""

from __future__ import annotations

import datetime as dt
import sys
from types import ModuleType, SimpleNamespace
from typing import Any, Literal, cast

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from aiodatagouv import UNSET
from aiodatagouv._call.call import Call, prepare
from aiodatagouv.operation import Operation

GET_RESOURCE = Operation(
    id="get_resource",
    method="GET",
    path="/datasets/{dataset}/resources/{rid}/",
    tag="datasets",
    kind="json",
    summary="Get a resource.",
)


LIST_TOPICS = Operation(
    id="v2.get_topics_api",
    name="v2.list_topics",
    method="GET",
    path="/topics/",
    tag="v2.topics",
    kind="page",
    summary="List all topics.",
    version=2,
    item="v2.Topic",
    package="other",
)


def call(dataset: str = "velos", **query: object) -> Call:
    return prepare(GET_RESOURCE, path={"dataset": dataset, "rid": 7}, query=query)  # type: ignore[arg-type]


@pytest.fixture
def other(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The modules of a generated package: the name of each, and its members."""
    names: dict[str, dict[str, Any]] = {
        "other.api.datasets": {"get_resource": lambda: None},
        "other.api.v2.topics": {"list_topics": lambda: None},
        "other.models": {"Resource": type("Resource", (), {})},
        "other.models.v2": {"Topic": type("Topic", (), {})},
        "other.models.enums": {"Kind": Literal["a", "b"]},
        "other.models.v2.enums": {"ListTopicsSort": Literal["name", "-name"]},
    }
    for name, members in names.items():
        monkeypatch.setitem(sys.modules, name, cast("ModuleType", SimpleNamespace(**members)))
    return names


def test_an_operation_finds_its_function_and_models_in_the_modules_of_its_version(
    other: dict[str, Any],
) -> None:
    one, two = evolve(GET_RESOURCE, item="Resource", package="other"), LIST_TOPICS
    assert one.function is other["other.api.datasets"]["get_resource"]
    assert two.function is other["other.api.v2.topics"]["list_topics"]
    assert two.model is other["other.models.v2"]["Topic"]
    for operation in (one, two):
        assert operation.model_called("Resource") is other["other.models"]["Resource"]
        assert operation.known_values("Kind") == ("a", "b")
        assert operation.known_values("v2.ListTopicsSort") == ("name", "-name")
        assert operation.known_values("v2.Kind") == operation.known_values("ListTopicsSort") == ()


def test_path_parameters_are_filled_in() -> None:
    assert call().path == "datasets/velos/resources/7/"


@pytest.mark.parametrize("value", ["", ".", "..", "a/b", "/", "a\\b", "../users"])
def test_a_path_parameter_that_would_change_the_path_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="get_resource: the path parameter dataset is"):
        call(value)


@pytest.mark.parametrize("value", [UNSET, None, b"velos", 1.5, ["velos"]])
def test_a_path_parameter_must_be_text_or_a_whole_number(value: Any) -> None:
    with pytest.raises(ValueError, match="get_resource: the path parameter dataset is"):
        call(value)


@pytest.mark.parametrize("value", [UNSET, b"velos", [None], {"a": 1}])
def test_a_query_parameter_of_an_unsupported_type_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="get_resource: the parameter q is"):
        call(q=value)


@given(st.text(min_size=1).filter(lambda text: text.isprintable()))
def test_a_path_parameter_stays_one_segment(value: str) -> None:
    if value in (".", "..") or set(value) & set("/\\"):
        return
    segments = call(value).path.split("/")
    assert len(segments) == 5
    assert not set(segments[1]) & set("?#%") - {"%"}


def test_the_query_encodes_the_given_parameters() -> None:
    query = call(
        q="vélo & cie",
        page=2,
        featured=True,
        private=False,
        tag=["bus", "tram"],
        since=dt.date(2024, 5, 3),
        license=None,
    ).query_pairs
    assert query == [
        ("q", "vélo & cie"),
        ("page", "2"),
        ("featured", "true"),
        ("private", "false"),
        ("tag", "bus"),
        ("tag", "tram"),
        ("since", "2024-05-03"),
    ]


def test_with_query_returns_a_new_call() -> None:
    first = call(page=1, q="bus")
    assert first.with_query(page=2).query == {"page": 2, "q": "bus"}
    assert first.query == {"page": 1, "q": "bus"}
