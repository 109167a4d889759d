"""The functions and models of both versions of the API, for tests of what both have.

A test that uses the fixture `version` runs once for each version. `datasets`, `reuses` and `models`
of this module are then those of that version.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from aiodatagouv import Client, Paginator
from aiodatagouv.api import v2

VERSIONS = [1, 2]

current = 1
"""The version of the test that runs; 1 without the fixture."""


def named(function: str) -> str:
    """Return the name of an operation in the current version."""
    return f"{_prefix()}{function}"


def path(rest: str) -> str:
    """Return the path of an address in the current version."""
    return f"/api/{current}/{rest}"


def unsortable(client: Client, **options: Any) -> Paginator[Any, Any]:
    """Return a list that the portal cannot sort: the followers of a dataset, or its resources."""
    if current == 1:
        return datasets.list_dataset_followers(client, "x", **options)
    return v2.datasets.list_resources(client, "x", **options)


def _prefix() -> str:
    return "" if current == 1 else f"v{current}."


class _Versioned:
    """A module of the package that each version has; attributes are those of the current one."""

    def __init__(self, package: str, module: str = "") -> None:
        self._package = package
        self._module = module

    def __getattr__(self, name: str) -> Any:
        module = f"aiodatagouv.{self._package}.{_prefix()}{self._module}"
        return getattr(import_module(module.rstrip(".")), name)


if TYPE_CHECKING:  # Both have the functions that the tests use, with the same parameters.
    from aiodatagouv import models as models
    from aiodatagouv.api import datasets as datasets
    from aiodatagouv.api import reuses as reuses
else:
    models = _Versioned("models")
    datasets = _Versioned("api", "datasets")
    reuses = _Versioned("api", "reuses")
