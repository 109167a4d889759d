"""Stand-ins of GitHub and GitLab, a portal whose API changes, and a checkout to regenerate."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parent.parent

HOOK = """\
#!/bin/sh
for number in $(seq 0 $((${GIT_PUSH_OPTION_COUNT:-0} - 1))); do
    eval "printf '%s\\\\n' \\"\\$GIT_PUSH_OPTION_$number\\""
done >> push-options
"""
"""Writes down the options of a push, one a line."""


class Item(NamedTuple):
    """A request or an issue, in the words of neither host."""

    number: int
    is_open: bool
    title: str
    body: str
    labels: list[str]
    comments: list[str]


class Conflict(Exception):
    """A branch can have one open request only: status 409."""


class GitHubForge:
    """GitHub: the command ``gh`` on PATH."""

    name = "github"

    def __init__(self, folder: Path) -> None:
        self._state = folder / "state.json"
        self._state.write_text(json.dumps({"items": [], "calls": []}))
        shim = folder / "bin" / "gh"
        shim.parent.mkdir()
        script = Path(__file__).with_name("standin_gh.py")
        shim.write_text(f'#!/bin/sh\nexec "{sys.executable}" -P "{script}" "$@"\n')
        shim.chmod(0o755)
        self.environment = {
            "GH_STATE": str(self._state),
            "GITHUB_REPOSITORY": "owner/project",
            "PATH": f"{shim.parent}{os.pathsep}{os.environ['PATH']}",
        }

    def requests(self) -> list[Item]:
        return self._items(is_request=True)

    def issues(self) -> list[Item]:
        return self._items(is_request=False)

    def add_label(self, number: int, label: str) -> None:
        state = json.loads(self._state.read_text())
        state["items"][number - 1]["labels"].append({"name": label})
        self._state.write_text(json.dumps(state))

    def close(self, number: int) -> None:
        """Close a request, as a person does."""
        state = json.loads(self._state.read_text())
        state["items"][number - 1]["state"] = "closed"
        self._state.write_text(json.dumps(state))

    def add_request_of_fork(self) -> None:
        """Open a request of somebody whose branch has the same name."""
        state = json.loads(self._state.read_text())
        foreign = {"number": 1, "state": "open", "head": "stranger:regenerate", "pull_request": {}}
        text = {"title": "Mine", "body": "", "labels": [], "comments": []}
        state["items"].append({**foreign, **text})
        self._state.write_text(json.dumps(state))

    def changes(self) -> list[str]:
        """Return the calls that change something."""
        calls: list[str] = json.loads(self._state.read_text())["calls"]
        return [call for call in calls if not call.startswith("GET")]

    def _items(self, *, is_request: bool) -> list[Item]:
        return [
            Item(
                one["number"],
                one["state"] == "open",
                one["title"],
                one["body"],
                [label["name"] for label in one["labels"]],
                one["comments"],
            )
            for one in json.loads(self._state.read_text())["items"]
            if ("pull_request" in one) == is_request
        ]


class GitLabForge:
    """GitLab: its API on this machine, and the push options that reach the remote."""

    name = "gitlab"

    def __init__(self, remote: Path, port: int) -> None:
        subprocess.run(
            ["git", "-C", remote, "config", "receive.advertisePushOptions", "true"], check=True
        )
        hook = remote / "hooks" / "post-receive"
        hook.write_text(HOOK)
        hook.chmod(0o755)
        self._options = remote / "push-options"
        self._found: dict[str, list[dict[str, Any]]] = {"merge_requests": [], "issues": []}
        self._changes: list[str] = []
        self.is_late = False
        """Pushes open their requests only when the API is asked to open one."""
        self.opens = True
        """The API opens the requests that it says to have opened."""
        self.environment = {
            "CI_PROJECT_ID": "7",
            "CI_API_V4_URL": f"http://127.0.0.1:{port}/api/v4",
            "GITLAB_TOKEN": "the-token",
        }

    def requests(self) -> list[Item]:
        self._receive()
        return [self._item(one) for one in self._found["merge_requests"]]

    def issues(self) -> list[Item]:
        return [self._item(one) for one in self._found["issues"]]

    def add_label(self, number: int, label: str) -> None:
        self._found["merge_requests"][number - 1]["labels"].append(label)

    def close(self, number: int) -> None:
        """Close a request, as a person does."""
        self._found["merge_requests"][number - 1]["state"] = "closed"

    def add_request_of_fork(self) -> None:
        """Open a request of somebody whose branch has the same name."""
        self._open(
            "merge_requests",
            {
                "source_branch": "regenerate",
                "source_project_id": 8,
                "title": "Mine",
                "description": "",
                "labels": [],
            },
        )

    def changes(self) -> list[str]:
        return self._changes

    def answer(self, method: str, target: str, fields: Any) -> Any:
        """Do what a request to the API asks."""
        if not self.is_late or method == "POST":
            self._receive()
        path, _, query = target.removeprefix("/api/v4/projects/7/").partition("?")
        kind, *rest = path.split("/")
        if method != "GET":
            self._changes.append(f"{method} {path}")
        match method, rest:
            case "GET", []:
                asked = dict(urllib.parse.parse_qsl(query))
                return [
                    one
                    for one in self._found[kind]
                    if one["state"] == asked["state"]
                    and asked.get("source_branch") == one.get("source_branch")
                    and (kind != "issues" or asked["labels"] in one["labels"])
                ]
            case "POST", []:
                fields["labels"] = fields["labels"].split(",")
                if kind == "merge_requests":
                    return self._open_request(fields)
                return self._open(kind, fields)
            case "POST", [number, "notes"]:
                self._found[kind][int(number) - 1]["notes"].append(fields["body"])
            case "PUT", [number]:
                one = self._found[kind][int(number) - 1]
                gone = fields.get("remove_labels", "").split(",")
                added = fields.get("add_labels", "").split(",")
                kept = [label for label in one["labels"] if label not in [*gone, *added]]
                one["labels"] = [*kept, *filter(None, added)]
                if fields.get("state_event") == "close":
                    one["state"] = "closed"
                one.update(
                    {name: fields[name] for name in fields.keys() & {"title", "description"}}
                )
                return one
        return {}

    def _has_request(self) -> bool:
        return any(
            one["state"] == "opened" and one["source_project_id"] == 7
            for one in self._found["merge_requests"]
        )

    def _open_request(self, fields: dict[str, Any]) -> dict[str, Any]:
        if self._has_request():
            raise Conflict
        if not self.opens:
            return {}
        assert (fields["source_branch"], fields["target_branch"]) == ("regenerate", "main")
        assert fields["remove_source_branch"] is True
        return self._open("merge_requests", {"description": "", "source_project_id": 7, **fields})

    def _open(self, kind: str, fields: dict[str, Any]) -> dict[str, Any]:
        one = {"iid": len(self._found[kind]) + 1, "state": "opened", "notes": [], **fields}
        self._found[kind].append(one)
        return one

    def _receive(self) -> None:
        """Open the requests that pushes ask for."""
        lines = self._options.read_text().splitlines() if self._options.exists() else []
        self._options.write_text("")
        options = dict(line.removeprefix("merge_request.").partition("=")[::2] for line in lines)
        if "create" in options and not self._has_request():
            assert options["target"] == "main"
            self._open(
                "merge_requests",
                {
                    "source_branch": "regenerate",
                    "source_project_id": 7,
                    "title": options["title"],
                    "description": "",
                    "labels": [options["label"]],
                },
            )

    @staticmethod
    def _item(one: dict[str, Any]) -> Item:
        is_open = one["state"] == "opened"
        return Item(
            one["iid"], is_open, one["title"], one["description"], one["labels"], one["notes"]
        )


Forge = GitHubForge | GitLabForge


class Portal:
    """A portal, whose ``document`` may change, and that of API v2, which it may lack.

    Bytes are served as they are.
    """

    def __init__(self) -> None:
        self.second: Any = None
        self.document: Any = json.loads((ROOT / "openapi/udata-17.18.0.json").read_bytes())
        self.url = ""


@contextmanager
def serving(answer: Any) -> Iterator[int]:
    """Serve what ``answer(method, target, fields, headers)`` returns, or status 409 or 404."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            fields = json.loads(self.rfile.read(length)) if length else None
            status, value = 200, None
            try:
                value = answer(self.command, self.path, fields, self.headers)
            except Conflict:
                status = 409
            except LookupError:
                status = 404
            content = value if isinstance(value, bytes) else json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = _answer  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def forge_of(name: str, folder: Path, remote: Path) -> Iterator[Forge]:
    if name == "github":
        yield GitHubForge(folder)
        return
    forges: list[GitLabForge] = []

    def answer(method: str, target: str, fields: Any, headers: Any) -> Any:
        assert headers["PRIVATE-TOKEN"] == "the-token"
        return forges[0].answer(method, target, fields)

    with serving(answer) as port:
        forges.append(GitLabForge(remote, port))
        yield forges[0]


@contextmanager
def portal_of() -> Iterator[Portal]:
    portal = Portal()

    def answer(method: str, target: str, fields: Any, headers: Any) -> Any:
        if target.endswith("/site/"):
            return {"version": "17.18.0"}
        if "/api/2/" not in target:
            return portal.document
        if portal.second is None:
            raise LookupError(target)
        return portal.second

    with serving(answer) as port:
        portal.url = f"http://127.0.0.1:{port}/api/1/"
        yield portal


def checkout_of(folder: Path, remote: Path) -> None:
    """Make a checkout with what a regeneration reads and writes, and its remote."""
    for name in (".ci", "openapi", "generator", "src"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    repository_of(folder, remote)


def repository_of(folder: Path, remote: Path) -> None:
    """Commit a folder to main, and push it to a new remote."""
    for command in (
        ["init", "--quiet", "--bare", "--initial-branch=main", str(remote)],
        ["-C", str(folder), "init", "--quiet", "--initial-branch=main"],
        ["-C", str(folder), "config", "user.name", "Somebody"],
        ["-C", str(folder), "config", "user.email", "somebody@example.org"],
        ["-C", str(folder), "remote", "add", "origin", str(remote)],
        ["-C", str(folder), "add", "--all"],
        ["-C", str(folder), "commit", "--quiet", "--message", "Start"],
        ["-C", str(folder), "push", "--quiet", "origin", "main"],
    ):
        subprocess.run(["git", *command], check=True)
