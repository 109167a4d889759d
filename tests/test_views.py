"""Views: answers decoded from their JSON on access, without losing any of it."""

from __future__ import annotations

import copy
import datetime as dt
import gc
import json
import pickle
import weakref
from importlib import import_module
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

import attrs
import msgspec
import pytest
from attrs.exceptions import FrozenInstanceError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.pretty import pretty_repr

from aiodatagouv import DataGouvError, DecodeError, MissingFieldError, models
from aiodatagouv._decoding.declared import declared
from aiodatagouv._decoding.json import decode
from aiodatagouv._decoding.place import Origin
from aiodatagouv._fields.mask import parse
from aiodatagouv._views.page import PageView
from aiodatagouv._views.view import View
from aiodatagouv.models import (
    ApiTokenCreated,
    Dataset,
    DatasetPage,
    HarvestItem,
    HarvestJob,
    ModelReference,
    Post,
)

from .harvests import histories

VIEWS: list[type[View]] = [
    value
    for package in (models, models.v2)
    for value in (getattr(package, name) for name in package.__all__)
    if isinstance(value, type) and issubclass(value, View)
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
PAGE = {"page": 1, "page_size": 20, "total": 1, "next_page": None, "previous_page": None}


def json_of(hint: Any, depth: int) -> st.SearchStrategy[Any]:
    """Return a strategy for the JSON of a declared type, with unknown values of enums."""
    arguments = get_args(hint)
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        return st.one_of([json_of(one, depth) for one in arguments])
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin is list:
        return st.lists(json_of(arguments[0], depth - 1), max_size=2 if depth > 0 else 0)
    if origin is dict:
        return OBJECTS
    if isinstance(hint, type) and issubclass(hint, View):
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


def json_object(model: type[View], depth: int = 3) -> st.SearchStrategy[dict[str, Any]]:
    """Return a strategy for the objects of a model, with missing and with unknown fields."""
    fields = {key: json_of(one.type, depth) for key, one in declared(model).items() if depth > 0}
    if issubclass(model, PageView):
        required = ("data", "page", "page_size", "total")
        known = st.fixed_dictionaries(
            {key: json_of(declared(model)[key].type, depth) for key in required},
            optional={key: one for key, one in fields.items() if key not in required},
        )
    else:
        known = st.fixed_dictionaries({}, optional=fields)
    unknown = OBJECTS.map(lambda extra: {f"future_{key}": value for key, value in extra.items()})
    return st.builds(lambda one, other: {**one, **other}, known, unknown)


@pytest.mark.parametrize("model", VIEWS, ids=lambda one: one.__name__)
@settings(
    max_examples=histories(5),
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(data=st.data())
def test_every_object_round_trips_unchanged(model: type[View], data: st.DataObject) -> None:
    sent = data.draw(json_object(model))
    view = model.from_dict(sent)
    view.check()
    assert view.to_dict() == sent
    assert pickle.loads(pickle.dumps(view)) == view
    assert copy.deepcopy(view).to_dict() == sent
    repr(view)


def test_attributes_are_decoded_on_access() -> None:
    dataset = Dataset.from_dict(
        {
            "title": "Vélos",
            "acronym": None,
            "created_at": "2024-05-03T12:30:00Z",
            "organization": {"name": "Ville de Nantes"},
            "resources": [{"title": "Bornes"}, {"title": "Pistes"}],
        }
    )
    assert dataset.title == "Vélos"
    assert dataset.acronym is None
    assert dataset.created_at == dt.datetime(2024, 5, 3, 12, 30, tzinfo=dt.UTC)
    assert dataset.organization is not None
    assert dataset.organization.name == "Ville de Nantes"
    assert dataset.organization is dataset.organization
    assert [one.title for one in dataset.resources] == ["Bornes", "Pistes"]
    assert dataset.resources[0] is dataset.resources[0]


# ---- Missing fields


def answered(mask: str | None, **json: Any) -> Dataset:
    """Return a dataset as the first one of a list that was called with a mask."""
    origin = Origin("list_datasets", None if mask is None else {"data": parse(mask), "*": None})
    return DatasetPage._read({"data": [json], **PAGE}, origin).data[0]


def test_a_field_outside_the_mask_raises_missing_field_error() -> None:
    dataset = answered("id,organization{name}", id="1", organization={"name": "Nantes"})
    with pytest.raises(MissingFieldError) as caught:
        _ = dataset.title
    assert caught.value.is_masked
    assert str(caught.value) == (
        "list_datasets: Dataset.title is missing at $.data[0].title: "
        "it is not among the fields that were asked for"
    )
    assert dataset.organization is not None
    with pytest.raises(MissingFieldError, match=r"organization.slug: it is not among"):
        _ = dataset.organization.slug


def test_a_field_not_sent_by_the_portal_raises_missing_field_error() -> None:
    for dataset in (answered(None, id="1"), answered("id,doi", id="1"), answered("*", id="1")):
        with pytest.raises(MissingFieldError) as caught:
            _ = dataset.doi
        assert not caught.value.is_masked
        assert str(caught.value) == (
            "list_datasets: Dataset.doi is missing at $.data[0].doi: "
            "the release of udata that this portal runs does not send it here"
        )


def test_a_field_declared_absent_is_none_unless_masked() -> None:
    assert Post.from_dict({"id": "1"}).blocs is None
    post = Post._read({"id": "1"}, Origin("get_post", parse("id")))
    with pytest.raises(MissingFieldError, match="not among the fields"):
        _ = post.blocs


def test_missing_fields_work_with_hasattr_and_getattr() -> None:
    dataset = Dataset.from_dict({"id": "1"})
    assert hasattr(dataset, "id")
    assert not hasattr(dataset, "title")
    assert getattr(dataset, "title", "untitled") == "untitled"
    with pytest.raises(DataGouvError):
        _ = dataset.title
    with pytest.raises(AttributeError) as caught:
        dataset.nothing  # type: ignore[attr-defined]  # noqa: B018
    assert not isinstance(caught.value, MissingFieldError)


def test_a_property_of_a_subclass_names_the_missing_field() -> None:
    class Shouted(Dataset, init=False):
        @property
        def shout(self) -> str:
            return self.title.upper()

    assert Shouted.from_dict({"title": "vélos"}).shout == "VÉLOS"
    with pytest.raises(MissingFieldError, match=r"Shouted\.title is missing"):
        _ = Shouted.from_dict({}).shout


def test_a_subclass_can_declare_additional_fields() -> None:
    class Weighed(Dataset, init=False):
        carbon: int

    weighed = Weighed.from_dict({"title": "Vélos", "carbon": 3, "wind": 4})
    assert (weighed.title, weighed.carbon) == ("Vélos", 3)
    assert weighed.additional_properties == {"wind": 4}


# ---- Decoding errors


@pytest.mark.parametrize(
    ("json", "text"),
    [
        ({"created_at": "soon"}, "expected a date at $.data[0].created_at (id 1), got 'soon'"),
        ({"created_at": 7}, "expected a date at $.data[0].created_at (id 1), got 7"),
        ({"created_at": None}, "expected a date at $.data[0].created_at (id 1), got None"),
        ({"title": 7}, "expected text at $.data[0].title (id 1), got 7"),
        ({"title": None}, "expected text at $.data[0].title (id 1), got None"),
        ({"private": 1}, "expected true or false at $.data[0].private (id 1), got 1"),
        ({"tags": "velo"}, "expected a list at $.data[0].tags (id 1), got 'velo'"),
        ({"tags": ["velo", 7]}, "expected text at $.data[0].tags[1] (id 1), got 7"),
        ({"extras": []}, "expected an object at $.data[0].extras (id 1), got []"),
        (
            {"organization": "Nantes"},
            "expected an object (OrganizationReference) or null at $.data[0].organization (id 1), "
            "got 'Nantes'",
        ),
        (
            {"resources": [{}, 3]},
            "expected an object (Resource) at $.data[0].resources[1] (id 1), got 3",
        ),
    ],
)
def test_an_undecodable_value_is_an_error_on_access(json: dict[str, Any], text: str) -> None:
    dataset = answered(None, id="1", slug="velos", **json)
    (name,) = json
    with pytest.raises(DecodeError) as caught:
        getattr(dataset, name)
    assert str(caught.value) == f"list_datasets: {text}"
    assert (caught.value.operation, caught.value.id) == ("list_datasets", "1")
    assert dataset.slug == "velos"
    assert dataset.to_dict()[name] == json[name]
    assert name in repr(dataset)
    with pytest.raises(DecodeError):
        dataset.check()


def test_check_finds_a_deeply_nested_undecodable_value() -> None:
    dataset = answered(None, id="1", resources=[{"id": "a"}, {"id": "b", "filesize": "12 kB"}])
    with pytest.raises(DecodeError) as caught:
        dataset.check()
    assert str(caught.value) == (
        "list_datasets: expected a whole number or null at $.data[0].resources[1].filesize "
        "(id b), got '12 kB'"
    )


@pytest.mark.parametrize(
    ("broken", "names"),
    [
        ({"last_update": "demain"}, {"last_update"}),
        ({"resources": [{"filesize": "beaucoup"}]}, set()),
        ({"spatial": {"zones": 3}}, set()),
        ({"quality": None, "owner": 3}, {"quality", "owner"}),
    ],
)
def test_a_broken_value_does_not_affect_other_values(
    broken: dict[str, Any], names: set[str]
) -> None:
    whole: dict[str, Any] = {
        "id": "1",
        "title": "Vélos",
        "last_update": "2024-05-03",
        "resources": [],
        "spatial": None,
        "quality": {},
        "owner": None,
    }
    items = [{**whole, "id": str(number)} for number in range(100)]
    items[42] |= broken
    page = DatasetPage.from_dict({"data": items, **PAGE})
    for number, dataset in enumerate(page.data):
        for name in whole:
            if number == 42 and name in names:
                with pytest.raises(DecodeError):
                    getattr(dataset, name)
            else:
                getattr(dataset, name)
        if number != 42:
            dataset.check()


@pytest.mark.parametrize("value", [None, [], "text", 7, True])
def test_a_view_must_be_an_object(value: Any) -> None:
    with pytest.raises(DecodeError, match=r"expected an object \(Dataset\) at \$"):
        Dataset.from_dict(value)


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("total", None, "expected a whole number at $.total, got None"),
        ("page", "1", "expected a whole number at $.page, got '1'"),
        ("page_size", 4.5, "expected a whole number at $.page_size, got 4.5"),
        ("page_size", True, "expected a whole number at $.page_size, got True"),
        ("data", None, "expected a list at $.data, got None"),
        ("data", [{}, None], "expected an object at $.data[1], got None"),
    ],
)
def test_the_envelope_of_a_page_is_checked_eagerly(name: str, value: Any, text: str) -> None:
    with pytest.raises(DecodeError) as caught:
        DatasetPage.from_dict({"data": [], **PAGE, name: value})
    assert str(caught.value) == text


# ---- Preserved values


def test_unknown_fields_and_values_are_kept() -> None:
    json = {"title": "Vélos", "frequency": "everyFullMoon", "carbon": {"kg": 3}}
    dataset = Dataset.from_dict(json)
    assert dataset.frequency == "everyFullMoon"
    assert dataset.additional_properties == {"carbon": {"kg": 3}}
    assert dataset.to_dict() == json


def test_a_union_field_accepts_each_of_its_types() -> None:
    """The items of a harvest job are a link, or in older releases the items themselves."""
    link = {"href": "https://portal.example/api/1/harvest/job/1/items/"}
    assert HarvestJob.from_dict({"items": link}).items == link
    items = HarvestJob.from_dict({"items": [{"remote_id": "a"}]}).items
    assert items == [HarvestItem.from_dict({"remote_id": "a"})]


def test_python_keywords_get_an_underscore() -> None:
    reference = ModelReference.from_dict({"class": "Dataset", "id": "1"})
    assert reference.class_ == "Dataset"
    assert attrs.fields(ModelReference).class_.metadata["key"] == "class"


def test_a_view_is_read_only() -> None:
    dataset = Dataset.from_dict({"title": "Vélos"})
    for name in ("title", "resources", "nothing"):
        with pytest.raises(FrozenInstanceError):
            setattr(dataset, name, "x")
    with pytest.raises(FrozenInstanceError):
        del dataset.title


def test_a_view_returns_copies() -> None:
    json = {"tags": ["velo"], "extras": {"a": 1}, "resources": [{"title": "Bornes"}]}
    dataset = Dataset.from_dict(copy.deepcopy(json))
    dataset.tags.append("x")
    dataset.extras["b"] = 2
    dataset.resources.clear()
    del dataset.to_dict()["tags"]
    assert dataset.to_dict() == json
    assert [one.title for one in dataset.resources] == ["Bornes"]


def test_views_with_equal_json_are_equal() -> None:
    one, other = Dataset.from_dict({"id": "1"}), Dataset.from_dict({"id": "1"})
    assert one == other
    assert one != Dataset.from_dict({"id": "2"})
    assert one != models.Reuse.from_dict({"id": "1"})
    assert copy.copy(one) == one
    with pytest.raises(TypeError, match="unhashable"):
        hash(one)


def test_an_item_does_not_keep_its_page_in_memory() -> None:
    page = decode(
        "list_datasets",
        b'{"data": [{"id": "1"}], "page": 1, "page_size": 20, "total": 1}',
        DatasetPage,
    )
    item, gone = page.data[0], weakref.ref(page)
    del page
    gc.collect()
    assert gone() is None
    assert item.id == "1"


# ---- Representation


def test_the_repr_shows_the_received_fields() -> None:
    dataset = Dataset.from_dict({"title": "Vélos", "acronym": None, "carbon": 3})
    assert repr(dataset) == (
        "Dataset(acronym=None, title='Vélos', additional_properties={'carbon': 3})"
    )


def test_a_secret_can_be_read_but_is_never_shown() -> None:
    created = ApiTokenCreated.from_dict({"id": "1", "token": "SECRET"})
    assert created.token == "SECRET"
    assert f"{created.token}" == "SECRET"
    whole = ApiTokenCreated.from_dict(
        {one.key: None for one in declared(ApiTokenCreated).values()}
        | {"id": "1", "scopes": [], "token": "SECRET", "created_at": "2024-05-03"}
        | {"token_prefix": "SEC", "kind": "api_key", "user_agents": []}
    )
    for shown in (repr(created), repr(created.token), pretty_repr(created)):
        assert "SECRET" not in shown
        assert "***" in shown
    assert "SECRET" not in repr(attrs.asdict(whole))


def test_attrs_introspection_lists_the_fields() -> None:
    assert attrs.has(Dataset)
    assert attrs.fields(Dataset).title.name == "title"


@pytest.mark.parametrize("model", VIEWS, ids=lambda one: one.__name__)
def test_no_view_has_a_field_that_may_be_unset(model: type[View]) -> None:
    assert "Unset" not in str({key: one.type for key, one in declared(model).items()})
    assert {"Unset", "UNSET"}.isdisjoint(vars(import_module(model.__module__)))


def test_models_are_listed_by_dir() -> None:
    assert set(dir(models)) >= {"Dataset", "Reuse", "DatasetFrequency"}
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        models.Nothing  # type: ignore[attr-defined]  # noqa: B018


def test_an_undecodable_secret_is_not_shown() -> None:
    assert "SECRET" not in repr(ApiTokenCreated.from_dict({"token": ["SECRET"]}))


def test_a_missing_field_error_does_not_keep_the_object() -> None:
    created = ApiTokenCreated.from_dict({"token": "SECRET"})
    with pytest.raises(MissingFieldError) as caught:
        _ = created.id
    assert caught.value.obj is None
    assert caught.value.name == "id"
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.model, again.field) == (str(caught.value), "ApiTokenCreated", "id")


# ---- Subclasses of models


def test_a_property_that_overrides_a_field_is_applied_once() -> None:
    class Quoted(models.Frequency, init=False):
        @property  # type: ignore[misc]
        def label(self) -> str:
            return f"<{super().label}>"

    assert Quoted.from_dict({"label": "a"}).label == "<a>"


def test_a_subclass_may_declare_defaults() -> None:
    class Weighed(Dataset, init=False):
        carbon: int | None = None

    assert Weighed.from_dict({}).carbon is None
    assert Weighed.from_dict({"carbon": 3}).carbon == 3


def test_an_unsupported_type_is_refused_on_access() -> None:
    class Odd(Dataset, init=False):
        size: complex

    odd = Odd.from_dict({"title": "Vélos", "size": 3})
    assert odd.title == "Vélos"
    with pytest.raises(TypeError, match=r"Odd\.size is declared as <class 'complex'>"):
        _ = odd.size


def test_a_subclass_may_declare_nested_lists() -> None:
    class Grid(Dataset, init=False):
        rows: list[list[int]]

    assert Grid.from_dict({"rows": [[1], [2, 3]]}).rows == [[1], [2, 3]]
    with pytest.raises(DecodeError, match=r"expected a whole number at \$\.rows\[1\]\[0\]"):
        _ = Grid.from_dict({"rows": [[1], ["x"]]}).rows


# ---- Other behaviour


def test_objects_in_a_list_are_copied_too() -> None:
    post = Post.from_dict({"blocs": [{"class": "MarkdownBloc"}]})
    assert post.blocs is not None
    post.blocs[0]["class"] = "x"
    assert post.to_dict() == {"blocs": [{"class": "MarkdownBloc"}]}


def test_no_error_contains_a_secret() -> None:
    with pytest.raises(DecodeError) as caught:
        _ = ApiTokenCreated.from_dict({"token": ["SECRET"]}).token
    assert "SECRET" not in str(caught.value)


def test_a_missing_field_error_suppresses_its_context() -> None:
    with pytest.raises(MissingFieldError) as caught:
        _ = Dataset.from_dict({}).title
    assert caught.value.__suppress_context__
    assert caught.value.attempts == 0


def test_only_to_dict_converts_a_view_to_json() -> None:
    """Most encoders refuse a view; msgspec encodes it as an attrs object without values."""
    dataset = Dataset.from_dict({"id": "1"})
    with pytest.raises(TypeError):
        json.dumps(dataset)
    assert msgspec.json.encode(dataset) == b"{}"
    assert msgspec.json.encode(dataset.to_dict()) == b'{"id":"1"}'


@pytest.mark.parametrize("given", [{}, {"title": "Vélos"}, {"json": {}, "title": "Vélos"}])
def test_an_error_says_how_an_object_is_made(given: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=r"Dataset\.from_dict\(.*FakePortal\.add\(Dataset, "):
        Dataset(**given)
    assert Dataset({"title": "Vélos"}).title == "Vélos"
