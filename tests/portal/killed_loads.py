"""A dlt pipeline that is killed at each of its steps, and run again until it is up to date.

    python -m tests.portal.killed_loads URL FOLDER [lost]

Each run is a process forked from this one, which has already loaded all modules. With `lost`, the
working folder of the pipeline is lost with each process, as in a container.
"""

from __future__ import annotations

import math
import os
import shutil
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

import dlt
from dlt.load import Load

from aiodatagouv._dlt.tables import Rows
from aiodatagouv.dlt import source

from .loading import pipeline_in

MOMENTS: dict[str, tuple[type[Any], str]] = {
    "a page is received": (Rows, "of"),
    "all is extracted": (dlt.Pipeline, "normalize"),
    "all is normalized": (dlt.Pipeline, "load"),
    "all is merged": (Load, "complete_package"),
}
"""A moment -> the class and the name of the method that kills the process when it is called."""


def kill_at(moment: str) -> None:
    """Make the process kill itself at a moment."""
    class_, name = MOMENTS[moment]

    def method(*_: object, **__: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(class_, name, method)


def run(url: str, folder: Path, moment: str | None = None) -> int:
    """Run the pipeline in a process of its own, and return its exit status."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    status = 1
    try:
        if moment is not None:
            kill_at(moment)
        pipeline = pipeline_in(folder)
        titles = source("datasets", fields="title", base_url=url, api_key="", rate=math.inf)
        pipeline.run(titles)
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def main() -> None:
    url, folder, *lost = sys.argv[1:]
    for moment in MOMENTS:
        assert run(url, Path(folder), moment) == -signal.SIGKILL, moment
        if lost:
            shutil.rmtree(Path(folder, "pipelines"))
    for _ in range(2):  # The first one may only load what was extracted before.
        assert run(url, Path(folder)) == 0


if __name__ == "__main__":
    main()
