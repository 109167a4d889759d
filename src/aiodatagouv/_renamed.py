"""Functions under the names that they had before."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])


def renamed(function: F, before: str) -> F:
    """Return a function that warns about its old name, and is otherwise the same."""

    @functools.wraps(function)
    def old(*args: Any, **kwargs: Any) -> Any:
        text = f"{before} is called {function.__name__} now; the old name will be removed"
        warnings.warn(text, DeprecationWarning, stacklevel=2)
        return function(*args, **kwargs)

    return cast(F, old)
