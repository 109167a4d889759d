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
    command = [sys.executable, "-c", f"{statement}; import sys; print(*sys.modules)"]
    return {*subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()}


def models_in(modules: set[str]) -> set[str]:
    prefix = "aiodatagouv.models."
    return {name.removeprefix(prefix) for name in modules if name.startswith(prefix)}


def test_the_package_alone_loads_no_model_and_no_http_library() -> None:
    loaded = loaded_by("import aiodatagouv")
    assert "aiodatagouv" in loaded
    assert models_in(loaded) == set()
    assert {name.split(".")[0] for name in loaded}.isdisjoint(HTTP_LIBRARIES)


def test_the_operations_load_no_model_and_no_http_library() -> None:
    loaded = loaded_by("import aiodatagouv; assert len(aiodatagouv.OPERATIONS) == 293")
    assert models_in(loaded) == set()
    assert {name.split(".")[0] for name in loaded}.isdisjoint(HTTP_LIBRARIES)


def test_a_group_of_operations_loads_the_models_that_it_names() -> None:
    assert models_in(loaded_by("from aiodatagouv.api import avatars")) == set()
    assert models_in(loaded_by("from aiodatagouv.api import tags")) == {"text_suggestion"}
    assert models_in(loaded_by("from aiodatagouv.api import workers")) == {
        "crontab",
        "crontab_write",
        "enums",
        "interval",
        "interval_write",
        "periodic_task",
        "periodic_task_write",
        "task",
    }


def test_groups_of_operations_are_loaded_on_first_use() -> None:
    groups = {"aiodatagouv.api.tags", "aiodatagouv.api.datasets"}
    assert loaded_by("from aiodatagouv import api") & groups == set()
    assert loaded_by("from aiodatagouv import api; api.tags") & groups == {"aiodatagouv.api.tags"}
    tags = {operation.tag for operation in aiodatagouv.OPERATIONS.values()}
    assert dir(api) == sorted({tag.partition(".")[0] for tag in tags})
    assert dir(api.v2) == sorted(tag.removeprefix("v2.") for tag in tags if tag.startswith("v2."))
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        api.nothing  # type: ignore[attr-defined]  # noqa: B018


@pytest.mark.parametrize(
    "group", sorted({operation.tag for operation in aiodatagouv.OPERATIONS.values()})
)
def test_a_group_exposes_exactly_its_functions(group: str) -> None:
    operations = aiodatagouv.OPERATIONS.values()
    expected = {one.name.removeprefix("v2.") for one in operations if one.tag == group}
    assert {*dir(import_module(f"aiodatagouv.api.{group}"))} == expected


def test_a_group_loads_nothing_of_the_other_version() -> None:
    loaded = loaded_by("from aiodatagouv import api; api.datasets")
    assert not {name for name in loaded if ".v2" in name}


def test_a_model_loads_only_its_own_dependencies() -> None:
    loaded = models_in(loaded_by("from aiodatagouv.models import Badge"))
    assert loaded == {"badge"}


def test_dask_without_its_extra_names_the_missing_package() -> None:
    program = "import sys; sys.modules['distributed'] = None; import aiodatagouv.dask"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    reason = "aiodatagouv.dask needs distributed: pip install 'aiodatagouv[dask]'"
    assert done.stderr.splitlines()[-1] == f"ModuleNotFoundError: {reason}"


def test_every_public_name_can_be_imported() -> None:
    for name in aiodatagouv.__all__:
        assert getattr(aiodatagouv, name) is not None
    assert set(dir(aiodatagouv)) == {*aiodatagouv.__all__}
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        aiodatagouv.Nothing  # type: ignore[attr-defined]  # noqa: B018
