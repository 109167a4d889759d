"""Projections: classes that answers are decoded into, their masks and permitted types."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
from typing import Annotated, Any, Generic, Literal, NamedTuple, NotRequired, TypedDict, TypeVar

import msgspec
import pytest
from attrs import Factory, define, field

from aiodatagouv import OPERATIONS, DecodeError, MaskError
from aiodatagouv._fields import mask as masks
from aiodatagouv._fields.projection import Page, projection_of
from aiodatagouv.api import v2
from aiodatagouv.models import Dataset
from aiodatagouv.models.enums import DatasetFrequency

DATASET = OPERATIONS["get_dataset"]
DATASETS = OPERATIONS["list_datasets"]


@define
class Org:
    name: str
    class_: str | None
    logo: str | None = None


@define
class Checksum:
    value: str
    type: str | None


@define
class File:
    url: str
    checksum: Checksum | None = None


@define
class Title:
    id: str
    title: str
    organization: Org | None
    resources: list[File]
    created_at: dt.datetime
    extras: dict[str, Any] | None = None


@dataclasses.dataclass
class OrgData:
    name: str


@dataclasses.dataclass
class TitleData:
    title: str
    organization: OrgData | None = None
    tags: tuple[str, ...] | None = dataclasses.field(default=())


class OrgDict(TypedDict):
    name: str


class TitleDict(TypedDict):
    title: str
    organization: OrgDict | None
    acronym: NotRequired[str | None]


class OrgStruct(msgspec.Struct, rename={"kind": "class"}):
    kind: str | None
    name: str


class TitleStruct(msgspec.Struct, frozen=True, kw_only=True):
    label: str = msgspec.field(name="title")
    organization: OrgStruct | None
    frequency: DatasetFrequency | str | None = None
    resources: list[dict[str, Any]] = []


ANSWER = b"""{
    "id": "1", "title": "V\xc3\xa9los", "created_at": "2026-01-02T03:04:05.000006+00:00",
    "organization": {"name": "Nantes", "class": "Organization", "logo": null, "page": "x"},
    "resources": [{"url": "u", "checksum": {"value": "v", "type": "sha1"}}, {"url": "w"}],
    "tags": ["a", "b"], "frequency": "monthly", "extras": {"a.b": [1]}, "unasked": 1
}"""


def mask(class_: type[Any]) -> str:
    return masks.write(projection_of(class_, DATASET).mask)


def test_the_mask_of_a_class_lists_its_fields() -> None:
    assert mask(Title) == (
        "id,title,organization{name,class,logo},resources{url,checksum{value,type}},"
        "created_at,extras"
    )
    assert mask(TitleData) == "title,organization{name},tags"
    assert mask(TitleDict) == "acronym,organization{name},title"
    assert mask(TitleStruct) == "title,organization{class,name},frequency,resources"


def test_attrs_classes_may_be_nested_and_renamed() -> None:
    filled = projection_of(Title, DATASET).one("get_dataset", ANSWER)
    assert filled == Title(
        id="1",
        title="Vélos",
        organization=Org(name="Nantes", class_="Organization"),
        resources=[File(url="u", checksum=Checksum(value="v", type="sha1")), File(url="w")],
        created_at=dt.datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=dt.UTC),
        extras={"a.b": [1]},
    )


def test_dataclasses_are_filled() -> None:
    filled = projection_of(TitleData, DATASET).one("get_dataset", ANSWER)
    assert filled == TitleData("Vélos", OrgData("Nantes"), ("a", "b"))


def test_typed_dicts_hold_only_their_declared_keys() -> None:
    filled = projection_of(TitleDict, DATASET).one("get_dataset", ANSWER)
    assert filled == {"title": "Vélos", "organization": {"name": "Nantes"}}


def test_structs_support_the_renames_of_msgspec() -> None:
    filled = projection_of(TitleStruct, DATASET).one("get_dataset", ANSWER)
    assert filled == TitleStruct(
        label="Vélos",
        organization=OrgStruct(kind="Organization", name="Nantes"),
        frequency="monthly",
        resources=[{"url": "u", "checksum": {"value": "v", "type": "sha1"}}, {"url": "w"}],
    )


def test_lists_and_pages_are_decoded() -> None:
    one = b'{"title": "a", "organization": null}'
    filled = projection_of(TitleDict, DATASETS)
    assert filled.many("x", b"[%b, %b]" % (one, one)) == [{"title": "a", "organization": None}] * 2
    envelope = b'{"data": [%b], "page": 2, "page_size": 1, "total": 2, "next_page": null, '
    page = filled.page("x", envelope % one + b'"previous_page": "p"}')
    assert page == Page([{"title": "a", "organization": None}], 2, 1, 2, None, "p")


def test_a_missing_field_gets_the_default_of_the_class() -> None:
    @define
    class Sparse:
        title: str = "untitled"

    assert projection_of(Sparse, DATASET).one("x", b"{}") == Sparse()


@define
class Dates:
    created_at: dt.datetime | None
    last_modified: str | None = None


@pytest.mark.parametrize(
    "written",
    ["2014-12-05T00:00:00", "2014-12-05", "2014-12-05 00:00:00", "5 Dec 2014", "20141205T000000"],
)
def test_dates_are_read_as_leniently_as_by_the_models(written: str) -> None:
    filled = projection_of(Dates, DATASET).one("x", b'{"created_at": "%b"}' % written.encode())
    assert filled.created_at == dt.datetime(2014, 12, 5)
    assert type(filled.created_at) is dt.datetime


@define
class Coverage:
    start: dt.date | None
    end: str | None = None


@define
class Covered:
    temporal_coverage: Coverage | None


def test_a_date_field_is_decoded_to_a_date() -> None:
    content = b'{"temporal_coverage": {"start": "5 Dec 2014"}}'
    filled = projection_of(Covered, DATASET).one("x", content)
    assert filled == Covered(Coverage(dt.date(2014, 12, 5)))


def test_infinity_is_accepted_in_json() -> None:
    @dataclasses.dataclass
    class Extras:
        extras: dict[str, float] | None

    content = b'{"extras": {"ratio": Infinity}}'
    assert projection_of(Extras, DATASET).one("x", content).extras == {"ratio": float("inf")}


class Frequency(enum.Enum):
    MONTHLY = "monthly"


class Metrics(msgspec.Struct):
    views: int
    followers: int = 0


class Dotted(msgspec.Struct, rename={"a": "a.b"}):
    a: int


class Node(msgspec.Struct):
    organization: Node | None


class Pair(msgspec.Struct, array_like=True):
    title: str


class Tuple(NamedTuple):
    title: str


@dataclasses.dataclass(init=False)
class OwnInitData:
    title: str

    def __init__(self, title: str) -> None:
        self.title = title.strip()


@define
class Unparsable:
    title: "a b"  # type: ignore[valid-type]  # noqa: F722


class Unresolved(msgspec.Struct):
    title: Nothing  # type: ignore[name-defined]  # noqa: F821


class Other:
    pass


class OpenFrequency(enum.Enum):
    MONTHLY = "monthly"
    OTHER = "other"

    @classmethod
    def _missing_(cls, value: object) -> OpenFrequency:
        return cls.OTHER


def upper(text: str) -> str:
    return text.upper()


@define
class Converted:
    title: str = field(converter=upper)


@define
class OwnInit:
    title: str

    def __init__(self, title: str) -> None:
        self.title = title.strip()


@define
class SelfMade:
    title: str = field(default=Factory(lambda self: "a", takes_self=True))


class TwoClasses(msgspec.Struct):
    class_: str
    kind: str = msgspec.field(name="class")


class Twice(msgspec.Struct):
    organization: TwoClasses | None


@define
class Shouted:
    _slug: str | None
    name: str = field(alias="title")
    shout: str = field(init=False, default="")

    def __attrs_post_init__(self) -> None:
        self.shout = f"{self.name}!"


@dataclasses.dataclass
class ShoutedData:
    title: str
    shout: str = dataclasses.field(init=False, default="")

    def __post_init__(self) -> None:
        self.shout = f"{self.title}!"


def test_a_class_may_compute_further_attributes() -> None:
    assert mask(Shouted) == "slug,title"
    filled = projection_of(Shouted, DATASET).one("x", b'{"slug": "a-b", "title": "a"}')
    assert (filled._slug, filled.name, filled.shout) == ("a-b", "a", "a!")
    assert mask(ShoutedData) == "title"
    assert projection_of(ShoutedData, DATASET).one("x", b'{"title": "a"}').shout == "a!"


def one_field(name: str, type_: Any) -> type[Any]:
    return msgspec.defstruct("One", [(name, type_)])


@pytest.mark.parametrize(
    ("name", "type_"),
    [
        ("title", str),
        ("title", str | None),
        ("title", Any),
        ("title", object),
        ("title", str | msgspec.UnsetType),
        ("acronym", str | None),
        ("created_at", str),
        ("created_at", dt.datetime),
        ("private", bool | None),
        ("quality", dict[str, Any] | None),
        ("metrics", dict[str, int] | None),
        ("metrics", Metrics | None),
        ("tags", set[str] | None),
        ("tags", list[Any] | None),
        ("tags", Any),
        ("resources", list[dict[str, Any]]),
        ("resources", list[dict[str, object]] | None),
        ("frequency", str | None),
        ("frequency", DatasetFrequency | str | None),
        ("frequency", OpenFrequency | None),
    ],
)
def test_types_wide_enough_for_the_model_are_accepted(name: str, type_: Any) -> None:
    assert mask(one_field(name, type_)).startswith(name)


@pytest.mark.parametrize(
    ("class_", "complaint"),
    [
        (one_field("titel", str), "titel is not a field of Dataset: did you mean title\\?"),
        (one_field("title", int), "title is str in the API, .* cannot hold str"),
        (one_field("title", Literal["a"]), "title is str"),
        (one_field("acronym", str), r"acronym is str \| None in the API, .* cannot hold None"),
        (one_field("created_at", dt.date), "created_at is datetime"),
        (one_field("private", int | None), "private is bool"),
        (one_field("frequency", Frequency | None), "frequency .* cannot hold str"),
        (one_field("frequency", DatasetFrequency | None), "frequency .* cannot hold str"),
        (one_field("title", msgspec.Raw), "title is declared as Raw"),
        (one_field("extras", dict[str, Other] | None), "extras is declared as Other"),
        (one_field("extras", dict[int, Any] | None), "extras is declared with keys other than str"),
        (one_field("resources", set[Any]), "resources is declared as a set"),
        (Converted, "Converted has converters"),
        (OwnInit, "OwnInit has converters or an __init__ of its own"),
        (OwnInitData, "OwnInitData has an __init__ of its own"),
        (Unparsable, "declare it"),
        (SelfMade, "msgspec cannot decode into it"),
        (Twice, "two fields of TwoClasses are organization.class"),
        (one_field("frequency", Literal["monthly"] | None), "frequency .* cannot hold str"),
        (one_field("organization", str | None), "organization .* cannot hold Organization"),
        (
            one_field("organization", Metrics | None),
            "organization.views is not a field of Organization",
        ),
        (one_field("organization", dict[str, str] | None), "organization .* cannot hold"),
        (one_field("resources", str), "resources .* cannot hold list"),
        (one_field("resources", list[int]), r"resources\[\] .* cannot hold Resource"),
        (one_field("tags", list[int] | None), r"tags\[\] is str"),
        (one_field("title", Metrics), "title is str"),
        (one_field("extras", Dotted | None), "extras.a.b cannot be masked"),
        (one_field("title", Other), "title is declared as Other"),
        (one_field("resources", list[Dataset]), "Dataset is a model of the portal: give fields"),
        (msgspec.defstruct("Nothing", []), "no field is named"),
        (Node, "Node contains itself"),
        (Pair, "Pair is array_like"),
        (Tuple, "not an attrs class, dataclass, TypedDict or msgspec Struct"),
        (Other, "not an attrs class"),
        (int, "not an attrs class"),
        (dict, "not an attrs class"),
        (Unresolved, "name 'Nothing' is not defined: declare it, and what it names, at the level"),
        (Dataset, "Dataset is a model of the API"),
        (list[Title], "not an attrs class"),
        (Title | None, "not an attrs class"),
        (Annotated[Title, []], "is not a class"),
        ("title", "'title' is not a class"),
        ({"title": str}, "is not a class"),
    ],
)
def test_unsuitable_classes_are_refused_before_sending(class_: type[Any], complaint: str) -> None:
    with pytest.raises(MaskError, match=complaint) as caught:
        projection_of(class_, DATASET)
    assert str(caught.value).startswith("get_dataset: ")


class Named(msgspec.Struct):
    title: str


class Linked(msgspec.Struct):
    total: int
    href: str | None = None


@pytest.mark.parametrize("operation", ["v2.get_dataset", "v2.list_datasets"])
def test_a_class_may_select_fields_of_a_link(operation: str) -> None:
    class_, chosen = one_field("resources", Linked), OPERATIONS[operation]
    projection = projection_of(class_, chosen)
    assert masks.write(projection.mask) == "resources{total,href}"
    filled = projection.one("x", b'{"resources": {"total": 3, "href": "u", "rel": "r"}}')
    assert filled.resources == Linked(3, "u")
    for wrong in (list[Linked], list[dict[str, Any]], str, int):
        with pytest.raises(MaskError, match="resources is Link"):
            projection_of(one_field("resources", wrong), chosen)
    with pytest.raises(MaskError, match="resources is"):
        projection_of(class_, DATASET)  # In the first version it is a list.


def test_a_class_gets_an_object_only_with_the_header_that_asks_for_one() -> None:
    class_ = one_field("license", Named | None)
    full = projection_of(class_, v2.ops.LIST_DATASETS_FULL_OBJECTS)
    assert masks.write(full.mask) == "license{title}"
    assert full.one("x", b'{"license": {"title": "Libre"}}').license == Named("Libre")
    with pytest.raises(MaskError, match="license is str"):
        projection_of(class_, v2.ops.LIST_DATASETS)


def test_a_class_may_select_keys_of_a_free_form_object() -> None:
    class_ = one_field("metrics", Metrics | None)
    assert mask(class_) == "metrics{views,followers}"
    filled = projection_of(class_, DATASET).one("x", b'{"metrics": {"views": 3}}')
    assert filled.metrics == Metrics(3, 0)


T = TypeVar("T")


class Box(msgspec.Struct, Generic[T]):
    title: T


def test_a_class_may_be_generic() -> None:
    assert projection_of(Box[str], DATASET).one("x", b'{"title": "a"}') == Box("a")
    with pytest.raises(MaskError, match="title is str"):
        projection_of(Box[int], DATASET)


@pytest.mark.parametrize(
    ("content", "path", "expected", "found"),
    [
        (b"{", "$", "JSON", "b?'{'.*"),
        (b"[]", "$", "object", "array"),
        (b'{"title": 7, "organization": null}', "$.title", "str", "int"),
        (b'{"organization": null}', "$.title", "a value", "nothing"),
        (b'{"title": "a", "organization": {}}', "$.organization.name", "a value", "nothing"),
    ],
)
def test_an_error_in_an_answer_names_its_path(
    content: bytes, path: str, expected: str, found: str
) -> None:
    with pytest.raises(DecodeError, match=found) as caught:
        projection_of(TitleDict, DATASET).one("get_dataset", content)
    error = caught.value
    assert (error.operation, error.path, error.expected) == ("get_dataset", path, expected)


def test_an_unreadable_date_names_its_path() -> None:
    with pytest.raises(DecodeError, match=r"at \$.created_at, got Invalid RFC3339"):
        projection_of(Dates, DATASET).one("x", b'{"created_at": "yesterday"}')
