"""Harvest the files of all datasets into one Parquet table, and query it with polars.

    pip install 'aiodatagouv[parquet]' polars
    python examples/harvest_parquet.py resources.parquet

The table has a row for each file of each dataset. The harvest misses and repeats none, even if the
portal changes meanwhile. After an interruption or a kill, the same command continues. The portal is
data.gouv.fr, or that of the environment variable DATAGOUV_PORTAL.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import polars as pl

from aiodatagouv import Client, DataGouvError, api, bulk

FIELDS = ["title", "organization.name", "resources{id,format,filesize,url}"]
"""The fields of a dataset and of its files; those of the dataset get `dataset_` in front."""


async def harvest(path: Path) -> bulk.Report:
    """Write the table."""
    async with Client() as client:
        return await bulk.harvest(
            api.datasets.list_datasets(client, fields=FIELDS),
            path,
            explode="resources",
            concurrency=4,
            progress=lambda report: print(f"{report.rows} files", file=sys.stderr),
        )


def formats(path: Path) -> pl.DataFrame:
    """Return the formats of the most files, with their number and size, the most frequent first.

    Only the columns that are needed are read, whatever the size of the table.
    """
    return (
        pl.scan_parquet(path)
        .group_by(pl.col("format").fill_null("unknown").str.to_lowercase())
        .agg(files=pl.len(), bytes=pl.col("filesize").sum())
        .sort("files", "format", descending=[True, False])
        .collect()
    )


def main() -> int:
    """Run the command: 0 if the table is complete, 1 after a failure, 2 for wrong arguments."""
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    path = Path(sys.argv[1])
    try:
        report = asyncio.run(harvest(path))
    except (DataGouvError, OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{report.rows} files of {report.items} datasets: {report.status}")
    for name, files, size in formats(path).head(10).iter_rows():
        print(f"{name:12} {files:8,} {size:18,} bytes")
    return 0 if report.complete else 1


if __name__ == "__main__":
    sys.exit(main())
