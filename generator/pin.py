"""Pins the Swagger of a release of udata: the very bytes that a portal serves, and where from."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import subprocess
import tempfile
import tomllib
import venv
from pathlib import Path
from typing import Any

import httpx
from attrs import asdict, define
from packaging.version import InvalidVersion, Version

METHODS = ("get", "put", "post", "delete", "patch", "head", "options")

MAX_LOST = 0.10
"""The part of its operations that a new document may lack before it is taken for a broken one."""

OLD_UDATA = ["flask-security==5.7.*", "flask-caching==2.3.1", "setuptools<80"]
"""What releases before 15 need besides: they do not bound these dependencies."""

SCRIPT = Path(__file__).with_name("dump_swagger.py")


class PinError(Exception):
    """The document cannot be pinned; the pin is what it was."""


@define(frozen=True)
class Release:
    """One pinned document: an entry of pin.toml."""

    release: str
    file: str
    source: str
    date: dt.date
    sha256: str
    operations: int


def read_pins(folder: Path) -> list[tuple[Release, dict[str, Any]]]:
    """The pinned releases and their documents, newest first.

    Raises:
        PinError: A document is not the one that was pinned.
    """
    pins = []
    for release in _entries(folder):
        content = (folder / release.file).read_bytes()
        if hashlib.sha256(content).hexdigest() != release.sha256:
            raise PinError(f"{release.file} is not what pin.toml says: its sha256 differs")
        pins.append((release, json.loads(content)))
    return pins


def pin_from_url(folder: Path, url: str, *, release: str | None, force: bool) -> Release:
    """Pin what a running portal serves, under the release that the portal says it runs."""
    base = url.removesuffix("swagger.json").rstrip("/") + "/"
    try:
        with httpx.Client(base_url=base, follow_redirects=True, timeout=60) as portal:
            content = portal.get("swagger.json").raise_for_status().content
            release = release or portal.get("site/").raise_for_status().json().get("version")
    except (httpx.HTTPError, json.JSONDecodeError) as error:
        raise PinError(f"cannot read {base}: {error}") from error
    if not release:
        raise PinError(f"{base} does not say which release of udata it runs: give RELEASE=")
    return _pin(folder, content, release, f"{base}swagger.json", force=force)


def pin_from_udata(folder: Path, release: str, *, force: bool) -> Release:
    """Pin what the udata package would serve, installed into a throw-away environment."""
    older = OLD_UDATA if _version(release) < Version("15") else []
    with tempfile.TemporaryDirectory() as scratch:
        venv.create(scratch, with_pip=True)
        python = Path(scratch, "bin", "python")
        _run([python, "-m", "pip", "install", "-q", f"udata=={release}", "mongomock", *older])
        content = _run([python, SCRIPT])
    return _pin(folder, content, release, f"the package udata {release}", force=force)


def operations(document: dict[str, Any]) -> set[tuple[str, str]]:
    """The operations of a Swagger, by method and path."""
    return {
        (method.upper(), path)
        for path, item in document["paths"].items()
        for method in item
        if method in METHODS
    }


def _version(release: str) -> Version:
    try:
        return Version(release)
    except InvalidVersion:
        raise PinError(f"{release!r} is not a release, such as 17.18.0") from None


def _pin(folder: Path, content: bytes, release: str, source: str, *, force: bool) -> Release:
    _version(release)
    found = operations(_parse(content))
    others = [entry for entry in _entries(folder) if entry.release != release]
    same = [entry for entry in _entries(folder) if entry.release == release]
    for entry in (same or others)[:1]:
        pinned = operations(json.loads((folder / entry.file).read_bytes()))
        lost = pinned - found
        if len(lost) > MAX_LOST * len(pinned) and not force:
            raise PinError(
                f"{source} lacks {len(lost)} of the {len(pinned)} operations of {entry.release}, "
                f"as {' '.join(min(lost))}: if that is how it is, say FORCE=1"
            )
    new = Release(
        release=release,
        file=f"udata-{release}.json",
        source=source,
        date=dt.date.today(),
        sha256=hashlib.sha256(content).hexdigest(),
        operations=len(found),
    )
    folder.mkdir(exist_ok=True)
    _replace(folder / new.file, content)
    entries = sorted([*others, new], key=lambda entry: Version(entry.release), reverse=True)
    _replace(folder / "pin.toml", _toml(entries).encode())
    return new


def _parse(content: bytes) -> dict[str, Any]:
    try:
        document = json.loads(content)
    except ValueError as error:
        raise PinError(f"not JSON, or truncated: {error}") from error
    if not isinstance(document, dict) or document.get("swagger") != "2.0":
        raise PinError("not a Swagger 2.0 document")
    missing = [key for key in ("paths", "definitions", "info") if not document.get(key)]
    if missing:
        raise PinError(f"truncated: it has no {' and no '.join(missing)}")
    return document


def _entries(folder: Path) -> list[Release]:
    path = folder / "pin.toml"
    if not path.exists():
        return []
    return [Release(**entry) for entry in tomllib.loads(path.read_text())["release"]]


def _toml(entries: list[Release]) -> str:
    lines = [
        "# Made by `make pin`: the documents that the package is generated from, newest first."
    ]
    for entry in entries:
        lines += ["", "[[release]]"]
        for key, value in asdict(entry).items():
            lines.append(f"{key} = {json.dumps(value) if isinstance(value, str) else value}")
    return "\n".join(lines) + "\n"


def _replace(path: Path, content: bytes) -> None:
    part = path.with_name(f"{path.name}.part")
    part.write_bytes(content)
    part.replace(path)


def _run(command: list[str | Path]) -> bytes:
    # udata writes some lists out of sets: with another seed, in another order.
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    done = subprocess.run(command, capture_output=True, check=False, env=environment)
    if done.returncode:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise PinError(f"{' '.join(map(str, command[1:]))} failed: {' '.join(last)}")
    return done.stdout
