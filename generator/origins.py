"""Where the documents of a release come from: a portal, the udata package, or files."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
import venv
from pathlib import Path
from typing import Any

import httpx
from packaging.version import Version

from . import versions
from .pin import RELEASE, URL, VERSIONS, Contents, PinError, Release, release_number, store

MAX_SIZE = 64 << 20
"""Bytes of a document; those of udata have less than 1 MiB."""

MAX_TIME = 600.0
"""Seconds in which a portal must send a document."""

OLD_UDATA = ["setuptools", "-c", str(Path(__file__).with_name("udata-constraints.txt"))]
"""Extra requirements of releases before 17.9, and upper bounds that they lack."""

SCRIPT = Path(__file__).with_name("dump_swagger.py")


class MissingError(PinError):
    """A portal does not have a document."""


def from_url(folder: Path, url: str, *, release: str | None, force: bool) -> list[Release]:
    """Pin the Swagger of a running portal. ``release`` replaces the release that it reports.

    Returns:
        The entries of its documents. If their APIs are pinned already, those, and nothing is
        written: documents are compared without their host, and without the order of what has none.
    """
    root = root_of(url)
    contents = fetch(url)
    try:
        release = release or _reported(json.loads(_get(root, "api/1/site/")))
    except ValueError as error:
        raise PinError(f"cannot read {root}: {error}") from error
    if not release:
        raise PinError(f"{root} does not report its release of udata: pass RELEASE=")
    sources = {api: f"{root}api/{api}/swagger.json" for api in contents}
    return store(folder, contents, release, sources, force=force)


def from_udata(folder: Path, release: str, *, force: bool) -> list[Release]:
    """Pin the Swagger of the udata package, installed into a temporary virtual environment.

    Returns:
        Its entries, as :func:`from_url` does.
    """
    contents = dump(release)
    sources = dict.fromkeys(contents, f"the package udata {release}")
    return store(folder, contents, release, sources, force=force)


def fetch(url: str) -> Contents:
    """Return the documents of a running portal, of which some have no API v2."""
    root = root_of(url)
    contents = {1: _get(root, "api/1/swagger.json")}
    try:
        return {**contents, 2: _get(root, "api/2/swagger.json")}
    except MissingError:
        return contents


def _get(root: str, path: str) -> bytes:
    """Return a document below a portal's root."""
    try:
        with httpx.Client(base_url=root, follow_redirects=True, timeout=60) as portal:
            return _download(portal, path)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        is_missing = isinstance(error, httpx.HTTPStatusError) and error.response.status_code == 404
        raise (MissingError if is_missing else PinError)(f"cannot read {root}: {error}") from error


def dump(release: str) -> Contents:
    """Return the documents of the udata package, installed into a temporary environment."""
    release = release_number(release)
    older = OLD_UDATA if Version(release) < Version("17.9") else []
    with tempfile.TemporaryDirectory() as scratch:
        venv.create(scratch, with_pip=True)
        python = Path(scratch, "bin", "python")
        _run([python, "-m", "pip", "install", "-q", f"udata=={release}", "mongomock", *older])
        return {api: _run([python, SCRIPT, str(api)]) for api in VERSIONS}


def root_of(url: str) -> str:
    """Return a portal's root, of which the URL of its API or of its Swagger is given as well."""
    if not URL.fullmatch(url):
        raise PinError(f"{url!r} is not the URL of a portal's API")
    return versions.portal_root(url.removesuffix("swagger.json").rstrip("/"))


def from_file(folder: Path, file: Path, *, release: str | None, force: bool) -> list[Release]:
    """Pin a Swagger that is in a file, such as ``udata-14.13.0.json``, whose name has its release.

    That of API v2 is pinned too if it is beside it: ``udata-14.13.0-v2.json``. ``release`` replaces
    the release of the name.
    """
    release, contents = read_file(file, release)
    names = {1: file.name, 2: _second(file).name}
    sources = {api: f"the file {names[api]}" for api in contents}
    return store(folder, contents, release, sources, force=force)


def read_file(file: Path, release: str | None = None) -> tuple[str, Contents]:
    """Return the release of a file, that of its name unless it is given, and the documents."""
    contents = {1: _content(file)}
    if not release:
        release = file.stem.removeprefix("udata-")
        if not RELEASE.fullmatch(release):
            raise PinError(f"the name of {file} is not udata-<release>.json: pass RELEASE=")
    second = _second(file)
    return release, {**contents, 2: _content(second)} if second.exists() else contents


def _second(file: Path) -> Path:
    """Return the file with the Swagger of API v2, beside that of API v1."""
    return file.with_name(f"{file.stem}-v2{file.suffix}")


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise PinError(f"cannot read {file}: {error.strerror}") from None


def _download(portal: httpx.Client, path: str) -> bytes:
    """Read an answer, unless it does not end.

    Raises:
        PinError: It is too long, or takes too long.
    """
    content, started = bytearray(), time.monotonic()
    with portal.stream("GET", path) as response:
        for chunk in response.raise_for_status().iter_bytes():
            content += chunk
            if len(content) > MAX_SIZE or time.monotonic() - started > MAX_TIME:
                raise PinError(f"{path} has more than {MAX_SIZE:,} bytes, or takes too long")
    return bytes(content)


def _reported(site: Any) -> str | None:
    """Return the release that a portal reports."""
    version = site.get("version") if isinstance(site, dict) else None
    return version if isinstance(version, str) else None


def _run(command: list[str | Path]) -> bytes:
    # udata builds some lists from sets; a fixed hash seed makes their order reproducible.
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    done = subprocess.run(command, capture_output=True, check=False, env=environment)
    if done.returncode:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise PinError(f"{' '.join(map(str, command[1:]))} failed: {' '.join(last)}")
    return done.stdout
