"""A harvest to an object store that kills its process.

    python -m tests.killed_store URL STEP

A step is a change of the store: its method and the end of its URL, such as ``put .checkpoint``. The
process is killed once the store has made the change. The store is configured by the environment.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from aiodatagouv.bulk import writer
from aiodatagouv.bulk._stores.target import Target

from .harvests import harvest
from .moving import MovingPortal


def watch(step: str) -> None:
    """Kill this process after a step."""
    method, end = step.split()

    def watched(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(target: Target, *arguments: Any) -> Any:
            result = real(target, *arguments)
            if target.url.endswith(end):
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        return call

    setattr(Target, method, watched(getattr(Target, method)))


def main() -> None:
    url, step = sys.argv[1:]
    watch(step)
    writer.COMMIT = 2
    asyncio.run(harvest(MovingPortal.of(60, 0, left=0), url))


if __name__ == "__main__":
    main()
