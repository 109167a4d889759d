"""A driver that is killed after two parts: `python -m tests.killed_driver SCHEDULER URL FOLDER`."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import distributed

from aiodatagouv import Client, Paginator
from aiodatagouv.api import datasets
from aiodatagouv.bulk import Report
from aiodatagouv.dask import harvest
from aiodatagouv.models import Dataset, DatasetPage


def paginate(client: Client) -> Paginator[DatasetPage, Dataset]:
    return datasets.list_datasets(client, page_size=5)


def main() -> None:
    scheduler, url, folder = sys.argv[1:]

    def progress(_: Report) -> None:
        if len([*Path(folder).glob("part-*")]) >= 2:
            os.kill(os.getpid(), signal.SIGKILL)

    with distributed.Client(scheduler) as cluster:
        report = harvest(
            cluster, paginate, folder, parts=6, base_url=url, rate=20, progress=progress
        )
    print(json.dumps(report.to_dict()))


if __name__ == "__main__":
    main()
