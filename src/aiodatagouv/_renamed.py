"""Functions, and constants of operations, under the names that they had before."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])


def renamed(function: F, before: str) -> F:
    """Return a function that warns about its old name, and is otherwise the same."""

    @functools.wraps(function)
    def old(*args: Any, **kwargs: Any) -> Any:
        _warn(before, function.__name__)
        return function(*args, **kwargs)

    return cast(F, old)


def renamed_constants(
    module: Mapping[str, Any], aliases: Mapping[str, str]
) -> Callable[[str], Any]:
    """Return the ``__getattr__`` of a module, which warns about the old names of its constants.

    Args:
        module: The namespace of the module.
        aliases: The old and the new names of the functions that the constants belong to.
    """
    constants = {old.upper(): new.upper() for old, new in aliases.items()}

    def find(name: str) -> Any:
        if name not in constants:
            raise AttributeError(f"module {module['__name__']!r} has no attribute {name!r}")
        _warn(name, constants[name])
        return module[constants[name]]

    return find


def _warn(before: str, now: str) -> None:
    text = f"{before} is called {now} now; the old name will be removed"
    warnings.warn(text, DeprecationWarning, stacklevel=3)
