"""The terms on which contenders are compared."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias

CONNECTIONS = 16

Call: TypeAlias = Callable[[], Awaitable[str]]
"""Fetch the dataset, and return its title."""
