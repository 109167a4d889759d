"""Lazy imports: a statement loads only the modules that it needs."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

import aiodatagouv
from aiodatagouv import api

HTTP_LIBRARIES = {"httpx", "httpcore", "aiohttp", "httpx_aiohttp", "h11", "yarl", "anyio"}


def loaded_by(statement: str) -> set[str]:
    """Return the modules that a statement loads; ``-X importtime`` would miss the lazy ones."""
    command = [
        sys.executable,
        "-c",
        f"{statement}; import sys; print(*sys.modules, file=sys.stderr)",
    ]
    return {*subprocess.run(command, check=True, capture_output=True, text=True).stderr.split()}


def models_in(modules: set[str]) -> set[str]:
    prefix = "aiodatagouv.models."
    return {name.removeprefix(prefix) for name in modules if name.startswith(prefix)}


def test_the_package_alone_loads_no_model_and_no_http_library() -> None:
    loaded = loaded_by("import aiodatagouv")
    assert "aiodatagouv" in loaded
    assert models_in(loaded) == set()
    tops = {name.split(".")[0] for name in loaded}
    assert tops.isdisjoint(HTTP_LIBRARIES | {"dlt", "distributed", "pyarrow"})


def test_the_operations_load_no_model_and_no_http_library() -> None:
    loaded = loaded_by("import aiodatagouv; assert len(aiodatagouv.OPERATIONS) == 293")
    assert models_in(loaded) == set()
    assert {name.split(".")[0] for name in loaded}.isdisjoint(HTTP_LIBRARIES)


def test_the_client_loads_no_http_library_before_it_is_made() -> None:
    loaded = loaded_by("from aiodatagouv import Client, api; api.datasets; api.v2.datasets")
    assert {"aiodatagouv.client", "aiodatagouv.api.datasets"} <= loaded
    assert {name.split(".")[0] for name in loaded}.isdisjoint(HTTP_LIBRARIES)


def test_a_group_of_operations_loads_no_model() -> None:
    for group in ("avatars", "datasets", "workers"):
        assert models_in(loaded_by(f"from aiodatagouv.api import {group}")) == set()


def test_a_call_loads_the_model_that_it_decodes() -> None:
    loaded = loaded_by(one_call("tags.suggest_tags(client, q='a')", []))
    assert models_in(loaded) == {"text_suggestion"}


def one_call(call: str, json: object) -> str:
    """A statement that enters a client and makes one call of a group."""
    group = call.partition(".")[0]
    program = f"""
import asyncio, httpx
from aiodatagouv import Client
from aiodatagouv.api import {group}

async def main():
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json={json!r}))
    async with Client(base_url="https://portal.example/", transport=transport) as client:
        await {call}
"""
    return f"exec({program!r}); asyncio.run(main())"


def test_a_client_imports_httpx_without_its_command_line() -> None:
    without = "import sys, aiodatagouv; client = aiodatagouv.Client()"
    left_out = {"httpx._main", "click", "rich"}
    assert loaded_by(without).isdisjoint(left_out)
    assert left_out <= loaded_by(f"{without}; import httpx._main")
    assert left_out <= loaded_by(f"import httpx; {without}")


@pytest.mark.parametrize(
    ("statement", "before", "budget"),
    [
        ("from aiodatagouv import Client", "pass", 50),
        (one_call("datasets.get_dataset(client, '1')", {}), "import httpx, httpx_aiohttp", 100),
        ("from aiodatagouv.cli import main; main(['--version'])", "pass", 60),
        ("from aiodatagouv.cli import main; main(['--help'])", "pass", 275),
        (
            "import os; os.environ.update(_AIODATAGOUV_COMPLETE='bash_complete', COMP_CWORD='1', "
            "COMP_WORDS='aiodatagouv '); from aiodatagouv.cli import main; main()",
            "pass",
            275,
        ),
    ],
    ids=["client", "call", "version", "help", "completion"],
)
def test_a_start_loads_few_modules(statement: str, before: str, budget: int) -> None:
    more = loaded_by(statement) - loaded_by(before)
    assert len(more) <= budget, len(more)


def test_groups_of_operations_are_loaded_on_first_use() -> None:
    groups = {"aiodatagouv.api.tags", "aiodatagouv.api.datasets"}
    assert loaded_by("from aiodatagouv import api") & groups == set()
    assert loaded_by("from aiodatagouv import api; api.tags") & groups == {"aiodatagouv.api.tags"}
    tags = {operation.tag for operation in aiodatagouv.OPERATIONS.values()}
    assert dir(api) == sorted({tag.partition(".")[0] for tag in tags})
    assert dir(api.v2) == sorted(tag.removeprefix("v2.") for tag in tags if "." in tag)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        api.nothing  # type: ignore[attr-defined]  # noqa: B018


def test_a_group_of_the_second_version_loads_nothing_of_the_first() -> None:
    loaded = loaded_by("from aiodatagouv.api.v2 import topics")
    assert models_in(loaded) == {"v2"}
    assert "aiodatagouv.api.ops" not in loaded
    assert "aiodatagouv.api.v2.datasets" not in loaded


V1_ALONE = """
import asyncio, httpx
from attrs import define
from aiodatagouv import Client, api, bulk, models
from aiodatagouv.models import Dataset

@define
class Title:
    title: str

ITEM = {"id": "1", "title": "a", "created_at": "2026-01-01T00:00:00", "resources": []}
PAGE = {"page": 1, "page_size": 20, "total": 1, "next_page": None, "previous_page": None}

def answer(request):
    return httpx.Response(200, json={**ITEM, **PAGE, "data": [ITEM]})

async def main():
    transport = httpx.MockTransport(answer)
    async with Client(base_url="https://portal.example/", transport=transport) as client:
        dataset = await api.datasets.get_dataset(client, "1", fields="id,title,resources")
        assert isinstance(dataset, models.Dataset)
        assert dataset.resources == []
        assert [one.title async for one in api.datasets.list_datasets(client)] == ["a"]
        walk = api.datasets.list_datasets(client).items(stable=True)
        assert [one.created_at.year async for one in walk] == [2026]
        assert [one async for one in api.reuses.list_reuses(client).into(Title)] == [Title("a")]
        body = models.DatasetWrite(title="b", tags=[], temporal_coverage=None)
        await api.datasets.update_dataset(client, "1", body=body)
        await client.request("GET", "datasets/")
"""


def test_a_group_of_the_first_version_loads_no_more_than_without_the_second() -> None:
    loaded = loaded_by("from aiodatagouv import Client, api; api.datasets")
    own = {name for name in loaded if name.partition(".")[0] == "aiodatagouv"}
    assert len(own) <= 45


def test_calls_of_the_first_version_load_nothing_of_the_second() -> None:
    loaded = loaded_by(f"exec({V1_ALONE!r}); asyncio.run(main())")
    assert {"aiodatagouv.api.datasets", "aiodatagouv.models.dataset"} <= loaded
    assert [name for name in loaded if "v2" in name.split(".")] == []
    assert "aiodatagouv.api.operations" not in loaded


@pytest.mark.parametrize("group", sorted({one.tag for one in aiodatagouv.OPERATIONS.values()}))
def test_a_group_exposes_exactly_its_functions(group: str) -> None:
    operations = aiodatagouv.OPERATIONS.values()
    names = [operation.name for operation in operations if operation.tag == group]
    module = import_module(f"aiodatagouv.api.{group}")
    assert dir(module) == sorted(name.removeprefix("v2.") for name in names)


def test_a_model_loads_only_its_own_dependencies() -> None:
    loaded = models_in(loaded_by("from aiodatagouv.models import Badge"))
    assert loaded == {"badge"}


@pytest.mark.parametrize(
    ("module", "missing"), [("dask", "distributed"), ("dlt", "dlt"), ("dlt", "pyarrow")]
)
def test_a_module_without_its_extra_names_the_missing_package(module: str, missing: str) -> None:
    program = f"import sys; sys.modules[{missing!r}] = None; import aiodatagouv.{module}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    reason = f"aiodatagouv.{module} needs {missing}: pip install 'aiodatagouv[{module}]'"
    assert done.stderr.splitlines()[-1] == f"ModuleNotFoundError: {reason}"


def test_the_modules_of_the_package_are_attributes_of_it() -> None:
    names = "api bulk errors files models operation pagination portal rate retry streams types"
    read = "; ".join(f"aiodatagouv.{name}" for name in names.split())
    assert f"aiodatagouv.{names.split()[-1]}" in loaded_by(f"import aiodatagouv; {read}")


def test_every_public_name_can_be_imported() -> None:
    for name in aiodatagouv.__all__:
        assert getattr(aiodatagouv, name) is not None
    assert set(dir(aiodatagouv)) == {*aiodatagouv.__all__}
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        aiodatagouv.Nothing  # type: ignore[attr-defined]  # noqa: B018
