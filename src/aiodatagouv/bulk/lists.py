"""Functions that make the paginator of a list: what runs elsewhere or later takes one of these."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias

from ..client import Client
from ..operation import Operation
from ..pagination import Paginator

Paginate: TypeAlias = Callable[[Client], Paginator[Any, Any]]
"""Makes the paginator of a list for a client."""


def operation_of(paginate: Paginate) -> Operation:
    """The operation of the list that a function makes a paginator of.

    Raises:
        TypeError: It is no function, or makes something else.
    """
    # A client that makes no calls.
    made: object = (
        paginate(Client(base_url="production", api_key="")) if callable(paginate) else None
    )
    if isinstance(made, Paginator):
        return made.call.operation
    if isinstance(made, Coroutine):
        made.close()
    name = getattr(paginate, "__qualname__", None) or repr(paginate)
    raise TypeError(
        f"{name} makes no list: give a function that makes the paginator of one for a client, "
        "such as api.datasets.list_datasets"
    )
