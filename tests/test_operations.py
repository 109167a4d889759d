"""The table of operations, compared with the pinned Swagger documents."""

from __future__ import annotations

import inspect
import json
import re
from collections import Counter
from pathlib import Path
from typing import get_type_hints

import pytest
from attrs import evolve

from aiodatagouv import OPERATIONS, Client, Operation, Paginator, api
from aiodatagouv.api import datasets, discussions, ops, reuses, v2
from aiodatagouv.cli.operations import address
from aiodatagouv.operation import Parameter
from generator.descriptions import informative

OPENAPI = Path(__file__).parents[1] / "openapi"
METHODS = {"get", "put", "post", "delete", "patch"}

each_operation = pytest.mark.parametrize(
    "operation", [*OPERATIONS.values()], ids=lambda one: one.id
)


def pinned(release: str, version: int) -> set[tuple[str, str]]:
    """Return the operations of a release as methods and paths, without parameter names."""
    name = f"udata-{release}.json" if version == 1 else f"udata-{release}-v{version}.json"
    document = json.loads((OPENAPI / name).read_bytes())
    return {
        (method.upper(), shape(path))
        for path, item in document["paths"].items()
        for method in METHODS & item.keys()
    }


def own_name(operation: Operation) -> str:
    """Return the name of an operation without its version."""
    return operation.name.removeprefix("v2.")


def shape(path: str) -> str:
    return re.sub(r"\{.*?\}", "{}", path)


def test_there_are_257_operations_of_api_v1_and_36_of_v2() -> None:
    assert Counter(one.version for one in OPERATIONS.values()) == {1: 257, 2: 36}


@pytest.mark.parametrize(
    ("version", "release", "count"),
    [(1, "14.13.0", 222), (1, "17.18.0", 247), (2, "14.13.0", 33), (2, "17.18.0", 36)],
)
def test_every_operation_of_each_release_is_included(
    version: int, release: str, count: int
) -> None:
    served = {
        (one.method, shape(one.path))
        for one in OPERATIONS.values()
        if one.version == version and release in one.releases
    }
    assert served == pinned(release, version)
    assert len(served) == count


def test_operations_of_the_older_release_only_are_deprecated() -> None:
    deprecated = {one.id: one.deprecated for one in OPERATIONS.values() if one.deprecated}
    assert deprecated == {
        "clear_apikey": "16.0.0",
        "create_organization_member": "15.0.0",
        "create_page": "16.2.0",
        "generate_apikey": "16.0.0",
        "get_page": "16.2.0",
        "get_potential_spams": "16.0.0",
        "list_pages": "16.2.0",
        "unspam_discussion": "16.0.0",
        "unspam_discussion_comment": "16.0.0",
        "update_page": "16.2.0",
    }


@each_operation
def test_an_operation_resolves_to_a_function_of_its_kind(operation: Operation) -> None:
    function = operation.function
    assert function.__name__ == own_name(operation)
    # Paginators and streams send nothing until they are awaited, iterated over or read.
    is_lazy = operation.kind in ("page", "stream")
    assert inspect.iscoroutinefunction(function) is not is_lazy
    answer = function.__annotations__["return"]
    assert answer.startswith("Paginator[") is (operation.kind == "page")
    assert (answer == "Stream") is (operation.kind == "stream")
    is_of_v2 = function.__module__.startswith("aiodatagouv.api.v2.")
    assert operation.version == (2 if is_of_v2 else 1)


@each_operation
def test_a_function_takes_the_client_then_the_path_then_keywords(operation: Operation) -> None:
    parameters = list(inspect.signature(operation.function).parameters.values())
    in_path = re.findall(r"\{(.*?)\}", operation.path)
    assert parameters[0].name == "client"
    positional = [one for one in parameters[1:] if one.kind is one.POSITIONAL_OR_KEYWORD]
    keywords = [one for one in parameters[1:] if one.kind is one.KEYWORD_ONLY]
    assert [one.name.strip("_") for one in positional] == [name.strip("_") for name in in_path]
    assert len(positional) + len(keywords) + 1 == len(parameters)
    assert ("fields" in [one.name for one in keywords]) is operation.masked


@each_operation
def test_the_type_hints_of_a_function_can_be_resolved(operation: Operation) -> None:
    hints = get_type_hints(operation.function)
    assert hints.keys() == {*inspect.signature(operation.function).parameters, "return"}


@each_operation
def test_a_function_documents_its_operation_and_arguments(operation: Operation) -> None:
    documentation = inspect.getdoc(operation.function) or ""
    assert f"``{address(operation)}``" in documentation
    assert " ".join(documentation.split()).startswith(operation.summary)
    arguments, _, _ = documentation.partition("Args:\n")[2].partition("\n\n")
    described = [
        one.name
        for one in operation.parameters
        if informative(one.description, one.name, operation.name)
    ]
    assert re.findall(r"^    (\w+): \S", arguments, re.MULTILINE) == described


@each_operation
def test_a_docstring_omits_the_parts_common_to_all_functions(operation: Operation) -> None:
    documentation = inspect.getdoc(operation.function) or ""
    for common in ("client:", "fields:", "into:", "DataGouvError:", "The answer, as"):
        assert common not in documentation
    assert not re.search(r"^(Args|Returns|Raises):\n(\n|\Z)", documentation, re.MULTILINE)
    assert documentation == documentation.strip()
    for name, text in re.findall(r"^    (\w+): (.*)$", documentation, re.MULTILINE):
        words = name.replace("_", " ")
        assert text not in {f"The {words}.", f"The {words} to fetch.", f"Filter by {words}."}


def test_the_parts_common_to_all_functions_are_documented_once() -> None:
    documentation = api.__doc__ or ""
    for word in ("client", "fields", "into", "DataGouvError", "Paginator", "Stream"):
        assert f"``{word}``" in documentation
    groups = [getattr(api, name) for name in dir(api)]
    groups += [getattr(api.v2, name) for name in dir(api.v2)]
    assert len(groups) == len({one.tag for one in OPERATIONS.values()}) + 1  # And `api.v2`.
    for group in groups:
        assert ":mod:`aiodatagouv.api`" in group.__doc__


@each_operation
def test_every_operation_is_a_constant(operation: Operation) -> None:
    constants, name = {1: ops, 2: v2.ops}[operation.version], own_name(operation).upper()
    assert getattr(constants, name) is operation
    source = " ".join(inspect.getsource(operation.function).split()).replace("( ", "(")
    headed = [one.name for one in operation.parameters if one.place == "header"]
    chosen = "".join(f"ops.{name}_{one.upper()} if {one} else " for one in headed)
    assert f"prepare({chosen}ops.{name}" in source


def test_an_operation_with_a_header_is_another_one_with_another_model() -> None:
    headed = [
        one for one in OPERATIONS.values() if any(p.place == "header" for p in one.parameters)
    ]
    assert {one.name for one in headed} >= {"list_datasets", "v2.list_datasets", "v2.list_topics"}
    for operation in headed:
        constants = {1: ops, 2: v2.ops}[operation.version]
        full: Operation = getattr(constants, f"{own_name(operation).upper()}_FULL_OBJECTS")
        assert full.headers == ("X-Get-Datasets-Full-Objects",)
        assert full.item == f"{operation.item}Full"
        assert full.model is not None
        assert evolve(full, headers=(), item=operation.item) == operation
        assert full not in [*OPERATIONS.values()]


def test_names_and_ids_are_unique() -> None:
    names = {one.name: one.id for one in OPERATIONS.values()}
    assert len(names) == len(OPERATIONS)
    # No name is the id of another operation, as the command line takes both.
    assert {name for name, id_ in names.items() if name != id_} & {*OPERATIONS} == set()


@each_operation
def test_the_parameters_of_an_operation_match_its_function(operation: Operation) -> None:
    signature = inspect.signature(operation.function).parameters
    taken = {
        name: one for name, one in signature.items() if name not in ("client", "fields", "into")
    }
    assert [one.name for one in operation.parameters] == [*taken]
    in_path = re.findall(r"\{(.*?)\}", operation.path)
    assert [one.key for one in operation.parameters if one.place == "path"] == in_path
    for one in operation.parameters:
        written = taken[one.name]
        assert (one.place == "path") is (written.kind is written.POSITIONAL_OR_KEYWORD)
        assert (one.place == "body") is (one.name == "body")
        assert one.required is (written.default is written.empty)
        assert written.annotation.removesuffix(" | None").replace("models.", "") == one.type


async def test_query_keys_follow_the_api() -> None:
    call = discussions.list_discussions(Client(), for_=["1"], page_size=5).call
    assert call.query_pairs == [("for", "1"), ("page_size", "5")]
    keys = {one.name: one.key for one in ops.LIST_DISCUSSIONS.parameters}
    assert (keys["for_"], keys["page_size"]) == ("for", "page_size")


def test_a_renamed_operation_keeps_its_id() -> None:
    operation = OPERATIONS["reuse_image"]
    assert operation is ops.UPLOAD_REUSE_IMAGE
    assert (operation.id, operation.name) == ("reuse_image", "upload_reuse_image")
    assert operation.function is reuses.upload_reuse_image
    assert operation.body == Parameter("body", "body", "ImageUpload", required=True)
    assert OPERATIONS["get_dataset"].name == "get_dataset"


def test_writes_are_never_masked() -> None:
    assert {one.method for one in OPERATIONS.values() if one.masked} == {"GET"}


async def test_an_unknown_keyword_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'colour'"):
        datasets.list_datasets(Client(), colour="red")  # type: ignore[call-overload]


def test_a_page_operation_declares_its_item_type() -> None:
    from aiodatagouv.models import Reuse, ReusePage
    from aiodatagouv.models import v2 as models

    assert get_type_hints(reuses.list_reuses)["return"] == Paginator[ReusePage, Reuse]
    page_of = get_type_hints(v2.reuses.list_reuses)["return"]
    assert page_of == Paginator[models.ReusePage, models.Reuse]
    assert OPERATIONS["list_reuses"].item == "Reuse"
    assert OPERATIONS["v2.list_reuses"].item == "v2.Reuse"
    assert OPERATIONS["v2.list_reuses"].model is models.Reuse
