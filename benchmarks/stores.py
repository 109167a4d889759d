"""Benchmark of harvests to an object store: `python benchmarks/stores.py`.

A simulated portal serves 75,000 datasets, and moto an S3-compatible store; both are processes of
their own. A process harvests the datasets into an object; its duration, its memory when the store
is connected, and its memory at the peak are printed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import subprocess
import sys
import time
from typing import Any

import fsspec
from harvest import DATASETS, SUFFIXES, memory, peak
from moto.server import ThreadedMotoServer
from replay_portal import running

from aiodatagouv import Client, bulk
from aiodatagouv.api import datasets

BUCKET = "benchmark"


def options(endpoint: str) -> dict[str, Any]:
    """Return the options by which fsspec reaches the store."""
    keys = {"key": "key", "secret": "secret", "client_kwargs": {"region_name": "us-east-1"}}
    return {"endpoint_url": endpoint, **keys}


def harvest(portal: str, endpoint: str, suffix: str) -> dict[str, float]:
    """Harvest all datasets into an object, and return what it has cost."""
    system = fsspec.filesystem("s3", use_listings_cache=False, **options(endpoint))
    name = f"{BUCKET}/datasets{suffix}"
    system.ls(BUCKET)
    connected = memory()

    async def run() -> bulk.Report:
        async with Client(base_url=portal, api_key="", rate=math.inf) as client:
            listed = datasets.list_datasets(client)
            return await bulk.harvest(listed, f"s3://{name}", storage_options=options(endpoint))

    started, worked = time.perf_counter(), time.process_time()
    report = asyncio.run(run())
    seconds, cpu = time.perf_counter() - started, time.process_time() - worked
    if not report.complete or report.items != report.total:
        sys.exit(f"incomplete harvest: {report}")
    return {
        "s": seconds,
        "CPU s": cpu,
        "MB file": system.info(name)["size"] / 1e6,
        "MB connected": connected / 1e6,
        "MB peak": peak()[0] / 1e6,
    }


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--datasets", type=int, default=DATASETS, help="size of the portal")
    # Used to start its child processes.
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        print(json.dumps(harvest(*arguments.child)))
        return
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    system = fsspec.filesystem("s3", **options(endpoint))
    system.call_s3("create_bucket", Bucket=BUCKET)
    with running(arguments.datasets) as portal:
        for suffix in SUFFIXES:
            command = [sys.executable, __file__, "--child", portal, endpoint, suffix]
            done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
            costs = ", ".join(f"{name} {one:,.1f}" for name, one in json.loads(done.stdout).items())
            print(f"{arguments.datasets:,} datasets, {suffix}: {costs}", flush=True)
    server.stop()


if __name__ == "__main__":
    main()
