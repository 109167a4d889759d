"""A stand-in of ``gh api``: pull requests, issues and labels, kept in the file of $GH_STATE."""

from __future__ import annotations

import argparse
import json
import os
import urllib.parse
from pathlib import Path
from typing import Any


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("command", choices=["api"])
    parser.add_argument("--method", required=True)
    parser.add_argument("path")
    parser.add_argument("--input", type=Path)
    arguments = parser.parse_args()
    file = Path(os.environ["GH_STATE"])
    state = json.loads(file.read_text())
    path, _, query = arguments.path.removeprefix("repos/owner/project/").partition("?")
    fields = json.loads(arguments.input.read_text()) if arguments.input else {}
    asked = dict(urllib.parse.parse_qsl(query))
    state["calls"].append(f"{arguments.method} {path}")
    print(json.dumps(answer(state["items"], arguments.method, path.split("/"), asked, fields)))
    file.write_text(json.dumps(state))


def answer(
    items: list[dict[str, Any]], method: str, path: list[str], asked: dict[str, str], fields: Any
) -> Any:
    """Do what is asked. A pull request is an issue too, and has a number of the same series."""
    kind = path[0]
    match method, path[1:]:
        case "GET", []:
            return [
                item
                for item in items
                if item["state"] == asked["state"]
                and (kind == "issues" or item.get("head") == asked["head"])
                and asked.get("labels", "") in ["", *(label["name"] for label in item["labels"])]
            ]
        case "POST", []:
            item = {"number": len(items) + 1, "state": "open", "comments": [], **fields}
            item["labels"] = [{"name": name} for name in fields.get("labels", [])]
            if kind == "pulls":
                item |= {"pull_request": {}, "head": f"owner:{fields['head']}"}
            items.append(item)
            return item
        case "PATCH", [number]:
            items[int(number) - 1] |= fields
            return items[int(number) - 1]
        case "POST", [number, "comments"]:
            items[int(number) - 1]["comments"].append(fields["body"])
        case "POST", [number, "labels"]:
            labels = items[int(number) - 1]["labels"]
            labels += [{"name": name} for name in fields["labels"] if {"name": name} not in labels]
        case "DELETE", [number, "labels", name]:
            items[int(number) - 1]["labels"].remove({"name": name})
        case _:
            raise SystemExit(f"unexpected: {method} {path}")
    return {}


if __name__ == "__main__":
    main()
