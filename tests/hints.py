"""The type hints of generated functions."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, get_type_hints

from aiodatagouv import models


def hints_of(function: Callable[..., Any]) -> dict[str, Any]:
    """Return the type hints of a function, whose module may not have loaded every model yet."""
    return get_type_hints(function, localns=_models())


@cache
def _models() -> dict[str, Any]:
    return {name: getattr(models, name) for name in models.__all__}
