"""The two hosts of repositories, GitHub and GitLab: a request, an issue, and a push to a branch.

Texts come from a portal's Swagger. They travel as JSON, in a file or in the body of a request, and
never become a part of a command.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any, NamedTuple, Protocol

BRANCH = "regenerate"
"""The branch that is proposed, rebuilt each time."""

MAIN = "main"
"""The branch that it is proposed for."""

LABELS = {10: "documentation", 11: "compatible", 12: "breaking"}
"""The statuses of a regeneration that changed something, and the labels of their requests."""

ISSUE = "regeneration"
"""The label of the issue about failures."""


class NotOpen(Exception):
    """After all, the host has no open request."""


class Text(NamedTuple):
    """The title, the text and the label of a request or an issue."""

    title: str
    body: str
    label: str


class Open(NamedTuple):
    """A request or an issue that is open, with all its labels."""

    number: int
    title: str
    body: str
    labels: frozenset[str]

    def shows(self, text: Text) -> bool:
        """Tell whether it has this title, text and label. Labels of others do not count."""
        body = self.body.replace("\r\n", "\n").strip()
        same = (self.title, body) == (text.title, text.body.strip())
        return same and text.label in self.labels and not self.stale(text)

    def stale(self, text: Text) -> list[str]:
        """Return the labels that another status has left."""
        return sorted(self.labels & {*LABELS.values()} - {text.label})


class Move(NamedTuple):
    """A move of the branch, refused if somebody else has moved it meanwhile. None is no branch."""

    old: str | None
    new: str | None


class Host(Protocol):
    """A host: what is open there, and the ways to change it."""

    limit: int
    """Characters of a text."""

    helper: str
    """The helper of git that knows the token."""

    def request(self) -> Open | None:
        """Return the open request of the branch, from this repository and no fork."""

    def issue(self) -> Open | None:
        """Return the open issue about failures."""

    def propose(self, request: Open | None, move: Move, text: Text) -> None:
        """Move the branch, if it is to move at all, and open or update its request.

        Raises:
            NotOpen: It is not open at the end.
        """

    def retire(self, request: Open | None, move: Move, comment: str) -> None:
        """Close the request, and delete its branch."""

    def complain(self, issue: Open | None, text: Text) -> None:
        """Open or update the issue."""

    def resolve(self, issue: Open, comment: str) -> None:
        """Close the issue."""


def credentials(helper: str) -> dict[str, str]:
    """Return the variables that make git ask only this helper for the token of its remote.

    The token itself stays in its own variable: it is in no file and in no command.
    """
    return {
        "GIT_CONFIG_COUNT": "2",
        "GIT_CONFIG_KEY_0": "credential.helper",
        "GIT_CONFIG_VALUE_0": "",  # Forgets the others.
        "GIT_CONFIG_KEY_1": "credential.helper",
        "GIT_CONFIG_VALUE_1": helper,
    }


def push(move: Move, *options: str) -> None:
    """Move the branch of the remote, if it is elsewhere."""
    if move.old == move.new:  # Git would still send the options, to a remote that has hung up.
        return
    branch = f"refs/heads/{BRANCH}"
    command = ["git", "push", f"--force-with-lease={branch}:{move.old or ''}"]
    command += [f"--push-option={option}" for option in options]
    subprocess.run([*command, "origin", f"{move.new or ''}:{branch}"], check=True)


def check_open(request: Any, state: str) -> None:
    """Check the state of a request, as the host answered a change of it.

    Raises:
        NotOpen: It is another state: somebody has closed or merged the request meanwhile.
    """
    if request["state"] != state:
        raise NotOpen(f"the request is {request['state']}")


class GitHub:
    """GitHub, by its command ``gh``: needs GITHUB_REPOSITORY and GH_TOKEN."""

    limit = 65_536
    helper = "!gh auth git-credential"

    def __init__(self) -> None:
        self.repository = os.environ["GITHUB_REPOSITORY"]

    def request(self) -> Open | None:
        owner = self.repository.partition("/")[0]
        query = urllib.parse.urlencode({"state": "open", "head": f"{owner}:{BRANCH}"})
        return self._first(self._call("GET", f"pulls?{query}"))

    def issue(self) -> Open | None:
        query = urllib.parse.urlencode({"state": "open", "labels": ISSUE})
        found = self._call("GET", f"issues?{query}")
        return self._first([one for one in found if "pull_request" not in one])

    def propose(self, request: Open | None, move: Move, text: Text) -> None:
        push(move)
        fields = {"title": text.title, "body": text.body}
        if request is None:
            made = self._call("POST", "pulls", {**fields, "head": BRANCH, "base": MAIN})
            number = made["number"]
        else:
            number = request.number
            check_open(self._call("PATCH", f"pulls/{number}", fields), "open")
            for label in request.stale(text):
                self._call("DELETE", f"issues/{number}/labels/{label}")
        self._call("POST", f"issues/{number}/labels", {"labels": [text.label]})

    def retire(self, request: Open | None, move: Move, comment: str) -> None:
        if request is not None:
            self._call("POST", f"issues/{request.number}/comments", {"body": comment})
            self._call("PATCH", f"pulls/{request.number}", {"state": "closed"})
        push(move)

    def complain(self, issue: Open | None, text: Text) -> None:
        fields = {"title": text.title, "body": text.body}
        if issue is None:
            self._call("POST", "issues", {**fields, "labels": [text.label]})
        else:
            self._call("PATCH", f"issues/{issue.number}", fields)

    def resolve(self, issue: Open, comment: str) -> None:
        self._call("POST", f"issues/{issue.number}/comments", {"body": comment})
        self._call("PATCH", f"issues/{issue.number}", {"state": "closed"})

    def _call(self, method: str, path: str, fields: object = None) -> Any:
        command = ["gh", "api", "--method", method, f"repos/{self.repository}/{path}"]
        with tempfile.TemporaryDirectory() as scratch:
            if fields is not None:
                file = Path(scratch, "fields.json")
                file.write_text(json.dumps(fields))
                command += ["--input", str(file)]
            answer = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
        return json.loads(answer) if answer.strip() else None

    @staticmethod
    def _first(found: list[Any]) -> Open | None:
        for one in found:
            labels = frozenset(label["name"] for label in one["labels"])
            return Open(one["number"], one["title"], one["body"] or "", labels)
        return None


class GitLab:
    """GitLab, by push options and its API: needs the variables of a job, and GITLAB_TOKEN."""

    limit = 1_000_000
    helper = '!f() { echo username=oauth2; echo "password=$GITLAB_TOKEN"; }; f'

    def __init__(self) -> None:
        self.project = os.environ["CI_PROJECT_ID"]
        self.root = f"{os.environ['CI_API_V4_URL']}/projects/{self.project}"
        self.token = os.environ["GITLAB_TOKEN"]

    def request(self) -> Open | None:
        query = urllib.parse.urlencode({"state": "opened", "source_branch": BRANCH})
        found = self._call("GET", f"merge_requests?{query}")
        return self._first([one for one in found if str(one["source_project_id"]) == self.project])

    def issue(self) -> Open | None:
        query = urllib.parse.urlencode({"state": "opened", "labels": ISSUE})
        return self._first(self._call("GET", f"issues?{query}"))

    def propose(self, request: Open | None, move: Move, text: Text) -> None:
        push(
            move,
            "merge_request.create",
            f"merge_request.target={MAIN}",
            f"merge_request.title={text.title}",
            f"merge_request.label={text.label}",
            "merge_request.remove_source_branch",
        )
        # A push option has one line, so the text follows.
        request = request or self.request() or self._open(text)
        fields = {"title": text.title, "description": text.body, "add_labels": text.label}
        stale = ",".join(request.stale(text))
        path = f"merge_requests/{request.number}"
        check_open(self._call("PUT", path, {**fields, "remove_labels": stale}), "opened")

    def _open(self, text: Text) -> Open:
        """Open the request where the push did not.

        Only a push that moves the branch has options: there is none if somebody has closed the
        request of this very commit.
        """
        branches = {"source_branch": BRANCH, "target_branch": MAIN, "remove_source_branch": True}
        fields = {**branches, "title": text.title, "labels": text.label}
        try:
            self._call("POST", "merge_requests", fields)
        except urllib.error.HTTPError as error:
            if error.code != 409:  # The push has opened it after all, a little later.
                raise
        found = self.request()
        if found is None:
            raise NotOpen("the push and the API of GitLab opened no request")
        return found

    def retire(self, request: Open | None, move: Move, comment: str) -> None:
        if request is not None:
            path = f"merge_requests/{request.number}"
            self._call("POST", f"{path}/notes", {"body": comment})
            self._call("PUT", path, {"state_event": "close"})
        push(move)

    def complain(self, issue: Open | None, text: Text) -> None:
        fields = {"title": text.title, "description": text.body, "labels": text.label}
        if issue is None:
            self._call("POST", "issues", fields)
        else:
            self._call("PUT", f"issues/{issue.number}", fields)

    def resolve(self, issue: Open, comment: str) -> None:
        self._call("POST", f"issues/{issue.number}/notes", {"body": comment})
        self._call("PUT", f"issues/{issue.number}", {"state_event": "close"})

    def _call(self, method: str, path: str, fields: object = None) -> Any:
        request = urllib.request.Request(
            f"{self.root}/{path}",
            data=None if fields is None else json.dumps(fields).encode(),
            headers={"PRIVATE-TOKEN": self.token, "Content-Type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read())

    @staticmethod
    def _first(found: list[Any]) -> Open | None:
        for one in found:
            labels = frozenset[str](one["labels"])
            return Open(one["iid"], one["title"], one["description"] or "", labels)
        return None
