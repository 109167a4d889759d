"""httpx without its command line, which takes longer to import than the rest of it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType


class _Without:
    """Finds a module missing once."""

    def __init__(self, module: str) -> None:
        self.module = module

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> None:
        """Raise an error for the module; leave all others to those who find them."""
        if fullname == self.module:
            sys.meta_path.remove(self)
            raise ModuleNotFoundError(f"{fullname} is left out", name=fullname)


def leave_out_command_line() -> None:
    """Leave the module of its command line out when httpx is imported, if it is not yet.

    Click and rich, which it loads where they are installed, take half the time of ``import httpx``.
    httpx takes its absence for theirs: ``httpx.main()`` says so and ends, should a program with
    this client call it. Nothing else of httpx needs it, and a later import finds it.
    """
    if "httpx" not in sys.modules:
        sys.meta_path.insert(0, _Without("httpx._main"))
