"""A stand-in of ``python -m generator regenerate``, which takes longer: statuses, report, files."""

from __future__ import annotations

import argparse
import json
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

PIN = Path("openapi/udata-17.18.0.json")


def operations(document: Any) -> set[str]:
    return {f"{method} {path}" for path, item in document["paths"].items() for method in item}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    parser.add_argument("--report", type=Path, required=True)
    arguments = parser.parse_args()
    with urllib.request.urlopen(f"{arguments.url}swagger.json") as answer:
        content = answer.read()
    try:
        new = json.loads(content)
    except ValueError:
        sys.exit("not JSON, or truncated")
    old = json.loads(PIN.read_bytes())
    lost, gained = operations(old) - operations(new), operations(new) - operations(old)
    status = 12 if lost else 11 if gained else 10 if new != old else 0
    lines = [f"- removed: `{name}`" for name in lost] + [f"- added: `{name}`" for name in gained]
    arguments.report.write_text("\n".join(["# Changes", *sorted(lines), new["info"]["title"]]))
    if status:
        PIN.write_bytes(content)
        Path("openapi/pin.toml").write_text(f"date = {time.time_ns()}\n")
        Path("src/aiodatagouv/api/operations.txt").write_text("\n".join(sorted(operations(new))))
    sys.exit(status)


if __name__ == "__main__":
    main()
