"""Benchmark of harvests to an object store: `python benchmarks/stores.py`.

A simulated portal serves 75,000 datasets, and moto an S3-compatible store; both are processes of
their own. A process harvests the datasets into an object; its CPU time and its memory at the peak
are printed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import subprocess
import sys
from typing import Any

import fsspec
from measures import Cost, measured
from moto.server import ThreadedMotoServer
from replay_portal import running

from aiodatagouv import Client, bulk
from aiodatagouv.api import datasets

BUCKET = "benchmark"

DATASETS = 75_000

SUFFIXES = [".jsonl", ".jsonl.gz", ".parquet"]


def options(endpoint: str) -> dict[str, Any]:
    """Return the options by which fsspec reaches the store."""
    keys = {"key": "key", "secret": "secret", "client_kwargs": {"region_name": "us-east-1"}}
    return {"endpoint_url": endpoint, **keys}


def harvest(portal: str, endpoint: str, suffix: str) -> int:
    """Harvest all datasets into an object, and return their number."""

    async def run() -> bulk.Report:
        async with Client(base_url=portal, api_key="", rate=math.inf) as client:
            listed, url = datasets.list_datasets(client), f"s3://{BUCKET}/datasets{suffix}"
            return await bulk.harvest(listed, url, storage_options=options(endpoint))

    report = asyncio.run(run())
    if not report.complete or report.items != report.total:
        sys.exit(f"incomplete harvest: {report}")
    return report.items


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--datasets", type=int, default=DATASETS, help="size of the portal")
    # Used to start its child processes.
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        print(measured(lambda: harvest(*arguments.child)))
        return
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    system = fsspec.filesystem("s3", use_listings_cache=False, **options(endpoint))
    system.call_s3("create_bucket", Bucket=BUCKET)
    with running(arguments.datasets) as portal:
        for suffix in SUFFIXES:
            command = [sys.executable, __file__, "--child", portal, endpoint, suffix]
            done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
            cost = Cost(**json.loads(done.stdout))
            size = system.info(f"{BUCKET}/datasets{suffix}")["size"]
            print(
                f"{cost.items:,} datasets, {suffix}: CPU {cost.cpu:.1f} s,"
                f" object {size / 1e6:,.1f} MB, peak {cost.peak / 1e6:.1f} MB",
                flush=True,
            )
    server.stop()


if __name__ == "__main__":
    main()
