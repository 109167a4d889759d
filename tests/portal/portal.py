"""Start and stop a real udata portal, in a separate process and virtual environment."""

from __future__ import annotations

import json
import os
import queue
import re
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from packaging.version import Version

from aiodatagouv import Operation

NEWEST, OLDEST = "17.18.0", "14.13.0"
PINNED = [NEWEST, OLDEST]
"""The releases of udata that the package is generated from."""

RELEASES = os.environ.get("PORTAL_RELEASES", "").split() or PINNED
"""The releases that the tests run against; `every_release` returns all that can run."""

BEFORE_THE_MATRIX = {"10.4.3"}
"""Releases that can run, but on which only paths and updates of harvests are tested."""

PROJECT = Path(__file__).parents[2]
SERVER = Path(__file__).with_name("server")


class PortalError(Exception):
    """The portal could not be started."""


@dataclass(frozen=True)
class Portal:
    """A running portal, with the contents of its manifest."""

    url: str
    release: str
    #: the API key of the administrator
    api_key: str = field(repr=False)
    #: the API key of an ordinary user, who is an editor of the first organization
    user_api_key: str = field(repr=False)
    #: the API key of another ordinary user, who is a partial editor of the first organization
    other_api_key: str = field(repr=False)
    #: kind of object, such as datasets -> the number of public objects
    totals: dict[str, int]
    #: path of a GET operation, with /api/2 before it in version 2 -> its example parameters
    ids: dict[str, dict[str, Any]]
    _process: subprocess.Popen[bytes] = field(repr=False)

    def parameters(self, operation: Operation) -> tuple[list[Any], dict[str, Any]]:
        """Return example parameters of a GET operation: the path values and the query."""
        paths = {route_of(path): path for path in self.ids}
        path = paths.get(route_of(path_of(operation)))
        given = {} if path is None else dict(self.ids[path])
        names = [part.split("}")[0] for part in operation.path.split("{")[1:]]
        if len(given) < len(names):
            where = f"{operation.method} {path_of(operation)}"
            raise PortalError(f"udata {self.release} does not serve {where}")
        # Older releases name parameters of paths otherwise.
        return [given.pop(name if name in given else next(iter(given))) for name in names], given

    def end_read_only(self) -> None:
        """End the read-only mode, in which only the administrator can create objects."""
        self._obey("write")

    def break_dataset(self, one: str, kind: str) -> None:
        """Break a dataset, in a way that `server/faults.py` names: its pages fail from now on."""
        self._obey(f"break {kind} {one}")

    def mend_dataset(self, one: str) -> None:
        """Restore a dataset."""
        self._obey(f"mend {one}")

    def _obey(self, command: str) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{command}\n".encode())
        self._process.stdin.flush()
        if not self._process.stdout.readline():
            raise PortalError("the portal stopped unexpectedly")


def route_of(path: str) -> str:
    """Return a path without what differs between releases: names, and the slash at the end."""
    return re.sub(r"[<{].*?[>}]", "{}", path).rstrip("/")


def path_of(operation: Operation) -> str:
    """Return the path of an operation, with /api/2 before it in version 2 of the API."""
    return f"/api/2{operation.path}" if operation.version == 2 else operation.path


def serves(release: str, operation: Operation) -> bool:
    """Tell whether a release has an operation, by what the package says of it."""
    version = Version(release)
    is_older = operation.since is not None and version < Version(operation.since)
    is_newer = operation.until is not None and version > Version(operation.until)
    return not is_older and not is_newer


def every_release() -> list[str]:
    """Return the releases of udata that have pinned requirements, newest first."""
    files = Path(__file__).parent.glob("requirements-*.in")
    found = [file.stem.removeprefix("requirements-") for file in files]
    return sorted(found, key=Version, reverse=True)


def portal_python(release: str = NEWEST) -> Path:
    """Return the Python of udata's virtual environment, in the folder PORTALS or the project."""
    folder = Path(os.environ.get("PORTALS") or PROJECT) / f".venv-portal-{release}"
    python = folder / "bin" / "python"
    if not python.exists():
        raise PortalError(
            f"{python} does not exist: run `make {folder.name}/ready`, or install"
            f" tests/portal/requirements-{release}.txt in a virtual environment there"
        )
    return python


@contextmanager
def running_portal(
    datasets: int = 60,
    *,
    port: int = 0,
    read_only: bool = False,
    search_window: int | None = None,
    release: str = NEWEST,
    timeout: float = 120,
) -> Iterator[Portal]:
    """Run a portal with a number of public datasets, and stop it at the end of the block.

    A read-only portal answers 423 if anybody except the administrator creates an object. Pages of a
    search reach `search_window` results: 10,000 by default.
    """
    command = [str(portal_python(release)), str(SERVER)]
    command += ["--datasets", str(datasets), "--port", str(port)]
    command += ["--read-only"] * read_only
    command += [] if search_window is None else ["--search-window", str(search_window)]
    with tempfile.TemporaryFile() as log:
        # The portal stops when its standard input is closed, so it cannot outlive this process.
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            # Ctrl-C reaches only this process, which then stops the portal.
            start_new_session=True,
        )
        try:
            yield _manifest(process, log, timeout)
        finally:
            _stop(process)


def _manifest(process: subprocess.Popen[bytes], log: IO[bytes], timeout: float) -> Portal:
    """Wait for the manifest, a line that the portal prints when it is ready."""
    assert process.stdout is not None
    lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    # A thread, because a pipe cannot be read with a timeout on every system.
    threading.Thread(
        target=lambda stream: lines.put(stream.readline()), args=(process.stdout,), daemon=True
    ).start()
    try:
        line = lines.get(timeout=timeout)
    except queue.Empty:
        raise PortalError(f"the portal is not ready after {timeout:g} s\n{_tail(log)}") from None
    if not line:
        raise PortalError(f"the portal exited with status {process.wait()}\n{_tail(log)}")
    return Portal(**json.loads(line), _process=process)


def _tail(log: IO[bytes], lines: int = 30) -> str:
    log.seek(0)
    return "\n".join(log.read().decode(errors="replace").splitlines()[-lines:])


def _stop(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.close()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdout.close()
