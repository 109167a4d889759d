"""The time that dlt takes to load datasets into DuckDB: python benchmarks/loads.py 20000.

The portal is replayed on the same machine, without a rate.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

from replay_portal import running


def load(url: str, rows: str) -> None:
    """Load all datasets twice, and print the seconds of each step."""
    import dlt  # Reads the environment.

    from aiodatagouv.dlt import source

    with tempfile.TemporaryDirectory() as folder:
        pipeline = dlt.pipeline(
            "loads",
            destination=dlt.destinations.duckdb(str(Path(folder, "loads.duckdb"))),
            dataset_name="datagouv",
            pipelines_dir=folder,
        )
        for run in ("first", "second"):
            datasets = source(
                "datasets", base_url=url, rate=None, rows="dicts" if rows == "dicts" else "arrow"
            )
            begin = time.perf_counter()
            pipeline.extract(datasets)
            extracted = time.perf_counter()
            pipeline.normalize()
            normalized = time.perf_counter()
            pipeline.load()
            loaded = time.perf_counter()
            print(
                f"{rows}, {run} run: extract {extracted - begin:.1f} s, "
                f"normalize {normalized - extracted:.1f} s, load {loaded - normalized:.1f} s"
            )


def main() -> None:
    """Run the benchmark in both forms of rows."""
    os.environ |= {"RUNTIME__DLTHUB_TELEMETRY": "false", "RUNTIME__LOG_LEVEL": "ERROR"}
    with running(int(sys.argv[1])) as url:
        for rows in ("arrow", "dicts"):
            load(url, rows)


if __name__ == "__main__":
    main()
