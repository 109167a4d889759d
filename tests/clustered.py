"""Harvests by a local cluster of three workers: `python -m tests.clustered URL FOLDER`.

The first harvest loses a worker, which is killed on the way; so do one into a flat table and one
into a partitioned one. Then two harvests run concurrently.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import distributed
from attrs import asdict

from aiodatagouv import Client, Paginator
from aiodatagouv.api import datasets
from aiodatagouv.bulk import Report
from aiodatagouv.dask import harvest
from aiodatagouv.models import Dataset
from aiodatagouv.models.dataset_page import DatasetPage

RATE = 20
FIELDS = "id,title,created_at,last_update,resources{id}"

TABLES: dict[str, dict[str, str]] = {
    "flat": {"explode": "resources"},
    "partitioned": {"partition_by": "year(created_at)"},
}


def paginate(client: Client) -> Paginator[DatasetPage, Dataset]:
    return datasets.list_datasets(client, fields=FIELDS, page_size=50)


def main() -> None:
    url, folder = sys.argv[1:]
    killed: list[int] = []
    with (
        distributed.LocalCluster(
            n_workers=3, threads_per_worker=2, dashboard_address=None, silence_logs=50
        ) as cluster,
        distributed.Client(cluster) as client,
    ):

        def lossy(name: str, rate: float, **options: Any) -> Report:
            """Harvest, and kill a worker on the way."""
            pids = [*client.run(os.getpid).values()]
            is_killed = False

            def progress(report: Report) -> None:
                nonlocal is_killed
                if report.items > 1000 and not is_killed:
                    os.kill(pids[0], signal.SIGKILL)
                    killed.append(pids[0])
                    is_killed = True

            options = {"rate": rate, "progress": progress, **options}
            return harvest(client, paginate, Path(folder, name), base_url=url, parts=12, **options)

        report = lossy("first", RATE)
        until = time.monotonic()
        tables = [asdict(lossy(name, 5 * RATE, **options)) for name, options in TABLES.items()]

        def another(name: str) -> int:
            place = Path(folder, name)
            return harvest(client, paginate, place, base_url=url, rate=1000, parts=3).items

        with ThreadPoolExecutor() as threads:
            items = [*threads.map(another, ["second", "third"])]
    result = {"report": asdict(report), "killed": len(killed), "tables": tables}
    print(json.dumps({**result, "items": items, "until": until}))


if __name__ == "__main__":
    main()
