"""The value of what is not given, where None means something else."""

from __future__ import annotations

from enum import Enum
from typing import Final, Literal


class Unset(Enum):
    """The type of :data:`UNSET`; an enum, so that pickle and deepcopy keep its identity."""

    UNSET = "unset"

    def __bool__(self) -> Literal[False]:
        return False

    def __repr__(self) -> str:
        return "UNSET"

    __str__ = __repr__


UNSET: Final = Unset.UNSET
"""The value of a field that a body does not send, and of an option that is not given. Falsy."""
