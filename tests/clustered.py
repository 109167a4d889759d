"""Harvests by a local cluster of three workers: `python -m tests.clustered URL FOLDER`.

The first harvest loses a worker, which is killed on the way. Then two harvests run concurrently.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import distributed
from attrs import asdict

from aiodatagouv import Client, Paginator
from aiodatagouv.api import datasets
from aiodatagouv.bulk import Report
from aiodatagouv.dask import harvest
from aiodatagouv.models import Dataset
from aiodatagouv.models.dataset_page import DatasetPage

RATE = 20
FIELDS = "id,title,last_update,resources{id}"


def paginate(client: Client) -> Paginator[DatasetPage, Dataset]:
    return datasets.list_datasets(client, fields=FIELDS, page_size=50)


def main() -> None:
    url, folder = sys.argv[1:]
    reports: list[Report] = []
    killed: list[int] = []
    with (
        distributed.LocalCluster(
            n_workers=3, threads_per_worker=2, dashboard_address=None, silence_logs=50
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        pids = [*client.run(os.getpid).values()]

        def progress(report: Report) -> None:
            reports.append(report)
            if report.items > 1000 and not killed:
                os.kill(pids[0], signal.SIGKILL)
                killed.append(pids[0])

        first = Path(folder, "first")
        report = harvest(client, paginate, first, base_url=url, rate=RATE, progress=progress)

        until = time.monotonic()

        def another(name: str) -> int:
            place = Path(folder, name)
            return harvest(client, paginate, place, base_url=url, rate=1000, parts=3).items

        with ThreadPoolExecutor() as threads:
            items = [*threads.map(another, ["second", "third"])]
    result = {"report": asdict(report), "killed": len(killed)}
    print(json.dumps({**result, "items": items, "until": until}))


if __name__ == "__main__":
    main()
