"""Whatever a portal sends survives: nothing crashes, is lost, or changes on the way back."""

from __future__ import annotations

import copy
import datetime as dt
import pickle
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aiodatagouv import UNSET, Unset, models
from aiodatagouv._model import Model, attributes
from aiodatagouv.models import Dataset, DatasetPage, HarvestItem, HarvestJob, ReuseWrite

MODELS: list[type[Model]] = [
    value
    for value in (getattr(models, name) for name in models.__all__)
    if isinstance(value, type) and issubclass(value, Model)
]

PLAIN_JSON = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
KEYS = st.text("abcdefgh_", min_size=1, max_size=8)
OBJECTS = st.dictionaries(KEYS, PLAIN_JSON | st.lists(PLAIN_JSON, max_size=2), max_size=3)
DATES = st.sampled_from(
    [
        "2024-05-03T12:30:00.123000+00:00",
        "2024-05-03T12:30:00",
        "2024-05-03T12:30:00Z",
        "2024-05-03T14:30:00+02:00",
        "2024-05-03",
        "20240503",
        "3 May 2024",
        "Fri, 03 May 2024 12:30:00 GMT",
        "2024",
    ]
)


def json_of(hint: Any, depth: int) -> st.SearchStrategy[Any]:
    """JSON that fits a declared type, and for strings that are enums, values from the future."""
    arguments = get_args(hint)
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        return st.one_of([json_of(one, depth) for one in arguments if one is not Unset])
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin is list:
        return st.lists(json_of(arguments[0], depth - 1), max_size=2 if depth > 0 else 0)
    if origin is dict:
        return OBJECTS
    if isinstance(hint, type) and issubclass(hint, Model):
        return json_object(hint, depth - 1)
    return {
        str: st.text(max_size=5),
        int: st.integers(),
        float: st.floats(allow_nan=False, allow_infinity=False) | st.integers(),
        bool: st.booleans(),
        type(None): st.none(),
        dt.datetime: DATES,
        dt.date: DATES,
    }.get(hint, PLAIN_JSON)


def json_object(model: type[Model], depth: int = 3) -> st.SearchStrategy[dict[str, Any]]:
    """Objects that a portal may send: any field absent that may be, and fields nobody knows."""
    hints = get_type_hints(model)
    required: dict[str, st.SearchStrategy[Any]] = {}
    optional: dict[str, st.SearchStrategy[Any]] = {}
    for key, name in attributes(model).items():
        can_be_absent = Unset in get_args(hints[name])
        if depth > 0 or not can_be_absent:
            (optional if can_be_absent else required)[key] = json_of(hints[name], depth)
    known = st.fixed_dictionaries(required, optional=optional)
    unknown = OBJECTS.map(lambda extra: {f"future_{key}": value for key, value in extra.items()})
    return st.builds(lambda one, other: {**one, **other}, known, unknown)


ANSWERED = [model for model in MODELS if "File" not in str(get_type_hints(model))]
"""All but the forms, which are only ever sent."""


@pytest.mark.parametrize("model", ANSWERED, ids=lambda one: one.__name__)
@settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(data=st.data())
def test_every_object_comes_back_as_it_was(model: type[Model], data: st.DataObject) -> None:
    sent = data.draw(json_object(model))
    decoded = model.from_dict(sent)
    assert decoded.to_dict() == sent
    assert pickle.loads(pickle.dumps(decoded)) == decoded
    assert copy.deepcopy(decoded).to_dict() == sent


def test_absent_null_and_present_are_told_apart() -> None:
    dataset = Dataset.from_dict({"title": "Vélos", "acronym": None})
    assert dataset.title == "Vélos"
    assert dataset.acronym is None
    assert dataset.slug is UNSET
    assert dataset.to_dict() == {"title": "Vélos", "acronym": None}


def test_unset_is_falsy_and_stays_itself() -> None:
    assert not UNSET
    assert pickle.loads(pickle.dumps(UNSET)) is UNSET
    assert copy.deepcopy(UNSET) is UNSET
    assert f"{UNSET}" == "UNSET"
    assert copy.deepcopy(Dataset()).slug is UNSET
    assert pickle.loads(pickle.dumps(Dataset())).slug is UNSET


def test_fields_that_the_api_gains_are_kept() -> None:
    dataset = Dataset.from_dict({"title": "Vélos", "carbon": {"kg": 3}})
    assert dataset.additional_properties == {"carbon": {"kg": 3}}
    assert dataset.to_dict() == {"title": "Vélos", "carbon": {"kg": 3}}


def test_values_that_an_enum_gains_are_strings() -> None:
    assert Dataset.from_dict({"frequency": "everyFullMoon"}).frequency == "everyFullMoon"


def test_a_null_object_and_a_null_list_are_none() -> None:
    dataset = Dataset.from_dict({"organization": None, "resources": None})
    assert dataset.organization is None
    assert dataset.resources is None


def test_a_field_of_several_types_is_each_of_them() -> None:
    """The items of a harvest's job: a link to them, or in older releases the items themselves."""
    link = {"href": "https://portal.example/api/1/harvest/job/1/items/"}
    assert HarvestJob.from_dict({"items": link}).items == link
    items = HarvestJob.from_dict({"items": [{"remote_id": "a"}]}).items
    assert items == [HarvestItem(remote_id="a")]
    assert HarvestJob.from_dict({"items": None}).items is None
    assert HarvestJob.from_dict({}).items is UNSET


def test_an_empty_object_is_an_object() -> None:
    assert type(Dataset.from_dict({"quality": {}, "owner": {}}).owner).__name__ == "UserReference"


def test_a_page_always_has_its_items() -> None:
    page = DatasetPage.from_dict(
        {
            "data": [{"id": "1"}],
            "page": 1,
            "page_size": 20,
            "total": 1,
            "next_page": None,
            "previous_page": None,
        }
    )
    assert [dataset.id for dataset in page.data] == ["1"]


def test_python_keywords_get_an_underscore() -> None:
    reference = models.BaseReference.from_dict({"class": "Dataset", "id": "1"})
    assert reference.class_ == "Dataset"
    assert reference.to_dict() == {"class": "Dataset", "id": "1"}


def test_a_body_sends_what_was_set() -> None:
    body = ReuseWrite(title="Carte", tags=[], deleted=None)
    assert body.to_dict() == {"title": "Carte", "tags": [], "deleted": None}


def test_the_repr_leaves_out_what_is_not_set() -> None:
    assert repr(Dataset(title="Vélos", acronym=None)) == "Dataset(acronym=None, title='Vélos')"


def test_every_model_is_listed() -> None:
    assert set(dir(models)) >= {"Dataset", "Reuse", "DatasetFrequency"}
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        models.Nothing  # noqa: B018
