"""A harvest with datagouv-client, in its own environment: `python harvest_peer.py URL FILE`.

It fetches one page after the other.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from measures import measured


def harvest(url: str, path: Path) -> int:
    """Write all datasets of a portal to a file as JSON Lines, and return their number."""
    client: Any = import_module("datagouv").Client()  # Not installed where types are checked.
    client.base_url = url.removesuffix("/api/1/")
    items = 0
    with path.open("w", encoding="utf-8") as file:
        query = "api/1/datasets/?page_size=100&sort=created"
        for item in client.get_all_from_api_query(query):
            file.write(json.dumps(item, ensure_ascii=False) + "\n")
            items += 1
    return items


if __name__ == "__main__":
    print(measured(lambda: harvest(sys.argv[1], Path(sys.argv[2]))))
