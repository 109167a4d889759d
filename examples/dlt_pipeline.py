"""Load a portal into DuckDB by dlt, and keep the tables up to date.

    pip install 'aiodatagouv[dlt]' 'dlt[duckdb]'
    python examples/dlt_pipeline.py catalog.duckdb

The first run loads the lists. Later ones load the changes, and remove what no longer exists; dlt
merges both by the id, and keeps the date of the last run in the database. The portal is
data.gouv.fr, or that of the environment variable DATAGOUV_PORTAL.
"""

from __future__ import annotations

import sys
from pathlib import Path

import dlt
import duckdb
from dlt.pipeline.exceptions import PipelineStepFailed

from aiodatagouv.dlt import source

FIELDS = {
    "datasets": ["title", "last_update", "organization.id", "resources{id,format,url}"],
    "organizations": ["name", "badges"],
}
"""The fields of each list; the `id` is always among them."""

QUERY = """
    SELECT o.name, count(*) AS datasets, sum(json_array_length(d.resources)) AS files
    FROM datagouv.datasets AS d JOIN datagouv.organizations AS o ON o.id = d.organization->>'id'
    GROUP BY o.name ORDER BY datasets DESC, o.name LIMIT 10
"""


def load(database: Path) -> None:
    """Load the lists, or what has changed in them, into a database."""
    pipeline = dlt.pipeline(
        "catalog",
        destination=dlt.destinations.duckdb(str(database)),
        dataset_name="datagouv",
        pipelines_dir=str(database.with_suffix(".dlt")),
    )
    pipeline.run(source([*FIELDS], fields=FIELDS))


def main() -> int:
    """Run the command: 0 if the tables are loaded, 1 after a failure, 2 for wrong arguments."""
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    database = Path(sys.argv[1])
    try:
        load(database)
    except PipelineStepFailed as error:
        print(error, file=sys.stderr)
        return 1
    with duckdb.connect(str(database), read_only=True) as connection:
        for name, datasets, files in connection.execute(QUERY).fetchall():
            print(f"{name}: {datasets} datasets, {files} files")
    return 0


if __name__ == "__main__":
    sys.exit(main())
