"""``fields``: the ``X-Fields`` header made from them, and the errors raised before sending."""

from __future__ import annotations

import pytest

from aiodatagouv import OPERATIONS, MaskError
from aiodatagouv._fields import mask as masks
from aiodatagouv.api import v2
from aiodatagouv.types import Fields

DATASET = OPERATIONS["get_dataset"]
DATASETS = OPERATIONS["list_datasets"]


class Mine:
    id: str


def header(fields: Fields, operation: str = "get_dataset") -> str:
    chosen = OPERATIONS[operation]
    return masks.header(masks.read(fields, chosen), chosen)


@pytest.mark.parametrize(
    ("fields", "sent"),
    [
        ("id,title", "id,title"),
        ("{id,title}", "id,title"),
        (" id ,\n title ", "id,title"),
        ("id,organization{name,logo}", "id,organization{name,logo}"),
        ("resources{checksum{value}}", "resources{checksum{value}}"),
        ("*", "*"),
        ("id,", "id"),
        ({"id": 1}.keys(), "id"),
        ("organization{*}", "organization{*}"),
        (["id"], "id"),
        (("id", "slug"), "id,slug"),
        (
            ["id", "organization.name", "title", "organization.logo"],
            "id,organization{name,logo},title",
        ),
        (["resources.checksum.value", "resources.url"], "resources{checksum{value},url}"),
        ("id, organization.name,organization.logo", "id,organization{name,logo}"),
        (["id", "organization{name}", "organization.logo"], "id,organization{name,logo}"),
        ("organization.name,", "organization{name}"),
        (["organization", "organization.name"], "organization"),
        (["organization.name", "organization"], "organization"),
    ],
)
def test_fields_become_a_mask_header(fields: Fields, sent: str) -> None:
    assert header(fields) == sent


def test_a_page_mask_applies_to_its_items_and_keeps_the_pagination_fields() -> None:
    sent = header(["id"], "list_datasets")
    assert sent == "data{id},page,page_size,total,next_page,previous_page"


@pytest.mark.parametrize(
    ("operation", "fields", "inside"),
    [
        ("list_datasets", "id,resources{url}", "id,resources{url}"),
        ("v2.list_datasets", "id,resources{total}", "id,resources{total}"),
        ("v2.list_datasets", ["resources.href", "organization.name"], None),
        ("v2.get_topics_api", "name,elements{total,href}", None),
        ("v2.topic_elements", "title,element{class}", None),
        ("v2.list_resources", "url,checksum{value}", None),
    ],
)
def test_the_lists_of_both_versions_are_masked_alike(
    operation: str, fields: Fields, inside: str | None
) -> None:
    inside = inside or masks.write(masks.read(fields, OPERATIONS[operation]))
    sent = header(fields, operation)
    assert sent == f"data{{{inside}}},page,page_size,total,next_page,previous_page"


@pytest.mark.parametrize(
    ("operation", "fields", "complaint"),
    [
        ("v2.list_datasets", "titel", "titel is not a field of Dataset: did you mean title"),
        ("v2.list_datasets", "resources{url}", r"resources.url is not a field of Link\[Resource\]"),
        ("v2.list_datasets", "license{id}", "license is only sent as a whole"),
        ("v2.get_dataset", "frequency{label}", "frequency is only sent as a whole"),
        ("v2.get_topics_api", "title", "title is not a field of Topic"),
        ("v2.get_resource", "id", "always sends all"),
        ("v2.get_dataset_extras", "a", "always sends all"),
        ("v2.create_topic", "id", "always sends all"),
        ("v2.list_resources", "data{id}", r"leave out data\{"),
    ],
)
def test_invalid_fields_of_the_second_version_are_refused(
    operation: str, fields: str, complaint: str
) -> None:
    with pytest.raises(MaskError, match=complaint) as caught:
        header(fields, operation)
    assert str(caught.value).startswith(f"{OPERATIONS[operation].name}: ")


def test_a_field_that_a_header_turns_into_an_object_takes_subfields() -> None:
    for operation, full in (
        (v2.ops.GET_DATASET, v2.ops.GET_DATASET_FULL_OBJECTS),
        (v2.ops.LIST_DATASETS, v2.ops.LIST_DATASETS_FULL_OBJECTS),
    ):
        mask = masks.read("license{title},frequency{label}", full)
        assert mask == {"license": {"title": None}, "frequency": {"label": None}}
        with pytest.raises(MaskError, match="license is only sent as a whole"):
            masks.read("license{title}", operation)


@pytest.mark.parametrize("fields", ["extras{harvest:uri}", "metrics{views}", "extras{a{b}}"])
def test_a_free_form_object_accepts_any_key(fields: str) -> None:
    assert header(fields) == fields


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ("titel", "titel is not a field of Dataset: did you mean title\\?$"),
        (
            "organization{nam}",
            "organization.nam is not a field of OrganizationReference: did you mean organization",
        ),
        (["class_"], "class_ is not a field of Dataset"),
        ("ID", r"did you mean id\?"),
        ("xyz", r"xyz is not a field of Dataset: its fields are access_audiences,.*,title,uri$"),
        ("title{id}", "title is only sent as a whole"),
        ("tags{id}", "tags is only sent as a whole"),
        ("*{id}", r"\* is only sent as a whole"),
        ("id,,title", "unexpected ',' at character 4 of 'id,,title'"),
        (",id", "unexpected ','"),
        ("organization{,id}", "unexpected ','"),
        ("organization{id", "1 of the braces in .* are not closed"),
        ("organization}", "unexpected '}'"),
        ("{id", "the first brace of '{id' is not closed"),
        ("{organization{id}", "1 of the braces"),
        ("{{id}}", "unexpected '{'"),
        ("organization,{id}", "unexpected '{'"),
        ("", "no field is named"),
        (" ", "no field is named"),
        ("{}", "no field is named"),
        ([], "no field is named"),
        ("organization{}", "no field of organization is named"),
        ("extras{}", "no field of extras is named"),
        ("organization.name{x}", r"either dotted paths or braces"),
        ("organization..name", "not a path of plain names"),
        (Mine, "a class goes to `into`"),
        ("extras{a.b}", "A key with a dot cannot be masked"),
        ("été", "plain names"),
        ("id;title", "plain names"),
        (["id", "a\nb"], "not a path of plain names"),
        (["organization."], "not a path of plain names"),
        ([7], "not a path of plain names"),
        ("extras{" * 99 + "a" + "}" * 99, "32 braces deep"),
        ([".".join(["extras", *"a" * 99])], "32 names deep"),
        (7, "give a mask or dotted paths"),
        (b"id", "not a path of plain names"),
    ],
)
def test_invalid_fields_are_refused(fields: Fields, complaint: str) -> None:
    with pytest.raises(MaskError, match=complaint) as caught:
        header(fields)
    assert str(caught.value).startswith("get_dataset: ")
    assert "\n" not in str(caught.value)


def test_a_path_into_a_free_form_object_goes_one_key_deep() -> None:
    assert header(["extras.uri", "extras.harvest:domain"]) == "extras{uri,harvest:domain}"
    with pytest.raises(MaskError, match="a key with a dot cannot be masked"):
        header(["extras.a.b"])


def test_a_field_that_is_only_sent_whole_accepts_no_subfields() -> None:
    assert header("blocs", "get_post") == "blocs"
    with pytest.raises(MaskError, match="blocs is only sent as a whole"):
        header("blocs{class}", "get_post")


def test_a_mask_that_already_wraps_the_page_is_refused() -> None:
    with pytest.raises(MaskError, match=r"applies to the items of a page: leave out data\{"):
        header("data{id},total", "list_datasets")


def test_a_long_mask_makes_a_short_error() -> None:
    for long in ("title," * 9999 + "titel", "a" * 9999, "(" * 9999):
        with pytest.raises(MaskError) as caught:
            header(long)
        assert len(str(caught.value)) < 850


def test_an_operation_without_masks_refuses_fields() -> None:
    with pytest.raises(MaskError, match=r"create_dataset: .*always sends all"):
        header("id", "create_dataset")
