"""Calls that a cancellation does not break off halfway."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def unbroken(call: Coroutine[Any, Any, T]) -> T:
    """Await a call to its end even if this task is cancelled meanwhile, and then be cancelled.

    A second cancellation breaks off the call as well.
    """
    task = asyncio.ensure_future(call)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError as cancelled:
        try:
            await asyncio.wait([task])
        finally:
            task.cancel()
        if not task.cancelled() and (error := task.exception()) is not None:
            cancelled.add_note(f"the call under way failed: {error}")
        raise
