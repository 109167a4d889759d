"""Pin the Swagger of a release of udata: store the bytes as served, their hash and their source."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import re
import subprocess
import tempfile
import time
import tomllib
import venv
from pathlib import Path
from typing import Any

import httpx
from attrs import asdict, define
from packaging.version import InvalidVersion, Version

from .canonical import is_same
from .errors import GenerationError

METHODS = ("get", "put", "post", "delete", "patch", "head", "options")

MAX_LOST = 0.10
"""The largest share of operations that a new document may lack without ``--force``."""

MAX_SIZE = 64 << 20
"""Bytes of a document; those of udata have less than 1 MiB."""

MAX_TIME = 600.0
"""Seconds in which a portal must send a document."""

OLD_UDATA = ["setuptools", "-c", str(Path(__file__).with_name("udata-constraints.txt"))]
"""Extra requirements of releases before 17.9, and upper bounds that they lack."""

RELEASE = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9}){0,4}((a|b|rc|\.dev|\.post)[0-9]{1,9})?", re.ASCII)
"""A release number, as it may appear in file names, comments and docstrings."""

MAX_RELEASE = 64
"""Characters of a release number, with all that is around it."""

URL = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]+)?(/[A-Za-z0-9._~/-]*)?", re.ASCII)
"""The URL of an API, without user, query and fragment."""

SCRIPT = Path(__file__).with_name("dump_swagger.py")


class PinError(GenerationError):
    """The document cannot be pinned, or a pinned file was modified."""


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
    """Return the pinned releases and their documents, newest first.

    Raises:
        PinError: A document is not that of its entry.
    """
    pins = []
    for release in read_entries(folder):
        try:
            content = (folder / release.file).read_bytes()
        except OSError as error:
            raise PinError(f"cannot read {release.file}: {error.strerror}") from None
        if hashlib.sha256(content).hexdigest() != release.sha256:
            raise PinError(f"{release.file} does not match its sha256 in pin.toml")
        document = parse(content)
        found = len(operations(document))
        if release.operations != found:
            raise PinError(
                f"{release.file} has {found} operations, not {release.operations} as in pin.toml"
            )
        pins.append((release, document))
    return pins


def check_names(folder: Path) -> None:
    """Check that each document in a folder is pinned.

    Raises:
        PinError: One is not in pin.toml.
    """
    pinned = {entry.file for entry in read_entries(folder)}
    strays = {path.name for path in folder.glob("udata-*.json")} - pinned
    if strays:
        raise PinError(
            f"not in pin.toml, so delete it, or pin it by `make pin`: {', '.join(sorted(strays))}"
        )


def pin_from_url(folder: Path, url: str, *, release: str | None, force: bool) -> Release:
    """Pin the Swagger of a running portal. ``release`` replaces the release that it reports.

    Returns:
        The entry of the document. If its API is pinned already, that one, and nothing is written:
        documents are compared without their host, and without the order of what has none.
    """
    base = _root(url)
    content = fetch(url)
    try:
        release = release or _reported(json.loads(fetch(url, "site/")))
    except ValueError as error:
        raise PinError(f"cannot read {base}: {error}") from error
    if not release:
        raise PinError(f"{base} does not report its release of udata: pass RELEASE=")
    return _pin(folder, content, release, f"{base}swagger.json", force=force)


def pin_from_udata(folder: Path, release: str, *, force: bool) -> Release:
    """Pin the Swagger of the udata package, installed into a temporary virtual environment.

    Returns:
        Its entry, as :func:`pin_from_url` does.
    """
    return _pin(folder, dump(release), release, f"the package udata {release}", force=force)


def fetch(url: str, path: str = "swagger.json") -> bytes:
    """Return a document of a running portal: its Swagger, or that of another path."""
    base = _root(url)
    try:
        with httpx.Client(base_url=base, follow_redirects=True, timeout=60) as portal:
            return _download(portal, path)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise PinError(f"cannot read {base}: {error}") from error


def dump(release: str) -> bytes:
    """Return the Swagger of the udata package, installed into a temporary virtual environment."""
    release = release_number(release)
    older = OLD_UDATA if Version(release) < Version("17.9") else []
    with tempfile.TemporaryDirectory() as scratch:
        venv.create(scratch, with_pip=True)
        python = Path(scratch, "bin", "python")
        _run([python, "-m", "pip", "install", "-q", f"udata=={release}", "mongomock", *older])
        return _run([python, SCRIPT])


def _root(url: str) -> str:
    """Return the root of a portal's API, of which the URL of its Swagger is given as well."""
    if not URL.fullmatch(url):
        raise PinError(f"{url!r} is not the URL of a portal's API")
    return url.removesuffix("swagger.json").rstrip("/") + "/"


def pin_from_file(folder: Path, file: Path, *, release: str | None, force: bool) -> Release:
    """Pin a Swagger that is in a file, such as ``udata-14.13.0.json``, whose name has its release.

    ``release`` replaces the release of the name.
    """
    release, content = read_file(file, release)
    return _pin(folder, content, release, f"the file {file.name}", force=force)


def read_file(file: Path, release: str | None = None) -> tuple[str, bytes]:
    """Return the release of a file, that of its name unless it is given, and its content."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise PinError(f"cannot read {file}: {error.strerror}") from None
    if not release:
        release = file.stem.removeprefix("udata-")
        if not RELEASE.fullmatch(release):
            raise PinError(f"the name of {file} is not udata-<release>.json: pass RELEASE=")
    return release, content


def keep_only(folder: Path, kept: Release) -> None:
    """Remove the other pinned releases."""
    for entry in read_entries(folder):
        if entry.file != kept.file:
            (folder / entry.file).unlink()
    replace(folder / "pin.toml", _toml([kept]).encode())


def operations(document: dict[str, Any]) -> set[tuple[str, str]]:
    """Return the operations of a Swagger as pairs of method and path."""
    return {
        (method.upper(), path)
        for path, item in document["paths"].items()
        if isinstance(item, dict)
        for method in item
        if method in METHODS
    }


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


def release_number(text: str) -> str:
    """Return the release of a text such as ``v17.18.0``, ``17.18.0-rc1`` or ``17.18.0+abc123``.

    The local part, after the plus, tells the build of a portal and not its release.

    Raises:
        PinError: The text has no such meaning.
    """
    try:
        # It is part of file names and generated comments. Version accepts white space around it.
        if len(text) <= MAX_RELEASE and text == text.strip():
            release = Version(text).public
            if RELEASE.fullmatch(release):
                return release
    except InvalidVersion:
        pass
    raise PinError(f"{text[:MAX_RELEASE]!r} is not a release number such as 17.18.0")


def _pin(folder: Path, content: bytes, release: str, source: str, *, force: bool) -> Release:
    """Pin a document, and return its entry; one that is pinned already is left as it is."""
    release = release_number(release)
    version = Version(release)
    document = parse(content)
    found = operations(document)
    entries = read_entries(folder)
    others = [entry for entry in entries if entry.release != release]
    same = [entry for entry in entries if entry.release == release]
    before = [entry for entry in others if Version(entry.release) < version]
    for entry in (same or before)[:1]:
        known = (folder / entry.file).read_bytes()
        pinned = json.loads(known)
        is_newest = entry is entries[0]
        # A document that was edited is not that of the release.
        is_whole = hashlib.sha256(known).hexdigest() == entry.sha256
        if is_whole and (same or is_newest) and is_same(pinned, document):
            return entry
        lost = operations(pinned) - found
        if len(lost) > MAX_LOST * len(operations(pinned)) and not force:
            raise PinError(
                f"{source} lacks {len(lost)} of the {len(operations(pinned))} operations of "
                f"{entry.release}, such as {' '.join(min(lost))}: pass FORCE=1 to pin it anyway"
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
    replace(folder / new.file, content)
    entries = sorted([*others, new], key=lambda entry: Version(entry.release), reverse=True)
    replace(folder / "pin.toml", _toml(entries).encode())
    return new


def parse(content: bytes) -> dict[str, Any]:
    """Read a Swagger.

    Raises:
        PinError: It is none, or it is truncated.
    """
    try:
        document = json.loads(content)
    except ValueError as error:
        raise PinError(f"not JSON, or truncated: {error}") from error
    except RecursionError:
        raise PinError("the document is nested too deeply") from None
    if not isinstance(document, dict) or document.get("swagger") != "2.0":
        raise PinError("not a Swagger 2.0 document")
    wrong = [
        key
        for key in ("paths", "definitions", "info")
        if not isinstance(document.get(key, {}), dict)
    ]
    if wrong:
        raise PinError(f"not an object: {', '.join(wrong)}")
    missing = [key for key in ("paths", "definitions", "info") if not document.get(key)]
    if missing:
        raise PinError(f"truncated: missing {', '.join(missing)}")
    return document


def read_entries(folder: Path) -> list[Release]:
    """Return the entries of pin.toml, newest first."""
    path = folder / "pin.toml"
    if not path.exists():
        return []
    try:
        values = tomllib.loads(path.read_text())["release"]
        entries = [Release(**entry) for entry in values]
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise PinError(f"pin.toml is malformed: {error}") from None
    for entry in entries:
        for name, value in asdict(entry).items():
            # Not isinstance: to Python, true is an integer, and a time is a date.
            if type(value) is not type(EXAMPLES[name]):
                right = f"{name} = {_in_toml(EXAMPLES[name])}"
                raise PinError(f"pin.toml is malformed: {name} is {value!r}, not as in `{right}`")
        if entry.file != f"udata-{entry.release}.json":
            raise PinError(f"pin.toml is malformed: {entry.file!r} is not the file of its release")
        if not RELEASE.fullmatch(entry.release):
            raise PinError(f"pin.toml is malformed: {entry.release!r} is not a release number")
    return entries


EXAMPLES = {
    "release": "17.18.0",
    "file": "udata-17.18.0.json",
    "source": "the package udata 17.18.0",
    "date": dt.date(2026, 11, 23),
    "sha256": "cfe39a8ace250976aded143b02c35d3e426424f41b7f70f3161a651d48a264a5",
    "operations": 247,
}
"""A value of each part of an entry: the others have the same types."""


def _in_toml(value: Any) -> str:
    return json.dumps(value) if isinstance(value, str) else str(value)


def _toml(entries: list[Release]) -> str:
    lines = [
        "# Made by `make pin`: the documents that the package is generated from, newest first."
    ]
    for entry in entries:
        lines += ["", "[[release]]"]
        for key, value in asdict(entry).items():
            lines.append(f"{key} = {_in_toml(value)}")
    return "\n".join(lines) + "\n"


def replace(path: Path, content: bytes) -> None:
    """Write a file so that it has either its old content or the new one."""
    part = path.with_name(f"{path.name}.part")
    part.write_bytes(content)
    part.replace(path)


def _run(command: list[str | Path]) -> bytes:
    # udata builds some lists from sets; a fixed hash seed makes their order reproducible.
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    done = subprocess.run(command, capture_output=True, check=False, env=environment)
    if done.returncode:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise PinError(f"{' '.join(map(str, command[1:]))} failed: {' '.join(last)}")
    return done.stdout
