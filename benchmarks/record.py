"""Record answers of the API at DATAGOUV_PORTAL as files: `python record.py FOLDER`.

A server of static files with FOLDER/www as its root gives the same answers under the same URLs. It
has a page of 100 datasets, and the one of them whose answer is nearest to 4.8 kB.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import httpx

SIZE = 4800
DATASETS = 100


def record(api: str, www: Path) -> None:
    """Write the answers of an API to a new folder."""
    shutil.rmtree(www, ignore_errors=True)
    with httpx.Client(base_url=api) as client:

        def get(path: str) -> bytes:
            return client.get(path).raise_for_status().content

        page = get(f"datasets/?page_size={DATASETS}")
        items: list[dict[str, Any]] = json.loads(page)["data"]
        assert len(items) == DATASETS
        answers = {one["slug"]: get(f"datasets/{one['slug']}/") for one in items}
    slug = min(answers, key=lambda one: abs(len(answers[one]) - SIZE))
    folder = www / "api" / "1" / "datasets"
    (folder / slug).mkdir(parents=True)
    (folder / "index.json").write_bytes(page)
    (folder / slug / "index.json").write_bytes(answers[slug])
    print(f"recorded a page of {len(page):,} bytes, and {slug} of {len(answers[slug]):,}")


if __name__ == "__main__":
    record(os.environ["DATAGOUV_PORTAL"], Path(sys.argv[1], "www"))
